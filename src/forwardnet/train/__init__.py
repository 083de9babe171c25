"""Training: the trainer, its history, callbacks and metrics."""

from __future__ import annotations

from forwardnet.train.callbacks import Callback, Checkpoint, CSVLogger, EarlyStopping, LRMonitor
from forwardnet.train.convergence import Convergence, gradient_norm
from forwardnet.train.diagnose import diagnose
from forwardnet.train.divergence import TrainingDivergedError
from forwardnet.train.ensemble import Ensemble, adaboost, bagging, boost_residuals
from forwardnet.train.gradients import GradientMonitor
from forwardnet.train.history import History
from forwardnet.train.many import fit_many
from forwardnet.train.metrics import METRICS, Metric
from forwardnet.train.run import Run
from forwardnet.train.snapshots import Snapshot
from forwardnet.train.tensorboard import TensorBoard
from forwardnet.train.trainer import Trainer

__all__ = [
    "METRICS",
    "CSVLogger",
    "Callback",
    "Checkpoint",
    "Convergence",
    "EarlyStopping",
    "Ensemble",
    "GradientMonitor",
    "History",
    "LRMonitor",
    "Metric",
    "Run",
    "Snapshot",
    "TensorBoard",
    "Trainer",
    "TrainingDivergedError",
    "adaboost",
    "bagging",
    "boost_residuals",
    "diagnose",
    "fit_many",
    "gradient_norm",
]
