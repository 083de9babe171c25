"""Ops on single elements that choose and compare: `where`, relations, truth values, bits."""

from __future__ import annotations

import math

import numpy as np

from forwardnet.ops.record import Op, elementwise

TWO = ("a", "b")

where: Op = elementwise(
    "where",
    np.where,
    (None, lambda g, c: where(c, g, 0.0), lambda g, c: where(c, 0.0, g)),
    doc="y = a where c, else b",
    inputs=("c", "a", "b"),
    fixed=("c",),
    emit=lambda k, c, a, b: k.select(k.truth(c), a, b),
)
eq: Op = elementwise(
    "eq", np.equal, doc="y = (a == b)", inputs=TWO, result="bool", emit=lambda k, a, b: k.compare("==", a, b)
)
ne: Op = elementwise(
    "ne", np.not_equal, doc="y = (a != b)", inputs=TWO, result="bool", emit=lambda k, a, b: k.compare("!=", a, b)
)
lt: Op = elementwise(
    "lt", np.less, doc="y = (a < b)", inputs=TWO, result="bool", emit=lambda k, a, b: k.compare("<", a, b)
)
le: Op = elementwise(
    "le", np.less_equal, doc="y = (a <= b)", inputs=TWO, result="bool", emit=lambda k, a, b: k.compare("<=", a, b)
)
gt: Op = elementwise(
    "gt", np.greater, doc="y = (a > b)", inputs=TWO, result="bool", emit=lambda k, a, b: k.compare(">", a, b)
)
ge: Op = elementwise(
    "ge", np.greater_equal, doc="y = (a >= b)", inputs=TWO, result="bool", emit=lambda k, a, b: k.compare(">=", a, b)
)
isnan: Op = elementwise("isnan", np.isnan, doc="y = (x is nan)", result="bool", emit=lambda k, x: k.isnan(x))
isinf: Op = elementwise(
    "isinf",
    np.isinf,
    doc="y = (x is inf or -inf)",
    result="bool",
    emit=lambda k, x: k.compare("==", k.abs(x), math.inf) if k.is_float(x) else k.isnan(x),
)
isfinite: Op = elementwise(
    "isfinite",
    np.isfinite,
    doc="y = (x is neither nan nor infinite)",
    result="bool",
    emit=lambda k, x: k.compare("<", k.abs(x), math.inf) if k.is_float(x) else k.logical_not(k.isnan(x)),
)
logical_not: Op = elementwise(
    "logical_not", np.logical_not, doc="y = not x", result="bool", emit=lambda k, x: k.logical_not(x)
)
logical_and: Op = elementwise(
    "logical_and",
    np.logical_and,
    doc="y = a and b",
    inputs=TWO,
    result="bool",
    emit=lambda k, a, b: k.logical_and(a, b),
)
logical_or: Op = elementwise(
    "logical_or", np.logical_or, doc="y = a or b", inputs=TWO, result="bool", emit=lambda k, a, b: k.logical_or(a, b)
)
logical_xor: Op = elementwise(
    "logical_xor",
    np.logical_xor,
    doc="y = a or b, not both",
    inputs=TWO,
    result="bool",
    emit=lambda k, a, b: k.logical_xor(a, b),
)
bitwise_not: Op = elementwise(
    "bitwise_not", np.invert, doc="y = ~x, bit by bit", emit=lambda k, x: k.bit_xor(x, k.like(-1, x))
)
bitwise_and: Op = elementwise(
    "bitwise_and", np.bitwise_and, doc="y = a & b, bit by bit", inputs=TWO, emit=lambda k, a, b: k.bit_and(a, b)
)
bitwise_or: Op = elementwise(
    "bitwise_or", np.bitwise_or, doc="y = a | b, bit by bit", inputs=TWO, emit=lambda k, a, b: k.bit_or(a, b)
)
bitwise_xor: Op = elementwise(
    "bitwise_xor", np.bitwise_xor, doc="y = a ^ b, bit by bit", inputs=TWO, emit=lambda k, a, b: k.bit_xor(a, b)
)
