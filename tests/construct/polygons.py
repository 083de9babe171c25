"""Polygons of all kinds for the tests."""

from __future__ import annotations

import numpy as np

SQUARE = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])


def comb(teeth: int) -> np.ndarray:
    """A comb with its teeth up: 2 * teeth - 1 corners on each side of the rim, many of them reflex."""
    x = np.arange(2 * teeth)
    return np.vstack([[[2 * teeth - 1, -1], [0, -1]], np.stack([x, np.where(x % 2, 0.0, 1.5)], axis=1)])[::-1]


def star(points: int, inner: float = 0.4, phase: float = 0.1) -> np.ndarray:
    angle = np.pi * np.arange(2 * points) / points + phase
    radius = np.where(np.arange(2 * points) % 2, inner, 1.0)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def spiral(turns: int = 2, n: int = 40) -> np.ndarray:
    """A long band rolled up."""
    t = np.linspace(0.2, turns, n)
    out, back = [np.stack([r * np.cos(2 * np.pi * t), r * np.sin(2 * np.pi * t)], axis=1) for r in (t, t + 0.4)]
    return np.vstack([out, back[::-1]])


POLYGONS = {"square": SQUARE, "comb": comb(5), "star": star(7), "spiral": spiral(), "thin": star(20, inner=0.95)}
