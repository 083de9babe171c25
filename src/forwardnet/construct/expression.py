"""Boolean expressions: "(A & ~X & Z) | (A & ~Y)" as a tree, as a table, and as a network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forwardnet.construct.boolean import MAX_MINIMISED, boolean_network, from_truth_table
from forwardnet.construct.circuit import Circuit, Signal
from forwardnet.construct.registry import construction
from forwardnet.construct.tables import all_inputs
from forwardnet.errors import ArgumentError, unknown_name
from forwardnet.nn.sequential import Sequential

DEPTHS = ("auto", "shallow", "deep")
# Words and signs of one meaning; the first is the one that is printed.
SIGNS = {
    "|": ("|", "||", "or", "∨"),
    "^": ("^", "xor", "⊕"),
    "&": ("&", "&&", "and", "∧"),
    "~": ("~", "!", "not", "¬"),
    "(": ("(",),
    ")": (")",),
}
MEANING = {word: sign for sign, words in SIGNS.items() for word in words}
BINDING = ("|", "^", "&")  # from the loosest
TOKEN = re.compile(r"\s*(?:(?P<name>[^\W\d]\w*)|(?P<constant>[01])(?!\w)|(?P<sign>&&|\|\||[&|^~!()∨⊕∧¬]))")
MAX_NESTING = 100


class ExpressionError(ArgumentError):
    """A Boolean expression cannot be read; `column` is the place, counted from 1."""

    def __init__(self, text: str, column: int, told: str, *, hint: str | None = None) -> None:
        self.column = column
        super().__init__(f"expression, column {column}: {told}\n  {text}\n  {' ' * (column - 1)}^", hint=hint)


@dataclass(frozen=True)
class Node:
    """An operator with its operands; a name (kind "name") or a constant ("0", "1") has none."""

    kind: str
    operands: tuple[Node, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class _Token:
    kind: str  # a sign, "name", "constant", or "end"
    text: str
    column: int


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while text[place:].strip():
        match = TOKEN.match(text, place)
        start = len(text) - len(text[place:].lstrip())
        if match is None:
            raise ExpressionError(
                text, start + 1, f"{text[start]!r} is not understood", hint="names, 0, 1, & | ^ ~ and brackets are"
            )
        kind = str(match.lastgroup)
        word = match[kind]
        sign = MEANING.get(word.lower()) if kind != "constant" else None
        yield _Token(sign or kind, word, start + 1)
        place = match.end()
    yield _Token("end", "", len(text) + 1)


class _Parser:
    """Recursive descent: `|` binds least, then `^`, `&`, `~`, as in Python."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.place = 0
        self.open: list[_Token] = []

    def whole(self) -> Node:
        found = self.chain(0)
        if self.next.kind == ")":
            raise ExpressionError(self.text, self.next.column, "')' closes nothing")
        if self.next.kind != "end":
            raise self.unexpected("an operator")
        return found

    @property
    def next(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def chain(self, level: int) -> Node:
        """Operands joined by the operator of this level, as one node."""
        if level == len(BINDING):
            return self.single()
        operands = [self.chain(level + 1)]
        while self.next.kind == BINDING[level]:
            self.take()
            operands.append(self.chain(level + 1))
        return operands[0] if len(operands) == 1 else Node(BINDING[level], tuple(operands))

    def single(self) -> Node:
        n_not = 0
        while self.next.kind == "~":
            self.take()
            n_not += 1
        if self.next.kind == "(":
            found = self.bracket()
        elif self.next.kind == "name":
            found = Node("name", name=self.take().text)
        elif self.next.kind == "constant":
            found = Node(self.take().text)
        else:
            raise self.unexpected("a name, 0, 1, ~ or (")
        return Node("~", (found,)) if n_not % 2 else found

    def bracket(self) -> Node:
        self.open.append(self.take())
        if len(self.open) > MAX_NESTING:
            raise ExpressionError(self.text, self.open[-1].column, f"brackets nested more than {MAX_NESTING} deep")
        found = self.chain(0)
        if self.next.kind == "end":
            raise ExpressionError(self.text, self.open[-1].column, "this '(' is never closed")
        if self.next.kind != ")":
            raise self.unexpected("an operator or )")
        self.take()
        self.open.pop()
        return found

    def unexpected(self, expected: str) -> ExpressionError:
        got = "the expression ends" if self.next.kind == "end" else f"got {self.next.text!r}"
        return ExpressionError(self.text, self.next.column, f"{got}, expected {expected}")


def parse(text: str) -> Node:
    """The tree of an expression of names, 0, 1, `&`, `|`, `^`, `~` and brackets (or: and, or, xor, not).

    Raises:
        ExpressionError: it cannot be read; the message shows the place.
    """
    if not isinstance(text, str):
        raise ArgumentError(f"expression: got {type(text).__name__}, expected text such as 'A & ~B'")
    return _Parser(re.sub(r"\s", " ", text)).whole()


def names_of(node: Node) -> list[str]:
    """The names in it, x2 before x10."""
    found = {node.name} if node.kind == "name" else set()
    for operand in node.operands:
        found |= set(names_of(operand))
    return sorted(found, key=lambda name: [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", name)])


def evaluate(node: Node, values: Mapping[str, Any]) -> Any:
    """The value of an expression for arrays of zeros and ones by name."""
    if node.kind == "name":
        return values[node.name]
    if node.kind in "01":
        return np.int64(node.kind)
    found = [evaluate(operand, values) for operand in node.operands]
    if node.kind == "~":
        return 1 - found[0]
    join = {"&": np.bitwise_and, "|": np.bitwise_or, "^": np.bitwise_xor}[node.kind]
    result = found[0]
    for value in found[1:]:
        result = join(result, value)
    return result


def _signal(node: Node, circuit: Circuit, values: Mapping[str, Signal]) -> Signal:
    """The value in a circuit: a unit for each `&` and `|`; `~` is free; `^` of k takes k units that count."""
    if node.kind == "name":
        return values[node.name]
    if node.kind in "01":
        return Signal({}, float(node.kind))
    found = [_signal(operand, circuit, values) for operand in _flat(node)]
    if node.kind == "~":
        return 1 - found[0]
    return {"&": circuit.all_of, "|": circuit.any_of, "^": circuit.odd_of}[node.kind](found)


def _flat(node: Node) -> Iterator[Node]:
    """Operands, those of the same operator in brackets with them: (A & B) & C is one AND of three."""
    for operand in node.operands:
        if operand.kind == node.kind and node.kind != "~":
            yield from _flat(operand)
        else:
            yield operand


@construction("shallow: one for each AND term, and one; deep: about one for each operator", "exact on all 2^n inputs")
def from_expression(
    expression: str,
    *,
    depth: str = "auto",
    names: Sequence[str] | None = None,
    steepness: float | None = None,
    dtype: Any = None,
) -> Sequential:
    """The network of a Boolean expression: "(A & ~X & Z) | (A & ~Y)".

    "shallow": the smallest OR of AND terms, in two layers (see `from_truth_table`), for at most 12 names.
    "deep": a unit for each AND and OR of the expression as it is written, in as many layers as it is nested; "not"
    costs nothing, "xor" of k operands k units, and a value that waits for others is carried by a unit in each layer.
    "auto": the one with fewer units.

    Inputs are the names in alphabetical order (capitals first, x2 before x10), or in the order of `names`, which may
    have more.

    Raises:
        ExpressionError: the expression cannot be read; the message shows the place.
        ArgumentError: a name is not among `names`, or there are too many for "shallow".
    """
    if depth not in DEPTHS:
        raise unknown_name("depth of from_expression", depth, DEPTHS)
    tree = parse(expression)
    inputs = list(names_of(tree) if names is None else names)
    for name in names_of(tree):
        if name not in inputs:
            raise unknown_name("input in the expression,", name, inputs)
    if not inputs:
        raise ArgumentError(f"from_expression: {expression!r} has no input", hint="name some: names=['A', 'B']")
    if depth == "shallow" and len(inputs) > MAX_MINIMISED:
        raise ArgumentError(
            f"from_expression: {len(inputs)} names, expected at most {MAX_MINIMISED}", hint="pass depth='deep'"
        )
    found = []
    if depth != "deep" and len(inputs) <= MAX_MINIMISED:
        columns = dict(zip(inputs, all_inputs(len(inputs)).T, strict=True))
        table = evaluate(tree, columns) + np.zeros(2 ** len(inputs), np.int64)
        found.append(from_truth_table(table, names=inputs, steepness=steepness, dtype=dtype))
    if depth != "shallow":
        circuit = Circuit(len(inputs))
        y = _signal(tree, circuit, dict(zip(inputs, circuit.inputs, strict=True)))
        formula = f"y = {' '.join(expression.split())}"
        found.append(
            boolean_network(circuit.layers([y]), "gate by gate", inputs, formula, steepness=steepness, dtype=dtype)
        )
    return min(found, key=lambda network: (network.about.size.units, network.about.size.layers))
