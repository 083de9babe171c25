"""A search inside each fold: what a model is worth whose parameters were chosen by rows that are not asked about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forwardnet.train.progress_tally import tally_for
from forwardnet.validate import rows as table
from forwardnet.validate.candidates import Candidate
from forwardnet.validate.leakage import leaks
from forwardnet.validate.options import Options
from forwardnet.validate.parallel import Workers
from forwardnet.validate.result import Validation
from forwardnet.validate.space import Space, draws
from forwardnet.validate.study import folds_of, studies_of
from forwardnet.validate.sweep import Sweep, short, sweep


@dataclass(frozen=True)
class Nested:
    """The outer validation, of models whose parameters were chosen inside each fold, and the searches."""

    validation: Validation
    sweeps: list[Sweep]

    @property
    def choices(self) -> list[dict[str, Any]]:
        """The parameters that each fold chose."""
        return [one.best_params for one in self.sweeps]

    @property
    def optimism(self) -> float:
        """By how much the searches' own best figures are better, on average, than those of rows not asked in them."""
        metric = self.sweeps[0].metric
        inner = float(np.mean([one.best_score for one in self.sweeps]))
        return self.validation.is_better(metric) * (inner - self.validation.pooled()[metric])

    def summary(self) -> str:
        """The outer figures in words, and what was chosen."""
        lines = [self.validation.summary(), f"the searches promised {self.optimism:+.4g} of {self.sweeps[0].metric}"]
        for number, choice in enumerate(self.choices):
            said = ", ".join(f"{name}={short(value)}" for name, value in choice.items())
            lines.append(f"fold {number} chose {said}")
        return "\n".join(lines)


def nested(
    model: Any,
    X: Any,
    y: Any,
    space: Space,
    *,
    inner: Any = 3,
    how: str = "grid",
    trials: int = 20,
    metric: str | None = None,
    **options: Any,
) -> Nested:
    """Choose parameters inside each fold by a `sweep` over `inner` folds of its training rows, then ask about the rest.

    The figure is that of the whole procedure, search included, for rows that had no part in it. `inner` is as `cv`;
    `options` are those of `cross_validate`, for the outer folds.
    """
    chosen = Options.of(options)
    (study, *_) = studies_of([Candidate(model, draws(space, 1, chosen.seed)[0])], X, y, chosen)
    folds = folds_of(study, chosen)
    groups = None if chosen.groups is None else np.asarray(chosen.groups)
    targets = table.plain(y)
    sweeps: list[Sweep] = []
    with tally_for(chosen.progress, len(folds), "searches") as tally:
        for fold in folds:
            own = replace(
                chosen,
                cv=inner,
                repeats=1,
                groups=None if groups is None else groups[fold.train],
                progress=False,
                keep_models=False,
                train_scores=False,
            )
            given = {name: getattr(own, name) for name in own.__dataclass_fields__}
            rows = table.take(X, fold.train)
            try:
                one = sweep(model, rows, targets[fold.train], space, how=how, trials=trials, metric=metric, **given)
            except KeyboardInterrupt:
                break
            if one.is_cut:
                break
            sweeps.append(one)
            tally.add()
    if not sweeps:
        raise KeyboardInterrupt
    units = [(Candidate(model, one.best_params), fold) for one, fold in zip(sweeps, folds, strict=False)]
    with tally_for(False, len(units)) as silent:
        outcomes, _ = study.outcomes(units, chosen, Workers.of(chosen.n_jobs), silent)
    outcomes += [None] * (len(folds) - len(outcomes))
    return Nested(study.validation(outcomes, folds, chosen, leaks(X, study.y, folds)), sweeps)
