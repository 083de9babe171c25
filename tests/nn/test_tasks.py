"""Several heads and losses on one trunk: columns, weights, gradients, and what a Trainer makes of targets by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn import functional as F


def heads() -> Any:
    return nn.Heads(kind=nn.Linear(6, 3), odd=nn.Linear(6, 1), place=nn.Linear(6, 2))


def loss(**weights: float) -> nn.MultiTaskLoss:
    return nn.MultiTaskLoss(
        kind=nn.Task("cross_entropy", 3, weight=weights.get("kind", 1.0)),
        odd=nn.Task(nn.BCEWithLogitsLoss(), 1, weight=weights.get("odd", 0.5)),
        place=nn.Task("mse", 2, weight=weights.get("place", 0.1)),
    )


def test_RG22_heads_lie_side_by_side() -> None:
    ff.manual_seed(0)
    model, x = heads(), ff.randn(5, 6)
    y = model(x)
    assert tuple(y.shape) == (5, 6)
    parts = loss().split(y)
    assert {name: tuple(part.shape) for name, part in parts.items()} == {"kind": (5, 3), "odd": (5, 1), "place": (5, 2)}
    for name, part in parts.items():
        # one product for each head
        np.testing.assert_array_equal(part.detach().numpy(), getattr(model, name)(x).detach().numpy())
    assert model.odd is model[1] and len(model[:2]) == 2 and type(model[:2]) is nn.Heads
    assert [name for name, _ in model.named_parameters()][:2] == ["kind.weight", "kind.bias"]


def test_RG22_the_loss_is_the_weighted_sum_of_those_of_the_tasks() -> None:
    ff.manual_seed(0)
    x = ff.randn(5, 6, dtype=ff.float64, requires_grad=True)
    kind, odd, place = np.array([0, 2, 1, 1, 0]), np.array([0.0, 1, 1, 0, 1]), np.arange(10.0).reshape(5, 2)
    criterion = loss()
    target = ff.tensor(np.column_stack([kind, odd, place]))
    value = criterion(x, target)
    expected = (
        F.cross_entropy(x[:, :3], ff.tensor(kind))
        + 0.5 * F.binary_cross_entropy_with_logits(x[:, 3:4], ff.tensor(odd[:, None]))
        + 0.1 * F.mse_loss(x[:, 4:], ff.tensor(place))
    )
    assert value.item() == pytest.approx(expected.item(), rel=1e-14)
    (own,) = ff.autograd.grad(value, x)
    (other,) = ff.autograd.grad(expected, x)
    np.testing.assert_allclose(own.numpy(), other.numpy(), rtol=1e-13)
    assert criterion.columns == {"kind": slice(0, 1), "odd": slice(1, 2), "place": slice(2, 4)}


def data(n: int = 300) -> tuple[Any, dict[str, Any]]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 4)).astype("float32")
    angle = x[:, 0] + x[:, 1]
    place = np.stack([np.sin(x[:, 2]), x[:, 3] ** 2], axis=1)
    return x, {"kind": np.digitize(angle, [-0.7, 0.7]), "odd": x[:, 2] > 0, "place": place}


def trainer(*, compile: bool = True, **options: Any) -> Any:
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), heads())
    return ff.Trainer(model, loss(), ff.optim.Adam(model.parameters(), lr=0.02), compile=compile, **options)


@pytest.mark.parametrize("compile", [True, False])
def test_RG22_a_trainer_takes_targets_by_name(compile: bool) -> None:
    x, y = data()
    fitted = trainer(compile=compile, metrics=["accuracy", "rmse"])
    history = fitted.fit(
        x[:200], {name: t[:200] for name, t in y.items()}, epochs=30, validation_split=0.2, progress=False
    )
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    rest = {name: t[200:] for name, t in y.items()}
    found = fitted.evaluate(x[200:], rest)
    assert list(found) == ["loss", "kind_accuracy", "odd_accuracy", "place_rmse"]
    assert set(found) <= set(history.epochs) and "val_odd_accuracy" in history.epochs
    outputs = fitted.loss.split(fitted.predict(x[200:]))
    assert found["kind_accuracy"] == (outputs["kind"].argmax(axis=1) == rest["kind"]).mean() > 0.8
    assert found["odd_accuracy"] == ((outputs["odd"][:, 0] > 0) == rest["odd"]).mean() > 0.8
    expected = np.sqrt(((outputs["place"] - rest["place"]) ** 2).mean(axis=0)).mean()
    assert found["place_rmse"] == pytest.approx(expected, rel=1e-5)


def test_compiled_and_eager_agree() -> None:
    x, y = data()
    native, eager = (trainer(compile=flag).fit(x, y, epochs=5, progress=False).steps["loss"] for flag in (True, False))
    np.testing.assert_allclose(native, eager, rtol=1e-4)  # float32 over 25 steps


def test_weights_say_what_is_learnt() -> None:
    x, y = data()
    found = {}
    for task in ("kind", "place"):
        fitted = trainer(metrics=["accuracy", "rmse"])
        fitted.loss.weights = tuple(float(name == task) for name in fitted.loss.names)
        before = fitted.evaluate(x, y)
        fitted.fit(x, y, epochs=30, progress=False)
        found[task] = (before, fitted.evaluate(x, y))
    kind, place = found["kind"], found["place"]
    assert kind[1]["kind_accuracy"] > 0.85 and place[1]["kind_accuracy"] < 0.7
    assert place[1]["place_rmse"] < 0.8 * place[0]["place_rmse"] < kind[1]["place_rmse"]


def test_a_changed_weight_is_seen_by_the_next_fit() -> None:
    x, y = data()
    fitted = trainer()
    fitted.fit(x, y, epochs=1, progress=False)
    fitted.loss.weights = (0.0, 0.0, 0.0)
    assert set(fitted.fit(x, y, epochs=1, progress=False).steps["loss"]) == {0.0}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda y: y["kind"],
            r"MultiTaskLoss: y is ndarray, expected a dict with targets for the tasks kind, odd, place",
        ),
        (lambda y: {"kind": y["kind"]}, r"y has targets for kind, expected the tasks kind, odd, place"),
        (lambda y: {**y, "kind": y["kind"] + 1}, r"y\['kind'\] holds label 3 at row \d+, but the model has 3 outputs"),
        (lambda y: {**y, "odd": y["odd"] * 2}, r"y\['odd'\] holds 2 at row \d+, expected targets from 0 to 1"),
        (
            lambda y: {**y, "place": y["place"][:, 0]},
            r"y\['place'\] has shape \(300,\), but the model's output has shape",
        ),
        (lambda y: {**y, "place": y["place"][:9]}, r"y\['place'\] has 9 rows, but X has 300"),
        (lambda y: {**y, "kind": np.eye(3)[y["kind"]]}, r"y\['kind'\] has shape \(300, 3\), expected class indices"),
    ],
)
def test_targets_that_do_not_fit(change: Any, said: str) -> None:
    x, y = data()
    with pytest.raises((ValueError, TypeError), match=said):
        trainer().fit(x, change(y), epochs=1, progress=False)


def test_unusable_tasks() -> None:
    for tasks, said in (
        ({}, r"MultiTaskLoss: there is no task"),
        ({"a": "mse"}, r"task 'a' is 'mse', expected an nn.Task"),
        ({"a": nn.Task("mze", 1)}, r"unknown loss of task 'a', 'mze'\nhint: did you mean 'mse'"),
        ({"a": nn.Task(nn.MSELoss(reduction="none"), 1)}, r"task 'a': loss is MSELoss.*, expected a loss"),
        ({"a": nn.Task("mse", 0)}, r"task 'a': outputs is 0, expected a whole number >= 1"),
        ({"a": nn.Task("mse", 1, weight=-1)}, r"task 'a': weight is -1, expected a number >= 0"),
    ):
        with pytest.raises((ValueError, TypeError), match=said):
            nn.MultiTaskLoss(**tasks)  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=r"the output has shape \(5, 7\), expected \(batch, 6\) for the tasks kind, odd"
    ):
        loss()(ff.zeros(5, 7), ff.zeros(5, 4))
    with pytest.raises(
        ValueError, match=r"the target has shape \(5, 5\), expected \(batch, 4\) for the tasks kind, odd"
    ):
        loss()(ff.zeros(5, 6), ff.zeros(5, 5))
    with pytest.raises(ValueError, match=r"Heads: there is no head"):
        nn.Heads()(ff.zeros(2, 2))
    model, of_classes = nn.Sequential(nn.Linear(4, 2)), nn.MultiTaskLoss(a=nn.Task("cross_entropy", 2))
    with pytest.raises(ValueError, match=r"metric 'r2' suits none of the tasks: a of classes"):
        ff.Trainer(model, of_classes, "adam", metrics=["r2"])
