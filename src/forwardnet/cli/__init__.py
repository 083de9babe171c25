"""The command `forwardnet`: train, predict, evaluate, datasets."""

from __future__ import annotations

from forwardnet.cli.run import main

__all__ = ["main"]
