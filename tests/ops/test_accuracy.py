"""Values against 50-digit arithmetic, in units in the last place (ULP)."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest

from forwardnet.ops import REGISTRY
from ops import laws, oracle

# float64 is computed by NumPy's own loops or the C library, within 2. float32 by NumPy's vector loops, which are
# documented to 4; 3.4 is the worst found in 4 million samples (log). float16 is computed in float32 and rounded,
# once for each step of a formula, and sigmoid and rsqrt have two or three.
BOUNDS = {np.float64: 2.0, np.float32: 4.0, np.float16: 2.0}
# These are one operation of the IEEE standard: correctly rounded. The excess is that of the quotient of two Decimals.
EXACT = {"add", "sub", "mul", "div", "square", "reciprocal", "sqrt"}
HALF = 0.5 + 1e-12

# Where the function is real: an interval of the input (of each input, of a function of two).
REAL: dict[str, tuple[float, float]] = {
    "sqrt": (0, math.inf),
    "rsqrt": (0, math.inf),
    "log": (0, math.inf),
    "log2": (0, math.inf),
    "log10": (0, math.inf),
    "log1p": (-1, math.inf),
    "asin": (-1, 1),
    "acos": (-1, 1),
    "pow": (0, math.inf),
}


def samples(name: str, dtype: Any) -> list[Any]:
    """Points of the record's domain, and points of all magnitudes at which the function is real, and the ends."""
    op = REGISTRY[name]
    rng = laws.generator(name, "accuracy")
    low, high = REAL.get(name, (-math.inf, math.inf))
    info = np.finfo(dtype)
    powers = 10.0 ** rng.uniform(math.log10(info.tiny), math.log10(info.max), 60)
    few = 10.0 ** rng.uniform(-3, 2, 60)
    found = []
    for position in range(len(op.inputs)):
        near = laws.sample(op, position, (80,), rng)
        far = np.concatenate([powers, few]) * rng.choice([-1.0, 1.0], 120)
        ends = [1.0, 0.5, 1 - 2.0**-10, 1 + 2.0**-10, 88.0, -87.0, -0.999]
        x = np.concatenate([near, rng.permutation(far), ends]).astype(dtype)
        outside = (x <= low) | (x >= high) | (x == 0)
        found.append(np.where(outside, dtype(0.75), x))
    return found


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16], ids=lambda t: t.__name__)
@pytest.mark.parametrize("name", list(oracle.FUNCTIONS))
def test_values(name: str, dtype: Any) -> None:
    args = samples(name, dtype)
    if name in ("sin", "cos", "tan"):
        # Beyond, the C libraries differ, and no network takes the sine of 10^30.
        args = [np.where(np.abs(x) > 1e4, dtype(2.5), x) for x in args]
    if name in ("pow", "mul", "div"):
        # A logarithm of 60 digits leaves 50 of b ln a only for moderate b.
        args[1] = np.clip(args[1], dtype(-40), dtype(40))
    (got,) = laws.call(REGISTRY[name], args, {})
    bound = HALF if name in EXACT else BOUNDS[dtype]
    worst = max(
        (oracle.ulps(y, oracle.exact(name, *xs)), *map(float, xs), float(y)) for y, *xs in zip(got, *args, strict=True)
    )
    assert worst[0] <= bound, f"{name}: {worst[0]:.2f} ULP at {worst[1:-1]}, got {worst[-1]!r}"


@pytest.mark.parametrize("name", [n for n in oracle.FUNCTIONS if n not in EXACT])
def test_float32_against_float64(name: str) -> None:
    """Many points, with the float64 values (shown to be within 2 of their much smaller units) as the truth."""
    op = REGISTRY[name]
    rng = laws.generator(name, "many")
    args = [laws.sample(op, i, (100_000,), rng).astype(np.float32) for i in range(len(op.inputs))]
    (got,) = laws.call(op, args, {})
    (true,) = laws.call(op, [a.astype(np.float64) for a in args], {})
    error = np.abs(got - true) / np.spacing(np.abs(true.astype(np.float32))).astype(np.float64)
    assert got.dtype == np.float32
    assert error.max() <= BOUNDS[np.float32]


@pytest.mark.parametrize(
    ("name", "x", "true"),
    [
        # Published: NIST Digital Library of Mathematical Functions; Abramowitz and Stegun, tables 4.2, 4.6, 7.1.
        ("exp", "1", "2.71828182845904523536028747135266249775724709369995"),
        ("log", "2", "0.69314718055994530941723212145817656807550013436025"),
        ("log10", "2", "0.30102999566398119521373889472449302676818988146210"),
        ("sin", "1", "0.84147098480789650665250232163029899962256306079837"),
        ("cos", "1", "0.54030230586813971740093660744297660373231042061792"),
        ("atan", "1", "0.78539816339744830961566084581987572104929234984378"),
        ("erf", "1", "0.84270079294971486934122063508260925929606699796630"),
        ("tanh", "1", "0.76159415595576488811945828260479359041276859725794"),
        ("sinh", "1", "1.17520119364380145688238185059560081515571798133410"),
        ("expm1", "1e-9", "1.0000000005000000001666666667083333333416666667e-9"),
        ("log1p", "1e-9", "9.9999999950000000033333333308333333353333333317e-10"),
        ("asin", "0.5", "0.52359877559829887307710723054658381403286156656252"),
        ("acos", "0.5", "1.04719755119659774615421446109316762806572313312503"),
    ],
)
def test_the_oracle_itself(name: str, x: str, true: str) -> None:
    with localcontext(oracle.CONTEXT):
        got = oracle.FUNCTIONS[name](Decimal(x))
        assert abs(got / Decimal(true) - 1) <= Decimal("1e-44"), got  # about the digits given


def test_distances_of_known_size() -> None:
    one = Decimal(1)
    assert oracle.ulps(np.float32(1), one) == 0
    assert oracle.ulps(np.float32(1) + np.spacing(np.float32(1)), one) == 1
    assert oracle.ulps(np.float64(1) - 2 * np.spacing(np.float64(1)), one) == 2
    assert oracle.ulps(np.float32(np.inf), Decimal("1e60")) == 0
    assert oracle.ulps(np.float32(1e38), Decimal("1e60")) == math.inf
    assert oracle.ulps(np.float64(np.nan), one) == math.inf
