"""The published networks: the numbers of the recipes, and step by step what a second account of the formulas gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from estimators import by_the_paper as paper
from forwardnet import nn
from forwardnet.data.batches import batch_indices
from forwardnet.data.tables import as_table
from forwardnet.data.tables.table import Table
from forwardnet.errors import UnknownNameError
from forwardnet.estimators import MLPClassifier, load, realmlp, tabm
from forwardnet.estimators.plan import Inputs, Plan
from forwardnet.estimators.presets import PRESETS
from forwardnet.estimators.training import train, trainer_of

N, BATCH, EPOCHS = 106, 25, 5  # four batches of an epoch, and six rows that are left over
NUMBERS, FLAGS, CODES = 4, 2, (5, 12)


def inputs(*, is_classifier: bool = True, codes: tuple[int, ...] = CODES, numbers: int = NUMBERS) -> Inputs:
    plain = numbers + FLAGS
    return Inputs(
        n_rows=N,
        width=plain + len(codes),
        is_number=np.arange(plain) < numbers,
        chunks=np.array([*range(numbers), numbers, numbers]),  # the flags are one category's
        cardinalities=codes,
        is_classifier=is_classifier,
        n_outputs=3 if is_classifier else 1,
    )


def rows(given: Inputs, seed: int = 0, n: int = N) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    numbers = int(given.is_number.sum())
    flags = np.eye(FLAGS)[rng.integers(0, FLAGS, n)]
    codes = [rng.integers(0, size, n) for size in given.cardinalities]
    X = np.column_stack([rng.normal(size=(n, numbers)), flags, *codes])
    figure = 2 * X[:, 0] + X[:, 1] * X[:, 2]
    if given.is_classifier:
        return X, np.digitize(figure, np.quantile(figure, [1 / 3, 2 / 3])).astype(np.int64)
    return X, (figure - figure.mean()) / figure.std()


def begun(plan: Plan, X: Any, y: Any) -> tuple[Any, dict[str, Any]]:
    """The trainer of a plan before its first step, in float64, and a copy of its weights."""
    plan.precision = "float64"
    trainer = trainer_of(plan, measures_training=False)
    if plan.prepare is not None:
        plan.prepare(X, y)
    return trainer, {name: np.array(p.detach().numpy()) for name, p in plan.model.named_parameters()}


def fit(trainer: Any, plan: Plan, X: Any, y: Any) -> None:
    trainer.fit(X, y, epochs=EPOCHS, batch_size=plan.batch_size, drop_last=plan.drop_last, progress=False)
    assert trainer._last_program.is_native


def compare(plan: Plan, weights: dict[str, Any], start: dict[str, Any]) -> None:
    """Weights of float64 after twenty steps: sums in another order, divided by roots of second moments near 0."""
    for name, p in plan.model.named_parameters():
        np.testing.assert_allclose(p.detach().numpy(), weights[name], rtol=1e-9, atol=1e-9, err_msg=name)
        assert not np.array_equal(weights[name], start[name]), f"{name} was not trained"


def loss_of(y: Any, given: Inputs, smoothing: float) -> Any:
    if given.is_classifier:
        return lambda output: paper.cross_entropy(output, y, smoothing)
    return lambda output: paper.squared(output, y[:, None])


@pytest.mark.parametrize("is_classifier", [True, False], ids=["classes", "numbers"])
@pytest.mark.parametrize("small", [False, True], ids=["realmlp", "realmlp-small"])
def test_realmlp_step_by_step(small: bool, is_classifier: bool) -> None:
    given = inputs(is_classifier=is_classifier, codes=() if small else CODES)
    X, y = rows(given)
    settings: dict[str, Any] = {"batch_size": BATCH, "epochs": EPOCHS, "hidden": (16, 12)}
    if not small:
        settings["dropout"] = 0.0
    plan = PRESETS["realmlp-small" if small else "realmlp"].plan(given, seed=3, **settings)
    trainer, start = begun(plan, X, y)
    fit(trainer, plan, X, y)

    weights, act = dict(start), "selu" if is_classifier else "mish"
    front = None if small else (NUMBERS, CODES)
    lr = 0.04 if is_classifier else (0.07 if small else 0.2)
    adam, t, total = paper.Adam(weights, (0.9, 0.95)), 0, EPOCHS * (N // BATCH)
    for epoch in range(1, EPOCHS + 1):
        for chosen in batch_indices(N, BATCH, seed=3, epoch=epoch, drop_last=True):
            loss = loss_of(y[chosen], given, 0.1)
            _, gradients = paper.realmlp(weights, X[chosen], loss, layers=2, act=act, front=front)
            now, wd = lr * paper.coslog4(t / total), 0.0 if small else 0.02 * paper.flat_cos(t / total)

            def decay(name: str, now: float = now, wd: float = wd) -> float:
                rate, own = paper.realmlp_factors(name)
                return now * wd * rate**2 * own**2

            adam.step(weights, gradients, lambda name, now=now: now * paper.realmlp_factors(name)[0], decay)
            t += 1
    assert t == 20
    compare(plan, weights, start)


@pytest.mark.parametrize("is_classifier", [True, False], ids=["classes", "numbers"])
@pytest.mark.parametrize("embeds", [True, False], ids=["bins", "plain"])
def test_tabm_step_by_step(embeds: bool, is_classifier: bool) -> None:
    given = inputs(is_classifier=is_classifier, codes=())
    X, y = rows(given, n=100)
    X[:45, 1] = X[0, 1]  # many equal values: quantiles that fall together
    plan = PRESETS["tabm"].plan(
        given,
        seed=3,
        batch_size=BATCH,
        epochs=EPOCHS,
        k=4,
        hidden=(12, 10) if embeds else (12, 10, 8),
        n_bins=7,
        dropout=0.0,
        numeric_embedding=embeds,
    )
    trainer, start = begun(plan, X, y)
    fit(trainer, plan, X, y)

    weights = dict(start)
    edges = [np.unique(np.quantile(X[:, i], np.linspace(0, 1, 8))) for i in range(NUMBERS)] if embeds else None
    assert edges is None or [len(e) for e in edges] == [8, 6, 8, 8]
    adam, t = paper.Adam(weights, (0.9, 0.999)), 0
    for epoch in range(1, EPOCHS + 1):
        for chosen in batch_indices(100, BATCH, seed=3, epoch=epoch):
            _, gradients = paper.tabm(
                weights,
                X[chosen],
                members_loss(y[chosen], given, 4),
                layers=2 if embeds else 3,
                edges=edges,
                n_numbers=NUMBERS,
            )
            adam.step(weights, paper.clipped(gradients, 1.0), lambda name: 2e-3, lambda name: 2e-3 * 3e-4)
            t += 1
    assert t == 20
    compare(plan, weights, start)


def members_loss(y: Any, given: Inputs, k: int) -> Any:
    """The mean of the losses of the members, each of which has the same targets."""

    def gradient(output: Any) -> Any:
        if not given.is_classifier:
            return paper.squared(output, y[:, None, None])
        flat = paper.cross_entropy(output.reshape(-1, output.shape[-1]), np.repeat(y, k), 0.0)
        return flat.reshape(output.shape)

    return gradient


# ---------------------------------------------------------------- the recipes


def test_realmlp_has_the_published_numbers() -> None:
    plan, numbers = (PRESETS["realmlp"].plan(inputs(is_classifier=flag), seed=0) for flag in (True, False))
    described = [type(m).__name__ for m in plan.model.children()]
    assert described == ["Heads", "Scale", *["NTKLinear", "ParametricActivation", "Dropout"] * 3, "NTKLinear"]
    modules = dict(plan.model.named_children())
    assert [modules[f"linear_{i}"].out_features for i in (1, 2, 3)] == [256, 256, 256]
    # four quantities of four numbers each, two flags, two codes of eight numbers
    assert modules["scale"].num_features == 4 * 4 + 2 + 2 * 8
    assert modules["activation_1"].activation == "selu" and modules["dropout_3"].p == 0.15
    assert isinstance(plan.loss, nn.CrossEntropyLoss) and plan.loss.label_smoothing == 0.1
    assert (plan.epochs, plan.batch_size, plan.drop_last, plan.patience) == (256, 256, True, None)
    assert (plan.monitor, plan.keep_best, plan.last_of_ties, plan.counts_untrained) == (
        "val_accuracy",
        True,
        True,
        True,
    )
    assert numbers.monitor == "val_rmse" and isinstance(numbers.loss, nn.MSELoss)
    assert numbers.optimizer.defaults["lr"] == 0.2 and numbers.model.activation_1.activation == "mish"
    assert plan.optimizer.defaults["betas"] == (0.9, 0.95) and plan.optimizer.defaults["eps"] == 1e-8
    assert PRESETS["realmlp"].encoder["one_hot_limit"] == 9 and PRESETS["realmlp"].target == {"clamp": True}


def test_rates_and_decays_of_realmlp_by_what_a_parameter_is() -> None:
    """A step of AdamW takes rate times decay off: the published code has both factors in it twice."""

    def taken_off(**settings: Any) -> dict[str, tuple[float, float]]:
        plan = PRESETS["realmlp"].plan(inputs(), **settings)
        names = {id(p): name for name, p in plan.model.named_parameters()}
        return {
            names[id(p)]: (g["lr"] / 0.04, g["lr"] * g["weight_decay"] / (0.04 * 0.02))
            for g in plan.optimizer.param_groups
            for p in g["params"]
        }

    twice, once = taken_off(), taken_off(decays_twice=False)
    assert len(twice) == len(list(PRESETS["realmlp"].plan(inputs()).model.parameters()))
    for name, expected in {
        "scale.weight": (6, 36, 6),
        "inputs.numbers.1.frequencies": (0.1, 0.01, 0.1),
        "inputs.numbers.1.bias": (0.1, 0.01, 0.1),
        "inputs.codes.1.weight": (1, 1, 1),
        "linear_1.weight": (1, 1, 1),
        "linear_2.bias": (0.1, 0, 0),
        "activation_3.weight": (0.1, 0.01, 0.1),
        "output.weight": (1, 1, 1),
    }.items():
        assert (*twice[name], once[name][1]) == pytest.approx(expected), name


def test_realmlp_small_has_the_published_numbers() -> None:
    plan, numbers = (PRESETS["realmlp-small"].plan(inputs(is_classifier=f, codes=()), seed=0) for f in (True, False))
    described = [type(m).__name__ for m in plan.model.children()]
    assert described == ["Scale", "NTKLinear", "SELU", "NTKLinear", "SELU", "NTKLinear", "SELU", "NTKLinear"]
    assert not plan.model.output.weight.detach().numpy().any() and not plan.model.output.bias.detach().numpy().any()
    assert abs(plan.model.linear_2.weight.detach().numpy().std() - 1) < 0.01  # 65,536 draws
    assert [g["lr"] for g in plan.optimizer.param_groups] == pytest.approx([0.24, 0.04, 0.004])
    assert numbers.optimizer.defaults["lr"] == 0.07 and numbers.scheduler == "coslog4"
    assert PRESETS["realmlp-small"].encoder["one_hot_limit"] is None


def test_tabm_has_the_published_numbers() -> None:
    plan = PRESETS["tabm"].plan(inputs(codes=()), seed=0)
    first, second = plan.model.linear_1, plan.model.linear_2
    assert (first.k, first.out_features, second.out_features, first.start, second.start) == (
        32,
        512,
        512,
        "normal",
        "ones",
    )
    assert first.in_features == 4 * 16 + 2 and isinstance(plan.model.output, nn.LinearEnsemble)
    r = first.r.detach().numpy()
    assert (r[:, :16] == r[:, :1]).all() and (r[:, 64] == r[:, 65]).all() and len(np.unique(r)) == 32 * 5
    assert plan.optimizer.defaults["lr"] == 2e-3 and plan.optimizer.defaults["weight_decay"] == 3e-4
    assert (plan.clip_grad_norm, plan.patience, plan.batch_size, plan.drop_last) == (1.0, 16, 256, False)
    plain = PRESETS["tabm"].plan(inputs(codes=()), numeric_embedding=False).model
    assert [n for n in plain._modules if n.startswith("linear")] == ["linear_1", "linear_2", "linear_3"]
    assert plain.linear_1.start == "random_signs"
    mini = PRESETS["tabm"].plan(inputs(codes=()), mini=True).model
    assert isinstance(mini.members, nn.ScaleEnsemble) and type(mini.linear_1) is nn.Linear
    given = inputs(codes=())
    less = PRESETS["tabm-small"].plan(given)
    rows = tabm.auto_batch_size(given.n_rows)
    assert (less.model.linear_1.k, less.model.linear_1.out_features, less.batch_size) == (16, 192, rows)


def test_batch_sizes_by_the_number_of_rows() -> None:
    sizes = {1024: 64, 1025: 128, 8192: 128, 8193: 256, 30_000: 256, 30_001: 512, 100_000: 512, 100_001: 1024}
    assert {n: realmlp.auto_batch_size(n) for n in sizes} == sizes
    sizes = {2799: 32, 2800: 64, 4500: 128, 6400: 256, 31_999: 256, 32_000: 512, 108_000: 1024}
    assert {n: tabm.auto_batch_size(n) for n in sizes} == sizes
    assert PRESETS["realmlp"].plan(inputs(), batch_size="auto").batch_size == 64


@pytest.mark.parametrize(
    ("name", "is_classifier"),
    [("realmlp", True), ("realmlp-small", False), ("tabm", True), ("tabm-small", False)],
)
def test_a_preset_learns_and_keeps_its_best(name: str, is_classifier: bool) -> None:
    given = inputs(is_classifier=is_classifier)
    X, y = rows(given, n=320)  # 256 to learn from: batches of one size
    preset = PRESETS[name]
    settings: dict[str, Any] = {"hidden": (24, 24), "epochs": 12, "batch_size": 32}
    settings |= {"k": 4, "lr": 0.01} if name.startswith("tabm") else {}
    learnt, held = preset.split(y, seed=0, stratify=is_classifier)
    assert len(held) == 64 and not set(learnt) & set(held)
    found = train(preset.plan(given, seed=1, **settings), X[learnt], y[learnt], validation=(X[held], y[held]))
    assert found.trainer._last_program.is_native
    metric = "accuracy" if is_classifier else "rmse"
    curve = found.history[f"val_{metric}"]
    best = curve.max() if is_classifier else curve.min()
    got = found.trainer.evaluate(X[held], y[held])[metric]
    assert got == pytest.approx(best, rel=1e-4)  # float32: native code and NumPy
    chance = np.bincount(y[held]).max() / 64 if is_classifier else float(y[held].std())
    assert best > chance + 0.1 if is_classifier else best < 0.9 * chance
    again = train(preset.plan(given, seed=1, **settings), X[learnt], y[learnt], validation=(X[held], y[held]))
    for a, b in zip(found.trainer.model.parameters(), again.trainer.model.parameters(), strict=True):
        assert (a.detach().numpy() == b.detach().numpy()).all()


def test_tables_of_one_kind_only() -> None:
    """Nothing but codes, nothing but flags, nothing but quantities, one quantity."""
    for name in PRESETS:
        for numbers, flags, codes in ((0, 0, (4, 3)), (0, 3, ()), (3, 0, ()), (1, 0, ())):
            if codes and name in ("realmlp-small", "tabm", "tabm-small"):
                continue  # all categories become one-hot outputs
            plain = numbers + flags
            given = Inputs(40, plain + len(codes), np.arange(plain) < numbers, np.arange(plain), codes, True, 2)
            X = np.random.default_rng(0).integers(0, 3, (40, given.width)).astype(np.float32)
            settings: dict[str, Any] = {"hidden": (8,), "epochs": 2, "batch_size": 16}
            y = np.arange(40) % 2
            plan = PRESETS[name].plan(given, **settings)
            plan.compile = False  # which is quicker for so few steps
            found = train(plan, X, y, validation=(X[:10], y[:10]))
            assert found.trainer.predict(X).shape == (40, 2)


def test_probabilities_of_tabm_are_the_mean_of_its_members() -> None:
    given = inputs(codes=())
    X, y = rows(given)
    plan = PRESETS["tabm"].plan(given, k=4, hidden=(8, 8), epochs=3, batch_size=32)
    plan.compile = False
    trainer, _ = begun(plan, X, y)
    trainer.fit(X, y, epochs=3, batch_size=32, progress=False)
    parts = plan.model[:-1].eval()
    with ff.no_grad():
        each = parts(ff.tensor(X)).softmax(2).mean(1).numpy()
    got = np.exp(trainer.predict(X))
    np.testing.assert_allclose(got, each, rtol=1e-12)
    np.testing.assert_allclose(got.sum(1), 1, rtol=1e-12)


def test_metrics_of_training_rows_are_those_of_the_common_answer() -> None:
    given = inputs(codes=())
    X, y = rows(given)
    plan = PRESETS["tabm"].plan(given, k=4, hidden=(8, 8), epochs=3, batch_size=32, dropout=0.0)
    plan.monitor, plan.patience, plan.keep_best, plan.compile = "accuracy", None, False, False
    found = train(plan, X, y)
    assert ((found.history["accuracy"] >= 0) & (found.history["accuracy"] <= 1)).all()


def spikes(n: int) -> tuple[Table, Any]:
    """Rows with a gain of 0, or with one of a few amounts of which each has a class of its own."""
    rng = np.random.default_rng(5)
    amounts, classes = rng.integers(1, 10_000, 24).astype(float), rng.integers(0, 2, 24)
    which = rng.integers(0, 24, n)
    has_gain = rng.random(n) < 0.24  # fewer than a quarter: the quartiles are equal
    age = rng.normal(size=n)
    gain = np.where(has_gain, amounts[which], 0.0)
    return as_table({"gain": gain, "age": age}), np.where(has_gain, classes[which], age > 0)


def test_encoders_are_as_published_but_for_frequent_values() -> None:
    published = {
        "realmlp": {"numeric": "robust", "scale_one_hot": True, "signed": True, "one_hot_limit": 9},
        "realmlp-small": {"numeric": "robust", "scale_one_hot": True, "signed": True, "one_hot_limit": None},
        "tabm": {"numeric": "quantile", "one_hot_limit": None, "signed": False},
        "tabm-small": {"numeric": "quantile", "one_hot_limit": None, "signed": False},
    }
    assert {name: dict(p.encoder) for name, p in PRESETS.items()} == {
        name: {**settings, "frequent_values": True} for name, settings in published.items()
    }
    X, y = spikes(200)
    X = as_table({"gain": X["gain"].values + np.abs(X["age"].values), "age": X["age"].values})  # quartiles differ
    model = MLPClassifier(preset="realmlp", epochs=1, hidden_layer_sizes=(8,), compile=False).fit(X, y)
    assert model._reader.encoder.layout.names == ("gain", "age")


def test_frequent_values_are_told_apart_by_default_and_an_option_takes_them_away(tmp_path: Path) -> None:
    """A smooth function of the number cannot follow 24 amounts with classes drawn by chance."""
    X, y = spikes(2000)
    settings: dict[str, Any] = {"preset": "realmlp", "epochs": 24, "hidden_layer_sizes": (32, 32), "random_state": 0}
    ours = MLPClassifier(**settings).fit(X, y)
    plain = MLPClassifier(**settings, encoder={"frequent_values": False}).fit(X, y)
    assert ours._reader.encoder.layout.names == ("gain", "age", "gain as a category")
    assert plain._reader.encoder.layout.names == ("gain", "age")
    rows = X["gain"].values > 0
    assert ours.score(X.take(rows), y[rows]) > 0.97 and plain.score(X.take(rows), y[rows]) < 0.9
    network = MLPClassifier(max_iter=1, compile=False).fit(X, y)  # without a preset, too
    assert network._reader.encoder.layout.width == 2 + 25 + 1  # 0, 24 amounts, and all others
    plain.save(tmp_path / "plain.safetensors")
    assert load(tmp_path / "plain.safetensors").get_params()["encoder"] == {"frequent_values": False}
    with pytest.raises(UnknownNameError, match=r"setting of the encoder 'numerik'\nhint: did you mean 'numeric'"):
        MLPClassifier(encoder={"numerik": "robust"}).fit(X, y)


def test_unknown_settings_are_named() -> None:
    with pytest.raises(
        ValueError, match=r"unknown setting of the preset 'realmlp' 'droput'\nhint: did you mean 'dropout'"
    ):
        PRESETS["realmlp"].plan(inputs(), droput=0.1)
    assert PRESETS["realmlp"].options["epochs"] == 256 and "seed" not in PRESETS["tabm"].options
    assert set(PRESETS) == {"realmlp", "realmlp-small", "tabm", "tabm-small"}
    assert all(name == preset.name and preset.about for name, preset in PRESETS.items())
