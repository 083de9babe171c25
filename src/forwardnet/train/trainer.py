"""Trainer: fit a network to data, measure it, use it, and save it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import dtypes, errors, nn
from forwardnet.data.splits import train_validation_test
from forwardnet.ops.record import REGISTRY
from forwardnet.optim.flat import FlatOptimizer
from forwardnet.tensor.functional import from_numpy
from forwardnet.tensor.mode import no_grad
from forwardnet.tensor.random import Generator, drawing_from
from forwardnet.train import inputs
from forwardnet.train.callbacks import Dispatcher
from forwardnet.train.compiled import program_for
from forwardnet.train.divergence import Watch
from forwardnet.train.full_batch import FullBatchProgram
from forwardnet.train.history import History, Row
from forwardnet.train.loop import Loop
from forwardnet.train.metrics import Link
from forwardnet.train.orders import Orders
from forwardnet.train.outputs import Outputs
from forwardnet.train.pace import Pace, begun, schedule_of
from forwardnet.train.pairing import Pairing, check_classes, class_labels, pairing_of
from forwardnet.train.parts import loss_of, optimizer_of
from forwardnet.train.program import EagerProgram, Epoch, Program, forward, weighted
from forwardnet.train.progress import display_for
from forwardnet.train.renewal import renewal
from forwardnet.train.resume import resumed
from forwardnet.train.run import Run
from forwardnet.train.scoring import Chosen, choose
from forwardnet.train.threads import limited_threads
from forwardnet.train.update import update_of

Array = NDArray[Any]

PRECISIONS = ("float32", "float64")


class Trainer:
    """Trains `model` by minimising `loss` with `optimizer`.

    `loss` is an object of `ff.nn`, a function (output, y) -> tensor of one number, or a name ("cross_entropy");
    `optimizer` is an object of `ff.optim` that holds the model's parameters, or a name ("adam"), which is made with
    its default settings. `metrics` are names of `ff.metrics` or functions (y_true, output) -> number;
    without `measures_training` they are taken of validation rows alone.

    `scheduler` is a schedule of that optimiser, a function that makes one from it, or a name ("cosine") or
    `lr_scheduler.Courses`, of which each fit makes one of its own length; the schedule's class says whether it is
    stepped after each epoch or each batch.
    `penalty` is what is minimised besides the loss, or asked of the weights after each step (`optim.L1`, `L2`,
    `MaxNorm`, or a list of them); the losses that are reported are without it. `clip_grad_value` limits every element
    of the gradients of a step, and `clip_grad_norm` then the norm of all of them.

    L-BFGS, Newton and steepest descent ("lbfgs", "newton", "steepest_descent") take all rows at once: an epoch is one
    of their steps, whatever the batch size, and the loss and metrics of an epoch are those after it.

    `compile=True` runs the steps as native code, made from the step by tracing it, and eagerly with one warning where
    that cannot be done (a model that decides by numbers); `compile=False` always runs eagerly, which is slower and
    lets a debugger in. `precision` is the floating type of weights and data. `threads` is the most that a fit uses
    (None: as many as there are processors, fewer for small steps). Shuffling, the validation split and the random
    numbers that layers draw are functions of `seed` (and the epoch) alone; the weights that the model starts with are
    those it has. The same seed, data and processor give the same bits, compiled for any number of threads, eagerly for
    one number.

    Example:
        >>> model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        >>> trainer = ff.Trainer(model, "cross_entropy", "adam", metrics=["accuracy"])
        >>> history = trainer.fit(X, y, epochs=20, validation_split=0.1)
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Any,
        optimizer: Any,
        scheduler: Any = None,
        *,
        metrics: Chosen | Sequence[Chosen] = (),
        measures_training: bool = True,
        penalty: Any = None,
        clip_grad_norm: float | None = None,
        clip_grad_value: float | None = None,
        compile: bool = True,
        precision: str = "float32",
        threads: int | None = None,
        seed: int = 0,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise errors.ArgumentError(f"Trainer: model is {type(model).__name__}, expected an nn.Module")
        if precision not in PRECISIONS:
            raise errors.unknown_name("precision", precision, PRECISIONS)
        self.model = model.to(getattr(dtypes, precision))
        self.loss = loss_of(loss)
        self.optimizer = optimizer_of(optimizer, model)
        self.update = update_of(self.optimizer, penalty, clip_grad_norm, clip_grad_value)
        self.scheduler = schedule_of(scheduler, self.optimizer)
        self.compile = bool(compile)
        self.precision = precision
        self.threads = None if threads is None else inputs.whole(threads, "threads", least=1)
        self.seed = inputs.whole(seed, "seed", least=0)
        self.history = History()
        self.epochs_done = 0
        self._last_program: Program | None = None
        self.steps_done = 0
        self._dtype = np.dtype(precision)
        self._pairing = pairing_of(self.loss)
        self._scores = choose(metrics, self._pairing)
        self._measures_training = bool(measures_training)
        problem = nn.losses.pairing_problem(model, self.loss)
        if problem:
            warnings.warn(f"Trainer: {problem}", UserWarning, stacklevel=2)

    @property
    def link(self) -> Link:
        """How the outputs are to be read, given the loss: see `ff.metrics`."""
        return self._pairing.link

    # -- learning -----------------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        epochs: int = 20,
        batch_size: int | None = 64,
        validation_data: tuple[Any, Any] | tuple[Any, Any, Any] | None = None,
        validation_split: float = 0.0,
        sample_weight: Any = None,
        callbacks: Any = (),
        augment: Any = None,
        shuffle: bool = True,
        drop_last: bool = False,
        progress: bool | Callable[[Run], object] = True,
        resume: str | os.PathLike[str] | None = None,
    ) -> History:
        """Train for `epochs` passes over the rows of `X` (n, d) and `y`, in batches of `batch_size` rows (None: all).

        The last batch of an epoch has what is left, or with `drop_last` is left out, and other rows with it in each
        epoch. The loss and metrics of an epoch are those of its batches as they were learnt from; `val_...` are
        measured after it, on `validation_data`: X, y, and if wanted a weight for each of these rows.
        `validation_split` (0 to 1) holds out that share of the rows, the same for each class where the targets are
        class indices. A `sample_weight` of 2 counts a row twice. `augment` puts other training rows in the place of the
        given ones in each epoch, by the trainer's seed: `ff.data.augment.Jitter(0.1)`. For an `nn.MultiTaskLoss` `y` is
        a dict of targets by the names of the tasks. A further `fit` goes on where this one ended: two of 5 epochs give
        what one of 10 gives.

        With `resume` the fit keeps in that file, after each epoch, all it needs to go on, and the same call goes on
        from there if the file exists: whatever killed the process, it ends with the same bits, and `epochs` in all.

        Ctrl-C ends the fit after the current step and keeps what was learnt; a second one raises KeyboardInterrupt.
        Afterwards the model is in evaluation mode.

        Raises:
            DataError, ShapeError, DTypeError: the data cannot be used; says what, where, and what to do.
            TrainingDivergedError: a NaN or infinity came up; the model has its last good weights, and `history` of
                the error is the record so far.
        """
        epochs = inputs.whole(epochs, "epochs", least=1)
        size = None if batch_size is None else inputs.whole(batch_size, "batch_size", least=1)
        display = display_for(progress)
        # BLAS threads that have looked at a batch spin on for a tenth of a second, where native steps then run.
        with limited_threads(1 if self.compile else self.threads):
            arrays, held_out = self._data(X, y, validation_data, validation_split, sample_weight)
        arrays, renew = renewal(arrays, augment, self.seed)
        n = len(arrays[0])
        size = n if size is None or isinstance(self.optimizer, FlatOptimizer) else min(size, n)
        run = self._run(n - n % size if drop_last else n, epochs, size, has_validation=held_out is not None)
        loss = self.loss if len(arrays) == 2 else weighted(self.loss, self._pairing.loss)
        schedule = begun(self.scheduler, self.optimizer, epochs, run.steps_per_epoch)
        if resume is not None:
            settings = {"batch_size": size, "seed": self.seed, "shuffle": bool(shuffle), "rows": run.n_samples}
            callbacks = resumed(resume, self, run, arrays, schedule, callbacks, settings)
        pace = Pace(schedule, self.optimizer, run.last_epoch - run.epoch, run.steps_per_epoch)
        watch = Watch(self.model, self.optimizer, step=run.step)
        with drawing_from(Generator(self.seed)) as noise:
            loop = Loop(
                run=run,
                watch=watch,
                program=self._program(loss, arrays, watch, pace, run.batch_size),
                orders=Orders(n, size, seed=self.seed, shuffle=bool(shuffle), drop_last=bool(drop_last)),
                score=partial(self._score, arrays),
                validate=None if held_out is None else self._validate(held_out, run.last_epoch - run.epoch),
                callbacks=Dispatcher(callbacks),
                display=display,
                noise=noise,
                renew=renew,
                pace=pace,
            )
            self._execute(loop)
        return self.history

    def _execute(self, loop: Loop) -> None:
        """Run the epochs of a fit, and count them."""
        self._last_program = loop.program
        try:
            # Native code brings its own threads. What NumPy still does beside it is small: there several threads would
            # mostly wait for each other.
            with limited_threads(1 if loop.program.is_native else self.threads):
                loop.execute()
        finally:
            loop.pace.finish()
            self.model.eval()
            self.steps_done = loop.run.step
            self.epochs_done += len(self.history)

    def _finish_outside(self, losses: Array, sizes: Sequence[int], seconds: float) -> None:
        """Record a fit of which the steps ran elsewhere: `losses` (epochs, steps), of batches of `sizes` rows."""
        self.history = History()
        is_sum = getattr(self.loss, "reduction", "mean") == "sum"
        means = losses.sum(1) if is_sum else np.average(losses, axis=1, weights=sizes)
        count, rate = len(losses), float(self.optimizer.param_groups[0]["lr"])
        numbers = np.arange(self.epochs_done + 1, self.epochs_done + count + 1)
        self.history.add_epochs(
            {"epoch": numbers, "loss": means, "lr": np.full(count, rate), "seconds": np.full(count, seconds / count)}
        )
        self.history.add_steps(losses.reshape(-1), first_step=self.steps_done + 1)
        self.steps_done += losses.size
        self.epochs_done += len(losses)
        self.model.eval()

    def _program(self, loss: Any, arrays: tuple[Array, ...], watch: Watch, pace: Pace, batch_size: int) -> Program:
        """What runs the steps: native code, or NumPy."""
        common: dict[str, Any] = {
            "watch": watch,
            "update": self.update,
            "keep_outputs": bool(self._scores) and self._measures_training,
        }
        compile = self.compile and REGISTRY["add"].lower is not None
        if isinstance(self.optimizer, FlatOptimizer):
            return FullBatchProgram(
                self.model, loss, self.optimizer, arrays, compile=compile, threads=self.threads, **common
            )
        if not compile:
            return EagerProgram(self.model, loss, self.optimizer, arrays, **common)
        return program_for(
            self.model, loss, self.optimizer, arrays, pace=pace, batch_size=batch_size, threads=self.threads, **common
        )

    def _run(self, n: int, epochs: int, batch_size: int, *, has_validation: bool) -> Run:
        """The state of a fit that goes on where the last one ended, with an empty history."""
        self.history = History()
        measured = ("loss", *self._scores.metrics)
        own = measured if self._measures_training else ("loss",)
        return Run(
            model=self.model,
            optimizer=self.optimizer,
            history=self.history,
            columns=("epoch", *own, *(f"val_{name}" for name in measured if has_validation), "lr", "seconds"),
            epoch=self.epochs_done,
            first_epoch=self.epochs_done + 1,
            last_epoch=self.epochs_done + epochs,
            step=self.steps_done,
            batch_size=batch_size,
            n_samples=n,
            steps_per_epoch=-(-n // batch_size),
        )

    def _score(self, arrays: tuple[Array, ...], epoch: Epoch) -> Row:
        """The metrics of the rows as they were seen in an epoch."""
        if epoch.rows is None or epoch.outputs is None:
            return {}
        weight = arrays[2][epoch.rows] if len(arrays) == 3 else None
        read = getattr(self.loss, "read", None)  # members learn each for itself, and have one answer
        outputs = epoch.outputs if read is None else read(from_numpy(epoch.outputs)).numpy()
        return self._scores(arrays[1][epoch.rows], outputs, weight)

    def explain(self) -> str:
        """What the last fit ran: its kernels with what was fused, operations, bytes, time and share of the peak.

        The times are measured anew, on one thread. Raises `ArgumentError` before the first fit.
        """
        if self._last_program is None:
            raise errors.ArgumentError("explain: nothing has been trained yet", hint="call fit first")
        return self._last_program.explain()

    # -- measuring and using ------------------------------------------------------------------------------

    def evaluate(self, X: Any, y: Any) -> dict[str, float]:
        """The loss and the metrics for the rows of `X` and `y`: {"loss": ..., "<metric>": ...}."""
        X = inputs.features(X, self._dtype)
        return self._measured(
            forward(self.model, X), self._pairing.targets(y, len(X), self._output_shape(X, "X"), self._dtype)
        )

    def predict(self, X: Any) -> Array:
        """The model's raw outputs, one row for each row of `X`: for classes the scores, `link` says of which kind.

        A row gets the same bits alone and among any others.
        """
        X = inputs.features(X, self._dtype)
        return self._forward(X, X, "X")

    def save(self, path: str | os.PathLike[str], *, metadata: dict[str, Any] | None = None) -> None:
        """Write the model to a safetensors file, from which `ff.load(path)` builds it again."""
        from forwardnet.interop import save

        save(self.model, path, metadata=metadata)

    def _validate(self, held_out: tuple[Array, ...], epochs: int) -> Callable[[], Row]:
        """What measures the rows that are held out, after each of so many epochs."""
        outputs = Outputs(self.model, held_out[0], epochs, compile=self.compile, threads=self.threads)
        return lambda: self._measured(outputs(), *held_out[1:])

    def _measured(self, output: Array, y: Array, *weight: Array) -> Row:
        """Loss and metrics of outputs for checked targets, with weights if the rows have some."""
        if not np.isfinite(output).all():  # losses and metrics may refuse such numbers; the answer is clear
            return dict.fromkeys(("loss", *self._scores.metrics), float("nan"))
        with no_grad(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            loss = getattr(self.loss, "measured", self.loss)
            loss = weighted(loss, self._pairing.loss) if weight else loss
            value = float(loss(*(from_numpy(a) for a in (output, y, *weight))).item())
        return {"loss": value, **self._scores(y, output, *weight)}

    # -- data ---------------------------------------------------------------------------------------------

    def _data(
        self, X: Any, y: Any, validation_data: Any, validation_split: float, sample_weight: Any
    ) -> tuple[tuple[Array, ...], tuple[Array, ...] | None]:
        """The checked rows to learn from (X, y, and weights if given), and those held out."""
        X = inputs.features(X, self._dtype)
        shape = self._output_shape(X, "X")
        y = self._pairing.targets(y, len(X), shape, self._dtype)
        held_out: tuple[Array, ...] | None = None
        arrays: tuple[Array, ...] = (X, y)
        if sample_weight is not None:
            arrays += (inputs.sample_weights(sample_weight, len(X)),)
        if validation_data is not None:
            if validation_split:
                raise errors.ArgumentError("fit: validation_data and validation_split are both given, expected one")
            held_out = self._validation(validation_data, X)
        elif validation_split:
            train, held = _split(y, self._pairing, validation_split, self.seed)
            held_out = (X[held], y[held])
            arrays = tuple(array[train] for array in arrays)
        if len(arrays) == 3:
            arrays = (*arrays[:2], self._weights(arrays[2]))
        check_classes(arrays[1], self._pairing)
        return arrays, held_out

    def _weights(self, weight: Array) -> Array:
        """Checked weights as a step takes them."""
        # A loss that takes weights itself divides by their sum.
        is_raw = getattr(self.loss, "takes_weights", False) or getattr(self.loss, "reduction", "mean") == "sum"
        return inputs.scaled_weights(weight, self._dtype, reduction="sum" if is_raw else "mean")

    def _validation(self, data: Any, X: Array) -> tuple[Array, ...]:
        """The checked validation rows."""
        if not isinstance(data, tuple | list) or len(data) not in (2, 3):
            raise errors.ArgumentError(
                "fit: validation_data is no pair", hint="give validation_data=(X, y) or (X, y, weights)"
            )
        held = inputs.features(data[0], self._dtype, name="validation X")
        if held.shape[1:] != X.shape[1:]:
            raise errors.ShapeError(
                f"validation X has shape {held.shape} and X has shape {X.shape}, expected the same columns"
            )
        shape = self._output_shape(held, "validation X")
        y = self._pairing.targets(data[1], len(held), shape, self._dtype, name="validation y")
        return (held, y, *(self._weights(inputs.sample_weights(weight, len(held))) for weight in data[2:]))

    def _output_shape(self, X: Array, name: str) -> tuple[int, ...]:
        """The shape of the model's output, from its first row; refuses an X that the model cannot take."""
        return self._forward(X[:1], X, name).shape

    def _forward(self, rows: Array, X: Array, name: str) -> Array:
        """The outputs for some rows of X."""
        try:
            return forward(self.model, rows)
        except errors.ShapeError as error:
            raise errors.ShapeError(
                f"{name} has shape {X.shape}, which the model cannot take: {error.message}", hint=error.hint
            ) from error


def _split(y: Array, pairing: Pairing, share: float, seed: int) -> tuple[Array, Array]:
    """Row numbers to learn from and to hold out; class by class where `y` says to which class a row belongs."""
    if not 0 < share < 1:
        raise errors.ArgumentError(f"validation_split is {share!r}, expected a share from 0 to less than 1")
    if len(y) < 2:
        raise errors.DataError(f"validation_split: {len(y)} row cannot be split", hint="give more rows")
    labels = class_labels(y, pairing)
    train, held, _ = train_validation_test(len(y), validation=share, test=0.0, stratify=labels, seed=seed)
    if not len(train) or not len(held):
        raise errors.ArgumentError(
            f"validation_split={share} of {len(y)} rows leaves {len(train)} to learn from and {len(held)} to validate"
        )
    return train, held
