"""Applying ops to tensors: computing, recording, views, and writing in place.

A view remembers its base and the chain of view ops that leads to it. Writing into a view gives the base a new place in
the graph (its old value with the written part replaced), and every view of that base finds its own place again from
the base when it is next asked for it.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import numpy as np

from forwardnet import dtypes
from forwardnet.autodiff.reverse import Accumulator, Edge, Face, Function, OpenVersion, Saved, Version
from forwardnet.errors import AutogradError, DTypeError, ShapeError
from forwardnet.ir.graph import Node, Spec, tracing
from forwardnet.ops.layout import expand, inverse, permute, reshape
from forwardnet.ops.record import REGISTRY as OPS, Op
from forwardnet.tensor import traced
from forwardnet.tensor.mode import _mode, no_grad

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor


F = TypeVar("F", bound=Callable[..., Any])


class ViewStep(NamedTuple):
    """One view op on the way from a base to a view."""

    op: Op
    attrs: dict[str, Any]
    source: Spec
    result: Spec
    label: str = ""


class _Types:
    tensor: type[Tensor]  # set by `tensor.tensor`, which stands on this module


def new_tensor(data: Any) -> Tensor:
    """A tensor around `data` (an array or a node), with no history."""
    made: Tensor = object.__new__(_Types.tensor)
    made._data = data
    made._counter = Version()
    made._edge = None
    made._leaf_requires = False
    made._grad = None
    made._accumulator = None
    made._base = None
    made._chain = ()
    made._seen = 0
    made._history = 0
    return made


def open_memory(x: Tensor) -> Tensor:
    """`x`, whose memory may from now on be written without being counted."""
    x._counter.__class__ = OpenVersion
    return x


def is_tensor(value: Any) -> bool:
    """Whether `value` is a tensor."""
    return isinstance(value, _Types.tensor)


def edge_of(x: Tensor) -> Edge | None:
    """Where a gradient of `x` goes; None when it needs none."""
    base = x._base
    if base is not None and x._seen != base._history:
        x._edge = _replay(edge_of(base), x._chain)[-1]
        x._seen = base._history
    if x._edge is not None:
        return x._edge
    if not x._leaf_requires:
        return None
    accumulator = x._accumulator() if x._accumulator is not None else None
    if accumulator is None:
        accumulator = Accumulator(x)
        x._accumulator = weakref.ref(accumulator)
    return Edge(accumulator, 0)


def apply(op: Op, args: Sequence[Any], attrs: dict[str, Any]) -> Any:
    """`op` on tensors (and arrays and numbers): the value, recorded if anything in it needs a gradient."""
    args = op.promote(args)
    if tracing.watcher is not None:
        tracing.watcher.read(args)
    tensor = _Types.tensor
    data = [a._data if isinstance(a, tensor) else a for a in args]
    result = compute(op, data, attrs)
    function = None
    if _mode.enabled and op.differentiable:
        function = record(op, args, attrs, result)
    if op.outputs > 1:
        return tuple(_outcome(op, r, function, i) for i, r in enumerate(result))
    made = _outcome(op, result, function, 0)
    if op.view:
        _mark_view(made, args[0], op, attrs)
    return made


def labelled(name: str) -> Callable[[F], F]:
    """Let `grad_fn` of a composed function's result carry the function's own name."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            relabel(result[0] if isinstance(result, tuple) else result, name)
            return result

        return cast(F, wrapped)

    return decorate


def relabel(x: Tensor, name: str) -> None:
    """Name the function that made `x`; a view keeps the name when its place is found again."""
    if x._chain:
        x._chain = (*x._chain[:-1], x._chain[-1]._replace(label=name))
    if x._edge is not None and isinstance(x._edge.node, Function):
        x._edge.node.label = name


def compute(op: Op, data: Sequence[Any], attrs: dict[str, Any]) -> Any:
    """The value for arrays or nodes; a failure is explained by the op's own shape rule where that finds it."""
    if any(isinstance(d, Node) for d in data):
        return op(*data, **attrs)
    try:
        with np.errstate(all="ignore"):
            return op.evaluate(data, attrs)
    except (ValueError, TypeError) as error:
        op.spec(*(Spec(d.shape, d.dtype) for d in data), **attrs)
        raise _explained(op, data, error) from None


def _explained(op: Op, data: Sequence[Any], error: Exception) -> Exception:
    if isinstance(error, (ShapeError, DTypeError)) or hasattr(error, "hint"):
        return error
    types = ", ".join(str(d.dtype) for d in data)
    return DTypeError(f"{op.name}: not defined for {types} ({error})")


def _outcome(op: Op, data: Any, function: Function | None, output: int) -> Tensor:
    made = new_tensor(data)
    if function is not None and data.dtype.kind == "f":
        made._edge = Edge(function, output)
        if "y" in function.needed():
            kept = Saved(data, made._counter, made._edge)
            function.saved["y"] = (*function.saved.get("y", ()), kept) if op.outputs > 1 else kept
    return made


def record(op: Op, args: Sequence[Any], attrs: dict[str, Any], result: Any) -> Function | None:
    """The function that will carry gradients of `result` back to `args`; None when nothing needs one."""
    tensor = _Types.tensor
    edges = tuple(
        edge_of(a) if isinstance(a, tensor) and op.derivative(i) is not None else None for i, a in enumerate(args)
    )
    if all(e is None for e in edges):
        return None
    results = result if isinstance(result, tuple) else (result,)
    if all(r.dtype.kind != "f" for r in results):
        return None
    in_specs = tuple(Spec(a.spec.shape, a.spec.dtype) if hasattr(a, "spec") else Spec(a.shape, a.dtype) for a in args)
    out_specs = tuple(Spec(r.shape, r.dtype) for r in results)
    function = Function(op, attrs, edges, in_specs, out_specs)
    for name in function.needed():
        if name == "y":
            continue
        if name == op.variadic:
            function.saved[name] = tuple(_save(a) for a in args[len(op.inputs) - 1 :])
        else:
            function.saved[name] = _save(args[op.inputs.index(name)])
    return function


def _save(value: Any) -> Saved:
    if isinstance(value, _Types.tensor):
        return Saved(value._data, value._counter, edge_of(value))
    return Saved(value, Version(), None)


def _mark_view(view: Tensor, source: Any, op: Op, attrs: dict[str, Any]) -> None:
    data, origin = view._data, source._data
    if isinstance(data, np.ndarray) and data.size and not (data is origin or np.may_share_memory(data, origin)):
        return
    if data is origin:
        view._data = data.view()
    step = ViewStep(op, attrs, source.spec, view.spec)
    view._base = source._base if source._base is not None else source
    view._chain = (*source._chain, step)
    view._seen = view._base._history
    view._counter = source._counter
    view._recorded = _mode.enabled
    if isinstance(data, Node):
        traced.remember(view)


def _replay(edge: Edge | None, chain: Sequence[ViewStep]) -> list[Edge | None]:
    """Places in the graph of a base and of each view on the way along `chain`, recorded without computing."""
    places = [edge]
    for step in chain:
        last = places[-1]
        if last is not None:
            function = Function(step.op, step.attrs, (last,), (step.source,), (step.result,))
            function.label = step.label
            last = Edge(function, 0)
        places.append(last)
    return places


def _unview(base: Edge | None, chain: Sequence[ViewStep], written: Edge | None) -> Edge | None:
    """The place of a base after the view at the end of `chain` was overwritten by what stands at `written`."""
    before = _replay(base, chain[:-1])
    for step, old in zip(reversed(chain), reversed(before), strict=True):
        if step.op in traced.PUTS:
            if old is None and written is None:
                return None
            edges: tuple[Edge | None, ...] = (old, written)
            function = Function(traced.PUTS[step.op], step.attrs, edges, (step.source, step.result), (step.source,))
        elif written is None:
            return None
        elif step.op is permute:
            attrs = {"dims": inverse(step.attrs["dims"])}
            function = Function(permute, attrs, (written,), (step.result,), (step.source,))
        else:
            attrs = {"shape": step.source.shape}
            function = Function(reshape, attrs, (written,), (step.result,), (step.source,))
        written = Edge(function, 0)
    return written


def check_writable(x: Tensor) -> None:
    """Raise if writing into `x` would break the graph or memory."""
    if _mode.enabled:
        owner = x if x._base is None else x._base
        if owner._leaf_requires:
            what = "a leaf Variable" if x._base is None else "a view of a leaf Variable"
            raise AutogradError(
                f"{what} that requires grad is being used in an in-place operation.",
                hint="update parameters inside `with no_grad():`, or work on a clone()",
            )
        if x._base is not None and not x._recorded and edge_of(owner) is not None:
            raise AutogradError(
                "a view created in no_grad mode whose base requires grad is being modified in place with grad enabled",
                hint="make the view outside no_grad, or change it inside no_grad",
            )
    if isinstance(x._data, Node):
        traced.check_writable(x)
    elif tracing.watcher is not None:
        tracing.watcher.write(x)
    repeats = any(step.op is expand and step.result.size != step.source.size for step in x._chain)
    if repeats or (isinstance(x._data, np.ndarray) and not x._data.flags.writeable):
        raise ShapeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location",
            hint="clone() the tensor before writing into it",
        )


def write(x: Tensor, op: Op, args: Sequence[Any], attrs: dict[str, Any]) -> Tensor:
    """Replace `x` by `op(*args)` in its own memory: the in-place form of an op."""
    check_writable(x)
    y = op(*args, **attrs)
    _keep_overwritten(x, edge_of(y))
    if y.spec.shape != x.spec.shape:
        raise ShapeError(
            f"{op.name}_: output with shape {list(x.spec.shape)} doesn't match the broadcast shape "
            f"{list(y.spec.shape)}",
            hint="the in-place form cannot grow its tensor; use the out-of-place form",
        )
    if y.spec.dtype != x.spec.dtype:
        if not dtypes.can_cast(y.spec.dtype, x.spec.dtype):
            raise DTypeError(
                f"{op.name}_: result type {y.spec.dtype} can't be cast to the desired output type {x.spec.dtype}",
                hint="use the out-of-place form, or convert the tensor first",
            )
        y = OPS["cast"](y, dtype=x.spec.dtype)
    if isinstance(x._data, Node):
        x._data = y._data
        traced.share_write(x)
    else:
        np.copyto(x._data, y._data)
    rebind(x, edge_of(y))
    return x


def _keep_overwritten(x: Tensor, place: Edge | None) -> None:
    """Copy what the op just recorded has saved of `x`, which is about to be overwritten."""
    if place is None or not isinstance(place.node, Function):
        return
    for kept in place.node.saved.values():
        if isinstance(kept, Saved) and kept.data is x._data and isinstance(x._data, np.ndarray):
            kept.data, kept.version, kept.seen = x._data.copy(), Version(), 0


def write_part(x: Tensor, op: Op, args: Sequence[Any], attrs: dict[str, Any], store: Callable[[], None]) -> Tensor:
    """Like `write` for an op that changes a part of x only: `store` writes that part, nothing else is touched."""
    if isinstance(x._data, Node):
        return write(x, op, args, attrs)
    check_writable(x)
    function = record(op, args, attrs, x._data) if _mode.enabled else None
    store()
    rebind(x, Edge(function, 0) if function is not None else None)
    return x


def rebind(x: Tensor, place: Edge | None) -> None:
    """Give `x`, just written, its new place in the graph, and its base and sibling views theirs."""
    x._counter.count += 1
    if not _mode.enabled:
        return
    base = x._base
    if base is None:
        if place is not None or x._edge is not None:
            x._edge = place
            x._history += 1
        return
    root = edge_of(base)
    if place is None and root is None:
        return
    base._edge = _unview(root, x._chain, place)
    base._history += 1


def _restore(saved: Saved) -> Tensor:
    if saved.edge is not None and isinstance(saved.edge.node, Accumulator):
        variable: Tensor = saved.edge.node.variable
        return variable
    made = new_tensor(saved.data)
    made._counter = saved.version
    made._edge = saved.edge
    return made


def _accumulate(variable: Tensor, gradient: Any) -> None:
    held = variable._grad
    if isinstance(gradient, _Types.tensor):
        variable._grad = gradient if held is None else held + gradient
    elif held is None:
        variable._grad = new_tensor(gradient if isinstance(gradient, Node) else np.array(gradient, order="C"))
    elif isinstance(gradient, Node) or isinstance(held._data, Node) or held.requires_grad:
        with no_grad():
            variable._grad = held + new_tensor(gradient)
    else:
        np.add(held._data, gradient, out=held._data)
        held._counter.count += 1


def _lift(data: Any) -> Tensor:
    return (
        data
        if isinstance(data, _Types.tensor)
        else new_tensor(np.asarray(data) if not isinstance(data, Node) else data)
    )


FACE = Face(lift=_lift, lower=lambda t: t._data, restore=_restore, accumulate=_accumulate)
