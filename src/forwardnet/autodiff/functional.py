"""Jacobians, Hessians and products with them, of functions of tensors.

Only methods of the tensors given are used, so these stand below the tensor itself; `grad` is passed in by the face.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from forwardnet.errors import AutogradError
from forwardnet.ops.layout import cat

Grad = Callable[..., tuple[Any, ...]]


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _leaves(inputs: tuple[Any, ...], create_graph: bool) -> tuple[Any, ...]:
    if create_graph:
        return tuple(x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in inputs)
    return tuple(x.detach().clone().requires_grad_() for x in inputs)


def _outputs(func: Callable[..., Any], inputs: tuple[Any, ...], name: str) -> tuple[bool, tuple[Any, ...]]:
    result = func(*inputs)
    for y in _as_tuple(result):
        if not hasattr(y, "backward"):
            raise AutogradError(
                f"{name}: the function returned {type(y).__name__}, expected a tensor or a tuple of tensors"
            )
    return isinstance(result, (tuple, list)), _as_tuple(result)


def _or_zero(gradient: Any, like: Any, strict: bool, name: str) -> Any:
    if gradient is None:
        if strict:
            raise AutogradError(f"{name}: the output is independent of an input, which strict=True does not allow")
        return (like * 0).detach()
    return gradient


def _pulled(grad: Grad, ys: Sequence[Any], xs: Sequence[Any], gs: Sequence[Any], create_graph: bool) -> Sequence[Any]:
    """The gradients by `xs` of those of the `ys` that depend on something; None where nothing arrives."""
    pairs = [(y, g) for y, g in zip(ys, gs, strict=True) if y is not None and y.requires_grad]
    if not pairs:
        return [None] * len(xs)
    return grad([y for y, _ in pairs], xs, [g for _, g in pairs], create_graph=create_graph, allow_unused=True)


def _settled(value: Any, create_graph: bool) -> Any:
    return value if create_graph else value.detach()


def jacobian(
    grad: Grad, func: Callable[..., Any], inputs: Any, *, create_graph: bool = False, strict: bool = False
) -> Any:
    """J[i, j] = d y_i / d x_j, of shape (*output, *input); one for each pair if there are several."""
    xs = _leaves(_as_tuple(inputs), create_graph)
    several, ys = _outputs(func, xs, "jacobian")
    rows = []
    for y in ys:
        columns = [_rows(grad, y, xs, k, create_graph, strict) for k in range(len(xs))]
        rows.append(tuple(columns) if isinstance(inputs, (tuple, list)) else columns[0])
    return tuple(rows) if several else rows[0]


def _rows(grad: Grad, y: Any, xs: tuple[Any, ...], k: int, create_graph: bool, strict: bool) -> Any:
    flat = y.reshape(-1)
    x = xs[k]
    made = []
    for i in range(flat.numel()):
        g = None
        if y.requires_grad:
            g = grad(flat[i], [x], retain_graph=True, create_graph=create_graph, allow_unused=True)[0]
        made.append(_or_zero(g, x, strict, "jacobian"))
    shape = (*y.shape, *x.shape)
    if not made:
        return (x * 0).reshape(-1)[:0].reshape(shape)
    return _settled(cat(*(m.unsqueeze(0) for m in made), dim=0).reshape(shape), create_graph)


def hessian(grad: Grad, func: Callable[..., Any], inputs: Any, *, create_graph: bool = False) -> Any:
    """H[i, j] = d2 y / d x_i d x_j of a function with one output number."""
    single = not isinstance(inputs, (tuple, list))

    def gradient(*xs: Any) -> Any:
        _, ys = _outputs(func, xs, "hessian")
        if len(ys) != 1 or ys[0].numel() != 1:
            raise AutogradError("hessian: the function must return a single tensor with a single element")
        if not ys[0].requires_grad:
            return tuple(x * 0 for x in xs)
        gs = grad(ys[0].reshape(()), xs, create_graph=True, allow_unused=True)
        return tuple(_or_zero(g, x, False, "hessian") for g, x in zip(gs, xs, strict=True))

    result = jacobian(grad, gradient, _as_tuple(inputs), create_graph=create_graph)
    return result[0][0] if single else result


def vjp(
    grad: Grad, func: Callable[..., Any], inputs: Any, v: Any = None, *, create_graph: bool = False
) -> tuple[Any, Any]:
    """(y, v'J): the function's value, and the product of a vector of its shape with its Jacobian."""
    xs = _leaves(_as_tuple(inputs), create_graph)
    several, ys = _outputs(func, xs, "vjp")
    if v is None and (len(ys) != 1 or ys[0].numel() != 1):
        raise AutogradError("vjp: the vector v can only be None if the function returns a single-element tensor")
    gs = _pulled(grad, ys, xs, [None] * len(ys) if v is None else _as_tuple(v), create_graph)
    products = tuple(_or_zero(g, x, False, "vjp") for g, x in zip(gs, xs, strict=True))
    values = tuple(_settled(y, create_graph) for y in ys)
    return values if several else values[0], products if isinstance(inputs, (tuple, list)) else products[0]


def jvp(
    grad: Grad, func: Callable[..., Any], inputs: Any, v: Any = None, *, create_graph: bool = False
) -> tuple[Any, Any]:
    """(y, Jv): the function's value, and the product of its Jacobian with a vector of the input's shape.

    Two reverse passes: w'J is linear in w, and its derivative with respect to w along v is Jv.
    """
    xs = _leaves(_as_tuple(inputs), create_graph)
    several, ys = _outputs(func, xs, "jvp")
    if v is None and (len(xs) != 1 or xs[0].numel() != 1):
        raise AutogradError("jvp: the vector v can only be None if the input is a single-element tensor")
    vs = [x * 0 + 1 for x in xs] if v is None else list(_as_tuple(v))
    duals = [(y.detach() * 0).requires_grad_() for y in ys]
    gs = _pulled(grad, ys, xs, duals, create_graph=True)
    products = _pulled(grad, gs, duals, vs, create_graph)
    made = tuple(_or_zero(p, d.detach(), False, "jvp") for p, d in zip(products, duals, strict=True))
    values = tuple(_settled(y, create_graph) for y in ys)
    return (values, made) if several else (values[0], made[0])


def hvp(
    grad: Grad, func: Callable[..., Any], inputs: Any, v: Any = None, *, create_graph: bool = False
) -> tuple[Any, Any]:
    """(y, Hv): the function's value, and the product of its Hessian with a vector, without forming the Hessian."""
    xs = _leaves(_as_tuple(inputs), create_graph)
    _, ys = _outputs(func, xs, "hvp")
    if len(ys) != 1 or ys[0].numel() != 1:
        raise AutogradError("hvp: the function must return a single tensor with a single element")
    vs = [x * 0 + 1 for x in xs] if v is None else list(_as_tuple(v))
    gs = _pulled(grad, [ys[0].reshape(())], xs, [None], create_graph=True)
    products = _pulled(grad, gs, xs, vs, create_graph)
    made = tuple(_or_zero(p, x.detach(), False, "hvp") for p, x in zip(products, xs, strict=True))
    return _settled(ys[0], create_graph), made if isinstance(inputs, (tuple, list)) else made[0]
