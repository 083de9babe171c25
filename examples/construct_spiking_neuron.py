"""A spiking nerve cell: the equations of Hodgkin and Huxley (1952) for the giant axon of the squid.

The model neuron of a network adds up and applies a function; this is what it is a picture of. The voltage V of the
membrane, in mV, is driven by the current I, in uA/cm2, through sodium, potassium and leak channels:

    C dV/dt = I - g_Na m^3 h (V - E_Na) - g_K n^4 (V - E_K) - g_L (V - E_L)

and each gate x of m, h, n opens and closes at rates that depend on the voltage: dx/dt = a_x(V) (1 - x) - b_x(V) x.
A weak current raises V a little; a stronger one makes the cell fire, all or nothing, and a still stronger one makes it
fire more often, not higher.
"""

from __future__ import annotations

import math
from itertools import pairwise

C = 1.0  # uF/cm2
G_NA, G_K, G_L = 120.0, 36.0, 0.3  # mS/cm2
E_NA, E_K, E_L = 50.0, -77.0, -54.387  # mV
REST = -65.0  # mV
DURATION, STEP = 50.0, 0.01  # ms


def linoid(x: float, width: float) -> float:
    """x / (1 - exp(-x / width)), which is `width` at x = 0."""
    return width if abs(x) < 1e-9 else x / -math.expm1(-x / width)


def rates(v: float) -> dict[str, tuple[float, float]]:
    """Opening and closing rate of each gate, per ms."""
    return {
        "m": (0.1 * linoid(v + 40, 10), 4 * math.exp(-(v + 65) / 18)),
        "h": (0.07 * math.exp(-(v + 65) / 20), 1 / (1 + math.exp(-(v + 35) / 10))),
        "n": (0.01 * linoid(v + 55, 10), 0.125 * math.exp(-(v + 65) / 80)),
    }


def voltages(current: float) -> list[float]:
    """V at each step of Euler's method, from rest."""
    v = REST
    gates = {name: opens / (opens + closes) for name, (opens, closes) in rates(v).items()}
    found = [v]
    for _ in range(round(DURATION / STEP)):
        m, h, n = gates["m"], gates["h"], gates["n"]
        flow = G_NA * m**3 * h * (v - E_NA) + G_K * n**4 * (v - E_K) + G_L * (v - E_L)
        for name, (opens, closes) in rates(v).items():
            gates[name] += STEP * (opens * (1 - gates[name]) - closes * gates[name])
        v += STEP * (current - flow) / C
        found.append(v)
    return found


def spikes(trace: list[float]) -> int:
    """How often V rises through 0 mV."""
    return sum(a < 0 <= b for a, b in pairwise(trace))


def drawn(trace: list[float], columns: int = 72) -> str:
    """The trace as a line of bars, from -80 to 50 mV."""
    part = len(trace) // columns
    tops = [max(trace[i * part : (i + 1) * part]) for i in range(columns)]
    return "".join(" .:-=+*#%@"[min(9, int((v + 80) / 13.1))] for v in tops)


found = {current: voltages(current) for current in (0.0, 2.0, 6.0, 10.0, 20.0)}
for current, trace in found.items():
    print(f"{current:4.0f} uA/cm2  {spikes(trace)} spikes  highest {max(trace):6.1f} mV  |{drawn(trace)}|")

peaks = {current: max(trace) for current, trace in found.items() if spikes(trace)}
assert [spikes(trace) for trace in found.values()] == [0, 0, 2, 4, 5]
# All or nothing: without a spike the voltage stays near rest; spikes are equally high for any current.
assert max(found[2.0]) < -55
assert max(peaks.values()) - min(peaks.values()) < 5 and min(peaks.values()) > 35
