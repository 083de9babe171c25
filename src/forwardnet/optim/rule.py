"""An optimiser's rule: how one array of parameters moves, given its gradient.

A rule is pure: it takes values and answers with new ones. It is written with operators and ops, which work alike on
NumPy arrays, tensors and nodes of a traced program; so eager training, which feeds it arrays, and a compiled update
come from the same few lines. What every optimiser can do besides, as weight decay, is a function from rule to rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

# The numbers of a parameter group: "lr", "weight_decay", ...
Hyper = Mapping[str, Any]
# What a rule remembers of one parameter between steps: name -> array of the parameter's shape, or a number.
State = dict[str, Any]


class Rule(NamedTuple):
    """`init(p, h)` is the state before the first step; `step(p, g, s, t, h)` is the next (p, s).

    p is the parameter, g its gradient, s the state, h the numbers of its group, and t counts the steps: 1 at the first.
    An `elementwise` rule treats every element alike, so that it may be applied to parts.
    """

    init: Callable[[Any, Hyper], State]
    step: Callable[[Any, Any, State, Any, Hyper], tuple[Any, State]]
    elementwise: bool = True


def is_off(number: Any) -> bool:
    """Whether a number is 0, so that what it multiplies can be left out; one that is not known yet is not."""
    return isinstance(number, (int, float)) and number == 0


def maximizing(rule: Rule) -> Rule:
    """Climb instead of descending where `maximize` is set."""

    def step(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
        return rule.step(p, -g if h["maximize"] else g, s, t, h)

    return rule._replace(step=step)


def penalized(rule: Rule) -> Rule:
    """Add the gradient of weight_decay / 2 |p|^2 to g: a penalty in the loss, which the rule scales as it does g."""

    def step(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
        decay = h["weight_decay"]
        return rule.step(p, g if is_off(decay) else g + decay * p, s, t, h)

    return rule._replace(step=step)


def decayed(rule: Rule) -> Rule:
    """Shrink p by the factor 1 - lr weight_decay before the step, not through g (Loshchilov & Hutter 2019)."""

    def step(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
        decay = h["weight_decay"]
        return rule.step(p if is_off(decay) else p * (1 - h["lr"] * decay), g, s, t, h)

    return rule._replace(step=step)


def regularized(rule: Rule) -> Rule:
    """`decayed` where `decoupled_weight_decay` is set, else `penalized`."""
    shrinks, adds = decayed(rule), penalized(rule)

    def step(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
        return (shrinks if h["decoupled_weight_decay"] else adds).step(p, g, s, t, h)

    return rule._replace(step=step)
