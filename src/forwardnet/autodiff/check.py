"""Numerical checks of derivatives: central differences against the reverse pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from forwardnet.errors import ArgumentError, AutogradError

Function = Callable[..., Any]
Grad = Callable[..., tuple[Any, ...]]


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def numerical_jacobian(func: Function, inputs: Sequence[Any], which: int, eps: float = 1e-6) -> list[Any]:
    """(f(x + h) - f(x - h)) / 2h for each element of `inputs[which]`: (elements, outputs), for each output."""
    x = inputs[which].detach()
    array = x.numpy().copy()
    flat = array.reshape(-1)
    rows: list[list[Any]] = []
    for i in range(flat.size):
        ends = []
        for step in (eps, -eps):
            moved = flat.copy()
            moved[i] += step
            trial = list(inputs)
            trial[which] = _like(x, moved.reshape(array.shape)).requires_grad_()
            ends.append([np.array(y.detach().numpy(), np.float64).reshape(-1) for y in _as_tuple(func(*trial))])
        rows.append([(high - low) / (2 * eps) for high, low in zip(*ends, strict=True)])
    if not rows:
        sizes = [y.numel() for y in _as_tuple(func(*[v.detach() for v in inputs]))]
        return [np.zeros((0, n)) for n in sizes]
    return [np.stack([row[k] for row in rows]) for k in range(len(rows[0]))]


def _like(x: Any, array: Any) -> Any:
    made = x.detach().clone()
    made.data.copy_(_wrap(made, array))
    return made


def _wrap(x: Any, array: Any) -> Any:
    view = x.detach().clone()
    view.numpy()[...] = array
    return view


def analytical_jacobian(grad: Grad, func: Function, inputs: Sequence[Any], which: int) -> list[Any]:
    """The same array from the reverse pass, one output element at a time."""
    outputs = _as_tuple(func(*inputs))
    result = []
    for y in outputs:
        flat = y.reshape(-1)
        columns = []
        for k in range(flat.numel()):
            g = None
            if y.requires_grad:
                g = grad(flat[k], [inputs[which]], retain_graph=True, allow_unused=True)[0]
            n = inputs[which].numel()
            columns.append(np.zeros(n) if g is None else np.array(g.detach().numpy(), np.float64).reshape(-1))
        result.append(np.stack(columns, axis=1) if columns else np.zeros((inputs[which].numel(), 0)))
    return result


def gradcheck(
    grad: Grad,
    func: Function,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Whether the derivatives of `func` agree with central differences at `inputs` (float64 tensors).

    An element passes if |analytical - numerical| <= atol + rtol |numerical|.
    Raises `AutogradError` naming input, output and both Jacobians where they differ, or returns False.
    """
    given = list(_as_tuple(inputs))
    if not any(getattr(x, "requires_grad", False) for x in given):
        raise ArgumentError(
            "gradcheck: none of the inputs requires grad, expected at least one", hint="call requires_grad_() on it"
        )
    for which, x in enumerate(given):
        if not getattr(x, "requires_grad", False):
            continue
        if x._data.dtype != np.float64:
            raise AutogradError(
                f"gradcheck: input {which} has type {x.dtype}, expected float64 (central differences are rough)",
                hint="convert the inputs with .double()",
            )
        numerical = numerical_jacobian(func, given, which, eps)
        analytical = analytical_jacobian(grad, func, given, which)
        for k, (a, n) in enumerate(zip(analytical, numerical, strict=True)):
            if not np.allclose(a, n, rtol=rtol, atol=atol, equal_nan=True):
                if not raise_exception:
                    return False
                raise AutogradError(
                    f"Jacobian mismatch for output {k} with respect to input {which},\nnumerical:{n}\nanalytical:{a}"
                )
    return True


def gradgradcheck(grad: Grad, func: Function, inputs: Any, **options: Any) -> bool:
    """`gradcheck` of the gradient itself, along a fixed pseudo-random direction of the outputs: second derivatives.

    Options are those of `gradcheck`.
    """
    given = tuple(_as_tuple(inputs))
    wanted = [i for i, x in enumerate(given) if getattr(x, "requires_grad", False)]
    rng = np.random.default_rng(0)
    outputs = [y for y in _as_tuple(func(*given)) if y.requires_grad]
    directions = [_wrap(y, rng.standard_normal(tuple(y.shape))).requires_grad_() for y in outputs]

    def first(*args: Any) -> Any:
        xs, gs = args[: len(given)], args[len(given) :]
        xs = tuple(x if x.requires_grad or i not in wanted else x.requires_grad_() for i, x in enumerate(xs))
        ys = [y for y in _as_tuple(func(*xs)) if y.requires_grad]
        found = grad(ys, [xs[i] for i in wanted], list(gs), create_graph=True, allow_unused=True)
        return tuple(f for f in found if f is not None)

    return gradcheck(grad, first, (*given, *directions), **options)
