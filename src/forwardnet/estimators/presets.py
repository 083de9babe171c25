"""The best published networks for tables, as recipes: from what is known of the data to a plan of the training.

    preset = PRESETS["realmlp"]
    encoder = TableEncoder(**preset.encoder)
    X = encoder.fit_transform(table)
    plan = preset.plan(inputs, seed=0)
    trained = train(plan, X[rows], y[rows], validation=(X[held], y[held]))

The numbers are those of the published code, quirks included; where one differs, the recipe says so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.data.splits import train_validation_test
from forwardnet.estimators import realmlp, tabm
from forwardnet.estimators.plan import Inputs, Plan

Array = NDArray[Any]


@dataclass(frozen=True)
class Preset:
    """A recipe.

    `encoder` is what `TableEncoder` is made with, and `target` what `TargetEncoder` is, besides the task.
    `validation_fraction` of the rows are held out where no validation rows are given: the weights of the epoch that
    does best on them are kept.
    """

    name: str
    about: str
    write: Callable[..., Plan]
    encoder: Mapping[str, Any]
    target: Mapping[str, Any] = field(default_factory=dict)
    validation_fraction: float = 0.2

    def plan(self, inputs: Inputs, *, seed: int = 0, threads: int | None = None, **settings: Any) -> Plan:
        """The plan for these data. `settings` replace the recipe's own: `options` lists them.

        Raises `UnknownNameError` for a setting that the recipe does not have.
        """
        for name in settings:
            if name not in self.options:
                raise errors.unknown_name(f"setting of the preset {self.name!r}", name, self.options)
        plan = self.write(inputs, seed=seed, **settings)
        plan.threads = threads
        return plan

    @property
    def options(self) -> dict[str, Any]:
        """Name -> default of what may be set."""
        parameters = inspect.signature(self.write).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "seed"}

    def split(self, y: Array, *, seed: int = 0, stratify: bool = False) -> tuple[Array, Array]:
        """Numbers of the rows to learn from and of those to hold out; with `stratify` by the classes in `y`."""
        share, labels = self.validation_fraction, y if stratify else None
        train, held, _ = train_validation_test(len(y), validation=share, test=0.0, stratify=labels, seed=seed)
        return train, held


# The frequent values of numbers that are 0 in most rows are an addition to what is published.
ROBUST = {"numeric": "robust", "scale_one_hot": True, "signed": True, "frequent_values": True}
QUANTILE = {"numeric": "quantile", "one_hot_limit": None, "signed": False, "frequent_values": True}

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "realmlp",
            "RealMLP with tuned defaults (Holzmüller et al., NeurIPS 2024)",
            realmlp.write,
            encoder={**ROBUST, "one_hot_limit": 9},
            target={"clamp": True},
        ),
        Preset(
            "realmlp-small",
            "RealMLP, the simple version (TD-S): no embeddings, no dropout, no weight decay",
            realmlp.write_small,
            encoder={**ROBUST, "one_hot_limit": None},
        ),
        Preset(
            "tabm",
            "TabM: 32 members of two layers of 512, with piecewise-linear embeddings (Gorishniy et al., ICLR 2025)",
            tabm.write,
            encoder=QUANTILE,
        ),
        Preset(
            "tabm-small",
            "TabM for processors: 16 members of two layers of 192",
            tabm.write_small,
            encoder=QUANTILE,
        ),
    )
}
