"""`jit`: any function of tensors as native code, also one that changes a model and an optimiser."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable, Iterable
from typing import Any, overload

import numpy as np

from forwardnet.jit.arguments import described, put_back
from forwardnet.jit.cells import Cell, UnevenError, begin, cells_of, mark_of, settings_of
from forwardnet.jit.fallback import made_or_reason
from forwardnet.jit.trace import Traced, trace
from forwardnet.ops.record import CannotLower
from forwardnet.tensor import Tensor
from forwardnet.tensor.mode import is_grad_enabled
from forwardnet.tensor.tape import new_tensor

Function = Callable[..., Any]

# How often a program may be made again because a tensor outside it has changed, before it costs more than it saves.
MOST_REMADE = 8
# How many programs one function may have.
MOST_PROGRAMS = 64


@overload
def jit(function: Function) -> Function: ...


@overload
def jit(function: None = None, *, state: Iterable[Any] = ()) -> Callable[[Function], Function]: ...


@overload
def jit(function: Function, *, state: Iterable[Any]) -> Function: ...


def jit(function: Function | None = None, *, state: Iterable[Any] = ()) -> Any:
    """Compile a function of tensors; the first call with each combination of shapes and types makes the program.

    `state` names what the function changes besides its results: models, optimisers, tensors. A step of training is
    `ff.jit(step, state=[model, optimizer])` with forward, `backward()` and `optimizer.step()` inside. Arguments that
    are no tensors are constants of the program. So are other tensors that the function reads, but the program is made
    again when one of them has changed. Python's own variables are read when it is made. The results have no history: a
    function of tensors that require grad, called where gradients are recorded and without `state`, runs eagerly.

    What cannot be compiled (decisions by numbers, decompositions of matrices) runs eagerly, with one warning that names
    it.

    Example:
        >>> @ff.jit
        ... def norm(x):
        ...     return (x * x).sum(1).sqrt()
    """
    if function is None:
        return lambda f: Compiled(f, list(state))
    return Compiled(function, list(state))


class Compiled:
    """A function with a native program for each combination of argument types it was called with."""

    def __init__(self, function: Function, owners: list[Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.owners = owners
        self.programs: dict[Any, Program | None] = {}
        self.remade, self.is_full = 0, False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        tensors: list[Tensor] = []
        program = self._program(args, kwargs, tensors)
        given = tensors if program is None else (*tensors, *program.traced.outside.tensors())
        if program is None or (not self.owners and is_grad_enabled() and any(t.requires_grad for t in given)):
            return self.function(*args, **kwargs)
        return program(tensors)

    def _program(self, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]) -> Program | None:
        """The program that fits, or None for the eager way; the tensors among the arguments go to `tensors`."""
        try:
            key = (described((list(args), kwargs), tensors), repr(settings_of(self.owners)))
        except CannotLower as reason:
            if str(reason) not in self.programs:
                self.programs[str(reason)] = None
                self._warn(f"{reason} cannot be compiled", 4)
            return None
        if not self.owners and is_grad_enabled() and any(t.requires_grad for t in tensors):
            return None
        if key not in self.programs:
            if len(self.programs) >= MOST_PROGRAMS:
                if not self.is_full:
                    self._warn(
                        "it was called with too many different constants; pass numbers that change as tensors", 4
                    )
                self.is_full = True
                return None
            self.programs[key] = self._made(args, kwargs)
        program = self.programs[key]
        if program is not None and program.traced.outside.is_stale:
            self.remade += 1
            program = self.programs[key] = self._made(args, kwargs) if self.remade <= MOST_REMADE else None
            if self.remade > MOST_REMADE:
                self._warn("tensors that it reads change often; name them in `state`", 4)
        return program

    def _made(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Program | None:
        def make() -> Program:
            try:
                return Program(self.function, self.owners, args, kwargs)
            except UnevenError:
                return Program(self.function, self.owners, args, kwargs, share=False)

        program, reason = made_or_reason(make)
        if program is None:
            self._warn(reason, 5)
        return program

    def _warn(self, reason: str, level: int) -> None:
        name = getattr(self.function, "__name__", "the function")
        warnings.warn(f"{name} runs eagerly: {reason}", UserWarning, stacklevel=level)


class Program:
    """A native program with the cells it carries, and the shape of what the function returns."""

    def __init__(
        self,
        function: Function,
        owners: list[Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        share: bool = True,
    ) -> None:
        from forwardnet.compiler.program import Native, Signature

        for owner in owners:
            if hasattr(owner, "param_groups"):
                begin(owner)
        self.cells: list[Cell] = cells_of(owners, share=share)
        self.rebuild: Callable[[list[Tensor]], Any] = list
        tensors: list[Tensor] = []
        described((list(args), kwargs), tensors)

        def flat(*given: Tensor) -> list[Tensor]:
            nodes = [g._data for g in given]
            for tensor, own in zip(given, tensors, strict=True):
                tensor._leaf_requires = own.requires_grad
            own_args, own_kwargs = put_back((list(args), kwargs), iter(given))
            results, self.rebuild = flattened(function(*own_args, **own_kwargs))
            if any(g._data is not node or g.grad is not None for g, node in zip(given, nodes, strict=True)):
                raise CannotLower("a change of an argument")
            return results

        self.traced: Traced = trace(flat, [t.spec for t in tensors], self.cells)
        self.lock = threading.Lock()
        self.native = Native(self.traced.graph, Signature(states=self.traced.states))
        self.seen: dict[int, Any] = {}
        for owner in owners:
            if hasattr(owner, "zero_grad"):
                owner.zero_grad()

    def __call__(self, tensors: list[Tensor]) -> Any:
        with self.lock:  # arguments and results lie in one arena
            return self._run(tensors)

    def _run(self, tensors: list[Tensor]) -> Any:
        native, cells = self.native, self.cells
        for number, cell in enumerate(cells):
            mark = mark_of(cell)
            if self.seen.get(number) != mark:
                native.set_input(number, cell.read())
                self.seen[number] = mark
        for number, tensor in zip(self.traced.arguments, tensors, strict=True):
            native.set_input(number, np.asarray(tensor.detach()._data))
        native.run()
        for number in self.traced.states:
            cells[number].write(native.state(number, cells[number].spec().shape))
            self.seen[number] = mark_of(cells[number])
        shapes = [node.shape for node in self.traced.graph.outputs[: self.traced.results]]
        return self.rebuild([new_tensor(native.output(i, shape)) for i, shape in enumerate(shapes)])


def flattened(value: Any) -> tuple[list[Tensor], Callable[[list[Tensor]], Any]]:
    """The tensors of a result (a tensor, None, or a tuple, list or dict of results), and how to put them back."""
    if isinstance(value, Tensor):
        return [value], lambda tensors: tensors.pop(0)
    if value is None:
        return [], lambda tensors: None
    if isinstance(value, dict):
        parts, rebuild = flattened(list(value.values()))
        keys = list(value)
        return parts, lambda tensors: dict(zip(keys, rebuild(tensors), strict=True))
    if isinstance(value, (tuple, list)):
        found = [flattened(item) for item in value]
        kind = type(value)
        items = [rebuild for _, rebuild in found]
        return [t for parts, _ in found for t in parts], lambda tensors: _made(kind, [r(tensors) for r in items])
    raise CannotLower(f"a result of type {type(value).__name__}")


def _made(kind: type[Any], items: list[Any]) -> Any:
    return kind(*items) if hasattr(kind, "_fields") else kind(items)
