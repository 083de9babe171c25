"""RealMLP: a dense network with everything about it tuned on a hundred tables (Holzmüller et al., NeurIPS 2024).

Axis glossary: n rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import nn, optim
from forwardnet.data.batches import stream_of
from forwardnet.estimators.plan import Inputs, Plan
from forwardnet.optim.lr_scheduler import Courses, Knob
from forwardnet.tensor.random import Generator, drawing_from

Array = NDArray[Any]

# Shares of the rate, by what a parameter is.
BIAS, SCALE, ACTIVATION, NUMBERS = 0.1, 6.0, 0.1, 0.1
BETAS = (0.9, 0.95)


def write(
    inputs: Inputs,
    *,
    seed: int = 0,
    epochs: int = 256,
    batch_size: int | str = 256,
    hidden: Sequence[int] = (256, 256, 256),
    activation: str | None = None,
    lr: float | None = None,
    weight_decay: float = 0.02,
    dropout: float = 0.15,
    label_smoothing: float = 0.1,
    numeric_embedding: bool = True,
    embedding_dim: int = 8,
    early_stopping: bool = False,
    decays_twice: bool = True,
) -> Plan:
    """The plan of RealMLP-TD.

    `activation` and `lr` are "selu" and 0.04 for classes, "mish" and 0.2 for numbers, where they are None. A
    `batch_size` of "auto" goes by the number of rows. `label_smoothing` helps the error rate and harms log loss and
    AUC: 0 for these. The published code multiplies the factors of rate and weight decay twice into the decay, which
    makes it 36 times as strong on the first scales and a hundredth on embeddings; `decays_twice=False` does it once.
    """
    name = activation or ("selu" if inputs.is_classifier else "mish")
    rate = lr if lr is not None else (0.04 if inputs.is_classifier else 0.2)
    with drawing_from(Generator(seed, stream=stream_of("network", 0))):
        model = network(
            inputs,
            hidden,
            name,
            dropout=dropout,
            numeric_embedding=numeric_embedding,
            embedding_dim=embedding_dim,
        )
    groups = parameter_groups(model, rate, weight_decay, decays_twice=decays_twice)
    drops = [(Knob(m, "p"), "flat_cos") for m in model.modules() if isinstance(m, nn.Dropout)]
    return Plan(
        model,
        loss_for(inputs, label_smoothing),
        optim.AdamW(groups, lr=rate, betas=BETAS, weight_decay=weight_decay),
        epochs=epochs,
        batch_size=auto_batch_size(inputs.n_rows) if batch_size == "auto" else int(batch_size),
        scheduler=Courses({"lr": "coslog4", "weight_decay": "flat_cos"}, drops),
        prepare=partial(_from_data, model, seed),
        patience=_out_of_patience if early_stopping else None,
        seed=seed,
        **chosen_by(inputs),
    )


def write_small(
    inputs: Inputs,
    *,
    seed: int = 0,
    epochs: int = 256,
    batch_size: int | str = 256,
    hidden: Sequence[int] = (256, 256, 256),
    activation: str | None = None,
    lr: float | None = None,
    label_smoothing: float = 0.1,
) -> Plan:
    """The plan of RealMLP-TD-S: no numeric embeddings, no dropout, no weight decay, plain activations.

    `activation` and `lr` are "selu" and 0.04 for classes, "mish" and 0.07 for numbers, where they are None.
    """
    name = activation or ("selu" if inputs.is_classifier else "mish")
    rate = lr if lr is not None else (0.04 if inputs.is_classifier else 0.07)
    with drawing_from(Generator(seed, stream=stream_of("network", 0))):
        layers: dict[str, nn.Module] = {"scale": nn.Scale(inputs.width)}
        width = inputs.width
        for number, size in enumerate(hidden, 1):
            layers[f"linear_{number}"] = nn.NTKLinear(width, size)
            layers[f"activation_{number}"] = nn.ACTIVATIONS[name]()
            width = size
        layers["output"] = output = nn.NTKLinear(width, inputs.n_outputs)
        for part in output.parameters():
            nn.init.zeros_(part)
        model = nn.Sequential(layers)
    return Plan(
        model,
        loss_for(inputs, label_smoothing),
        optim.Adam(parameter_groups(model, rate), lr=rate, betas=BETAS),
        epochs=epochs,
        batch_size=auto_batch_size(inputs.n_rows) if batch_size == "auto" else int(batch_size),
        scheduler="coslog4",
        seed=seed,
        **chosen_by(inputs),
    )


def network(
    inputs: Inputs,
    hidden: Sequence[int],
    activation: str,
    *,
    dropout: float,
    numeric_embedding: bool,
    embedding_dim: int,
) -> nn.Sequential:
    """Embeddings, a scale for each of their outputs, blocks of linear layer, activation and dropout, and the output."""
    layers: dict[str, nn.Module] = {}
    front, width = columns_of(inputs, "pbld" if numeric_embedding else None, embedding_dim)
    if front is not None:
        layers["inputs"] = front
    layers["scale"] = nn.Scale(width)
    for number, size in enumerate(hidden, 1):
        layers[f"linear_{number}"] = nn.NTKLinear(width, size)
        layers[f"activation_{number}"] = nn.ParametricActivation(activation, size)
        layers[f"dropout_{number}"] = nn.Dropout(dropout)
        width = size
    layers["output"] = nn.NTKLinear(width, inputs.n_outputs)
    return nn.Sequential(layers)


def columns_of(inputs: Inputs, numbers: str | None, embedding_dim: int = 8, n_bins: int = 48) -> tuple[Any, int]:
    """What is in front of the first layer, None if nothing is, and how wide the result is.

    Quantities go through the embedding `numbers` ("pbld", "ple", None: none), codes through tables of vectors, and
    what is left through nothing.
    """
    quantities = np.flatnonzero(inputs.is_number).tolist() if numbers is not None else []
    others = sorted(set(range(len(inputs.is_number))) - set(quantities))
    codes = list(range(len(inputs.is_number), inputs.width))
    heads: dict[str, nn.Module] = {}
    width = len(others)
    if quantities:
        embedding: Any = (
            nn.PBLDEmbeddings(len(quantities))
            if numbers == "pbld"
            else nn.PiecewiseLinearEmbeddings(len(quantities), n_bins=n_bins)
        )
        heads["numbers"] = nn.Sequential(nn.Columns(quantities), embedding)
        width += len(quantities) * embedding.d_embedding
    if others:
        heads["others"] = nn.Columns(others)
    if codes:
        heads["codes"] = nn.Sequential(nn.Columns(codes), nn.CategoryEmbedding(inputs.cardinalities, embedding_dim))
        width += len(codes) * embedding_dim
    if not quantities and not codes:
        return None, width
    return (next(iter(heads.values())) if len(heads) == 1 else nn.Heads(heads)), width


def parameter_groups(
    model: nn.Module, lr: float, weight_decay: float = 0.0, *, decays_twice: bool = True
) -> list[dict[str, Any]]:
    """Groups with rates and decays of their own: by what each parameter is.

    A step of AdamW decays by the group's rate times its decay, so that factor f of the rate is in it once already.
    """
    factors: dict[tuple[float, float], list[Any]] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                factors.setdefault(_factors(module, name), []).append(parameter)
    return [
        {"params": found, "lr": lr * rate, "weight_decay": weight_decay * decay * (rate if decays_twice else 1.0)}
        for (rate, decay), found in factors.items()
    ]


def _factors(module: nn.Module, name: str) -> tuple[float, float]:
    """Factors of the rate and of the weight decay of a parameter."""
    if isinstance(module, nn.PBLDEmbeddings):
        return NUMBERS, 1.0
    if isinstance(module, nn.ParametricActivation):
        return ACTIVATION, 1.0
    if isinstance(module, nn.Scale):
        return SCALE, 1.0
    return (BIAS, 0.0) if name == "bias" else (1.0, 1.0)


def loss_for(inputs: Inputs, label_smoothing: float) -> nn.losses.Loss:
    """Cross-entropy for classes, squared error for numbers."""
    return nn.CrossEntropyLoss(label_smoothing=label_smoothing) if inputs.is_classifier else nn.MSELoss()


def chosen_by(inputs: Inputs) -> dict[str, Any]:
    """How the best epoch is chosen: by error rate or RMSE, the last of equals, the untrained network among them."""
    metric = "accuracy" if inputs.is_classifier else "rmse"
    return {
        "metrics": (metric,),
        "monitor": f"val_{metric}",
        "keep_best": True,
        "last_of_ties": True,
        "counts_untrained": True,
        "drop_last": True,
    }


def auto_batch_size(n: int) -> int:
    """Rows of a batch by rows of the data: the published rule."""
    return next((size for most, size in ((1024, 64), (8192, 128), (30_000, 256), (100_000, 512)) if n <= most), 1024)


def _out_of_patience(epoch: int, best: int) -> bool:
    return epoch > 2 * best + 20


def _from_data(model: nn.Module, seed: int, X: Array, y: Array) -> None:
    with drawing_from(Generator(seed, stream=stream_of("start", 0))):
        nn.init_from_data(model, X)
