"""TabM: an ensemble in one network, whose members share their matrices (Gorishniy et al., ICLR 2025).

The defaults are those of the example of its package, with piecewise-linear embeddings. All members learn from the same
batches, as there; in the paper's own runs each has batches of its own.
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
from forwardnet.estimators.realmlp import columns_of
from forwardnet.tensor.random import Generator, drawing_from

Array = NDArray[Any]


def write(
    inputs: Inputs,
    *,
    seed: int = 0,
    epochs: int = 1000,
    batch_size: int | str = 256,
    k: int = 32,
    hidden: Sequence[int] | None = None,
    mini: bool = False,
    numeric_embedding: bool = True,
    n_bins: int = 48,
    dropout: float = 0.1,
    lr: float = 2e-3,
    weight_decay: float = 3e-4,
    clip_grad_norm: float | None = 1.0,
    patience: int = 16,
) -> Plan:
    """The plan of TabM: `k` members of layers of `hidden` neurons; None: two of 512 with embeddings, else three.

    With `mini` members differ by one scale of the inputs and their heads alone (TabM-mini). Training ends after
    `patience` epochs in which the members' common answer was not better; `epochs` is only a bound. A `batch_size` of
    "auto" goes by the number of rows.
    """
    embeds = numeric_embedding and bool(inputs.is_number.any())
    sizes = hidden if hidden is not None else (512,) * (2 if embeds else 3)
    bins = max(2, min(n_bins, inputs.n_rows - 2))
    with drawing_from(Generator(seed, stream=stream_of("network", 0))):
        model = network(inputs, k, sizes, bins if embeds else None, dropout, mini=mini)
    metric = "accuracy" if inputs.is_classifier else "rmse"
    return Plan(
        model,
        nn.MemberCrossEntropyLoss() if inputs.is_classifier else nn.MemberMSELoss(),
        optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay),
        epochs=epochs,
        batch_size=auto_batch_size(inputs.n_rows) if batch_size == "auto" else int(batch_size),
        clip_grad_norm=clip_grad_norm,
        prepare=partial(_fit_bins, model) if embeds else None,
        metrics=(metric,),
        monitor=f"val_{metric}",
        keep_best=True,
        patience=patience,
        seed=seed,
    )


def write_small(
    inputs: Inputs,
    *,
    seed: int = 0,
    epochs: int = 1000,
    batch_size: int | str = "auto",
    k: int = 16,
    hidden: Sequence[int] = (192, 192),
    n_bins: int = 48,
    dropout: float = 0.1,
    lr: float = 2e-3,
    weight_decay: float = 3e-4,
    patience: int = 16,
) -> Plan:
    """The plan of a smaller TabM: a tenth of the work of the full one.

    Batches go by the number of rows: with 256 rows a step, a few hundred rows make one step an epoch, and training ends
    before it has begun.
    """
    return write(
        inputs,
        seed=seed,
        epochs=epochs,
        batch_size=batch_size,
        k=k,
        hidden=hidden,
        n_bins=n_bins,
        dropout=dropout,
        lr=lr,
        weight_decay=weight_decay,
        patience=patience,
    )


def network(
    inputs: Inputs, k: int, hidden: Sequence[int], n_bins: int | None, dropout: float, *, mini: bool
) -> nn.Sequential:
    """Embeddings, k views of each row, blocks of shared layer, ReLU and dropout, k heads, and their common answer."""
    layers: dict[str, nn.Module] = {}
    front, width = columns_of(inputs, None if n_bins is None else "ple", n_bins=n_bins or 1)
    if front is not None:
        layers["inputs"] = front
    chunks = _chunks(inputs, front)
    start = "random_signs" if n_bins is None else "normal"
    layers["members"] = nn.ScaleEnsemble(width, k, start, chunks) if mini else nn.EnsembleView(k)
    for number, size in enumerate(hidden, 1):
        if mini:
            layers[f"linear_{number}"] = nn.Linear(width, size)
        else:
            own = (start, chunks) if number == 1 else ("ones", None)  # members part at the first layer
            layers[f"linear_{number}"] = nn.LinearBatchEnsemble(width, size, True, k, *own)
        layers[f"activation_{number}"] = nn.ReLU()
        if dropout:
            layers[f"dropout_{number}"] = nn.Dropout(dropout)
        width = size
    layers["output"] = nn.LinearEnsemble(width, inputs.n_outputs, k=k)
    layers["mean"] = nn.MemberMean("logits" if inputs.is_classifier else "values")
    return nn.Sequential(layers)


def _chunks(inputs: Inputs, front: nn.Module | None) -> list[int]:
    """For each input of the first layer the feature it was made of: a member weighs a feature as a whole."""
    plain = inputs.chunks.tolist()
    codes = range(max(plain, default=-1) + 1, max(plain, default=-1) + 1 + len(inputs.cardinalities))
    if front is None:
        return [*plain, *codes]
    parts = {type(m): m for m in front.modules()}
    embedding: Any = parts.get(nn.PiecewiseLinearEmbeddings)
    quantities = np.flatnonzero(inputs.is_number).tolist() if embedding is not None else []
    found = [plain[i] for i in quantities for _ in range(embedding.d_embedding)]
    found += [plain[i] for i in range(len(plain)) if i not in set(quantities)]
    table: Any = parts.get(nn.CategoryEmbedding)
    return found + [code for code in codes for _ in range(table.embedding_dim)]


def auto_batch_size(n: int) -> int:
    """Rows of a batch by rows of the data: the rule of the authors."""
    rule = ((2800, 32), (4500, 64), (6400, 128), (32_000, 256), (108_000, 512))
    return next((size for below, size in rule if n < below), 1024)


def _fit_bins(model: nn.Module, X: Array, y: Array) -> None:
    """Put the bins of the numeric embedding where the quantiles of the training rows are."""
    for part in model.modules():
        if isinstance(part, nn.Sequential) and len(part) == 2 and isinstance(part[1], nn.PiecewiseLinearEmbeddings):
            columns: Any = part[0]
            part[1].fit_bins(np.asarray(X)[:, list(columns.columns)])
