"""Training with optimisers that look at the loss of all rows as often as they need: L-BFGS, Newton, steepest descent.

An epoch is one step of such an optimiser. The loss and its gradient at given weights are one native function, which
is where the time goes; the few vectors of the optimiser itself stay in NumPy, because how often it calls depends on
what comes out. Second derivatives run eagerly: a Hessian is as many backward passes as there are parameters, and
those who can afford it have small networks.

Axis glossary: n rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet import errors
from forwardnet.autograd import grad
from forwardnet.data.batches import Batches
from forwardnet.ir.graph import Spec
from forwardnet.jit import trace
from forwardnet.jit.cells import cells_of, mark_of, settings_of
from forwardnet.jit.fallback import made_or_reason
from forwardnet.ops.record import CannotLower
from forwardnet.optim.flat import FlatOptimizer
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import from_numpy
from forwardnet.tensor.random import default_generator
from forwardnet.train.compiled import hooked
from forwardnet.train.divergence import Watch, first_bad
from forwardnet.train.program import Array, Epoch, Loss, minimised
from forwardnet.train.purity import Untouched
from forwardnet.train.update import Update

if TYPE_CHECKING:
    from forwardnet.nn import Module


class FullBatchProgram:
    """Runs each epoch as one step of an optimiser over all rows.

    The loss and the outputs of an epoch are those after it. Layers that draw random numbers draw the same ones for
    every look at the loss within an epoch, so that it is a function of the weights.
    """

    def __init__(
        self,
        model: Module,
        loss: Loss,
        optimizer: FlatOptimizer,
        arrays: tuple[Array, ...],
        *,
        watch: Watch,
        update: Update,
        keep_outputs: bool = False,
        compile: bool = True,
        threads: int | None = None,
    ) -> None:
        self._model, self._loss, self._optimizer, self._update = model, loss, optimizer, update
        self._watch, self._keeps_outputs = watch, keep_outputs
        self._arrays = tuple(np.ascontiguousarray(a) for a in arrays)
        self._threads = threads
        self._native: Objective | None = None
        if compile and optimizer.asks == "closure":
            self._native = self._made()

    @property
    def is_native(self) -> bool:
        """Whether the loss and its gradient are native code."""
        return self._native is not None

    def _made(self) -> Objective | None:
        """The native function; None, and one warning that says why, where there cannot be one."""
        made, reason = made_or_reason(
            lambda: Objective(self._model, self._loss, self._update, self._arrays, self._threads)
        )
        if made is None:
            text = f"training runs eagerly: {reason}. hint: compile=False says so beforehand"
            warnings.warn(text, UserWarning, stacklevel=6)
        return made

    def explain(self) -> str:
        """What an evaluation of the loss runs."""
        return "every operation ran eagerly, through NumPy" if self._native is None else self._native.native.explain()

    def settle(self) -> None:
        """Nothing to do: the weights are where they belong."""

    def run_epoch(self, batches: Batches, after_step: Callable[..., bool], *, stays: bool = False) -> Epoch:
        """One step over all rows, whatever the batches are."""
        if self._native is not None and self._native.is_outdated:
            self._native = self._made()
        noise = default_generator()
        start = noise.position if hasattr(noise, "position") else None
        tensors = [from_numpy(a) for a in self._arrays]
        watch, last = self._watch, self._watch.step

        def closure() -> Any:
            if start is not None:
                noise.position = start
            return self._evaluate(tensors, second=self._optimizer.asks == "losses")[2]

        try:
            self._optimizer.step(closure)
        except (errors.ArgumentError, errors.DivergedError) as error:
            bad = first_bad(self._model, tensors[0])
            if not bad and not isinstance(error, errors.DivergedError):
                raise
            watch.step = last + 1
            raise watch.error(bad or error.message) from error
        self._update.constrain(self._optimizer)
        if start is not None:
            noise.position = start
        value, output, _ = self._evaluate(tensors, second=False)
        watch.check(value, tensors[0])
        self._optimizer.zero_grad()
        after_step(value)
        rows = np.arange(len(self._arrays[0])) if self._keeps_outputs else None
        return Epoch(value, np.array([value]), True, rows, output if self._keeps_outputs else None)

    def _evaluate(self, tensors: list[Tensor], *, second: bool) -> tuple[float, Any, Any]:
        """The loss, the outputs and what is minimised; its gradient is left in `.grad`, or can be taken (`second`)."""
        if self._native is not None:
            return self._native()
        self._optimizer.zero_grad()
        output, value, total = minimised(self._model, self._loss, self._update, *tensors)
        if not second:
            total.backward()
        return float(value.item()), np.array(output.detach().numpy()) if self._keeps_outputs else None, total


class Objective:
    """The loss of all rows and its gradient, as a native function of the weights that the model has now."""

    def __init__(
        self, model: Module, loss: Loss, update: Update, arrays: tuple[Array, ...], threads: int | None
    ) -> None:
        from forwardnet.compiler.program import Native, Signature

        if any(hooked(module) for module in model.modules()):
            raise CannotLower("a model with hooks")
        self._model, self._loss, self._arrays = model, loss, arrays
        self._params = [p for p in model.parameters() if p.requires_grad]
        self._cells = cells_of([model])
        self._settings = settings_of([model, loss], modes=False)
        self._seen: dict[int, Any] = {}

        def evaluate(x: Tensor, *rest: Tensor) -> list[Tensor]:
            output, value, total = minimised(model, loss, update, x, *rest)
            return [value, output, total, *grad(total, self._params, materialize_grads=True)]

        was_training = model.training
        model.train()
        try:
            with Untouched(model):
                self._traced = trace(evaluate, [Spec(a.shape, a.dtype) for a in arrays], self._cells)
        finally:
            model.train(was_training)
        signature = Signature(gathered=self._traced.arguments, states=self._traced.states, loss=0, record=1)
        self.native = Native(self._traced.graph, signature, most_threads=threads)
        self._order = np.arange(len(arrays[0]), dtype=np.int64)
        self._outputs = np.empty(self._traced.graph.outputs[1].shape, self.native.program.outputs[1].val.dtype)

    @property
    def is_outdated(self) -> bool:
        """Whether something that is constant in the program has changed."""
        settings = settings_of([self._model, self._loss], modes=False)
        return self._traced.outside.is_stale or settings != self._settings

    def __call__(self) -> tuple[float, Array, float]:
        """The loss, the outputs and what is minimised, at the present weights; the gradient goes to `.grad`."""
        native, cells = self.native, self._cells
        for number, cell in enumerate(cells):
            mark = mark_of(cell)
            if self._seen.get(number) != mark:
                native.set_input(number, cell.read())
                self._seen[number] = mark
        losses = native.run(self._arrays, self._order, 1, self._outputs)
        for number in self._traced.states:
            cells[number].write(native.state(number, cells[number].spec().shape))
            self._seen[number] = mark_of(cells[number])
        for number, p in enumerate(self._params, start=3):
            p.grad = from_numpy(native.output(number, tuple(p.shape)))
        value = float(losses[0]) if len(losses) else float("nan")
        total = float(native.output(2, ())) if len(losses) else float("nan")
        return value, self._outputs.copy(), total
