"""Many fits at once: the folds of a validation, the members of an ensemble, the seeds of a comparison.

Small alike models train as fleets, sixteen in one native program with one model in each lane; others one for each
thread. Either way each model learns from its own rows, in the order and with the noise of its own seed.

Axis glossary: n rows, B rows of a batch, L lanes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.data.batches import stream_of
from forwardnet.ir.graph import Spec
from forwardnet.jit import trace
from forwardnet.jit.cells import Cell, GeneratorCell, begin, cells_of, settings_of
from forwardnet.jit.fallback import made_or_reason
from forwardnet.ops.record import CannotLower
from forwardnet.optim.flat import FlatOptimizer
from forwardnet.tensor.random import Generator, drawing_from
from forwardnet.train import inputs
from forwardnet.train.callbacks import Callback
from forwardnet.train.compiled import hooked
from forwardnet.train.divergence import TrainingDivergedError
from forwardnet.train.history import History
from forwardnet.train.program import make_step
from forwardnet.train.purity import Untouched, is_ours
from forwardnet.train.run import Run
from forwardnet.train.update import NOTHING

if TYPE_CHECKING:
    from forwardnet.compiler.fleet.program import Fleet
    from forwardnet.train.trainer import Trainer

Array = NDArray[Any]
Rule = Callable[[int, float], bool]

LANES = 16
BY_RULE = "no progress"  # why a history ended that a rule has ended
# A fleet of fewer models than this wastes more lanes than it saves calls.
FEWEST = 3
# Bytes of a fleet's arena, beyond which models train one by one. It may be larger than a processor's second cache: up
# to here what a single fit spends outside of its steps is more than what the lanes lose by it.
LARGEST = 16 << 20
# Multiply-adds of one native call, between two looks whether to go on: about a tenth of a second.
CALL_WORK = 4e9
# Programs that later calls find again, each some hundred kilobytes.
KEPT = 32

_fleets: dict[Any, Any] = {}


@dataclass(frozen=True)
class Job:
    """One fit: a trainer, the rows it learns from, and what begins the rule that may end it."""

    number: int
    trainer: Trainer
    rows: Array
    begin_rule: Callable[[], Rule] | None = None


def fit_many(
    trainers: Sequence[Trainer],
    X: Any,
    y: Any,
    rows: Iterable[Any] | None = None,
    *,
    epochs: int = 20,
    batch_size: int = 64,
    shuffle: bool = True,
    threads: int | None = None,
    rules: Sequence[Callable[[], Rule]] | None = None,
    on_done: Callable[[int], object] | None = None,
) -> list[History]:
    """Fit each trainer to its rows of `X` and `y`: what `trainer.fit(X[r], y[r], ...)` does, many at once.

    `rows` gives for each trainer the numbers of its rows (None: all rows for all). At most `threads` threads work
    (None: as many as there are processors). A model's weights depend on its own seed, rows and start alone, never on
    what trains beside it or on the number of threads; they agree with those of a single `fit` within rounding. A run
    that meets a NaN ends as `stopped == "diverged"` in its history, with its last good weights, and disturbs no other.
    `rules` has for each trainer a function that begins a rule, a function (epoch, loss) -> whether to stop after it;
    the loss is that of the history. `on_done` is called with a number of models whenever so many more have ended.
    Ctrl-C raises KeyboardInterrupt; the histories of models that were not finished are empty.

    Returns:
        The histories, in the order of the trainers.

    Raises:
        ArgumentError: two trainers share a model, or `rows` has another length than `trainers`.
        DataError, ShapeError, DTypeError: the data cannot be used.
    """
    epochs, batch_size = inputs.whole(epochs, "epochs", least=1), inputs.whole(batch_size, "batch_size", least=1)
    trainers = list(trainers)
    if not trainers:
        return []
    if len({id(t.model) for t in trainers}) < len(trainers):
        raise errors.ArgumentError("fit_many: two trainers share a model", hint="make a model for each")
    arrays, _ = trainers[0]._data(X, y, None, 0.0, None)
    jobs = _jobs(trainers, rows, len(arrays[0]), rules)
    many = _Many(arrays, epochs, batch_size, bool(shuffle), threads)
    return many.run(jobs, on_done)


def _jobs(
    trainers: Sequence[Trainer], rows: Iterable[Any] | None, n: int, rules: Sequence[Callable[[], Rule]] | None
) -> list[Job]:
    """Trainers and their checked rows."""
    chosen = [np.arange(n)] * len(trainers) if rows is None else [np.asarray(r) for r in rows]
    if len(chosen) != len(trainers):
        raise errors.ArgumentError(f"fit_many: {len(chosen)} sets of rows for {len(trainers)} trainers")
    for number, own in enumerate(chosen):
        if own.ndim != 1 or own.dtype.kind not in "iu" or not own.size:
            raise errors.ArgumentError(
                f"fit_many: rows[{number}] has shape {own.shape} and type {own.dtype}, expected row numbers"
            )
        if own.min() < 0 or own.max() >= n:
            raise errors.ArgumentError(f"fit_many: rows[{number}] names row {own.max()}, and there are {n} rows")
    begins = [None] * len(trainers) if rules is None else rules
    together = zip(trainers, chosen, begins, strict=True)
    return [Job(i, t, own.astype(np.int64), begin) for i, (t, own, begin) in enumerate(together)]


class _Stop(Callback):
    """A rule as a callback."""

    looks_at_weights = False

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def on_epoch_end(self, run: Run) -> None:
        if self.rule(run.epoch, run.logs["loss"]):
            run.stop(BY_RULE)


class _Many:
    """Runs jobs over the same data."""

    def __init__(
        self, arrays: tuple[Array, ...], epochs: int, batch_size: int, shuffle: bool, most: int | None
    ) -> None:
        from forwardnet.compiler import threads

        self.arrays = tuple(np.ascontiguousarray(a) for a in arrays)
        self.epochs, self.batch_size, self.shuffle = epochs, batch_size, shuffle
        self.workers = threads.available() if most is None else inputs.whole(most, "threads", least=1)
        self.stopped = threading.Event()

    def run(self, jobs: Sequence[Job], on_done: Callable[[int], object] | None = None) -> list[History]:
        """All jobs; the histories in order."""
        works: list[Any] = []
        for numbers in alike([job.trainer for job in jobs], [len(job.rows) for job in jobs]):
            group = [jobs[number] for number in numbers]
            fleet = self._fleet(group)
            if fleet is None:
                works += [(self._alone, (job,)) for job in group]
            else:
                parts = [group[i : i + LANES] for i in range(0, len(group), LANES)]
                works += [(self._together, (fleet, part)) for part in parts]
        with ThreadPoolExecutor(min(self.workers, len(works)), thread_name_prefix="fit-many") as pool:
            futures: list[Any] = []
            try:
                for work, args in works:
                    futures.append(pool.submit(work, *args))
                for future, (_, args) in zip(futures, works, strict=True):
                    future.result()
                    if on_done is not None:
                        on_done(len(args[1]) if len(args) == 2 else 1)
            except BaseException:
                self.stopped.set()
                for future in futures:
                    future.cancel()
                raise
        return [job.trainer.history for job in jobs]

    def _alone(self, job: Job) -> None:
        """One job by itself, on one thread."""
        if self.stopped.is_set():
            return
        trainer, before = job.trainer, job.trainer.threads
        trainer.threads = 1
        try:
            trainer.fit(
                self.arrays[0][job.rows],
                self.arrays[1][job.rows],
                epochs=self.epochs,
                batch_size=self.batch_size,
                shuffle=self.shuffle,
                callbacks=[] if job.begin_rule is None else [_Stop(job.begin_rule())],
                progress=False,
            )
        except TrainingDivergedError:
            pass  # `stopped` in the history says so
        finally:
            trainer.threads = before

    # Fleets

    def _fleet(self, jobs: Sequence[Job]) -> Fleet | None:
        """The native program for alike jobs; None where there can be none, or is not worth it."""
        first, n = jobs[0].trainer, len(jobs[0].rows)
        is_watched = first.scheduler is not None or (bool(first._scores) and first._measures_training)
        if len(jobs) < FEWEST or not first.compile or is_watched or isinstance(first.optimizer, FlatOptimizer):
            return None
        from forwardnet.compiler.kept import found_or_made

        key = self._key(first, n)
        fleet, _ = made_or_reason(lambda: found_or_made(key, lambda: self._made(first, n), store=_fleets, most=KEPT))
        return fleet if fleet is not None and fleet.size <= LARGEST else None

    def _key(self, trainer: Trainer, n: int) -> Any:
        """What a fleet is kept under for later calls; None where code that is not ours may have changed till then."""
        owners = (*trainer.model.modules(), trainer.optimizer, trainer.loss)
        if not all(is_ours(owner) for owner in owners) or trainer.update != NOTHING:
            return None
        description = _description(trainer)
        if not isinstance(description, tuple):
            return None
        cells = [(type(cell), cell.spec()) for cell in _cells(trainer)]
        arrays = [(a.shape[1:], a.dtype) for a in self.arrays]
        return repr((n, self.batch_size, arrays, cells)), *description

    def _made(self, trainer: Trainer, n: int) -> Fleet:
        from forwardnet.compiler.fleet.program import Course, Fleet

        model, optimizer = trainer.model, trainer.optimizer
        if any(hooked(module) for module in model.modules()):
            raise CannotLower("a model with hooks")
        cells = _cells(trainer)
        step = make_step(model, trainer.loss, optimizer, update=trainer.update)
        size = min(self.batch_size, n)
        courses = []
        model.train()
        with Untouched(model), drawing_from(Generator(trainer.seed)):
            for batch, steps in ((size, n // size), (n % size, 1)):
                if batch:
                    specs = [Spec((batch, *a.shape[1:]), a.dtype) for a in self.arrays]
                    traced = trace(lambda *given: step(*given)[:1], specs, cells)
                    courses.append(Course(traced.graph, traced.states, batch, steps))
        optimizer.zero_grad()
        drawn = {c.key: i for i, c in enumerate(cells) if isinstance(c, GeneratorCell) and c.key != "seed"}
        return Fleet(courses, len(cells), drawn)

    def _together(self, fleet: Fleet, jobs: Sequence[Job]) -> None:
        """Up to sixteen jobs in one program; those that meet a NaN are run again alone, from where they began."""
        begun = time.perf_counter()
        every = [*jobs, *[jobs[-1]] * (LANES - len(jobs))]  # spare lanes do what the last one does
        cells = [_cells(job.trainer) for job in jobs]
        arena = fleet.arena()
        self._pack(fleet, arena, every, [*cells, *[cells[-1]] * (LANES - len(jobs))])
        rows = np.stack([job.rows for job in every], axis=1)
        seeds = np.array([job.trainer.seed for job in every], np.uint64).view(np.int64)
        first = jobs[0].trainer.epochs_done + 1
        rules = {i: job.begin_rule() for i, job in enumerate(jobs) if job.begin_rule is not None}
        a_call = 1 if rules else int(max(1, CALL_WORK // (fleet.work + 1)))
        losses: list[Array] = []
        going = list(range(len(jobs)))
        for epoch in range(0, self.epochs, a_call):
            if self.stopped.is_set() or not going:
                break
            losses.append(
                fleet.run(
                    arena,
                    self.arrays,
                    rows,
                    seeds,
                    epochs=min(a_call, self.epochs - epoch),
                    first_epoch=first + epoch,
                    shuffle=stream_of("shuffle", 0) if self.shuffle else None,
                    noise=stream_of("noise", 0),
                )
            )
            means = epoch_losses(jobs[0].trainer, losses[-1][-1:], fleet.sizes)[0] if rules else np.empty(0)
            ended = [i for i in going if i in rules and rules[i](first + epoch, float(means[i]))]
            if ended:
                so_far = np.concatenate(losses), time.perf_counter() - begun
                self._unpack(fleet, arena, jobs, cells, *so_far, ended, BY_RULE)
                going = [i for i in going if i not in ended]
        if going and not self.stopped.is_set():
            self._unpack(fleet, arena, jobs, cells, np.concatenate(losses), time.perf_counter() - begun, going)

    def _pack(self, fleet: Fleet, arena: Array, jobs: Sequence[Job], cells: Sequence[Sequence[Cell]]) -> None:
        for number, same in enumerate(zip(*cells, strict=True)):
            view = fleet.cell(arena, number)
            if isinstance(same[0], GeneratorCell):
                if same[0].key == "seed":
                    view[...] = np.array([job.trainer.seed for job in jobs], np.uint64).view(np.int64)
            else:
                values = [cell.read() for cell in same]
                view[...] = np.stack(values, axis=-1).reshape(view.shape)

    def _unpack(
        self,
        fleet: Fleet,
        arena: Array,
        jobs: Sequence[Job],
        cells: Sequence[Any],
        losses: Array,
        seconds: float,
        lanes: Sequence[int],
        reason: str | None = None,
    ) -> None:
        """Give the jobs of these lanes the weights and losses that they have now."""
        numbers = [n for n in fleet.courses[0].states if not isinstance(cells[0][n], GeneratorCell)]
        values = {n: np.ascontiguousarray(np.moveaxis(fleet.cell(arena, n), -1, 0)) for n in numbers}
        good: Any = np.isfinite(losses).all((0, 1))
        for value in values.values():
            good &= np.isfinite(value).all((1, 2))
        for lane in lanes:
            job = jobs[lane]
            if not good[lane]:
                self._alone(job)
                continue
            for n in numbers:
                cell = cells[lane][n]
                cell.write(values[n][lane].reshape(cell.spec().shape))
            job.trainer._finish_outside(losses[:, :, lane], fleet.sizes, seconds)
            job.trainer.history.stopped = reason


def epoch_losses(trainer: Trainer, losses: Array, sizes: Sequence[int]) -> Array:
    """(epochs, ...): the losses of epochs from those (epochs, steps, ...) of steps of `sizes` rows."""
    is_sum = getattr(trainer.loss, "reduction", "mean") == "sum"
    return np.asarray(losses.sum(1) if is_sum else np.average(losses, axis=1, weights=sizes))


def _cells(trainer: Trainer) -> list[Cell]:
    """The cells of a trainer's model and optimiser, in the same order for alike trainers."""
    begin(trainer.optimizer)
    with drawing_from(Generator(trainer.seed)):
        return cells_of([trainer.model, trainer.optimizer])


def alike(trainers: Sequence[Trainer], counts: Sequence[int]) -> list[list[int]]:
    """Numbers of trainers in groups that one program fits: equal `counts` of rows and epochs, and equal networks."""
    groups: dict[Any, list[int]] = {}
    for number, (trainer, count) in enumerate(zip(trainers, counts, strict=True)):
        groups.setdefault((count, trainer.epochs_done, _description(trainer)), []).append(number)
    return list(groups.values())


def _description(trainer: Trainer) -> Any:
    """What the program of a trainer depends on, as far as can be seen; a trainer of its own kind where it cannot."""
    model, optimizer, loss = trainer.model, trainer.optimizer, trainer.loss
    shapes: list[Any] = []
    seen: dict[int, int] = {}  # a parameter that two layers share is not two
    for module in model.modules():
        if not _is_plain(module):
            return id(trainer)
        shapes.append(type(module))
        own = [(name, p) for name, p in module._parameters.items() if p is not None]
        shapes += [(name, p.spec, p.requires_grad, seen.setdefault(id(p), len(seen))) for name, p in own]
        shapes += [(name, b.spec) for name, b in module._buffers.items() if b is not None]
    # A function is itself, unless it says by `alike` what it does; what a loss holds besides numbers, such as the
    # weights of classes, is constant in programs.
    held = getattr(loss, "alike", None) or id(loss)
    if hasattr(loss, "modules"):
        held = tuple(b.numpy().tobytes() for b in loss.buffers())
    options = (trainer.compile, trainer.precision, trainer.scheduler is None, bool(trainer._scores), trainer.update)
    kinds = (type(optimizer), type(loss))
    return repr((shapes, kinds, settings_of([model, optimizer, loss]), options)), held


def _is_plain(module: Any) -> bool:
    """Whether a module holds nothing but numbers, names, other modules and what is counted among its tensors."""
    kept = (v for k, v in vars(module).items() if not k.startswith("_"))
    return all(v is None or type(v) in (bool, int, float, str, tuple) for v in kept)
