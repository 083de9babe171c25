"""An activation function and its derivative."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forwardnet.errors import unknown_name
from forwardnet.plot.style import BLUE, GREY, ORANGE, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def activation(name: str, *, low: float = -5.0, high: float = 5.0, n_points: int = 501) -> Figure:
    """Draw an elementwise activation of `nn`, by name, and its derivative, both computed by the library.

    Raises:
        UnknownNameError: there is no activation of that name.
    """
    from forwardnet import nn, tensor

    known = {k: v for k, v in nn.activations.ACTIVATIONS.items() if "softmax" not in k}  # one number has no softmax
    if name not in known:
        raise unknown_name("activation", name, known)
    x = tensor(np.linspace(low, high, n_points), requires_grad=True)
    y = known[name]()(x)
    y.sum().backward()
    assert x.grad is not None
    at = x.detach().numpy()
    figure = new_figure(4.8, 3.6)
    axes = figure.add_subplot()
    tidy(axes, title=name, x="x")
    axes.axhline(0.0, color=GREY, linewidth=0.8)
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    axes.plot(at, y.detach().numpy(), color=BLUE, linewidth=2.2, label="f(x)")
    axes.plot(at, x.grad.numpy(), color=ORANGE, linewidth=1.8, linestyle="--", label="f'(x)")
    axes.legend(fontsize=SMALL, frameon=False)
    return figure
