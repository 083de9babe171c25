"""Compression: 64 pixels in 8 numbers, by principal components and by autoencoders, on digits neither has seen."""

from __future__ import annotations

import numpy as np

import forwardnet as ff
from forwardnet import Autoencoder, plot
from forwardnet.data import PCA

digits = ff.datasets.load("digits")
learnt, unseen = digits.X[:1300] * 16, digits.X[1300:] * 16
mean = learnt.mean(axis=0)


def kept(rows: np.ndarray, again: np.ndarray) -> float:
    """The share of the variance that is still there."""
    return float(1 - ((rows - again) ** 2).sum() / ((rows - mean) ** 2).sum())


pca = PCA(8).fit(learnt)
straight = pca.inverse(pca.transform(unseen))
shares = {"8 principal components": kept(unseen, straight)}
linear = Autoencoder(8, scale=False).fit(learnt)
shares["linear autoencoder"] = kept(unseen, linear.reconstruct(unseen))
curved = Autoencoder(8, hidden=(128,), activation="silu", scale=False).fit(learnt)
shares["autoencoder with hidden layers"] = kept(unseen, curved.reconstruct(unseen))
for name, share in shares.items():
    print(f"{name:32} {share:.1%} of the variance of unseen digits kept")

shown = np.concatenate([unseen[:6], straight[:6], curved.reconstruct(unseen[:6])])
captions = ["digit"] * 6 + ["components"] * 6 + ["autoencoder"] * 6
plot.save(plot.images(shown, shape=(8, 8), captions=captions, columns=6), "compressed_digits.png")
print("wrote compressed_digits.png")

# Without hidden layers nothing beats the components (Baldi & Hornik 1989); with them much more is kept.
assert abs(shares["linear autoencoder"] - shares["8 principal components"]) < 0.005
assert shares["autoencoder with hidden layers"] > shares["8 principal components"] + 0.08
