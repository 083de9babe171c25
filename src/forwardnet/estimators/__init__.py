"""Networks behind scikit-learn's conventions: `fit`, `predict`, `score`, and every meta-estimator."""

from __future__ import annotations
