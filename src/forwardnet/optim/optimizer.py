"""Optimizer: applies a rule to the parameters of a model, in groups that may differ in their numbers."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from forwardnet.errors import ArgumentError, DTypeError, unknown_name
from forwardnet.optim.rule import Hyper, Rule
from forwardnet.tensor import Tensor, tape
from forwardnet.tensor.functional import as_tensor, from_numpy
from forwardnet.tensor.mode import enable_grad, no_grad

Params = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]

# Elements that a rule is applied to at once: a block and its intermediate results, 64 KB each, fit into the cache.
BLOCK = 16384

OPTIMIZERS: dict[str, type[Optimizer]] = {}


def check_number(where: str, name: str, value: Any) -> None:
    """Raises `ArgumentError` if `value` is not a number >= 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not value >= 0:
        raise ArgumentError(f"{where}: {name} is {value!r}, expected a number >= 0")


def check_betas(where: str, betas: Any) -> None:
    """Raises `ArgumentError` if `betas` are not two numbers in [0, 1)."""
    if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise ArgumentError(f"{where}: betas are {betas!r}, expected two numbers in [0, 1)")


class Optimizer:
    """Base of the optimisers: parameter groups, state, and a step for every parameter that has a gradient.

    A subclass with a rule, `class SGD(Optimizer, name="sgd", rule=...)`, is in the registry. One without a rule writes
    its own `step`.
    """

    rule: ClassVar[Rule | None] = None
    # Numbers of a group, besides the rate, that a compiled program reads anew, so that schedules may change them; of
    # several numbers under one name the first. The rule must not decide by them, but for `is_off`.
    moving: ClassVar[tuple[str, ...]] = ()
    # What one that is made from its name is given besides the parameters.
    usual: ClassVar[Mapping[str, Any]] = {}
    param_groups: list[dict[str, Any]]
    state: defaultdict[Tensor, dict[str, Any]]

    def __init_subclass__(cls, *, name: str = "", rule: Rule | None = None, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if rule is not None:
            cls.rule = rule
        if name:
            OPTIMIZERS[name] = cls

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state = defaultdict(dict)
        self.param_groups = []
        where = type(self).__name__
        if isinstance(params, (Tensor, Mapping, str)):
            raise DTypeError(
                f"{where}: params is a {type(params).__name__}, expected a list of tensors or of groups",
                hint=f"{where}(model.parameters()) or {where}([tensor])",
            )
        groups: list[Any] = list(params)
        if not groups:
            raise ArgumentError(f"{where}: got an empty parameter list", hint="the model has nothing to train")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    @classmethod
    def check(cls, h: Hyper) -> None:
        """Raises `ArgumentError` for numbers of a group outside their range."""

    def defaults_of(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """The numbers of a group where it gives none of its own."""
        return self.defaults

    def add_param_group(self, param_group: Any) -> None:
        """Also train `param_group["params"]`, with its own numbers where the group gives some.

        Raises:
            DTypeError, ArgumentError: something in it is no trainable leaf tensor, or is trained already.
        """
        where = type(self).__name__
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise DTypeError(f"{where}: a parameter group is a dict with 'params', got {type(param_group).__name__}")
        params = listed(param_group["params"])
        for p in params:
            if not isinstance(p, Tensor):
                raise DTypeError(f"{where}: a parameter is a {type(p).__name__}, expected a Tensor")
            if not p.is_leaf:
                raise ArgumentError(f"{where}: can't optimize a non-leaf Tensor", hint="optimise what it is made of")
        held = [id(p) for group in self.param_groups for p in group["params"]]
        if len(set(map(id, params))) < len(params) or set(held) & set(map(id, params)):
            raise ArgumentError(
                f"{where}: some parameters appear more than once", hint="model.parameters() lists a shared one once"
            )
        defaults = self.defaults_of(param_group)
        for key in param_group.keys() - {"params", *defaults}:
            if difflib.get_close_matches(key, defaults):  # a slip of the pen, not somebody's own label
                raise unknown_name(f"{where} option", key, defaults)
        group = {**defaults, **param_group, "params": params}
        self.check(group)
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set those there are to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    if set_to_none:
                        p.grad = None
                    else:
                        p.grad = p.grad.detach()
                        p.grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient; returns what `closure` returned, which is called first."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        # An overflow shows as inf or NaN in the parameters, where training looks for it; NumPy need not warn as well.
        with no_grad(), np.errstate(all="ignore"):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self._move(p, group)
        return loss

    def begin(self) -> None:
        """Give every trained parameter the state it has before its first step, where it has none.

        Also what a number that was changed since asks for, such as a momentum that was 0.
        """
        rule = type(self).rule
        for group in self.param_groups:
            for p in group["params"]:
                if p.requires_grad:
                    assert rule is not None
                    state = self.state[p]
                    wanted = rule.init(p._data, group) if isinstance(p._data, np.ndarray) else {}
                    state.update({k: _kept(v, _own) for k, v in (("step", 0), *wanted.items()) if k not in state})

    def _begun(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """The state of a parameter; what its rule remembers from the start, before its first step."""
        rule, state = type(self).rule, self.state[p]
        assert rule is not None
        if "step" not in state:
            begun = rule.init(p._data if isinstance(p._data, np.ndarray) else p.detach(), group)
            state.update(step=0, **{name: _kept(value, _own) for name, value in begun.items()})
        return state

    def _numbers(self, p: Tensor) -> set[str]:
        """What the rule remembers of `p` as a number, not as an array."""
        rule = type(self).rule
        group = next(group for group in self.param_groups if any(q is p for q in group["params"]))
        begun = rule.init(p._data, group) if rule is not None else {}
        return {name for name, value in begun.items() if isinstance(value, float)}

    def _move(self, p: Tensor, group: dict[str, Any]) -> None:
        rule = type(self).rule
        if rule is None:
            raise NotImplementedError(f"{type(self).__name__} has neither a rule nor a step method")
        assert p.grad is not None
        state = self._begun(p, group)
        is_array = isinstance(p._data, np.ndarray) and isinstance(p.grad._data, np.ndarray)
        state["step"] = state["step"] + 1
        if is_array:
            tape.check_writable(p)
            held = {name: _kept(value, _data) for name, value in state.items() if name != "step"}
            for name, value in advance(rule, p._data, p.grad._data, held, state["step"], group).items():
                state[name] = _kept(value, from_numpy)
            tape.rebind(p, None)  # counts as a change of p, so that a graph that saved the old value says so
        else:
            moments = {name: value for name, value in state.items() if name != "step"}
            after, moments = rule.step(p.detach(), p.grad.detach(), moments, state["step"], group)
            p.copy_(after)
            state.update(moments)

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to continue: {"state": {index: {...}}, "param_groups": [...]}.

        Parameters are numbered through the groups; tensors are shared with the optimiser, not copied.
        """
        index = {id(p): i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        groups = [{**group, "params": [index[id(p)] for p in group["params"]]} for group in self.param_groups]
        return {"state": {index[id(p)]: dict(state) for p, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: Any) -> None:
        """Continue from what `state_dict` returned for the same parameters in the same order; tensors are copied.

        Raises:
            ArgumentError: the groups or the shapes are others.
        """
        where = f"{type(self).__name__}.load_state_dict"
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= state_dict.keys():
            raise ArgumentError(f"{where}: expected a mapping with 'state' and 'param_groups'")
        saved = state_dict["param_groups"]
        sizes = [len(group["params"]) for group in saved]
        own = [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise ArgumentError(f"{where}: the saved groups have {sizes} parameters, expected {own}")
        numbers = [i for group in saved for i in group["params"]]
        params = dict(zip(numbers, (p for group in self.param_groups for p in group["params"]), strict=True))
        loaded: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for i, entries in state_dict["state"].items():
            if i not in params:
                raise ArgumentError(f"{where}: there is state for parameter {i}, expected one of {numbers}")
            # PyTorch's SGD does not count its steps; what has a state was moved at least once.
            begun = {"step": 1, **entries} if entries else {}
            loaded[params[i]] = {name: _fitted(where, name, value, params[i]) for name, value in begun.items()}
            loaded[params[i]].update({name: float(begun[name]) for name in self._numbers(params[i]) & begun.keys()})
        self.state = loaded
        for group, old in zip(self.param_groups, saved, strict=True):
            group.update({key: value for key, value in old.items() if key != "params"})

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines.extend(f"    {key}: {group[key]}" for key in sorted(group) if key != "params")
        return "\n".join([*lines, ")"])


def advance(rule: Rule, p: Any, g: Any, held: dict[str, Any], t: int, h: Hyper) -> dict[str, Any]:
    """Apply `rule` to arrays, writing the new p and state into those given; returns state that is there only now.

    Rules that treat every element alike are applied to one block after another: the arrays in between then stay in the
    cache, and need no fresh memory from the system, which made Adam on 100,000 numbers 3 to 4 times slower.
    """
    parts: list[Any] = [...]
    new: dict[str, Any] = {}
    numbers = {name: value for name, value in held.items() if isinstance(value, float)}
    flat = {"p": p, "g": g, **{name: value for name, value in held.items() if name not in numbers}}
    if rule.elementwise and p.size > BLOCK and all(array.flags.c_contiguous for array in flat.values()):
        parts = [slice(start, start + BLOCK) for start in range(0, p.size, BLOCK)]
        flat = {name: array.reshape(-1) for name, array in flat.items()}
    for part in parts:
        block = {name: array[part] for name, array in flat.items()}
        p_now, g_now = block.pop("p"), block.pop("g")
        after, moments = rule.step(p_now, g_now, {**block, **numbers}, t, h)
        p_now[...] = after
        for name, value in moments.items():
            if isinstance(value, float):  # the same for every part, which all begin with the old one
                new[name] = value
                continue
            if name not in flat:
                new[name] = np.empty_like(p)
                flat[name] = new[name].reshape(-1) if len(parts) > 1 else new[name]
            flat[name][part] = value
    return new


def listed(params: Any) -> list[Any]:
    """The parameters of a group: of one tensor, or of tensors with or without names."""
    return [p[1] if isinstance(p, tuple) else p for p in ([params] if isinstance(params, Tensor) else params)]


def _data(tensor: Tensor) -> Any:
    return tensor._data


def _own(value: Any) -> Tensor:
    """A tensor of what a rule begins with, in memory that nobody else writes."""
    return tape.new_tensor(np.array(value)) if isinstance(value, np.ndarray) else as_tensor(value).clone()


def _kept(value: Any, convert: Callable[[Any], Any]) -> Any:
    """What a state holds for `value`: a number itself, anything else as `convert` makes it."""
    return value if isinstance(value, (int, float)) else convert(value)


def _fitted(where: str, name: str, value: Any, p: Tensor) -> Any:
    if name == "step":
        return int(value)
    if not isinstance(value, (Tensor, np.ndarray)):
        return value
    held = value.detach().clone() if isinstance(value, Tensor) else from_numpy(np.array(value))
    if held.ndim and tuple(held.shape) != tuple(p.shape):
        raise ArgumentError(f"{where}: {name} has shape {tuple(held.shape)}, expected {tuple(p.shape)}")
    return held.to(p.dtype)
