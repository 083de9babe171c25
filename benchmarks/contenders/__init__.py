"""Who takes part. Each module imports its library, so it is imported in the contender's own process only."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """A contender: how it is called, where its class is, and what must be installed."""

    key: str
    label: str
    module: str
    name: str
    needs: str
    is_own: bool = False
    is_plain: bool = False  # it has no normalisation, no dropout and no decay apart from the gradient

    def missing(self) -> str | None:
        """Why it cannot take part here; None if it can."""
        if importlib.util.find_spec(self.needs) is None:
            return f"{self.needs} is not installed"
        if self.key == "torch-compile" and shutil.which("g++") is None and shutil.which("clang++") is None:
            return "there is no C++ compiler"
        return None

    def make(self, threads: int) -> Any:
        """The contender itself; imports its library."""
        module = importlib.import_module(f"benchmarks.contenders.{self.module}")
        return getattr(module, self.name)(threads)


ENTRIES = {
    entry.key: entry
    for entry in (
        Entry("forwardnet", "Forwardnet", "own", "Own", "forwardnet", is_own=True),
        Entry("forwardnet-in-order", "Forwardnet, without shuffling", "own", "OwnInOrder", "forwardnet", is_own=True),
        Entry("forwardnet-eager", "Forwardnet, eager", "own", "OwnEager", "forwardnet", is_own=True),
        Entry("torch", "PyTorch eager, fused Adam", "pytorch", "Eager", "torch"),
        Entry("torch-compile", "PyTorch `torch.compile`", "pytorch", "Compiled", "torch"),
        Entry("jax", "JAX `jit` + `scan`", "jax_scan", "Jax", "jax"),
        Entry("jax-once", "JAX `jit` + `scan`", "jax_scan", "JaxOnce", "jax"),
        Entry("sklearn", "scikit-learn MLPClassifier", "scikit_learn", "ScikitLearn", "sklearn", is_plain=True),
        Entry("many", "Forwardnet `fit_many`, everything", "own_many", "OwnMany", "forwardnet", is_own=True),
        Entry("many-training", "Forwardnet `fit_many` alone", "own_many", "OwnManyTraining", "forwardnet", is_own=True),
        Entry("many-jax", "JAX `vmap` of `scan`, training alone", "jax_many", "JaxMany", "jax"),
        Entry("many-jax-once", "JAX `vmap` of `scan`, training alone", "jax_many", "JaxManyOnce", "jax"),
        Entry("many-sklearn", "scikit-learn `cross_val_score`", "scikit_learn_many", "ScikitLearnMany", "sklearn"),
        Entry("fit", "Forwardnet", "estimators", "OwnFit", "forwardnet", is_own=True),
        Entry("fit-sklearn", "scikit-learn, float32", "estimators", "ScikitLearnFit", "sklearn"),
        Entry("fit-sklearn-double", "scikit-learn, float64", "estimators", "ScikitLearnDoubleFit", "sklearn"),
        Entry("realmlp", "Forwardnet `realmlp`", "estimators", "OwnRealMLP", "forwardnet", is_own=True),
        Entry("realmlp-pytabkit", "pytabkit `RealMLP_TD`", "estimators", "Pytabkit", "pytabkit"),
        Entry("learner", "any learner of tables", "learners", "Learners", "forwardnet"),
    )
}
OWN = "forwardnet"
PEERS = ("torch", "torch-compile", "jax", "sklearn")
TABLE_PEERS = ("sklearn", "pytabkit")  # whose estimators are beside ours on tables
MANY, MANY_TRAINING = "many", "many-training"  # many small networks at once
