"""Result types of every pair of types, for operations, operands without dimensions and Python numbers.

The tables were made with PyTorch 2.13. One letter per type, NumPy's; `-` is an error; `.` is not compared, because
PyTorch only lacks a kernel there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from peer import ff, words

CODES = "?Bbhilefd"
DTYPES = [ff.bool, ff.uint8, ff.int8, ff.int16, ff.int32, ff.int64, ff.float16, ff.float32, ff.float64]
CODE = dict(zip(DTYPES, CODES, strict=True))
VECTOR, SCALAR, NUMBERS = (2,), (), (True, 2, 2.0)

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": ff.add,
    "sub": ff.sub,
    "mul": ff.mul,
    "div": ff.div,
    "pow": ff.pow,
    "floor_divide": lambda a, b: a // b,
    "remainder": lambda a, b: a % b,
    "maximum": ff.maximum,
    "eq": ff.eq,
    "lt": ff.lt,
    "where": lambda a, b: ff.where(ff.ones(2, dtype=ff.bool), a, b),
    "cat": lambda a, b: ff.cat([a, b]),
    "stack": lambda a, b: ff.stack([a, b]),
    "and": lambda a, b: a & b,
    "addcmul": lambda a, b: ff.addcmul(a, b, b),
    "matmul": lambda a, b: a @ b,
    "iadd": lambda a, b: a.clone().add_(b),
    "clamp": lambda a, b: ff.clamp(a, min=b),
    "masked_fill": lambda a, b: a.masked_fill(ff.ones(2, dtype=ff.bool), b),
}

PLAIN = "?Bbhilefd BBhhilefd bhbhilefd hhhhilefd iiiiilefd llllllefd eeeeeeefd ffffffffd ddddddddd"
PLAIN_0 = "?Bbhilefd BBBBBBefd bbbbbbefd hhhhhhefd iiiiiiefd llllllefd eeeeeeeee fffffffff ddddddddd"
SUB = "--------- -Bhhilefd -hbhilefd -hhhilefd -iiiilefd -lllllefd -eeeeeefd -fffffffd -dddddddd"
SUB_0 = "--------- -BBBBBefd -bbbbbefd -hhhhhefd -iiiiiefd -lllllefd -eeeeeeee -ffffffff -dddddddd"
DIV = "ffffffefd ffffffefd ffffffefd ffffffefd ffffffefd ffffffefd eeeeeeefd ffffffffd ddddddddd"
DIV_0 = "ffffffefd ffffffefd ffffffefd ffffffefd ffffffefd ffffffefd eeeeeeeee fffffffff ddddddddd"
NO_BOOL = PLAIN.replace("?", ".", 1)
NO_BOOL_0 = PLAIN_0.replace("?", ".", 1)
BITS = "?Bbhil--- BBhhil--- bhbhil--- hhhhil--- iiiiil--- llllll--- --------- --------- ---------"
BITS_0 = "?Bbhil--- BBBBBB--- bbbbbb--- hhhhhh--- iiiiii--- llllll--- --------- --------- ---------"
SAME = "?-------- -B------- --b------ ---h----- ----i---- -----l--- ------e-- -------f- --------d"
INTO = "?-------- BBBBBB--- bbbbbb--- hhhhhh--- iiiiii--- llllll--- eeeeeeeee fffffffff ddddddddd"
FIRST = "????????? BBBBBBBBB bbbbbbbbb hhhhhhhhh iiiiiiiii lllllllll eeeeeeeee fffffffff ddddddddd"
BOOLS = " ".join(["?" * 9] * 9)

# name: (vector with vector, vector with a tensor of no dimensions)
PAIRS: dict[str, tuple[str, str]] = {
    "add": (PLAIN, PLAIN_0),
    "sub": (SUB, SUB_0),
    "mul": (PLAIN, PLAIN_0),
    "div": (DIV, DIV_0),
    "pow": (NO_BOOL, NO_BOOL_0),
    "floor_divide": (NO_BOOL, NO_BOOL_0),
    "remainder": (NO_BOOL, NO_BOOL_0),
    "maximum": (PLAIN, PLAIN_0),
    "eq": (BOOLS, BOOLS),
    "lt": (BOOLS, BOOLS),
    "where": (PLAIN, PLAIN_0),
    "cat": (PLAIN, "--------- " * 8 + "---------"),
    "stack": (PLAIN, "--------- " * 8 + "---------"),
    "and": (BITS, BITS_0),
    "addcmul": (NO_BOOL, NO_BOOL_0),
    "matmul": (SAME.replace("?", ".", 1), "--------- " * 8 + "---------"),
    "iadd": (INTO, INTO),
    "clamp": (PLAIN, PLAIN_0),
    "masked_fill": ("......... " * 8 + ".........", FIRST),
}
# name: vector with True, 2, 2.0
WITH_NUMBERS = {
    "add": "?lf BBf bbf hhf iif llf eee fff ddd",
    "mul": "?lf BBf bbf hhf iif llf eee fff ddd",
    "pow": ".lf BBf bbf hhf iif llf eee fff ddd",
    "where": "?lf BBf bbf hhf iif llf eee fff ddd",
    "sub": "--- -Bf -bf -hf -if -lf -ee -ff -dd",
    "div": "fff fff fff fff fff fff eee fff ddd",
    "floor_divide": ".lf BBf bbf hhf iif llf eee fff ddd",
    "remainder": ".lf BBf bbf hhf iif llf eee fff ddd",
    "clamp": ".lf BBf bbf hhf iif llf eee fff ddd",
    "eq": "??? ??? ??? ??? ??? ??? ??? ??? ???",
    "lt": "??? ??? ??? ??? ??? ??? ??? ??? ???",
    "and": "?l- BB- bb- hh- ii- ll- --- --- ---",
    "iadd": "?-- BB- bb- hh- ii- ll- eee fff ddd",
    "masked_fill": "??? BBB bbb hhh iii lll eee fff ddd",
}


def code(function: Callable[..., Any], *operands: Any) -> str:
    try:
        return CODE[function(*operands).dtype]
    except (RuntimeError, TypeError, ValueError):
        return "-"


def compare(got: list[str], table: str) -> None:
    """Compare row by row, letting `.` match anything."""
    rows = table.split()
    masked = [
        "".join("." if e == "." else g for g, e in zip(*pair, strict=True)) for pair in zip(got, rows, strict=True)
    ]
    assert masked == rows


@pytest.mark.parametrize("second", [VECTOR, SCALAR], ids=["vector", "zero-dim"])
@pytest.mark.parametrize("name", PAIRS)
def test_pairs_of_types(name: str, second: tuple[int, ...]) -> None:
    function = BINARY[name]
    got = ["".join(code(function, ff.ones(2, dtype=a), ff.ones(second, dtype=b)) for b in DTYPES) for a in DTYPES]
    compare(got, PAIRS[name][second == SCALAR])


@pytest.mark.parametrize("name", WITH_NUMBERS)
def test_with_python_numbers(name: str) -> None:
    got = ["".join(code(BINARY[name], ff.ones(2, dtype=a), n) for n in NUMBERS) for a in DTYPES]
    compare(got, WITH_NUMBERS[name])


# One row: the result type for each type of the argument.
FLOATING, SAME_TYPE, COUNTS = "ffffffefd", "?Bbhilefd", "llllllefd"
UNARY: dict[str, str] = {
    **dict.fromkeys(words("exp expm1 log log1p sqrt rsqrt reciprocal sigmoid tanh sin cos erf"), FLOATING),
    **dict.fromkeys(words("sign max min"), SAME_TYPE),
    **dict.fromkeys(words("abs floor ceil round relu median"), "." + SAME_TYPE[1:]),
    **dict.fromkeys(words("sum prod"), COUNTS),
    **dict.fromkeys(words("mean std var norm"), "------efd"),
    **dict.fromkeys(words("argmax argmin"), ".llllllll"),
    **dict.fromkeys(words("all any"), "?.???????"),
    **dict.fromkeys(words("isnan isinf"), "?????????"),
    **dict.fromkeys(words("argsort nonzero"), "lllllllll"),
    "neg": "-" + SAME_TYPE[1:],
    "square": ".Bbhilefd",
}
ALONG_AXIS_0 = {
    **dict.fromkeys(words("cumsum cumprod"), COUNTS),
    **dict.fromkeys(words("softmax log_softmax"), "------efd"),
    "logsumexp": FLOATING,
}
MATRIX = {
    **dict.fromkeys(words("det inverse"), "------.fd"),
    "trace": ".lllllefd",
}


@pytest.mark.parametrize("name", [*UNARY, *ALONG_AXIS_0, *MATRIX])
def test_one_argument(name: str) -> None:
    function, table = getattr(ff, name), {**UNARY, **ALONG_AXIS_0, **MATRIX}[name]
    arguments = (0,) if name in ALONG_AXIS_0 else ()
    got = ""
    for dtype in DTYPES:
        x = ff.eye(2).to(dtype) if name in MATRIX else ff.ones(2, dtype=dtype)
        got += code(function, x, *arguments)
    compare([got], table)


def test_reductions_take_a_type() -> None:
    x = ff.ones(3, dtype=ff.int32)
    assert x.sum(dtype=ff.float64).dtype == ff.float64
    assert x.mean(dtype=ff.float32).item() == 1.0
    assert x.cumsum(0, dtype=ff.int32).dtype == ff.int32
    assert ff.softmax(x, dim=0, dtype=ff.float64).dtype == ff.float64
    assert ff.ones(300, dtype=ff.bool).sum().item() == 300  # counts, beyond the range of uint8


def test_bool_arithmetic_is_or_and_and() -> None:
    t, f = ff.tensor([True, True]), ff.tensor([True, False])
    assert (t + f).tolist() == [True, True] and (t * f).tolist() == [True, False]


def test_numbers_without_dimensions_never_raise_the_type_within_a_category() -> None:
    assert (ff.ones(2) * ff.tensor(2.0, dtype=ff.float64)).dtype == ff.float32
    assert (ff.ones(2, dtype=ff.int32) + ff.tensor(2)).dtype == ff.int32
    assert (ff.ones(2, dtype=ff.int32) + ff.tensor(2.5, dtype=ff.float64)).dtype == ff.float64
    assert (ff.tensor(1.0) + ff.tensor(2.0, dtype=ff.float64)).dtype == ff.float64
    assert (ff.tensor(1) + 2.5).dtype == ff.float32


def test_overflow_wraps_as_in_c() -> None:
    assert (ff.tensor([250], dtype=ff.uint8) + 10).tolist() == [4]
    assert (ff.tensor([127], dtype=ff.int8) + ff.tensor([1], dtype=ff.int8)).tolist() == [-128]


@pytest.mark.parametrize("a", DTYPES)
def test_promote_types_and_result_type(a: Any) -> None:
    row = PLAIN.split()[CODES.index(CODE[a])]
    assert "".join(CODE[ff.promote_types(a, b)] for b in DTYPES) == row
    assert "".join(CODE[ff.result_type(ff.ones(2, dtype=a), ff.ones(2, dtype=b))] for b in DTYPES) == row


CAN_CAST = "111111111 011111111 011111111 011111111 011111111 011111111 000000111 000000111 000000111"


def test_can_cast() -> None:
    got = ["".join(str(int(ff.can_cast(a, b))) for b in DTYPES) for a in DTYPES]
    assert got == CAN_CAST.split()


def test_python_types_name_types() -> None:
    assert ff.zeros(1, dtype=float).dtype == ff.float64
    assert ff.zeros(1, dtype=int).dtype == ff.int64
    assert ff.zeros(1, dtype=bool).dtype == ff.bool


def test_dtype_attributes() -> None:
    assert ff.float32.is_floating_point and not ff.int64.is_floating_point
    assert ff.float64.itemsize == 8 and ff.ones(1).element_size() == 4
    assert ff.finfo(ff.float32).eps == 2.0**-23 and ff.iinfo(ff.int32).max == 2**31 - 1
    assert ff.is_floating_point(ff.ones(1)) and not ff.ones(1).long().is_floating_point()


CONVERSIONS = {
    "float": ff.float32,
    "double": ff.float64,
    "half": ff.float16,
    "long": ff.int64,
    "int": ff.int32,
    "short": ff.int16,
    "bool": ff.bool,
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_conversion_methods(name: str) -> None:
    wanted = CONVERSIONS[name]
    x = ff.tensor([0.0, 1.75, -2.5])
    y = getattr(x, name)()
    assert y.dtype == wanted
    assert x.to(wanted).tolist() == x.type(wanted).tolist() == y.tolist()
    assert getattr(y, name)() is y and y.to(wanted) is y  # nothing to do: the tensor itself


def test_to() -> None:
    x = ff.ones(2)
    assert x.to(ff.float32) is x and x.to(ff.float32, copy=True) is not x
    assert x.to("cpu", ff.float64).dtype == ff.float64
    assert x.to(dtype=ff.int64).dtype == ff.int64
    assert x.to(ff.ones(1, dtype=ff.float64)).dtype == ff.float64  # as the other
    assert x.long().tolist() == [1, 1]
    assert ff.tensor([-1.9, 1.9]).long().tolist() == [-1, 1]  # towards zero
