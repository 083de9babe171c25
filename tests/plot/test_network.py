from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex

from forwardnet import construct, nn, plot
from forwardnet.errors import ArgumentError
from forwardnet.plot.network import MOST_NUMBERS, MOST_UNITS
from forwardnet.plot.style import BLUE, ORANGE


def texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_every_unit_is_a_circle_and_every_weight_but_0_a_line() -> None:
    network = construct.from_expression("(A & ~B) | ~C", depth="deep")
    figure = plot.network(network, outputs=["y"], title="a title")
    axes = figure.axes[0]
    assert len(axes.patches) == network.about.size.inputs + network.about.size.units
    colours = [to_hex(line.get_color()).upper() for line in axes.get_lines()]
    weights = np.concatenate([p.numpy().ravel() for name, p in network.named_parameters() if name.endswith("weight")])
    assert colours.count(BLUE) == (weights > 0).sum() and colours.count(ORANGE) == (weights < 0).sum()
    drawn = texts(figure)
    assert {"A", "B", "C", "y", "inputs", "Step"} <= set(drawn)
    for layer in (network[0], network[2]):
        assert {f"{bias:.3g}" for bias in layer.bias.tolist()} <= set(drawn)
    assert axes.get_title(loc="left") == "a title"
    assert plot.png_bytes(figure) == plot.png_bytes(plot.network(network, outputs=["y"], title="a title"))


def test_numbers_on_lines_only_where_there_is_room() -> None:
    small, large = construct.gate("xor"), construct.parity(5, depth="shallow")
    assert small.about.size.connections <= MOST_NUMBERS < large.about.size.connections
    assert texts(plot.network(small)).count("1") == 5 and texts(plot.network(small)).count("-1") == 1
    assert "1" not in texts(plot.network(large)) and "1" not in texts(plot.network(small, values=False))


def test_large_layers_are_shortened() -> None:
    figure = plot.network(construct.parity(7, depth="shallow"))
    assert len(figure.axes[0].patches) == 7 + MOST_UNITS + 1
    assert f"... {64 - MOST_UNITS} more" in texts(figure)


def test_any_chain_of_linear_layers() -> None:
    network = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Tanh(), nn.Linear(3, 2))
    drawn = texts(plot.network(network, inputs=["height", "weight"], outputs=["no", "yes"]))
    assert {"height", "weight", "no", "yes", "Linear"} <= set(drawn)
    assert any(text.startswith("Tanh") for text in drawn)
    with pytest.raises(ArgumentError, match="inputs are .'a'., expected 2 names"):
        plot.network(network, inputs=["a"])
    with pytest.raises(ArgumentError, match="ReLU has no Linear layer to draw"):
        plot.network(nn.ReLU())


def test_one_neuron_with_the_names_of_its_parts() -> None:
    drawn = texts(plot.neuron([0.1, -2.0], 0.5, activation="tanh"))
    assert {"x1", "x2", "0.1", "-2", "b = 0.5", "tanh", "dendrites", "axon"} <= set(drawn) and "x3" not in drawn
    assert {"w1", "w2", "w3", "b", "h"} <= set(texts(plot.neuron()))
    with pytest.raises(ArgumentError, match="0 weights, expected 1 to 16"):
        plot.neuron([])
