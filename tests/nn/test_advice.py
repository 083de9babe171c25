"""Advice about the layers of a network: each sentence where it belongs, and none for networks as they should be."""

from __future__ import annotations

import re
from typing import Any

import pytest

from forwardnet import nn
from forwardnet.nn.advice import advice

L = nn.Linear


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(L(2, 8), nn.ReLU(), L(8, 8), nn.ReLU(), L(8, 2)),
        nn.Sequential(L(2, 8), nn.Tanh(), nn.Dropout(0.5), L(8, 1), nn.Sigmoid()),
        nn.Sequential(L(2, 8), nn.Sigmoid(), L(8, 1)),
        nn.Sequential(L(2, 8), nn.SELU(), nn.AlphaDropout(0.1), L(8, 3), nn.Softmax()),
        nn.Sequential(nn.Maxout(2, 8), nn.GLU(8, 8), nn.Residual(L(8, 8), nn.ReLU()), L(8, 1)),
        nn.Sequential(L(2, 8), nn.Step(straight_through=True), L(8, 1)),
        nn.Sequential(),
        nn.ReLU(),
    ],
    ids=lambda model: repr(model).replace("\n", " ")[:60],
)
def test_AC28_nothing_to_say(model: Any) -> None:
    assert advice(model) == []


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (nn.Sequential(L(2, 8), nn.Sigmoid(), L(8, 8), nn.Sigmoid(), L(8, 1)), "2 hidden layers of Sigmoid or Softmax"),
        (nn.Sequential(L(2, 8), nn.Step(), L(8, 1)), "Step in a hidden layer: its derivative is 0"),
        (nn.Sequential(L(2, 8), nn.Dropout(), nn.Sequential(L(8, 1))), "no activation between them are one"),
        (nn.Sequential(L(2, 8), nn.Tanh(), L(8, 1), nn.ReLU()), "ReLU on the output: it cannot be negative"),
        (nn.Sequential(L(2, 8), nn.Tanh(), L(8, 1), nn.Dropout()), "Dropout on the output: answers are left out"),
        (nn.Sequential(L(2, 8), nn.ReLU(), L(8, 1), nn.Tanh()), "Tanh on the output: targets beyond -1 .. 1"),
        (nn.Sequential(L(2, 8), nn.SELU(), nn.Dropout(0.5), L(8, 1)), "Dropout with SELU: .*; use AlphaDropout"),
    ],
)
def test_AC28_one_sentence_for_each_habit(model: Any, said: str) -> None:
    (sentence,) = advice(model)
    assert re.search(said, sentence) and sentence.endswith(".")


def test_AC28_the_loss_is_looked_at_too() -> None:
    model = nn.Sequential(L(2, 8), nn.ReLU(), L(8, 3), nn.Softmax())
    assert advice(model, nn.CrossEntropyLoss()) == [
        "CrossEntropyLoss applies its own softmax: leave out the final Softmax."
    ]
    assert advice(model[:3], nn.CrossEntropyLoss()) == []
