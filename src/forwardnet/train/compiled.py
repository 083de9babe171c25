"""The compiled program: a fit's steps as one native function, in the place of the eager program.

The step is traced once, with the model's parameters and buffers and the optimiser's state as cells. During an epoch
they live in the program's arena; before it they are packed where Python changed them, after it they are unpacked.
Steps run in chunks. A chunk that meets a number that is not finite is undone and run again eagerly, which names the
step and the tensor; so does everything that a compiled program cannot do. Where nobody looks at the weights between
epochs, several of them are one native call: a block.

Axis glossary: n rows, B rows of a batch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.data.batches import Batches
from forwardnet.ir.graph import Spec
from forwardnet.jit import Traced, trace
from forwardnet.jit.cells import (
    Cell,
    GeneratorCell,
    ItemCell,
    TensorCell,
    UnevenError,
    begin,
    cells_of,
    mark_of,
    settings_of,
)
from forwardnet.jit.fallback import made_or_reason
from forwardnet.ops.record import CannotLower
from forwardnet.train.blocks import Block, most_epochs
from forwardnet.train.chunks import Tally, split
from forwardnet.train.divergence import SNAPSHOT_STEPS, Watch
from forwardnet.train.pace import Pace, course_of
from forwardnet.train.program import Array, EagerProgram, Epoch, Loss, make_step
from forwardnet.train.purity import Untouched, is_ours
from forwardnet.train.update import Update

if TYPE_CHECKING:
    from forwardnet.nn import Module

# Between two looks at the weights, and at Ctrl-C, lie about this many multiply-adds (a tenth of a second), and at
# least and at most so many steps.
CHUNK_WORK, SHORTEST, LONGEST = 4e9, 64, 4096


def program_for(
    model: Module,
    loss: Loss,
    optimizer: Any,
    arrays: tuple[Array, ...],
    *,
    watch: Watch,
    keep_outputs: bool,
    batch_size: int,
    update: Update,
    pace: Pace,
    threads: int | None = None,
) -> EagerProgram | CompiledProgram:
    """The compiled program for these steps; where there cannot be one the eager one, and one warning that says why."""
    eager = EagerProgram(model, loss, optimizer, arrays, watch=watch, update=update, keep_outputs=keep_outputs)
    size = min(batch_size, len(arrays[0]))
    compiled, reason = made_or_reason(
        lambda: CompiledProgram(eager, model, loss, optimizer, arrays, pace=pace, batch_size=size, threads=threads)
    )
    if compiled is not None:
        return compiled
    text = f"training runs eagerly: {reason}. hint: compile=False says so beforehand"
    warnings.warn(text, UserWarning, stacklevel=3)
    return eager


class CompiledProgram:
    """Runs the steps of a fit natively; `eager` is the program it stands for."""

    def __init__(
        self,
        eager: EagerProgram,
        model: Module,
        loss: Loss,
        optimizer: Any,
        arrays: tuple[Array, ...],
        *,
        pace: Pace,
        batch_size: int,
        threads: int | None = None,
    ) -> None:
        self._pace = pace
        self._threads = threads
        self._eager, self._model, self._optimizer = eager, model, optimizer
        self._loss = loss
        self._watch = eager.watch
        self._arrays = tuple(np.ascontiguousarray(a) for a in arrays)
        self._batch_size = batch_size
        if any(hooked(module) for module in model.modules()):
            raise CannotLower("a model with hooks")
        self._programs: dict[int, tuple[Traced, Any]] = {}
        self._begin()
        self._program(batch_size)

    @property
    def is_native(self) -> bool:
        return True

    @property
    def leaves_room(self) -> bool:
        """Whether the steps take one thread where they might have taken more."""
        from forwardnet.compiler.threads import available

        limit = available() if self._threads is None else min(self._threads, available())
        return limit > 1 and bool(self._program(self._batch_size)[1].threads == 1)

    # The compiled steps

    def _begin(self, *, share: bool = True) -> None:
        """Find the cells; `share` takes equal counts of steps for one."""
        begin(self._optimizer)
        self._shares = share
        self._course = course_of(self._pace, LONGEST)
        self._cells = self._cells_now()
        self._settings = self._settings_now()
        self._seen: dict[int, Any] = {}
        self._numbers: tuple[list[int], list[int]] | None = None
        self._is_ahead = False  # whether the arena holds steps that the tensors do not know of
        self._is_good = False
        self._good: tuple[int, Array] | None = None  # the step after which, and the arena

    def _cells_now(self) -> list[Cell]:
        """What the programs read and change besides the rows."""
        tables = [] if self._course is None else self._course.tensors
        return cells_of([self._model, self._optimizer, *tables], share=self._shares)

    def _settings_now(self) -> Any:
        """What is constant in the programs: numbers that the optimiser, the model and the loss hold."""
        with nullcontext() if self._course is None else self._course.hidden():
            return settings_of([self._optimizer, self._model, self._loss], modes=False)

    def _program(self, size: int) -> tuple[Traced, Any]:
        """The program for batches of `size` rows."""
        found = self._programs.get(size)
        if found is None:
            from forwardnet.compiler.program import Native, Signature

            specs = [Spec((size, *a.shape[1:]), a.dtype) for a in self._arrays]
            try:
                traced = self._traced(specs)
            except UnevenError:  # some parameters are not reached by the loss, and make no steps
                self._begin(share=False)
                traced = self._traced(specs)
            signature = Signature(
                gathered=traced.arguments,
                states=traced.states,
                loss=0,
                record=1 if self._eager.keeps_outputs else None,
            )
            first = next(iter(self._programs.values()), None)
            native = Native(
                traced.graph, signature, like=None if first is None else first[1], most_threads=self._threads
            )
            found = self._programs[size] = (traced, native)
        return found

    def _traced(self, specs: Sequence[Spec]) -> Traced:
        """The step as a graph; refuses a model that keeps account of its calls, which a graph would not."""
        model = self._model
        was_training = model.training
        model.train()
        try:
            with Untouched(model):
                step = make_step(model, self._loss, self._optimizer, update=self._eager.update)
                step = step if self._course is None else self._course.paced(step)
                owners = (*model.modules(), self._loss, self._optimizer, self._eager.update)
                return trace(step, specs, self._cells, is_known=all(is_ours(owner) for owner in owners))
        finally:
            model.train(was_training)
            self._optimizer.zero_grad()

    # Weights in and out

    def _pack(self) -> None:
        """Bring what Python has changed since the last epoch into the arena."""
        stale = any(traced.outside.is_stale for traced, _ in self._programs.values())
        specs = [c.spec() for c in self._cells_now()]
        if stale or self._settings_now() != self._settings or [c.spec() for c in self._cells] != specs:
            self._programs.clear()
            self._begin()
        native = self._program(self._batch_size)[1]
        changed = False
        for number, cell in enumerate(self._cells):
            mark = mark_of(cell)
            if self._seen.get(number) != mark:
                native.set_input(number, cell.read())
                self._seen[number] = mark
                changed = True
        if changed:
            self._is_good = native.states_are_finite()

    def _unpack(self) -> None:
        """Bring the states in the arena back to the tensors."""
        traced, native = self._program(self._batch_size)
        for number in traced.states:
            cell = self._cells[number]
            cell.write(native.state(number, cell.spec().shape))
            self._seen[number] = mark_of(cell)
        self._is_ahead = False

    def _load(self) -> None:
        """Bring to the arena what has changed since it was last run."""
        if self._is_ahead:
            self._pack_numbers()
        else:
            self._pack()

    def _pack_numbers(self) -> None:
        """Bring what changes while weights stay in the arena: rates, and the generator, which begins a new stream."""
        native = self._program(self._batch_size)[1]
        drawn, rates = self._moving()
        for number in drawn:
            native.set_input(number, self._cells[number].read())
        for number in rates:
            mark = mark_of(self._cells[number])
            if self._seen.get(number) != mark:
                native.set_input(number, self._cells[number].read())
                self._seen[number] = mark

    def _moving(self) -> tuple[list[int], list[int]]:
        """The numbers of the cells of the generator, if the steps draw, and of rates."""
        if self._numbers is None:
            states, cells = self._program(self._batch_size)[0].states.keys(), self._cells
            generators = [n for n, cell in enumerate(cells) if isinstance(cell, GeneratorCell)]
            drawn = [] if states.isdisjoint(generators) else generators
            rates = [n for n, cell in enumerate(cells) if isinstance(cell, ItemCell) and n not in states]
            self._numbers = drawn, rates
        return self._numbers

    @property
    def rates(self) -> list[Any]:
        """What the steps read that may change while weights stay in the arena: to be compared."""
        cells = (self._cells[number] for number in self._moving()[1])
        return [value if type(value := cell.held()) is float else mark_of(cell) for cell in cells]

    def explain(self) -> str:
        """The kernels of a step: what was fused, operations, bytes, and times measured now."""
        text: str = self._program(self._batch_size)[1].explain()
        return text

    # Epochs

    def run_epoch(self, batches: Batches, after_step: Callable[..., bool], *, stays: bool = False) -> Epoch:
        """One step for each array of row numbers; ends early when `after_step(loss)` answers False."""
        self._load()
        is_watched = getattr(after_step, "is_watched", False) or (self._pace.by_batch and self._course is None)
        every = 1 if is_watched else self._chunk_steps()
        tally = Tally(self._eager)
        parts = split(batches, every)
        is_complete = True
        for number, part in enumerate(parts, 1):
            if not self._chunk(part, after_step, tally, is_watched=is_watched) and number < len(parts):
                is_complete = False
                break
        self._is_ahead = True
        if not stays:
            self.settle()
        return tally.epoch(is_complete=is_complete)

    # Blocks of epochs

    def epochs_at_once(self, rows: int) -> int:
        """How many epochs of so many rows are run in one native call."""
        native, steps = self._program(self._batch_size)[1], -(-rows // self._batch_size)
        row_bytes = self._outputs(native, 1).nbytes if self._eager.keeps_outputs else 0
        most = most_epochs(native.work, steps, rows, row_bytes)
        return most if self._course is None else max(1, min(most, LONGEST // steps))

    def run_block(self, order: Array, streams: Sequence[int]) -> Block | None:
        """The steps of whole epochs over the rows of `order` (epochs, rows), with the noise of the streams of each.

        None, with everything as it was before, where something is not finite.
        """
        self._load()
        count, rows = order.shape
        whole, rest = divmod(rows, self._batch_size)
        native, last = self._program(self._batch_size)[1], self._program(rest)[1] if rest else None
        self._share()
        if self._course is not None:
            self._course.fill(native, self._cells, self._pace.foreseen(count * (whole + bool(rest))))
        before = self._kept(native)
        block = Block.of(
            (native, last),
            self._arrays,
            order,
            sizes=np.array([self._batch_size] * whole + [rest] * bool(rest)),
            records=self._outputs(native, count, rows) if self._eager.keeps_outputs else None,
            drawn=self._moving()[0],
            streams=streams,
            before=before,
            is_sum=self._eager.is_sum,
        )
        if not block.is_good:
            native.restore(before)
            return None
        self._watch.step += block.losses.size
        self._is_ahead = True
        return block

    def rewind(self, block: Block, epochs: int) -> None:
        """Bring the arena to where it was after so many epochs of the block that was run last."""
        if epochs < len(block):
            block.rewind(epochs)
            self._watch.step -= block.losses[epochs:].size

    @property
    def keeps_pace(self) -> bool:
        """Whether no schedule changes anything, or the steps follow it by themselves."""
        return self._pace.scheduler is None or self._course is not None

    def show(self) -> None:
        """Bring the model's tensors to where they can be read; the arena goes on with its own."""
        traced, native = self._program(self._batch_size)
        for number in traced.states:
            cell = self._cells[number]
            if isinstance(cell, TensorCell):
                cell.write(native.state(number, cell.spec().shape))
                self._seen[number] = mark_of(cell)

    def settle(self) -> None:
        """Bring the states to the tensors, if steps have changed them since."""
        if self._is_ahead:
            self._unpack()

    def _chunk_steps(self) -> int:
        """How many steps one native call makes: a number that depends on the program alone, not on the clock."""
        return int(min(max(CHUNK_WORK / (self._program(self._batch_size)[1].work + 1), SHORTEST), LONGEST))

    def _chunk(self, part: Batches, after_step: Callable[..., bool], tally: Tally, *, is_watched: bool) -> bool:
        """Run some steps of equal size; tells whether to go on."""
        native, steps = self._program(part.size)[1], len(part)
        self._share()
        before = self._kept(native)
        if self._course is not None:
            self._course.fill(native, self._cells, self._pace.foreseen(steps))
        outputs = self._outputs(native, len(part.order)) if self._eager.keeps_outputs else None
        losses = native.run(self._arrays, part.order, steps, outputs)
        if len(losses) < steps or not np.isfinite(losses).all() or not native.states_are_finite():
            native.restore(before)
            return self._again(part, after_step, tally)
        tally.add(losses, part, outputs)
        self._watch.step += steps
        if is_watched:
            self._unpack()
        goes_on = after_step(*losses.tolist())
        if is_watched:
            self._pack()
        return goes_on

    def _kept(self, native: Any) -> Array:
        """A copy of the states; from time to time it is what divergence goes back to."""
        before: Array = native.saved()
        if self._is_good and (self._good is None or self._watch.step - self._good[0] >= SNAPSHOT_STEPS):
            self._good = (self._watch.step, before)
        return before

    def _share(self) -> None:
        """One arena for the programs of all batch sizes, large enough for each."""
        natives = [native for _, native in self._programs.values()]
        largest = max((native.arena for native in natives), key=len)
        for native in natives:
            native.arena = largest

    def _outputs(self, native: Any, *rows: int) -> Array:
        shape = self._programs[self._batch_size][0].graph.outputs[1].shape
        return np.empty((*rows, *shape[1:]), native.program.outputs[1].val.dtype)

    def _again(self, part: Batches, after_step: Callable[..., bool], tally: Tally) -> bool:
        """Run steps eagerly from the state in the arena: they raise the error that says what is not finite."""
        if self._good is not None and self._watch.step:
            native = self._program(self._batch_size)[1]
            before = native.arena.copy()
            step, good = self._good
            native.restore(good)
            self._unpack()
            self._watch.remember(step)
            native.arena[:] = before
        self._unpack()
        epoch = self._eager.run_epoch(part, after_step)
        tally.join(epoch, part)
        self._pack()
        return epoch.is_complete


def hooked(module: Module) -> bool:
    """Whether a module has hooks, which would see the trace and no step."""
    return any(getattr(module, name, None) for name in ("_forward_hooks", "_forward_pre_hooks"))
