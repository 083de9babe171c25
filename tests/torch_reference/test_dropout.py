"""Dropout against PyTorch: what the defaults are, what happens at the ends, and what each mask makes of the numbers.

The masks themselves are drawn by another generator, so theirs are read off their results.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff

torch = pytest.importorskip("torch", reason="PyTorch is not installed: run `make test-torch`")
pytestmark = pytest.mark.torch

X = np.random.default_rng(0).normal(size=(40, 50))


def results(lib: Any, name: str, p: float, *, training: bool, x: Any = X) -> tuple[Any, Any]:
    """What a layer makes of x, and the gradient of the sum."""
    leaf = lib.tensor(x, requires_grad=True)
    y = getattr(lib.nn, name)(p).train(training)(leaf)
    y.sum().backward()
    return y.detach().numpy(), leaf.grad.numpy()


def mask_and_values(lib: Any, name: str, p: float) -> tuple[Any, Any, Any]:
    """Which elements were left out, and the values of those and of the others as functions of x."""
    lib.manual_seed(3)
    y, gradient = results(lib, name, p, training=True)
    return gradient == 0, y, gradient


@pytest.mark.parametrize("p", [0.1, 0.5, 0.85])
@pytest.mark.parametrize("name", ["Dropout", "AlphaDropout"])
def test_kept_and_left_out_elements_are_theirs(name: str, p: float) -> None:
    out, y, gradient = mask_and_values(ff, name, p)
    their_out, their_y, their_gradient = mask_and_values(torch, name, p)
    # 2000 draws: 5 standard deviations of a share are 0.056
    assert abs(out.mean() - p) < 0.056 and abs(their_out.mean() - p) < 0.056
    both, none = ~out & ~their_out, out & their_out
    assert both.sum() > 10 and none.sum() > 10
    # float64 by the same formulas in another order
    np.testing.assert_allclose(y[both], their_y[both], rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(y[none], their_y[none], rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(gradient[both], their_gradient[both], rtol=1e-13)


@pytest.mark.parametrize(("training", "p"), [(True, 0.0), (True, 1.0), (False, 0.0), (False, 0.3), (False, 1.0)])
@pytest.mark.parametrize("name", ["Dropout", "AlphaDropout"])
def test_the_ends_and_evaluation_are_theirs(name: str, training: bool, p: float) -> None:
    for ours, theirs in zip(
        results(ff, name, p, training=training), results(torch, name, p, training=training), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_defaults_text_and_refusals_are_theirs() -> None:
    for name in ("Dropout", "AlphaDropout"):
        assert repr(getattr(ff.nn, name)()) == repr(getattr(torch.nn, name)())
        for lib in (ff, torch):
            with pytest.raises(ValueError, match=r"probability"):
                getattr(lib.nn, name)(1.5)
    for name, changes in (("dropout", True), ("alpha_dropout", False)):
        for lib in (ff, torch):
            x = lib.ones(200)
            assert bool((getattr(lib.nn.functional, name)(x) != x).any()) is changes, "the default of `training`"
