"""Residual blocks: a layer learns what is to be added to its input."""

from __future__ import annotations

from typing import Any

from forwardnet.errors import ShapeError
from forwardnet.nn.sequential import Sequential


class Residual(Sequential):
    """y = x + f_n(... f_1(x)): modules applied one after another, and their input added (He et al. 2016).

    Takes what `Sequential` takes. The derivative dy/dx = 1 + df/dx lets gradients pass many blocks undiminished.

    Raises:
        ShapeError: the modules change the shape, so that there is nothing to add.

    Example:
        >>> nn.Residual(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4))(ff.zeros(5, 4)).shape
        forwardnet.Size([5, 4])
    """

    _takes_stacks = True

    def forward(self, x: Any) -> Any:
        change = super().forward(x)
        if change.shape != x.shape:
            raise ShapeError(
                f"Residual: the modules turn {tuple(x.shape)} into {tuple(change.shape)}, expected the shape of x",
                hint="end the block with a layer of as many outputs as the block has inputs",
            )
        return x + change
