"""Slices, writes into slices, concatenation and reversal in compiled functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import forwardnet as ff


def put(x: Any, key: Any, value: Any) -> Any:
    y = x * 1
    y[key] = value
    return y


CASES: dict[str, Callable[[Any, Any], Any]] = {
    "rows": lambda x, v: x[3:17],
    "row": lambda x, v: x[5] * 2,
    "last row": lambda x, v: x[-1],
    "column": lambda x, v: x[:, 4] + 1,
    "columns": lambda x, v: x[:, 3:20].exp(),
    "steps": lambda x, v: x[1::3, ::2] * 2,
    "element": lambda x, v: x[2, 3] + v,
    "of a vector": lambda x, v: v[2:9].sum(),
    "of a transpose": lambda x, v: x.t()[1:5] @ x,
    "new axis": lambda x, v: v[:, None] * 2,
    "put rows": lambda x, v: put(x, slice(2, 4), 0.5),
    "put column": lambda x, v: put(x, (slice(None), 1), v[:21]),
    "put block": lambda x, v: put(x, (slice(0, 4), slice(10, 14)), x[4:8, 3:7]),
    "put into a vector": lambda x, v: put(v, slice(1, None, 4), -1.0),
    "cat rows": lambda x, v: ff.cat([x, x[:3], v[:24].unsqueeze(0)], 0).sum(0),
    "cat columns": lambda x, v: ff.cat([x, x * 2, v[:21].unsqueeze(1)], 1).relu(),
    "cat vectors": lambda x, v: ff.cat([v, x[0]]),
    "stack": lambda x, v: ff.stack([v, v * 2]).t() * 3,
    "flip": lambda x, v: x.flip(0) + x.flip(1) - x.flip(0, 1),
    "split": lambda x, v: x.split(8, 1)[2] * x.chunk(3, 1)[0],
}


@pytest.mark.parametrize("name", CASES)
def test_values(name: str) -> None:
    """The same elements, moved: equal bit for bit where nothing is summed."""
    rng = np.random.default_rng(0)
    x, v = (ff.from_numpy(rng.standard_normal(s).astype("float32")) for s in ((21, 24), (33,)))
    compiled = ff.jit(CASES[name])
    result, expected = compiled(x, v).numpy(), CASES[name](x, v).numpy()
    assert all(compiled.programs.values())
    np.testing.assert_allclose(result, expected, rtol=2e-6, atol=1e-6)  # sums of some dozen terms


def test_gradients_through_slices_and_concatenation() -> None:
    """Training a layer made of halves: written by hand, compiled and eager."""

    def course(compile: bool) -> list[float]:
        class Halves(ff.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                ff.manual_seed(0)
                self.a, self.b = ff.nn.Linear(6, 20), ff.nn.Linear(20, 3)

            def forward(self, x: Any) -> Any:
                h = self.a(x)
                value, gate = h[:, :10], h[:, 10:]
                return self.b(ff.cat([value * gate.sigmoid(), gate.flip(1)], 1))

        rng = np.random.default_rng(0)
        X = rng.standard_normal((40, 6)).astype("float32")
        model = Halves()
        trainer = ff.Trainer(model, "cross_entropy", ff.optim.Adam(model.parameters(), lr=0.01), compile=compile)
        history = trainer.fit(X, rng.integers(0, 3, 40), epochs=4, batch_size=16, progress=False)
        return history.steps["loss"].tolist()

    np.testing.assert_allclose(course(True), course(False), rtol=1e-4)  # float32 over 12 steps
