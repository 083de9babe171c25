"""The outputs of a model for the validation rows of each epoch, by native code where that is worth it.

Axis glossary: n rows, B rows of a block.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.ir.graph import Spec
from forwardnet.jit import trace
from forwardnet.jit.cells import TensorCell, cells_of, mark_of, settings_of
from forwardnet.jit.fallback import made_or_reason
from forwardnet.nn import Module
from forwardnet.ops.record import CannotLower
from forwardnet.tensor import Tensor
from forwardnet.tensor.mode import no_grad
from forwardnet.train.compiled import hooked
from forwardnet.train.program import BLOCK, forward
from forwardnet.train.purity import Untouched, is_ours

Array = NDArray[Any]

MOST_ROWS = 256  # of a native block
# What rows cost eagerly, in seconds: each layer of a block, and each row and weight. Native code takes about a tenth,
# and half a second to be made when it has not been made before.
A_LAYER, A_WEIGHT, WORTH = 5e-5, 2e-10, 0.5


class Outputs:
    """Gives the outputs for the rows of X (n, d) again and again, `times` in all, while the weights change.

    The choice between native code and eager steps depends on counts alone, not on the clock, so it is the same in
    every run.
    """

    def __init__(self, model: Module, X: Array, times: int, *, compile: bool, threads: int | None = None) -> None:
        self._model, self._X, self._threads = model, np.ascontiguousarray(X), threads
        self._native: _NativeOutputs | None = None
        self._may_compile = compile and times * seconds(model, len(X)) > WORTH

    def __call__(self) -> Array:
        """The outputs with the weights as they are now, in evaluation mode."""
        if self._may_compile and (self._native is None or self._native.is_stale):
            self._native, _ = made_or_reason(lambda: _NativeOutputs(self._model, self._X, self._threads))
            self._may_compile = self._native is not None
        return forward(self._model, self._X) if self._native is None else self._native()


def seconds(model: Module, n: int) -> float:
    """About how long n rows take eagerly."""
    layers = sum(1 for _ in model.modules())
    weights = sum(p.numel() for p in model.parameters())
    return -(-n // BLOCK) * layers * A_LAYER + n * weights * A_WEIGHT


class _NativeOutputs:
    """A program without any state of its own: weights in, outputs out."""

    def __init__(self, model: Module, X: Array, threads: int | None) -> None:
        from forwardnet.compiler.program import Native, Signature

        if any(hooked(module) for module in model.modules()):
            raise CannotLower("a model with hooks")
        self._model, self._X = model, X
        self._cells = [cell for cell in cells_of([model]) if isinstance(cell, TensorCell)]
        self._settings = self._settings_now()
        rows = min(MOST_ROWS, len(X))
        # Blocks are full: the last row comes as often as it takes, and what it gives is left out.
        self._steps = -(-len(X) // rows)
        self._order = np.minimum(np.arange(self._steps * rows, dtype=np.int64), len(X) - 1)
        self._traced = self._trace(rows)
        if self._traced.states:
            raise CannotLower("a model that changes when it is evaluated")
        shape = self._traced.graph.outputs[0].shape
        if not shape or shape[0] != rows:
            raise CannotLower("outputs that are not one for each row")
        signature = Signature(gathered=self._traced.arguments, states={}, loss=None, record=0)
        self._native = Native(self._traced.graph, signature, most_threads=threads)
        self._outputs = np.empty((len(self._order), *shape[1:]), self._native.program.outputs[0].val.dtype)
        self._seen: dict[int, Any] = {}

    def _trace(self, rows: int) -> Any:
        model = self._model
        was_training = model.training
        model.eval()
        try:
            with Untouched(model), no_grad():
                spec = Spec((rows, *self._X.shape[1:]), self._X.dtype)
                return trace(self._step, [spec], self._cells, is_known=all(is_ours(m) for m in model.modules()))
        finally:
            model.train(was_training)

    def _step(self, x: Tensor) -> list[Tensor]:
        output = self._model(x)
        if not isinstance(output, Tensor):
            raise CannotLower(f"an output of type {type(output).__name__}")
        return [output]

    def _settings_now(self) -> Any:
        found = zip(self._model.modules(), settings_of([self._model], modes=False), strict=True)
        return [[pair for pair in own if pair[0] not in module.only_in_training] for module, own in found]

    @property
    def is_stale(self) -> bool:
        """Whether something has changed that is constant in the program."""
        return bool(self._traced.outside.is_stale) or self._settings_now() != self._settings

    def __call__(self) -> Array:
        for number, cell in enumerate(self._cells):
            mark = mark_of(cell)
            if self._seen.get(number) != mark:
                self._native.set_input(number, cell.read())
                self._seen[number] = mark
        self._native.run((self._X,), self._order, self._steps, self._outputs)
        return np.array(self._outputs[: len(self._X)])
