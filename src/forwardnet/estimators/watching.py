"""scikit-learn's own callbacks (1.9 and later) inside a fit: progress bars, scores of each epoch, early ends.

They are told of a task for the fit and of one for each epoch. Before 1.9 there are none, and nothing is done.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

from forwardnet.train.callbacks import Callback
from forwardnet.train.run import Run

F = TypeVar("F", bound=Callable[..., Any])

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks as _with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """No callbacks."""

    def _with_callbacks(method: Any) -> Any:
        return method


def with_callbacks(method: F) -> F:
    """A fit whose callbacks are torn down when it ends, however it ends."""
    return _with_callbacks(method)  # type: ignore[no-any-return]


class Watched(CallbackSupportMixin):  # type: ignore[misc]
    """An estimator to which scikit-learn's callbacks can be attached: `set_callbacks(...)`."""

    def _watchers(self, X: Any, y: Any, sample_weight: Any, epochs: int) -> list[Callback]:
        """What tells the callbacks of this fit, of data as they were given, about its epochs; often empty."""
        is_inside = hasattr(self, "_parent_callback_ctx")
        if not hasattr(self, "_skl_callbacks") and not is_inside:
            return []
        context = self._init_callback_context(max_subtasks=epochs)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        return [Epochs(self, context, {"X": X, "y": y, "metadata": metadata})]


class Epochs(Callback):
    """Tells scikit-learn's callbacks when the fit and its epochs begin and end, and stops where one asks for it."""

    def __init__(self, estimator: Any, context: Any, told: dict[str, Any]) -> None:
        self.estimator, self.context, self.told = estimator, context, {"estimator": estimator, **told}
        self.task: Any = None

    def on_train_begin(self, run: Run) -> None:
        self.context.call_on_fit_task_begin(**self.told)

    def on_epoch_begin(self, run: Run) -> None:
        self.task = self.context.subcontext(task_name="epoch")
        self.task.call_on_fit_task_begin(**self.told)

    def on_epoch_end(self, run: Run) -> None:
        if self.task.call_on_fit_task_end(**self.told, reconstruction_attributes=self._as_it_is):
            run.stop("callback")

    def on_train_end(self, run: Run) -> None:
        self.context.call_on_fit_task_end(**self.told, reconstruction_attributes=self._as_it_is)

    def _as_it_is(self) -> dict[str, Any]:
        """What makes an estimator of the weights of this moment."""
        return {"network_": copy.deepcopy(self.estimator.network_).eval()}
