"""Made tables whose columns have a meaning: people, and payments of which few are fraud. Nobody real is in them.

Each function returns X as float64 (n, d) and y; the same arguments give the same bits.
"""

from __future__ import annotations

import numpy as np

from ..errors import ArgumentError
from .generators import Floats, Labels, _check_size, _random

PEOPLE = ("height", "weight", "hair")
PAYMENTS = ("amount", "hour", "distance", "attempts", "account_age")


def people(*, n: int = 60, seed: int = 0) -> tuple[Floats, Labels]:
    """Height in cm, weight in kg and length of the hair in cm of people of two groups, which overlap.

    X (n, 3), y in {0, 1}, the groups equally large: heights N(168 + 8 y, 8^2), weights 0.9 (height - 100) + N(0, 5^2),
    hair N(30 - 14 y, 8^2) and never below 0.
    """
    _check_size("people", n, 2, 0.0)
    random = _random(seed)
    y = np.arange(n, dtype=np.int64) % 2
    random.shuffle(y)
    height = 168 + 8 * y + random.normal(scale=8, size=n)
    weight = 0.9 * (height - 100) + random.normal(scale=5, size=n)
    hair = np.maximum(30 - 14 * y + random.normal(scale=8, size=n), 0)
    return np.stack([height, weight, hair], axis=1), y


def fraud(*, n: int = 5000, share: float = 0.02, seed: int = 0) -> tuple[Floats, Labels]:
    """Payments by card, of which a small share is fraud (y = 1): larger, later, farther from home, after failed tries.

    X (n, 5): amount, hour of the day, distance from home in km, failed attempts before it, age of the account in years.
    Exactly round(share n) rows are fraud, at least one; who calls none of them so is right in all the others.
    """
    _check_size("fraud", n, 2, 0.0)
    if not 0 < share < 1:
        raise ArgumentError(f"fraud: share is {share!r}, expected a number between 0 and 1")
    random = _random(seed)
    y = (np.arange(n) < min(max(round(share * n), 1), n - 1)).astype(np.int64)
    random.shuffle(y)
    amount = np.exp(3 + 1.2 * y + random.normal(size=n))
    hour = np.mod(14 + 10 * y + random.normal(scale=4, size=n), 24)
    distance = np.exp(2 + 2 * y + random.normal(size=n))
    attempts = random.poisson(0.1 + 1.2 * y).astype(np.float64)
    age = random.exponential(5 - 2.5 * y)
    return np.stack([amount, hour, distance, attempts, age], axis=1), y
