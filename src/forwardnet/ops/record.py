"""One op, one record: value, shape and type rule, derivative and lowering, side by side.

An op is called with arrays, with nodes of a graph, or with tensors, and answers in kind; that is how the derivative of
an op, written in ops, serves eager gradients (arrays), higher derivatives (tensors) and traced programs (nodes).

The parameter names of a derivative say what it needs: `g` is the gradient of the result, `y` the result, an input's
name that input, `<input>_spec` only its shape and type, and any other name an attribute. What is named is what is saved
for the backward pass, nothing else. A derivative without `g` is a partial derivative, which is multiplied by `g`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forwardnet import dtypes
from forwardnet.errors import DTypeError
from forwardnet.ir.graph import Node, Spec
from forwardnet.ir.shapes import broadcast

Rule = Callable[..., Any]
NUMBERS = (bool, int, float)


class CannotLower(Exception):  # noqa: N818 - says what happens, and is not shown to users
    """An op, or this use of it, has no lowering; the graph then runs eagerly, and the message says why."""


@dataclass(frozen=True)
class Derivative:
    """The vector-Jacobian product for one input, with the names of what it needs."""

    rule: Rule
    needs: tuple[str, ...]
    is_partial: bool

    @staticmethod
    def of(rule: Rule | None) -> Derivative | None:
        if rule is None:
            return None
        names = tuple(inspect.signature(rule).parameters)
        return Derivative(rule, names, "g" not in names)


@dataclass(frozen=True)
class Example:
    """Inputs for the law suite: a tuple is the shape of a random float input, an array is itself."""

    inputs: tuple[Any, ...]
    attrs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Op:
    """The record of one op.

    `lower` is how the compiler emits it: for an elementwise op a function of one element's values, for an array op
    a rule that builds its loops, or a function that rewrites it in other ops.
    """

    name: str
    doc: str
    inputs: tuple[str, ...]
    value: Rule
    spec: Rule
    derivatives: tuple[Derivative | None, ...]
    promotes: tuple[bool, ...]
    to_float: bool = False
    elementwise: bool = False
    outputs: int = 1
    view: bool = False
    lower: Rule | None = None
    domain: tuple[tuple[float, float], ...] = ()
    kinks: tuple[float, ...] = ()
    examples: tuple[Example, ...] = ()
    label: str = ""

    @property
    def variadic(self) -> str | None:
        """The name of the inputs that may repeat, or None."""
        last = self.inputs[-1]
        return last[1:] if last.startswith("*") else None

    @property
    def differentiable(self) -> bool:
        return any(d is not None for d in self.derivatives)

    @property
    def grad_name(self) -> str:
        """What `grad_fn` is called: `MulBackward0` for `mul`."""
        base = self.label or "".join(part.capitalize() for part in self.name.split("_"))
        return base if base == "CopySlices" else f"{base}Backward0"

    def derivative(self, position: int) -> Derivative | None:
        """The derivative for the input at `position`; repeated inputs share the last."""
        return self.derivatives[min(position, len(self.derivatives) - 1)]

    def __call__(self, *args: Any, **attrs: Any) -> Any:
        level, chosen = 0, None
        for arg in args:
            own = getattr(arg, "__op_level__", 0)
            if own > level:
                level, chosen = own, arg
        if chosen is None:
            return self.evaluate(self.promote(args), attrs)
        return type(chosen).__apply_op__(self, args, attrs)

    def evaluate(self, arrays: Sequence[Any], attrs: dict[str, Any]) -> Any:
        """The value for NumPy arrays of agreeing types."""
        result = self.value(*arrays, **attrs)
        if self.outputs > 1:
            return tuple(np.asarray(r) for r in result)
        return result if type(result) is np.ndarray else np.asarray(result)

    def promote(self, args: Sequence[Any]) -> Sequence[Any]:
        """Bring the operands to their common type; Python numbers become zero-dimensional arrays of it."""
        if not any(self.promotes):
            return args
        wanted = [
            (None, 0, a) if _is_number(a) else (spec_of(a).dtype, len(spec_of(a).shape), None)
            for a, p in zip(args, self.promotes, strict=False)
            if p
        ]
        first = wanted[0][0]
        if first is not None and all(w[0] == first for w in wanted):
            common = first
        else:
            common = dtypes.result_of(wanted)
        if self.to_float and common.kind != "f":
            common = dtypes.default()
        return [_as_type(a, common) if p else a for a, p in zip(args, self.promotes, strict=False)]

    def __repr__(self) -> str:
        return f"<op {self.name}: {self.doc.splitlines()[0]}>"


def spec_of(value: Any) -> Spec:
    """Shape and type of an array, a node or a tensor."""
    spec = getattr(value, "spec", None)
    return spec if spec is not None else Spec(value.shape, value.dtype)


def _is_number(value: Any) -> bool:
    # np.float64 is a Python float too, but one with a type: taking it for a plain number would round it to float32.
    return isinstance(value, NUMBERS) and not isinstance(value, np.generic)


def _as_type(value: Any, dtype: np.dtype[Any]) -> Any:
    if _is_number(value):
        return np.asarray(value, dtype)
    if spec_of(value).dtype == dtype:
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return np.asarray(value, dtype)
    return REGISTRY["cast"](value, dtype=dtype)


REGISTRY: dict[str, Op] = {}


def _register(op: Op) -> Op:
    assert op.name not in REGISTRY, f"op {op.name} is defined twice"
    REGISTRY[op.name] = op
    return op


def elementwise(
    name: str,
    value: Rule,
    partials: tuple[Rule | None, ...] = (),
    *,
    doc: str,
    inputs: tuple[str, ...] = ("x",),
    result: str = "same",
    to_float: bool = False,
    fixed: tuple[str, ...] = (),
    domain: Sequence[tuple[float, float]] = (),
    kinks: tuple[float, ...] = (),
    emit: Rule | None = None,
) -> Op:
    """Define an op that works on each element alone, with broadcasting and type promotion.

    `result` is "same" (the common type) or "bool"; `to_float` turns integer operands into floating point;
    `fixed` inputs keep their own type; `domain` gives an open interval for each input; at `kinks` no derivative exists.
    """

    def spec(*specs: Spec) -> Spec:
        common = next(s.dtype for s, n in zip(specs, inputs, strict=True) if n not in fixed)
        return Spec(broadcast(*(s.shape for s in specs), where=name), dtypes.BOOL if result == "bool" else common)

    return _register(
        Op(
            name=name,
            doc=doc,
            inputs=inputs,
            value=value,
            spec=spec,
            derivatives=tuple(Derivative.of(p) for p in partials) or (None,) * len(inputs),
            promotes=tuple(n not in fixed for n in inputs),
            to_float=to_float,
            elementwise=True,
            lower=emit,
            domain=tuple(domain) or ((-3.0, 3.0),) * len(inputs),
            kinks=kinks,
        )
    )


def array_op(
    name: str,
    *,
    doc: str,
    inputs: tuple[str, ...],
    spec: Rule,
    value: Rule,
    vjps: tuple[Rule | None, ...] = (),
    outputs: int = 1,
    view: bool = False,
    lower: Rule | None = None,
    examples: Sequence[Example] = (),
    domain: tuple[float, float] = (-3.0, 3.0),
    label: str = "",
) -> Op:
    """Define an op on whole arrays; `doc` begins with its index formula."""
    return _register(
        Op(
            name=name,
            doc=doc,
            inputs=inputs,
            value=value,
            spec=spec,
            derivatives=tuple(Derivative.of(v) for v in vjps) or (None,) * len(inputs),
            promotes=(),
            outputs=outputs,
            view=view,
            lower=lower,
            examples=tuple(examples),
            domain=(domain,) * len(inputs),
            label=label,
        )
    )


def same_dtype(where: str, *specs: Spec) -> np.dtype[Any]:
    """The one type of all operands; raises `DTypeError` if they differ."""
    first = specs[0].dtype
    for other in specs[1:]:
        if other.dtype != first:
            raise DTypeError(
                f"{where}: expected both operands to have the same dtype, but got: {first} and {other.dtype}",
                hint="convert one with .to(dtype)",
            )
    return first


def floating(where: str, x: Spec) -> Spec:
    """`x` itself; raises `DTypeError` if its type is not floating."""
    if x.dtype.kind != "f":
        raise DTypeError(f"{where}: got {x.dtype}, expected a floating type", hint="convert with .float()")
    return x


def apply_to_nodes(op: Op, args: Sequence[Any], attrs: dict[str, Any]) -> Any:
    """Add `op` to the graph of the first node among `args`; arrays and numbers become constants."""
    graph = next(a.graph for a in args if isinstance(a, Node))
    operands = [a if isinstance(a, Node) else graph.const(a) for a in op.promote(args)]
    return graph.add(op, operands, attrs)


Node.__op_level__ = 1  # type: ignore[attr-defined]
Node.__apply_op__ = staticmethod(apply_to_nodes)  # type: ignore[attr-defined]
