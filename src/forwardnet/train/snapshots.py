"""Networks of one training: copies from the ends of the cycles of a schedule, which together answer better than one."""

from __future__ import annotations

import copy

from forwardnet import errors
from forwardnet.train import state
from forwardnet.train.callbacks import Callback
from forwardnet.train.ensemble import Ensemble
from forwardnet.train.inputs import whole
from forwardnet.train.run import Run
from forwardnet.train.trainer import Trainer


class Snapshot(Callback):
    """Keep the weights after every `every` epochs: at the minima of a rate that is restarted (Huang et al. 2017).

    With warm restarts of `every` epochs the network settles in one minimum after another; their average is an ensemble
    for the price of one training. After the fit `epochs` and `weights` say what was kept.

    Example:
        >>> snapshots = ff.Snapshot(every=10)
        >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
        >>> trainer = ff.Trainer(model, "cross_entropy", optimizer, CosineAnnealingWarmRestarts(optimizer, 10))
        >>> trainer.fit(X, y, epochs=50, callbacks=[snapshots])
        >>> together = snapshots.ensemble(trainer)
    """

    def __init__(self, *, every: int, last: int | None = None) -> None:
        """`last` keeps that many of the latest copies (None: all)."""
        self.every = whole(every, "Snapshot: every", least=1)
        self.last = None if last is None else whole(last, "Snapshot: last", least=1)
        self.epochs: list[int] = []
        self.weights: list[state.Snapshot] = []

    def on_train_begin(self, run: Run) -> None:
        self.epochs, self.weights = [], []

    def on_epoch_end(self, run: Run) -> None:
        if (run.epoch - run.first_epoch + 1) % self.every == 0:
            self.epochs.append(run.epoch)
            self.weights.append(state.Snapshot.of(run.model))
            if self.last is not None:
                del self.epochs[: -self.last], self.weights[: -self.last]

    def ensemble(self, trainer: Trainer) -> Ensemble:
        """The copies as one: `trainer` says how outputs are read, and keeps its own weights.

        Raises:
            ArgumentError: no copy was made.
        """
        if not self.weights:
            raise errors.ArgumentError(
                f"Snapshot: no copy was made, expected a fit of at least {self.every} epochs with this callback"
            )
        members = []
        for weights in self.weights:
            member = copy.copy(trainer)
            member.model = copy.deepcopy(trainer.model)
            weights.restore(member.model)
            members.append(member)
        return Ensemble(members)
