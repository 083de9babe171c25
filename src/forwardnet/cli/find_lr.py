"""`forwardnet find-lr`: with which learning rates the loss of a table's network falls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from forwardnet.cli.output import Output
from forwardnet.cli.tabular.network import batch_rows, usual_hidden
from forwardnet.cli.tabular.options import TableOptions
from forwardnet.report.content import finite

_SHOWN = 12  # lines of rates and losses


def run_find_lr(options: TableOptions, output: Output, *, plot_to: Path | None) -> int:
    """Try ever larger rates, say which makes the loss fall fastest, and draw the losses; returns the exit code."""
    import forwardnet as ff
    from forwardnet import plot
    from forwardnet.cli.tabular.train import read_problem
    from forwardnet.data.tables.encoder import TableEncoder
    from forwardnet.data.tables.target import TargetEncoder
    from forwardnet.train.threads import limited_threads

    options.check()
    problem = read_problem(options, output)
    X = TableEncoder().fit(problem.X).transform(problem.X)
    target = TargetEncoder("classification" if problem.is_classifier else "regression").fit(problem.y)
    y: Any = target.transform(problem.y)
    y = y if problem.is_classifier else y.reshape(-1, 1)
    ff.manual_seed(options.seed)
    hidden = usual_hidden(len(X)) if options.hidden is None else options.hidden
    model = network(X.shape[1], hidden, target.n_outputs, options.activation or "relu")
    with limited_threads(1):
        found = ff.find_lr(
            model,
            "cross_entropy" if problem.is_classifier else "mse",
            X,
            y,
            optimizer=options.optimizer or "adam",
            batch_size=options.batch_size or batch_rows(len(X)),
            seed=options.seed,
        )
    if plot_to is not None:
        plot.save(found.plot(), plot_to)
    if output.is_json:
        output.json(
            {
                "suggestion": finite(found.suggestion),
                "stopped": found.stopped,
                "rates": found.rates.tolist(),
                "losses": [finite(loss) for loss in found.losses.tolist()],
                "smoothed": [finite(loss) for loss in found.smoothed.tolist()],
                "plot": None if plot_to is None else str(plot_to),
            }
        )
        return 0
    output.say("rate       loss (smoothed)")
    for i in np.unique(np.linspace(0, len(found.rates) - 1, _SHOWN).astype(np.int64)):
        output.say(f"{found.rates[i]:<10.2e} {found.smoothed[i]:.5g}")
    best = found.suggestion
    told = f"the loss falls fastest at {best:.2g}: --lr {best:.2g} is a rate to begin with" if best else None
    output.last(told or "no rate makes the loss fall")
    return 0


def network(inputs: int, hidden: tuple[int, ...], outputs: int, activation: str) -> Any:
    """Linear layers with an activation between them."""
    from forwardnet import nn

    sizes = (inputs, *hidden, outputs)
    layers: list[nn.Module] = []
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        if i < len(hidden):
            layers.append(nn.ACTIVATIONS[activation]())
    return nn.Sequential(*layers)
