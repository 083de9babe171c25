from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from forwardnet import construct, plot
from forwardnet.errors import ArgumentError, ShapeError

DOMAIN = ((-1.0, 2.0), (-1.0, 2.0))
SQUARE = construct.polygon([(0, 0), (1, 0), (1, 1), (0, 1)])


def lines(axes: Any) -> dict[str, Any]:
    return {str(line.get_label()): line for line in axes.get_lines()}


def test_regions_with_the_borders_of_their_half_planes() -> None:
    figure = plot.region([SQUARE, construct.half_plane([1.0, 0.0])], DOMAIN, titles=["square", "half"])
    square, half = figure.axes
    assert (len(square.get_lines()), len(half.get_lines())) == (4, 1)
    assert square.get_title(loc="left") == "square"
    assert square.get_xlim() == square.get_ylim() == (-1, 2)
    assert len(plot.region(SQUARE, DOMAIN, lines=False).axes[0].get_lines()) == 0
    angle = 2 * np.pi * np.arange(80) / 80
    many = construct.polygon(np.stack([np.cos(angle), np.sin(angle)], axis=1))
    assert len(plot.region(many, DOMAIN).axes[0].get_lines()) == 0, "eighty lines would hide it"


def test_the_region_is_where_the_network_is_1() -> None:
    figure = plot.region(SQUARE, DOMAIN, lines=False)
    pixels = np.asarray(Image.open(BytesIO(plot.png_bytes(figure))).convert("RGB")).astype(int)
    height = pixels.shape[0]

    def colour(x: float, y: float) -> Any:
        across, up = figure.axes[0].transData.transform((x, y))
        return pixels[height - 1 - int(up), int(across)]

    for x, y in ((0.5, 0.5), (0.1, 0.9)):
        assert colour(x, y)[2] > colour(x, y)[0] + 40, "blue inside"
    for x, y in ((-0.5, 0.5), (1.5, 1.5), (0.5, -0.2)):
        assert colour(x, y).min() > 250, "white outside"


def test_functions_will_do_and_panels_wrap() -> None:
    figure = plot.region([lambda p: p[:, 0] > 0] * 4, DOMAIN)
    assert len(figure.axes) == 6 and not figure.axes[4].axison
    with pytest.raises(ArgumentError, match="1 titles for 2 networks"):
        plot.region([SQUARE, SQUARE], DOMAIN, titles=["a"])
    with pytest.raises(ArgumentError, match="there is nothing to draw"):
        plot.region([], DOMAIN)
    with pytest.raises(ArgumentError, match="domain is "):
        plot.region(SQUARE, ((0, 1),))
    with pytest.raises(ArgumentError, match="resolution is 1"):
        plot.surface(SQUARE, DOMAIN, resolution=1)
    with pytest.raises(ShapeError, match="expected one number by point"):
        plot.region(construct.nearest([[0, 0], [1, 1]]), DOMAIN)


def test_surfaces_share_one_scale() -> None:
    figure = plot.surface([construct.cylinder(units=5), construct.cylinder(units=6)], DOMAIN, resolution=50)
    meshes = [axes.collections[0] for axes in figure.axes[:2]]
    assert meshes[0].get_clim() == meshes[1].get_clim()
    low, high = meshes[0].get_clim()
    assert high == 1 and low <= 0
    assert meshes[0].get_array().size == 2500
    assert len(figure.axes) == 3, "with a bar of colours"


def wave(x: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * x)


def test_an_approximation_with_its_pieces_and_its_error() -> None:
    network = construct.approximate_1d(wave, (0, 1), 20)
    figure = plot.approximation(network, wave, (0, 1), title="twenty")
    top, bottom = figure.axes
    assert top.get_title(loc="left") == "twenty" and len(top.patches) == 20
    drawn = lines(top)
    x, y = drawn["function"].get_data()
    np.testing.assert_allclose(y, wave(x))
    np.testing.assert_allclose(drawn["units"].get_xdata(), np.arange(20) / 20, atol=1e-7)  # float32 thresholds
    off = drawn["network"].get_ydata() - y
    np.testing.assert_allclose(bottom.get_lines()[0].get_ydata(), off)
    assert bottom.get_title(loc="right") == f"largest {np.abs(off).max():.3g}"
    assert np.abs(off).max() == pytest.approx(network.about.error, rel=0.02)  # 2000 places of a piece's ends


def test_straight_pieces_and_many_pieces() -> None:
    x = np.linspace(0, 1, 9)
    straight = plot.approximation(construct.piecewise_linear(x, wave(x)), wave, (0, 1))
    assert len(straight.axes[0].patches) == 0 and "units" in lines(straight.axes[0])
    many = plot.approximation(construct.approximate_1d(wave, (0, 1), 200), wave, (0, 1))
    assert "units" not in lines(many.axes[0]) and plot.png_bytes(many)
    with pytest.raises(ArgumentError, match="expected low < high"):
        plot.approximation(construct.pulse(0, 1), wave, (1, 1))
