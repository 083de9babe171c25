"""A fit that can be killed: after each epoch everything it needs to go on lies in one file, whole or not at all.

The file is safetensors with a JSON description: weights, the optimiser's state, the schedule, the record so far, and
what callbacks remember. The order of the rows and the noise of an epoch are functions of the seed, so they need no
place there. A resumed fit ends with the bits of one that was never interrupted.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import from_numpy
from forwardnet.train.callbacks import Callback
from forwardnet.train.run import Run

if TYPE_CHECKING:
    from forwardnet.train.trainer import Trainer

Array = NDArray[Any]

KIND, VERSION = "forwardnet training state", 1


class Resumption(Callback):
    """Reads the file before a fit, if there is one, and writes it after each epoch, after all other callbacks."""

    def __init__(
        self, path: str | os.PathLike[str], trainer: Trainer, schedule: Any, callbacks: Sequence[Any], **settings: Any
    ) -> None:
        """`settings` are what must be the same when the fit goes on; they are named where they are not."""
        self.path = Path(path)
        self._trainer, self._schedule = trainer, schedule
        self._callbacks = [callback for callback in callbacks if hasattr(callback, "state")]
        self._settings = {"model": repr(trainer.model), "optimizer": type(trainer.optimizer).__name__, **settings}
        self._remembered: list[Any] = []
        self._stopped: str | None = None

    # Reading

    def load(self, run: Run) -> None:
        """Put what the file holds where it belongs; nothing if there is no file yet."""
        if not self.path.exists():
            return
        from forwardnet.interop import safetensors

        arrays, strings = safetensors.read(self.path)
        if strings.get("kind") != KIND:
            raise errors.FileFormatError(f"{self.path}: no training state, but {strings.get('kind', 'something else')}")
        held = _unpacked(json.loads(strings["state"]), arrays)
        self._check(held["settings"], run)
        trainer = self._trainer
        trainer.model.load_state_dict({name: from_numpy(value) for name, value in held["weights"].items()})
        trainer.optimizer.load_state_dict(_with_tensors(held["optimizer"]))
        if self._schedule is not None:
            self._schedule.load_state_dict(held["schedule"])
        for row in held["rows"]:
            run.history.add_epoch(row)
        run.history.add_steps(held["losses"], first_step=run.step + 1)
        run.history.best_epoch = held["best_epoch"]
        run.epoch += len(held["rows"])
        run.step += len(held["losses"])
        self._remembered, self._stopped = held["callbacks"], held["stopped"]

    def _check(self, saved: Mapping[str, Any], run: Run) -> None:
        own = self._now(run)
        for name in own:
            if saved.get(name) != own[name]:
                text = "other values" if name == "data" else f"{saved.get(name)!r}, this fit {own[name]!r}"
                raise errors.ArgumentError(
                    f"fit: resume={os.fspath(self.path)!r} belongs to another fit: {name} is {text}",
                    hint="resume with the same call, or delete the file to begin anew",
                )

    def _now(self, run: Run) -> dict[str, Any]:
        return {**self._settings, "begins after epoch": run.first_epoch - 1}

    def on_train_begin(self, run: Run) -> None:
        for callback, held in zip(self._callbacks, self._remembered, strict=False):
            callback.restore(held)
        if self._stopped is not None:
            run.stop(self._stopped)

    # Writing

    def on_epoch_end(self, run: Run) -> None:
        from forwardnet.interop import safetensors

        state = {
            "settings": self._now(run),
            "weights": {name: tensor.numpy() for name, tensor in run.model.state_dict().items()},
            "optimizer": run.optimizer.state_dict(),
            "schedule": None if self._schedule is None else self._schedule.state_dict(),
            "rows": [run.history.row(int(epoch)) for epoch in run.history.epochs["epoch"]],
            "losses": run.history.steps["loss"],
            "best_epoch": run.history._best_epoch,
            "callbacks": [callback.state() for callback in self._callbacks],
            "stopped": run.stopped if run.stopped != "interrupted" else None,
        }
        arrays: dict[str, Array] = {}
        description = json.dumps(_packed(state, arrays, self.path))
        metadata = {"kind": KIND, "version": str(VERSION), "state": description}
        try:
            safetensors.write(self.path, arrays, metadata)
        except OSError as error:
            raise errors.FileFormatError(f"{self.path}: cannot be written: {error.strerror}") from error


def resumed(
    path: str | os.PathLike[str],
    trainer: Trainer,
    run: Run,
    arrays: Sequence[Array],
    schedule: Any,
    callbacks: Any,
    settings: Mapping[str, Any],
) -> list[Any]:
    """Put what the file holds into a fit about to begin; returns its callbacks, with the one that keeps the file."""
    own = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    kept = Resumption(path, trainer, schedule, own, data=fingerprint(arrays), **settings)
    kept.load(run)
    return [*own, kept]


def fingerprint(arrays: Sequence[Array]) -> str:
    """What tells data from other data: shapes, types, and a checksum of all values."""
    parts = [f"{a.dtype}{a.shape}{zlib.crc32(np.ascontiguousarray(a).view(np.uint8).data):08x}" for a in arrays]
    return " ".join(parts)


def _packed(value: Any, arrays: dict[str, Array], path: Path) -> Any:
    """A tree as JSON has it: arrays are put aside and named, keys that are numbers and tuples are marked."""
    if isinstance(value, (Tensor, np.ndarray)):
        name = f"array {len(arrays)}"
        arrays[name] = np.array(value.detach().numpy() if isinstance(value, Tensor) else value)
        return {"array": name}
    if isinstance(value, Mapping):
        return {"dict": [[_packed(k, arrays, path), _packed(v, arrays, path)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [_packed(v, arrays, path) for v in value]}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise errors.ArgumentError(
        f"fit: resume={os.fspath(path)!r}: a {type(value).__name__} of optimiser, schedule or callback cannot be kept"
    )


def _unpacked(value: Any, arrays: Mapping[str, Array]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return arrays[content]
    if kind == "dict":
        return {_unpacked(k, arrays): _unpacked(v, arrays) for k, v in content}
    items = [_unpacked(v, arrays) for v in content]
    return tuple(items) if kind == "tuple" else items


def _with_tensors(value: Any) -> Any:
    """A tree in which arrays have become tensors."""
    if isinstance(value, np.ndarray):
        return from_numpy(value)
    if isinstance(value, dict):
        return {k: _with_tensors(v) for k, v in value.items()}
    return type(value)(_with_tensors(v) for v in value) if isinstance(value, (list, tuple)) else value
