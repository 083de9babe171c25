"""From an estimator's parameters to its network, its optimiser and its plan."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from forwardnet import errors, nn, optim
from forwardnet.estimators import network, parameters
from forwardnet.estimators.objective import Objective
from forwardnet.estimators.plan import Plan
from forwardnet.estimators.solvers import LBFGSB, Adam, Descent

# A training of at most so many steps, and so many multiply-adds of rows and weights, is made in double precision, which
# costs little there. scikit-learn's checks compare weights of rows with copies of rows to seven digits.
SMALL_STEPS, SMALL_WORK = 300, 2e8
# One of at most so many steps is over before native code for it would be made, and runs eagerly.
SHORT_STEPS = 30


def extent(own: Any, n: int, sizes: list[int]) -> tuple[bool, bool]:
    """Whether a training on `n` rows, with layers of these sizes, is small and is short, were it to run to its end."""
    epochs = own.epochs or own.max_iter
    steps = epochs * (1 if own._is_lbfgs else -(-n // own._batch_rows(n)))
    is_light = epochs * n * sum(a * b for a, b in pairwise(sizes)) <= SMALL_WORK
    return steps <= SMALL_STEPS and is_light, steps <= SHORT_STEPS and is_light


def network_of(own: Any, inputs: int, hidden: list[int], outputs: int) -> nn.Sequential:
    """The network that the parameters describe, with weights yet to be drawn."""
    return network.build(
        inputs,
        hidden,
        outputs,
        activation=own.activation,
        dropout=own.dropout,
        batch_norm=own.batch_norm,
        layer_norm=own.layer_norm,
        input_noise=own.input_noise,
        residual=own.residual,
    )


def check_sizes(own: Any) -> None:
    """Raise `ArgumentError` where the hidden layers are no longer those of the network that is to be trained on."""
    wanted = parameters.hidden_sizes(own)
    sizes = [layer.out_features for layer in network.dense_layers(own.network_)][:-1]
    if sizes != wanted:
        raise errors.ArgumentError(
            f"{type(own).__name__}: hidden_layer_sizes is {own.hidden_layer_sizes!r}, but the network has {sizes}",
            hint="a warm start goes on with the network there is; set warm_start=False for another one",
        )


def plan_of(own: Any, model: nn.Module, objective: Objective, metric: Any, *, seed: int) -> Plan:
    """The training that the parameters describe."""
    weights = network.weights_of(model)
    penalty: list[Any] = [optim.L1(own.l1, only=weights)] if own.l1 else []
    penalty += [optim.MaxNorm(own.max_norm, only=weights)] if own.max_norm is not None else []
    first = next(model.parameters())
    return Plan(
        model=model,
        loss=objective,
        optimizer=solver_of(own, model),
        epochs=own.epochs or own.max_iter,
        batch_size=None,
        scheduler=own.scheduler,
        penalty=penalty,
        metrics=[metric] if metric is not None else [],
        precision=str(first.dtype).rpartition(".")[2],
        threads=parameters.threads_of(own),
        seed=seed,
        compile=not own._is_short if own.compile == "auto" else bool(own.compile),
    )


def solver_of(own: Any, model: nn.Module) -> Any:
    """The optimiser of the network's parameters: `optimizer`, or scikit-learn's `solver`."""
    parts = list(model.parameters())
    if callable(own.optimizer):
        return own.optimizer(parts)
    if own.optimizer is not None:
        kind = optim.OPTIMIZERS[own.optimizer]
        return kind(parts, **{**kind.usual, "lr": own.learning_rate_init})
    if own.solver == "lbfgs":
        return LBFGSB(parts, max_iter=own.max_iter, max_fun=own.max_fun, tol=own.tol, ftol=own._ftol)
    if own.solver == "sgd":
        return Descent(parts, own.learning_rate_init, own.momentum, own.nesterovs_momentum)
    return Adam(parts, own.learning_rate_init, own.beta_1, own.beta_2, own.epsilon)
