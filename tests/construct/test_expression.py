"""Expressions: read as Python reads them, refused with the place, and computed on every row."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import forwardnet as ff
from forwardnet import construct
from forwardnet.construct.expression import evaluate, names_of, parse
from forwardnet.errors import ArgumentError, UnknownNameError

SHORT = "(A & ~X & Z) | (A & ~Y)"


def by_python(expression: str, names: list[str]) -> list[int]:
    """The table as Python evaluates the same text, whose operators bind alike; ~ of 0 and 1 is -1 and -2."""
    return [
        eval(expression, {}, dict(zip(names, bits, strict=True))) & 1
        for bits in itertools.product((0, 1), repeat=len(names))
    ]


def table_of(network: Any) -> list[int]:
    return construct.truth_table(network).ravel().tolist()


expressions = st.recursive(
    st.sampled_from(["A", "B", "C", "D", "0", "1"]),
    lambda inner: st.one_of(
        inner.map("~{}".format),
        inner.map("({})".format),
        st.tuples(inner, st.sampled_from("&|^"), inner).map(" ".join),
    ),
    max_leaves=14,
)


@given(expressions)
def test_any_expression_means_what_python_means(expression: str) -> None:
    names = ["A", "B", "C", "D"]
    wanted = by_python(expression, names)
    for depth in ("shallow", "deep", "auto"):
        network = construct.from_expression(expression, depth=depth, names=names)
        assert table_of(network) == wanted, depth
    columns = dict(zip(names, construct.all_inputs(4).T, strict=True))
    assert (evaluate(parse(expression), columns) + np.zeros(16, int)).tolist() == wanted


def test_words_signs_and_order() -> None:
    for same in ("A and not X or A xor B", "A & ~X | A ^ B", "A && !X || A ⊕ B", "(A ∧ ¬X) ∨ (A XOR B)"):
        assert parse(same) == parse("A & ~X | A ^ B")
    assert names_of(parse("x10 | x2 & B & a")) == ["B", "a", "x2", "x10"]
    network = construct.from_expression(SHORT)
    assert network.about.inputs == ("A", "X", "Y", "Z")
    other = construct.from_expression(SHORT, names=["Z", "Y", "X", "A", "W"])
    assert other.about.size.inputs == 5
    X = construct.all_inputs(4)
    wide = np.column_stack([X[:, ::-1], np.ones(16)])
    assert other(ff.tensor(wide, dtype=ff.float32)).reshape(-1).tolist() == [float(v) for v in table_of(network)]


def test_depths() -> None:
    shallow, deep = (construct.from_expression(SHORT, depth=depth) for depth in ("shallow", "deep"))
    assert shallow.about.size.layers == 2 and shallow.about.size.widths == (2, 1)
    assert deep.about.size.widths == (2, 1), "two ANDs and an OR; what is negated costs nothing"
    nested = "(((A & B) | C) & D | E) & F"
    deep = construct.from_expression(nested, depth="deep")
    assert deep.about.size.layers == 5
    assert construct.from_expression(nested, depth="auto").about.size.units <= deep.about.size.units
    odd = " ^ ".join("ABCDEFGH")
    assert construct.from_expression(odd, depth="shallow").about.size.units == 129
    assert construct.from_expression(odd).about.size.units == 9
    assert construct.from_expression("(A & B) & (C & D)", depth="deep").about.size.units == 1
    many = " & ".join(f"x{i}" for i in range(40))
    assert construct.from_expression(many).about.size.units == 1, "too many names for a table: deep"


@pytest.mark.parametrize("depth", ["shallow", "deep", "auto"])
@pytest.mark.parametrize(
    ("expression", "wanted"), [("A | ~A", [1, 1]), ("A & ~A", [0, 0]), ("1", [1, 1]), ("~A", [1, 0])]
)
def test_constants_and_single_names(expression: str, wanted: list[int], depth: str) -> None:
    assert table_of(construct.from_expression(expression, names=["A"], depth=depth)) == wanted


@pytest.mark.parametrize(
    ("expression", "column", "told"),
    [
        ("A & & B", 5, "got '&', expected a name, 0, 1, ~ or ("),
        ("A &", 4, "the expression ends, expected a name, 0, 1, ~ or ("),
        ("(A | B", 1, "this '(' is never closed"),
        ("A & (B | (C)", 5, "this '(' is never closed"),
        ("A | B)", 6, "')' closes nothing"),
        ("A B", 3, "got 'B', expected an operator"),
        ("(A B)", 4, "got 'B', expected an operator or )"),
        ("A $ B", 3, "'$' is not understood"),
        ("A\n| 2", 5, "'2' is not understood"),
        ("10", 1, "'1' is not understood"),
        ("", 1, "the expression ends"),
        ("A & (B | ~)", 11, "got ')', expected a name"),
        ("A or and B", 6, "got 'and', expected a name"),
        ("(" * 101 + "A" + ")" * 101, 101, "brackets nested more than 100 deep"),
    ],
)
def test_errors_show_the_place(expression: str, column: int, told: str) -> None:
    with pytest.raises(construct.ExpressionError) as error:
        construct.from_expression(expression)
    assert error.value.column == column
    first, text, mark = str(error.value).split("\n")[:3]
    assert first.startswith(f"expression, column {column}: ") and told in first
    assert text == "  " + expression.replace("\n", " ")
    assert mark == " " * (column + 1) + "^"
    assert isinstance(error.value, ArgumentError)


def test_other_errors() -> None:
    with pytest.raises(UnknownNameError, match="unknown input in the expression, 'AA'\nhint: did you mean 'A'"):
        construct.from_expression("AA & B", names=["A", "B"])
    with pytest.raises(UnknownNameError, match="unknown depth of from_expression 'depp'"):
        construct.from_expression("A", depth="depp")
    with pytest.raises(ArgumentError, match="'1' has no input"):
        construct.from_expression("1")
    with pytest.raises(ArgumentError, match="got int, expected text"):
        construct.from_expression(3)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="13 names, expected at most 12\nhint: pass depth='deep'"):
        construct.from_expression(" & ".join(f"x{i}" for i in range(13)), depth="shallow")
