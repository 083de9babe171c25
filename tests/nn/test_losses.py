"""Laws that every loss keeps, found by reading the registry, and what they say about unusable input."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn import functional as F
from forwardnet.nn.losses import LOSSES

EVERY = sorted(LOSSES)
OF_CLASSES = [name for name in EVERY if LOSSES[name].target == "classes"]


def batch(name: str, shape: tuple[int, ...] = (6, 4), dtype: Any = ff.float64) -> tuple[Any, Any]:
    """An input and a target that the loss called `name` takes; classes are on axis 1."""
    ff.manual_seed(3)
    made = LOSSES[name]
    x = ff.randn(*shape, dtype=dtype)
    if made.takes == "probabilities":
        x = 0.05 + 0.9 * ff.sigmoid(x)
    if made.takes == "log-probabilities":
        x = F.log_softmax(x, 1)
    if name == "kl_div":
        return x, F.softmax(ff.randn(*shape, dtype=dtype), 1)
    if name == "mixture_nll":  # two components for each number
        return ff.randn(*shape, 6, dtype=dtype), ff.randn(*shape, dtype=dtype)
    if name == "hinge":
        return x, ff.where(ff.rand(*shape) < 0.5, -1.0, 1.0).to(dtype)
    if name == "poisson_nll":
        return x, ff.randint(0, 5, shape).to(dtype)
    if made.target == "classes":
        return x, ff.randint(0, shape[1], (shape[0], *shape[2:]))
    if made.target == "labels":
        return x, (ff.rand(*shape) < 0.5).to(dtype)
    return x, ff.randn(*shape, dtype=dtype)


@pytest.mark.parametrize("name", EVERY)
def test_derivatives_of_first_and_second_order(name: str) -> None:
    for reduction in ("none", "mean", "sum"):
        x, y = batch(name)
        x = x.detach().requires_grad_()
        loss = LOSSES[name](reduction=reduction)
        assert ff.autograd.gradcheck(lambda v, loss=loss, y=y: loss(v, y), (x,))
        assert ff.autograd.gradgradcheck(lambda v, loss=loss, y=y: loss(v, y), (x,))
    # classes of -1 and 1 and counts of 0 have no neighbours to compare with
    if name == "kl_div" or (LOSSES[name].target == "values" and name not in ("hinge", "poisson_nll")):
        y = y.detach().requires_grad_()
        assert ff.autograd.gradcheck(LOSSES[name](), (x, y))


@pytest.mark.parametrize("name", EVERY)
def test_reductions_agree(name: str) -> None:
    x, y = batch(name, (5, 3, 2))
    terms, total, mean = (LOSSES[name](reduction=r)(x, y) for r in ("none", "sum", "mean"))
    assert tuple(terms.shape) == tuple(y.shape)
    assert total.item() == pytest.approx(terms.numpy().sum(), rel=1e-14)
    assert mean.item() == pytest.approx(terms.numpy().mean(), rel=1e-14)


@pytest.mark.parametrize("name", EVERY)
def test_perfect_answers_cost_least(name: str) -> None:
    x, y = batch(name)
    loss = LOSSES[name]()
    one_hot = ff.tensor(np.eye(4)[y.numpy()]) if name in OF_CLASSES else y
    if name == "mixture_nll":  # a density has no highest value
        x[..., 2:4], x[..., 4:6] = y.unsqueeze(-1), -20.0
        assert loss(x, y).item() == pytest.approx(0.5 * math.log(2 * math.pi) - 20, rel=1e-14)
        return
    special = {"kl_div": y.log(), "poisson_nll": (y + 1e-300).log(), "hinge": 2 * y}
    best = (
        special[name]
        if name in special
        else {
            "values": y,
            "logits": 40 * (2 * one_hot - 1),
            "log-probabilities": F.log_softmax(80 * one_hot, 1) if name in OF_CLASSES else None,
            "probabilities": one_hot,
        }[LOSSES[name].takes]
    )
    if name == "poisson_nll":  # known up to a number that depends on y alone
        least = y - (y * (y + 1e-300).log())
        assert loss(best, y).item() == pytest.approx(least.mean().item(), rel=1e-14)
        assert loss(best, y).item() < loss(x, y).item()
        return
    assert 0 <= loss(best, y).item() < 1e-15 < loss(x, y).item()


@pytest.mark.parametrize("name", EVERY)
def test_the_class_is_documented_and_repeats_the_options(name: str) -> None:
    made = LOSSES[name]
    assert made.__doc__ and made.__doc__.startswith("l = "), "the formula comes first"
    assert made.takes in ("values", "logits", "log-probabilities", "probabilities")
    assert made.target in ("values", "classes", "labels", "custom")
    assert list(inspect.signature(made).parameters) == list(inspect.signature(made.function).parameters)[made.inputs :]
    assert made.function.__name__ in vars(F)
    assert made().reduction == "mean" and repr(made()) == f"{made.__name__}()"


@pytest.mark.parametrize("name", EVERY)
def test_types_are_kept(name: str) -> None:
    for dtype in (ff.float32, ff.float64):
        x, y = batch(name, dtype=dtype)
        assert LOSSES[name]()(x, y).dtype == dtype


@pytest.mark.parametrize("name", EVERY)
def test_unknown_reductions_are_refused(name: str) -> None:
    known = ", ".join(sorted(LOSSES[name].reductions))
    with pytest.raises(ValueError, match=rf"unknown reduction 'average'\nhint: known: {known}"):
        LOSSES[name](reduction="average")
    with pytest.raises(ValueError, match=r"did you mean 'mean'\?"):
        LOSSES[name].function(*batch(name), reduction="means")


@pytest.mark.parametrize("name", EVERY)
def test_an_array_in_place_of_a_tensor_is_refused(name: str) -> None:
    x, y = batch(name)
    with pytest.raises(TypeError, match="target is a ndarray, expected a tensor"):
        LOSSES[name]()(x, y.numpy())


@pytest.mark.parametrize("name", [n for n in EVERY if LOSSES[n].takes != "values"])
def test_whole_numbers_are_refused_as_outputs(name: str) -> None:
    x, y = batch(name)
    with pytest.raises(TypeError, match=r"input has dtype int64, expected a floating type\nhint: .*input\.float\(\)"):
        LOSSES[name]()(x.long(), y)


# ---------------------------------------------------------------- classes


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.parametrize(
    ("row", "label", "said"),
    [(5, 12, r"target 12 out of range \[0, 10\) at row 5"), (3, -1, r"target -1 out of range \[0, 10\) at row 3")],
)
def test_labels_out_of_range(name: str, row: int, label: int, said: str) -> None:
    y = ff.zeros(8, dtype=ff.int64)
    y[row] = label
    with pytest.raises(IndexError, match=said + r"\nhint: labels are 0 to 9, one for each output of the network"):
        LOSSES[name]()(ff.zeros(8, 10), y)
    y = ff.zeros(8, 2, dtype=ff.int64)
    y[row, 1] = label
    with pytest.raises(IndexError, match=rf"at index \({row}, 1\)"):
        LOSSES[name]()(ff.zeros(8, 10, 2), y)
    with pytest.raises(IndexError, match=rf"target {label} out of range \[0, 10\)\n"):
        LOSSES[name]()(ff.zeros(10), ff.tensor(label))


@pytest.mark.parametrize("name", OF_CLASSES)
def test_targets_of_the_wrong_shape_or_type(name: str) -> None:
    x = ff.zeros(8, 3)
    with pytest.raises(ValueError, match=r"target has shape \(8, 1\), expected \(8,\)\nhint: target.reshape\(8\)"):
        LOSSES[name]()(x, ff.zeros(8, 1, dtype=ff.int64))
    with pytest.raises(ValueError, match=r"target has shape \(7,\), expected \(8,\)\nhint: one class index for each"):
        LOSSES[name]()(x, ff.zeros(7, dtype=ff.int64))
    with pytest.raises(TypeError, match=r"target has dtype float32 and shape \(8,\), expected int64 class indices"):
        LOSSES[name]()(x, ff.zeros(8))
    with pytest.raises(TypeError, match=r"target has dtype bool .*\nhint: convert class indices with target.long\(\)"):
        LOSSES[name]()(x, ff.zeros(8, dtype=ff.bool))
    with pytest.raises(ValueError, match=r"input has shape \(\), expected \(C,\), \(B, C\) or \(B, C, ...\)"):
        LOSSES[name]()(ff.tensor(1.0), ff.tensor(0))
    with pytest.raises(ValueError, match=r"weight has shape \(2,\), expected \(3,\): one number for each class"):
        LOSSES[name](weight=ff.ones(2))(x, ff.zeros(8, dtype=ff.int64))


@pytest.mark.parametrize("name", OF_CLASSES)
def test_any_integer_type_serves_as_class_index(name: str) -> None:
    x, y = batch(name)
    for dtype in (ff.int32, ff.uint8):
        assert LOSSES[name]()(x, y.to(dtype)).item() == LOSSES[name]()(x, y).item()


@pytest.mark.parametrize("name", OF_CLASSES)
def test_weights_and_ignored_targets(name: str) -> None:
    """Against the definition: sum of w_y l over sum of w_y, of the targets that count."""
    x, y = batch(name, (7, 4, 2))
    y[1, 0] = y[4, 1] = -100
    w = ff.tensor([0.5, 2.0, 1.0, 0.1], dtype=ff.float64)
    log_p = x.log_softmax(1).numpy() if name == "cross_entropy" else x.numpy()
    terms, weights = np.zeros((7, 2)), np.zeros((7, 2))
    for i, j in np.ndindex(7, 2):
        if (label := y[i, j].item()) != -100:
            weights[i, j] = w[label].item()
            terms[i, j] = -weights[i, j] * log_p[i, label, j]
    np.testing.assert_allclose(LOSSES[name](w, reduction="none")(x, y).numpy(), terms, rtol=1e-14)
    assert LOSSES[name](w)(x, y).item() == pytest.approx(terms.sum() / weights.sum(), rel=1e-14)
    unweighted = LOSSES[name]()(x, y).item()
    assert unweighted == pytest.approx(LOSSES[name](ff.ones(4, dtype=ff.float64))(x, y).item(), rel=1e-14)
    y[y == -100] = 3
    assert LOSSES[name](ignore_index=3)(x, y).item() != unweighted
    y[:] = 3
    assert math.isnan(LOSSES[name](ignore_index=3)(x, y).item()), "the mean of nothing"
    assert LOSSES[name](ignore_index=3, reduction="sum")(x, y).item() == 0


def test_ignored_targets_pass_no_gradient_even_at_infinity() -> None:
    x = ff.tensor([[-math.inf, 0.0], [0.0, 0.0]], requires_grad=True)
    loss = F.nll_loss(x, ff.tensor([-100, 1]))
    assert loss.item() == 0, "0 times infinity was not added"
    loss.backward()
    assert x.grad is not None and x.grad.tolist() == [[0, 0], [0, -1]]


def test_cross_entropy_of_classes_one_hot_and_smoothed_targets_agree() -> None:
    x, y = batch("cross_entropy", (6, 4))
    one_hot = ff.tensor(np.eye(4)[y.numpy()])
    w = ff.tensor([0.5, 2.0, 1.0, 0.1], dtype=ff.float64)
    for smoothing in (0.0, 0.1, 1.0):
        for weight in (None, w):
            loss = nn.CrossEntropyLoss(weight, reduction="sum", label_smoothing=smoothing)
            by_hand = nn.CrossEntropyLoss(weight, reduction="sum")(x, (1 - smoothing) * one_hot + smoothing / 4)
            assert loss(x, y).item() == pytest.approx(by_hand.item(), rel=1e-13)
            assert loss(x, one_hot).item() == pytest.approx(by_hand.item(), rel=1e-13)
    with pytest.raises(ValueError, match=r"label_smoothing is 1.5, expected a number in \[0, 1\]"):
        nn.CrossEntropyLoss(label_smoothing=1.5)(x, y)


def test_cross_entropy_is_finite_and_right_at_extreme_logits() -> None:
    for size in (1e4, -1e4):
        x = ff.tensor([[size, 0.0]], requires_grad=True)
        loss = F.cross_entropy(x, ff.tensor([0]))
        assert loss.item() == max(0.0, -size)
        loss.backward()
        assert x.grad is not None and x.grad.abs().tolist() == [[0, 0] if size > 0 else [1, 1]]


def test_a_sample_alone_and_in_a_batch() -> None:
    x, y = batch("cross_entropy")
    alone = [F.cross_entropy(row, label).item() for row, label in zip(x, y, strict=True)]
    np.testing.assert_allclose(F.cross_entropy(x, y, reduction="none").numpy(), alone, rtol=1e-15)


# ---------------------------------------------------------------- labels and values


def test_bce_with_logits_is_finite_and_right_at_extreme_logits() -> None:
    x = ff.tensor([1e4, -1e4, 1e4, -1e4], requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(x, ff.tensor([1.0, 0.0, 0.0, 1.0]), reduction="none")
    assert loss.tolist() == [0, 0, 1e4, 1e4]
    loss.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0, 0, 1, -1]


def test_bce_with_logits_keeps_small_losses() -> None:
    """log(1 + e^-10) = 4.5399e-5 for either right answer; a difference of numbers near 10 would lose digits."""
    loss = F.binary_cross_entropy_with_logits(ff.tensor([10.0, -10.0]), ff.tensor([1.0, 0.0]), reduction="none")
    np.testing.assert_allclose(loss.numpy(), math.log1p(math.exp(-10)), rtol=1e-6)


def test_bce_with_logits_has_its_derivatives_at_zero() -> None:
    """s(0) - y and s'(0) = 1/4, although the stable form is made of pieces that meet there."""
    for y in (0.0, 1.0, 0.3):
        x = ff.tensor(0.0, dtype=ff.float64, requires_grad=True)
        loss = F.binary_cross_entropy_with_logits(x, ff.tensor(y, dtype=ff.float64))
        (first,) = ff.autograd.grad(loss, x, create_graph=True)
        (second,) = ff.autograd.grad(first, x)
        assert first.item() == pytest.approx(0.5 - y, abs=1e-15)
        assert second.item() == pytest.approx(0.25, rel=1e-15)


def test_bce_weights() -> None:
    x, y = batch("bce_with_logits")
    p = 1 / (1 + np.exp(-x.numpy()))
    weight, pos_weight = ff.tensor(np.linspace(0.5, 2, 4)), ff.tensor(np.linspace(3, 1, 4))
    by_hand = -weight.numpy() * (pos_weight.numpy() * y.numpy() * np.log(p) + (1 - y.numpy()) * np.log(1 - p))
    loss = nn.BCEWithLogitsLoss(weight, pos_weight=pos_weight)
    assert loss(x, y).item() == pytest.approx(by_hand.mean(), rel=1e-13)
    plain = nn.BCELoss(weight)(ff.tensor(p), y).item()
    assert plain == pytest.approx(nn.BCEWithLogitsLoss(weight)(x, y).item(), rel=1e-13)


def test_bce_of_wrong_certainty_is_a_hundred_and_its_gradient_finite() -> None:
    p = ff.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(p, ff.tensor([0.0, 1.0, 1.0, 0.0]), reduction="none")
    assert loss.tolist() == [0, 0, 100, 100]
    loss.sum().backward()
    assert p.grad is not None and np.isfinite(p.grad.numpy()).all()
    assert p.grad[2].item() == pytest.approx(-1e12, rel=1e-6)
    assert p.grad[3].item() == pytest.approx(1e12, rel=1e-6)
    tiny = ff.tensor(1e-60, dtype=ff.float64, requires_grad=True)
    loss = F.binary_cross_entropy(tiny, ff.tensor(1.0, dtype=ff.float64))
    loss.backward()
    assert tiny.grad is not None
    assert (loss.item(), tiny.grad.item()) == (100, -1e12), "as at 0, not the 138 and 1e60 of the logarithm"


@pytest.mark.parametrize("name", ["bce", "bce_with_logits"])
def test_labels_that_are_no_probabilities(name: str) -> None:
    x, y = batch(name)
    y[2, 1] = 2.0
    with pytest.raises(ValueError, match=r"target is 2 at index \(2, 1\), expected values in \[0, 1\]\nhint: scale"):
        LOSSES[name]()(x, y)
    y[2, 1] = math.nan
    with pytest.raises(ValueError, match=r"target is nan at index \(2, 1\)"):
        LOSSES[name]()(x, y)
    with pytest.raises(ValueError, match=r"target has shape \(6,\), expected \(6, 1\) as the input\nhint: .*unsqueeze"):
        LOSSES[name]()(ff.full((6, 1), 0.5), ff.ones(6))


def test_bce_of_logits_is_refused() -> None:
    with pytest.raises(ValueError, match=r"input is 1.5 at row 1, expected values in \[0, 1\]\nhint: logits go to"):
        nn.BCELoss()(ff.tensor([0.5, 1.5]), ff.ones(2))


@pytest.mark.parametrize("name", ["gaussian_nll", "huber", "l1", "mse", "smooth_l1", "quantile"])
def test_a_column_against_a_row_is_warned_about(name: str) -> None:
    with pytest.warns(UserWarning, match=r"input has shape \(4, 1\) and target \(4,\); they are broadcast to \(4, 4\)"):
        LOSSES[name]()(ff.zeros(4, 1), ff.zeros(4))
    with pytest.raises(ValueError, match=r"input has shape \(4, 2\) and target \(3, 2\), expected equal shapes"):
        LOSSES[name]()(ff.zeros(4, 2), ff.zeros(3, 2))


def test_absolute_error_is_flat_where_it_vanishes() -> None:
    x = ff.tensor([1.0, 2.0, 3.0], requires_grad=True)
    F.l1_loss(x, ff.tensor([2.0, 2.0, 2.0]), reduction="sum").backward()
    assert x.grad is not None and x.grad.tolist() == [-1, 0, 1]


def test_weights_are_buffers() -> None:
    loss = nn.CrossEntropyLoss(weight=ff.ones(3), label_smoothing=0.1)
    assert list(loss.state_dict()) == ["weight"] and not list(loss.parameters())
    assert loss.double().weight.dtype == ff.float64
    assert list(nn.CrossEntropyLoss().state_dict()) == []
    assert list(nn.BCEWithLogitsLoss(pos_weight=ff.ones(2)).state_dict()) == ["pos_weight"]
