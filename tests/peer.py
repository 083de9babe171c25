"""The module under test: forwardnet, or PyTorch with FORWARDNET_TEST_PEER=torch, which proves a test to be true."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np

ff: Any = importlib.import_module(os.environ.get("FORWARDNET_TEST_PEER", "forwardnet"))
IS_PEER = ff.__name__ != "forwardnet"


def seed_as_torch(seed: int) -> None:
    """Seed the generator whose numbers are PyTorch's, bit for bit."""
    ff.manual_seed(seed) if IS_PEER else ff.manual_seed(seed, algorithm="torch")


def printed(got: Any, figures: Any, digits: int) -> None:
    """`got` prints as `figures`: off by at most half a unit of the last digit, and the 1e-6 of float32."""
    got = got.detach().numpy() if hasattr(got, "detach") else np.asarray(got)
    expected = np.asarray(figures, dtype=np.float64)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got.astype(np.float64), expected, rtol=1e-6, atol=0.5 * 10.0**-digits + 1e-9)


def same(got: Any, expected: Any, dtype: Any = None) -> None:
    """Values equal exactly (nested lists compare shape too), and the dtype where one is given."""
    assert got.tolist() == expected
    if dtype is not None:
        assert got.dtype == dtype


def x23() -> Any:
    """[[1, 2, 3], [4, 5, 6]] as int64."""
    return ff.tensor([[1, 2, 3], [4, 5, 6]])


def leaf(data: Any, dtype: Any = None) -> Any:
    return ff.tensor(data, dtype=dtype or ff.float32, requires_grad=True)


def words(text: str) -> list[str]:
    """The words of a table written as text."""
    return text.split()
