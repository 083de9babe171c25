"""`Autoencoder`: a network that says its input through a narrow middle, and so finds a short description of rows.

Axis glossary: n rows, d features, k components (units of the middle).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from forwardnet import nn, optim
from forwardnet.data.batches import stream_of
from forwardnet.data.scaling import Standardizer
from forwardnet.errors import ArgumentError, ShapeError, unknown_name
from forwardnet.estimators.plan import Plan
from forwardnet.estimators.training import train
from forwardnet.nn.activity import KINDS
from forwardnet.tensor.random import Generator, drawing_from
from forwardnet.train.program import forward

Array = NDArray[Any]


class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """x -> z = encoder(x) -> decoder(z), trained so that decoder(encoder(x)) is near x (Hinton & Salakhutdinov 2006).

    With `hidden=()` and no activations the best middle spans the space of the first k principal components (Baldi &
    Hornik 1989); hidden layers find curved descriptions. Features are standardised first, and brought back.

    Args:
        n_components: k, units of the middle.
        hidden: units of the layers before the middle; the decoder has the same in reverse order.
        activation: of the hidden layers.
        code_activation: of the middle, "identity" for none; "sigmoid" where `sparsity` is a rate.
        tied: whether the decoder uses the encoder's matrices, transposed, with biases of its own.
        noise: standard deviation of what is added to the standardised inputs in training, while the clean ones are
            the target: a denoising autoencoder (Vincent et al. 2008).
        sparsity: weight of the penalty that keeps units of the middle near 0; `sparsity_kind` "l1" is the mean of
            sum |z|, "kl" asks that each unit is on for 5 of 100 rows (Ng 2011).
        scale: whether features are standardised; without it they are only centred.
        max_iter: epochs.
        batch_size: rows per step; None is chosen by the number of rows.
        random_state: seed of first weights, noise and order of rows; None is 0.

    Attributes:
        loss_curve_: mean squared error of the standardised features in each epoch, of rows as they were learnt from.
        network_: encoder and decoder, an `nn.Sequential` of two.

    Example:
        >>> codes = Autoencoder(2, hidden=(32,)).fit_transform(X)
    """

    network_: nn.Sequential
    scaler_: Standardizer

    def __init__(
        self,
        n_components: int = 2,
        *,
        hidden: Sequence[int] = (),
        activation: str = "tanh",
        code_activation: str = "identity",
        tied: bool = False,
        noise: float = 0.0,
        sparsity: float = 0.0,
        sparsity_kind: str = "l1",
        scale: bool = True,
        max_iter: int = 200,
        batch_size: int | None = None,
        lr: float = 5e-3,
        weight_decay: float = 0.0,
        random_state: int | None = 0,
        threads: int | None = None,
        compile: bool = True,
    ) -> None:
        self.n_components = n_components
        self.hidden = hidden
        self.activation = activation
        self.code_activation = code_activation
        self.tied = tied
        self.noise = noise
        self.sparsity = sparsity
        self.sparsity_kind = sparsity_kind
        self.scale = scale
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.random_state = random_state
        self.threads = threads
        self.compile = compile

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from rows X (n, d); y is ignored."""
        self._check()
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        self.scaler_ = Standardizer().fit(X)
        if not self.scale:
            assert self.scaler_.mean is not None
            self.scaler_.scale = np.ones_like(self.scaler_.mean)
        Z = self.scaler_.transform(X)
        seed = self.random_state or 0
        with drawing_from(Generator(seed, stream=stream_of("weights", 0))):
            self.network_ = self._built(Z.shape[1])
        # The rate falls to 0, so that the last epochs settle what the first ones found.
        optimizer = optim.AdamW(self.network_.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        plan = Plan(
            model=self.network_,
            loss=nn.MSELoss(),
            optimizer=optimizer,
            scheduler="cosine",
            epochs=self.max_iter,
            batch_size=self.batch_size or min(256, max(16, 2 ** int(np.log2(len(Z) / 16 + 1)))),
            threads=self.threads,
            seed=seed,
            compile=self.compile,
        )
        trained = train(plan, Z, Z)
        self.loss_curve_ = [float(loss) for loss in trained.history.epochs["loss"]]
        self.n_iter_ = trained.epochs
        self.network_.eval()
        return self

    def transform(self, X: Any) -> Array:
        """The codes z (n, k) of rows X (n, d), in the type of X."""
        X = self._rows(X)
        return np.asarray(forward(self.network_[0], self.scaler_.transform(X)), X.dtype)

    def inverse_transform(self, Z: Any) -> Array:
        """The rows (n, d) that the decoder makes of codes Z (n, k)."""
        check_is_fitted(self)
        Z = check_array(Z, dtype=[np.float64, np.float32])
        if Z.shape[1] != self.n_components:
            raise ShapeError(
                f"Autoencoder.inverse_transform: codes of {Z.shape[1]} units, expected {self.n_components}"
            )
        return self._back(forward(self.network_[1], Z.astype(np.float32)), Z.dtype)

    def reconstruct(self, X: Any) -> Array:
        """Rows X (n, d) as they come through the middle: `inverse_transform(transform(X))`."""
        X = self._rows(X)
        return self._back(forward(self.network_, self.scaler_.transform(X)), X.dtype)

    def score(self, X: Any, y: Any = None) -> float:
        """The share of the variance that is kept: 1 - sum |x - x'|^2 / sum |x - mean|^2, each feature scaled as in fit.

        For principal components that is the sum of their explained variance ratios. The mean is that of the rows that
        were learnt from.
        """
        X = self._rows(X)
        Z = self.scaler_.transform(X).astype(np.float64)
        total = float((Z**2).sum())
        rest = float(((forward(self.network_, Z.astype(np.float32)) - Z) ** 2).sum())
        return 1 - rest / total if total > 0 else 1.0 if rest == 0 else 0.0

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the autoencoder to one safetensors file, from which `forwardnet.estimators.load` makes it again."""
        from forwardnet.estimators.autoencoder_file import save

        check_is_fitted(self)
        save(self, path)

    @property
    def _n_features_out(self) -> int:
        return self.n_components

    def _rows(self, X: Any) -> Array:
        check_is_fitted(self)
        return np.asarray(validate_data(self, X, dtype=[np.float64, np.float32], reset=False))

    def _back(self, rows: Array, dtype: Any) -> Array:
        assert self.scaler_.mean is not None and self.scaler_.scale is not None
        return np.asarray(rows * self.scaler_.scale + self.scaler_.mean, dtype)

    def _built(self, width: int) -> nn.Sequential:
        """Encoder and decoder."""
        sizes = (width, *self.hidden, self.n_components)
        encoder: list[nn.Module] = [nn.GaussianNoise(self.noise)] if self.noise else []
        linears = [nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
        for linear in linears[:-1]:
            encoder += [linear, nn.ACTIVATIONS[self.activation]()]
        encoder.append(linears[-1])
        if self.code_activation != "identity":
            encoder.append(nn.ACTIVATIONS[self.code_activation]())
        if self.sparsity:
            encoder.append(nn.ActivityPenalty(self.sparsity, self.sparsity_kind))
        decoder: list[nn.Module] = []
        for linear in reversed(linears):
            free = nn.Linear(linear.out_features, linear.in_features)
            decoder += [nn.TransposedLinear.tied_to(linear) if self.tied else free, nn.ACTIVATIONS[self.activation]()]
        return nn.Sequential(nn.Sequential(*encoder), nn.Sequential(*decoder[:-1]))

    def _check(self) -> None:
        for name, value in (("n_components", self.n_components), ("max_iter", self.max_iter)):
            _whole(name, value)
        for units in self.hidden:
            _whole("hidden", units)
        if self.batch_size is not None:
            _whole("batch_size", self.batch_size)
        for name, at_least in (("noise", self.noise), ("sparsity", self.sparsity)):
            if not at_least >= 0:
                raise ArgumentError(f"Autoencoder: {name} is {at_least!r}, expected a number of at least 0")
        for activation in (self.activation, self.code_activation):
            if activation not in nn.ACTIVATIONS:
                raise unknown_name("activation", activation, nn.ACTIVATIONS)
        if self.sparsity_kind not in KINDS:
            raise unknown_name("kind of sparsity", self.sparsity_kind, KINDS)
        if self.sparsity and self.sparsity_kind == "kl" and self.code_activation != "sigmoid":
            raise ArgumentError(
                "Autoencoder: sparsity of kind 'kl' needs units with values from 0 to 1",
                hint='use code_activation="sigmoid"',
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _whole(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ArgumentError(f"Autoencoder: {name} is {value!r}, expected whole numbers of at least 1")
