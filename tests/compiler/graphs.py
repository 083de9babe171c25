"""Random graphs of ops that are lowered, with the numbers they are run on, and the interpreter's answers.

A graph is grown node by node, and each node is evaluated at once: so magnitudes stay moderate, and comparisons keep
away from ties between rounded numbers. What only moves, compares or rounds once is `exact`: there native code has to
agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.many_axes import ManyAxes
from forwardnet.compiler.program import Native, Signature
from forwardnet.ir.graph import Graph, Node, Spec
from forwardnet.ir.shapes import broadcast
from forwardnet.ops import REGISTRY, interpret

Array = np.ndarray[Any, Any]
Pick = Callable[[int], int]

SIZES = (1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129)
LARGEST = 6000  # elements of a value
EXACT_UNARY = ("neg", "abs", "relu", "square", "floor", "ceil", "trunc", "round", "sign", "zeros_like")
ROUNDED_UNARY = ("tanh", "sigmoid", "sin", "cos", "erf", "atan")
EXACT_BINARY = ("add", "sub", "mul", "maximum", "minimum", "clamp_min", "clamp_max", "replace")
RELATIONS = ("lt", "le", "gt", "ge", "eq", "ne")
LOGIC = ("logical_and", "logical_or", "logical_xor")
BOOL, INT = np.dtype(bool), np.dtype(np.int64)


@dataclass
class Case:
    """A graph with its signature and the numbers of a run."""

    graph: Graph
    inputs: list[Array]  # of a gathered input: the rows of all steps to choose from
    signature: Signature
    exact: list[bool]  # of each output
    steps: int = 1
    order: Array | None = None

    def arguments(self, step: int) -> dict[int, Array]:
        """The numbers of the gathered inputs in a step."""
        found = {}
        for number in self.signature.gathered:
            size = self.graph.inputs[number].shape[0]
            assert self.order is not None
            found[number] = self.inputs[number][self.order[step * size : (step + 1) * size]]
        return found


@dataclass
class Answer:
    """What a run gives: outputs after the last step, states after it, losses and recorded rows of all steps."""

    outputs: list[Array]
    states: dict[int, Array]
    losses: Array
    records: list[Array] = field(default_factory=list)
    bound: float = 0.0

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """All of it, with names."""
        yield from ((f"output {i}", a) for i, a in enumerate(self.outputs))
        yield from ((f"state {i}", a) for i, a in self.states.items())
        yield "losses", self.losses
        yield from ((f"records {i}", a) for i, a in enumerate(self.records))


def expected(case: Case) -> Answer:
    """The answer of the interpreter."""
    present, scale, eps = list(case.inputs), 1.0, 0.0
    losses: list[float] = []
    records = []
    outputs: list[Array] = []
    for step in range(case.steps):
        now = {**dict(enumerate(present)), **case.arguments(step)}
        values: dict[int, Any] = {node.index: now[i] for i, node in enumerate(case.graph.inputs)}
        with np.errstate(all="ignore"):
            interpret(case.graph.live(), values)
        scale = max(scale, *(magnitude(v) for v in values.values()))
        eps = max(float(np.finfo(v.dtype).eps) if v.dtype.kind == "f" else 0.0 for v in values.values())
        outputs = [np.array(values[n.index]) for n in case.graph.outputs]
        for number, output in case.signature.states.items():
            present[number] = outputs[output]
        if case.signature.record is not None:
            records.append(outputs[case.signature.record])
        losses.append(0.0 if case.signature.loss is None else outputs[case.signature.loss].item())
        if not np.isfinite(losses[-1]):
            break
    states = {i: present[i] for i in case.signature.states}
    # A few thousand roundings of numbers of the largest size.
    return Answer(outputs, states, np.array(losses), records, 3000 * eps * scale)


def magnitude(value: Any) -> float:
    """The largest finite number of an array of floats, without its sign."""
    if value.dtype.kind != "f":
        return 0.0
    finite = np.abs(value[np.isfinite(value)])
    return float(finite.max()) if finite.size else 0.0


def run(native: Native, case: Case) -> Answer:
    """The answer of native code."""
    gathered = case.signature.gathered
    for number, array in enumerate(case.inputs):
        if number not in gathered:
            native.set_input(number, array)
    records = None
    if case.signature.record is not None:
        node = case.graph.outputs[case.signature.record]
        records = np.empty((case.steps, *node.shape), node.dtype)
    losses = native.run([case.inputs[n] for n in gathered], case.order, case.steps, records)
    outputs = [native.output(i, node.shape) for i, node in enumerate(case.graph.outputs)]
    states = {i: native.state(i, case.graph.inputs[i].shape) for i in case.signature.states}
    return Answer(outputs, states, losses, [] if records is None else list(records[: len(losses)]))


def differences(got: Answer, want: Answer, case: Case) -> list[str]:
    """What differs by more than rounding; where the graph is exact, what differs at all."""
    exact = {f"output {i}" for i, is_exact in enumerate(case.exact) if is_exact}
    exact |= {f"state {i}" for i, output in case.signature.states.items() if case.exact[output]}
    found = []
    for (name, a), (_, b) in zip(got.arrays(), want.arrays(), strict=True):
        if a.shape != b.shape or a.dtype != b.dtype:
            found.append(f"{name}: {a.dtype}{a.shape} instead of {b.dtype}{b.shape}")
        elif not same(a, b, 0.0 if name in exact else want.bound):
            found.append(f"{name}: {a!r} instead of {b!r}")
    return found


def same(a: Array, b: Array, bound: float) -> bool:
    """Equal, NaN too; floats within a bound, if there is one."""
    if bound == 0 or a.dtype.kind != "f":
        return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
    return bool(np.allclose(a, b, rtol=0, atol=bound, equal_nan=True))


class Grower(ManyAxes):
    """Grows a graph; every decision is `pick(n)`, a number from 0 to n - 1."""

    def __init__(self, pick: Pick, *, special: bool = False) -> None:
        """`special` puts NaN, infinities and zeros of both signs among the inputs."""
        self.pick, self.special = pick, special
        self.rng = np.random.default_rng(pick(1 << 16))
        self.dtype = np.dtype(("float64", "float32")[pick(2)])
        self.graph = Graph()
        self.arrays: list[Array] = []
        self.values: dict[int, Array] = {}
        self.exact: dict[int, bool] = {}
        self.nodes: list[Node] = []
        self.indices: list[int] = []  # numbers of the inputs that stay within an axis, and so are no states
        self.rows, self.columns = self.one_of(SIZES), self.one_of(SIZES)
        if pick(6) == 0:
            self.columns = self.rows
        if self.rows * self.columns > LARGEST:
            self.columns = self.one_of(SIZES[:9])
        self.depth = self.one_of((0, 0, 2, 3, 5, 17))  # of values of three axes; 0: there are none to begin with
        if self.depth:
            self.rows, self.columns = (min(n, 33) for n in (self.rows, self.columns))

    def one_of(self, choices: Any) -> Any:
        """One of several things."""
        return choices[self.pick(len(choices))]

    # Inputs

    def shape(self) -> tuple[int, ...]:
        """A shape that is likely to go with others of this graph."""
        m, n, d = self.rows, self.columns, self.depth
        if d and self.pick(2):
            return self.one_of(
                ((m, d, n), (m, d, n), (d, m, n), (1, d, n), (m, d, 1), (m, 1, n), (d, n), (m, d), (d, n, m), (d, 1, n))
            )
        return self.one_of(((m, n), (m, n), (n, m), (n,), (m,), (1, n), (m, 1), (n, 1), (), (1, 1), (m, m), (n, n)))

    def array(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        if dtype == BOOL:
            return np.asarray(self.rng.random(shape) < 0.5)
        if dtype == INT:
            return np.asarray(self.rng.integers(-4, 5, shape))
        x = np.asarray(self.rng.standard_normal(shape).astype(dtype))
        if self.special and x.size:
            chosen = self.rng.random(shape) < 0.1
            some = self.rng.choice(np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], dtype), shape)
            x = np.asarray(np.where(chosen, some, x))
        return x

    def input(self, array: Array) -> Node:
        node = self.graph.input(Spec(array.shape, array.dtype))
        self.arrays.append(array)
        return self._keep(node, array, exact=True)

    def _keep(self, node: Node, value: Array, *, exact: bool) -> Node:
        self.values[node.index], self.exact[node.index] = value, exact
        self.nodes.append(node)
        return node

    # Ops

    def apply(self, name: str, *args: Any, exact: bool | None = None, **attrs: Any) -> Node | None:
        """An op on nodes, kept if its value is moderate; exact as its operands are, unless told."""
        node = REGISTRY[name](*args, **attrs)
        nodes = [a for a in args if isinstance(a, Node)]
        # A number among the arguments, or a change of type, adds nodes of its own.
        values = dict(self.values)
        self.graph.outputs = [node]
        with np.errstate(all="ignore"):
            interpret(self.graph.live(), values)
        value = np.asarray(values[node.index])
        if magnitude(value) > 1e4 or value.size > LARGEST or not value.size:
            return None
        is_exact = all(self.exact[n.index] for n in nodes) and exact is not False
        return self._keep(node, value, exact=is_exact)

    def some(self, test: Callable[[Node], bool]) -> Node | None:
        """A node that passes, the later the likelier."""
        found = [n for n in self.nodes if test(n)]
        if not found:
            return None
        last = found[-6:]
        return self.one_of(last) if self.pick(3) else self.one_of(found)

    def floating(self) -> Node | None:
        return self.some(lambda n: n.dtype == self.dtype)

    def partner(self, x: Node) -> Node | None:
        """A node that can be combined with x element by element."""

        def fits(n: Node) -> bool:
            if n.dtype != x.dtype:
                return False
            pairs = zip(reversed(n.shape), reversed(x.shape), strict=False)
            if not all(a == b or 1 in (a, b) for a, b in pairs):
                return False
            size = int(np.prod(broadcast(n.shape, x.shape)))
            return size <= LARGEST

        return self.some(fits)

    def step(self) -> None:
        """Grow by one op, or by none if the choice does not fit."""
        kinds = (
            *(self.unary, self.binary, self.binary, self.relation, self.choose, self.reduce, self.reduce),
            *(self.turn, self.reshape, self.product, self.product, self.product, self.softmax, self.cast, self.logic),
            *(self.pickers, self.slice, self.slice_put, self.join, self.shuffle_axes, self.shuffle_axes),
            *(self.fold_axes, self.stretch, self.batches, self.batches, self.batches, self.roll, self.triangle),
            *(self.diagonals, self.running, self.choose_along, self.choose_by_arrays),
        )
        self.one_of(kinds)()

    def unary(self) -> None:
        x = self.some(lambda n: n.dtype in (self.dtype, INT))
        if x is None:
            return
        if x.dtype == INT or self.pick(2):
            self.apply(self.one_of(EXACT_UNARY), x)
        elif self.pick(4) == 0 and magnitude(self.values[x.index]) < 5:
            self.apply("exp", x, exact=False)
        else:
            self.apply(self.one_of(ROUNDED_UNARY), x, exact=False)

    def binary(self) -> None:
        x = self.some(lambda n: n.dtype in (self.dtype, INT))
        y = self.partner(x) if x is not None else None
        if x is None or y is None:
            return
        if self.pick(8) == 0:
            number = self.one_of((0.5, -1.0, 3.0) if x.dtype.kind == "f" else (2, -1, 3))
            self.apply(self.one_of(EXACT_BINARY[:6]), x, number)
        elif x.dtype == self.dtype and self.pick(8) == 0 and (np.abs(self.values[y.index]) > 0.1).all():
            self.apply("div", x, y)
        else:
            self.apply(self.one_of(EXACT_BINARY), x, y)

    def relation(self) -> None:
        x = self.some(lambda n: n.dtype in (self.dtype, INT))
        y = self.partner(x) if x is not None else None
        if x is None or y is None:
            return
        if not (self.exact[x.index] and self.exact[y.index]):
            with np.errstate(all="ignore"):
                gap = np.abs(self.values[x.index] - self.values[y.index])
            scale = max(1.0, *(magnitude(v) for v in self.values.values()))
            if (gap <= 6000 * float(np.finfo(self.dtype).eps) * scale).any():
                return
        node = self.apply(self.one_of(RELATIONS), x, y)
        if node is not None:
            self.exact[node.index] = True

    def logic(self) -> None:
        x = self.some(lambda n: n.dtype == BOOL)
        y = self.partner(x) if x is not None else None
        if x is not None and y is not None:
            self.apply(self.one_of(LOGIC), x, y)

    def choose(self) -> None:
        x = self.floating()
        y = self.partner(x) if x is not None else None
        c = self.some(lambda n: n.dtype == BOOL)
        if x is None or y is None or c is None:
            return
        shapes = [c.shape, x.shape, y.shape]
        rank = max(map(len, shapes))
        wide = [(1,) * (rank - len(s)) + s for s in shapes]
        if all(len({s[axis] for s in wide} - {1}) <= 1 for axis in range(rank)):
            self.apply("where", c, x, y)

    def reduce(self) -> None:
        x = self.some(lambda n: n.size > 1)
        if x is None:
            return
        name = self.one_of(("sum", "sum", "sum", "amax", "amin", "any", "all"))
        dims = [tuple(a for a in range(x.ndim) if chosen >> a & 1) for chosen in range(1, 1 << x.ndim)]
        if name in ("any", "all") and x.dtype.kind == "f" and not self.exact[x.index]:
            return
        exact = None if name != "sum" or x.dtype.kind != "f" else False
        if name in ("amax", "amin", "sum") and x.dtype == BOOL:
            return
        node = self.apply(name, x, exact=exact, dim=self.one_of(dims), keepdim=bool(self.pick(2)))
        if node is not None and magnitude(self.values[node.index]) > 30:
            self.apply("mul", node, 1 / 64)

    def softmax(self) -> None:
        x = self.some(lambda n: n.dtype == self.dtype and n.ndim > 0)
        if x is not None:
            self.apply(self.one_of(("softmax", "log_softmax")), x, exact=False, dim=self.pick(x.ndim))

    def turn(self) -> None:
        x = self.some(lambda n: n.ndim == 2)
        if x is not None:
            self.apply("permute", x, dims=(1, 0))

    def reshape(self) -> None:
        x = self.some(lambda n: 1 in n.shape or n.ndim < 2)
        if x is None:
            return
        n = x.size
        if self.pick(3) == 0 and x.ndim < 2:
            shape = self.one_of(((self.rows, n), (self.columns, n)) if x.ndim else ((n,), (self.rows, self.columns)))
            if int(np.prod(shape)) <= LARGEST:
                self.apply("expand", x, shape=shape)
            return
        self.apply("reshape", x, shape=self.one_of(((n,), (1, n), (n, 1)) if n > 1 else ((), (1,), (1, 1))))

    def product(self) -> None:
        a = self.some(lambda n: n.dtype == self.dtype and n.ndim == 2)
        if a is None:
            return
        b = self.some(lambda n: n.dtype == self.dtype and n.ndim == 2 and a.shape[1] in n.shape)
        if b is None:
            return
        if b.shape[0] != a.shape[1] or (b.shape[0] == b.shape[1] and self.pick(2)):
            b = REGISTRY["permute"](b, dims=(1, 0))
            self._keep(b, self.values[b.inputs[0].index].T, exact=self.exact[b.inputs[0].index])
        if a.shape[0] * b.shape[1] > LARGEST:
            return
        node = self.apply("matmul", a, b, exact=False)
        if node is not None and magnitude(self.values[node.index]) > 10:
            self.apply("mul", node, 1 / 32)

    def cast(self) -> None:
        x = self.one_of(self.nodes)
        if x.dtype.kind in "bi":
            self.apply("cast", x, dtype=self.dtype)
        elif x.dtype == self.dtype and self.exact[x.index] and not self.special:
            self.apply("cast", x, dtype=self.one_of((BOOL, INT, np.dtype("float64"), np.dtype("float32"))))

    def index(self, length: int, shape: Any, *, wraps: bool = False) -> Node:
        """An input of places on an axis, also from its end where that `wraps`."""
        self.indices.append(len(self.arrays))
        return self.input(np.asarray(self.rng.integers(-length if wraps else 0, length, shape)))

    def pickers(self) -> None:
        """gather, scatter_add and index, by integers made for it."""
        x = self.some(lambda n: n.dtype == self.dtype and n.ndim > 0)
        if x is None:
            return
        if x.ndim == 1:
            self.apply("index", x, self.index(x.shape[0], self.one_of(SIZES[:10])), layout=(0,))
            return
        if x.ndim > 2:
            return
        i = self.index(x.shape[1], (x.shape[0], 1))
        if self.pick(2):
            self.apply("gather", x, i, dim=1)
            return
        v = self.input(self.array((x.shape[0], 1), self.dtype))
        self.apply("scatter_add", x, i, v, dim=1)

    def items(self, shape: tuple[int, ...]) -> Any:
        """A basic index: slices with steps in either direction, and whole numbers."""
        made: list[tuple[Any, ...]] = []
        for n in shape[: 1 + self.pick(len(shape))]:
            kind = self.pick(4)
            if kind == 0:
                made.append(("int", self.pick(2 * n) - n, None, None))
            elif kind == 1:
                made.append(("slice", None, None, self.one_of((None, 2, -1, -3))))
            else:
                first = self.pick(n)
                made.append(("slice", first, first + 1 + self.pick(n - first), None))
        return tuple(made)

    def slice(self) -> None:
        x = self.some(lambda n: n.ndim > 0)
        if x is not None:
            self.apply("slice", x, items=self.items(x.shape))

    def slice_put(self) -> None:
        x = self.floating()
        if x is None or not x.ndim:
            return
        items = self.items(x.shape)
        shape = REGISTRY["slice"].spec(x.spec, items=items).shape
        v = self.some(lambda n: n.dtype == x.dtype and n.shape in (shape, (), shape[-1:]))
        if v is not None:
            self.apply("slice_put", x, v, items=items)

    def join(self) -> None:
        x = self.some(lambda n: n.ndim > 0)
        if x is None:
            return
        dim = self.pick(x.ndim)
        if self.pick(2):
            self.apply("flip", x, dims=tuple({dim, self.pick(x.ndim)}))
            return
        rest = (*x.shape[:dim], *x.shape[dim + 1 :])
        alike = [n for n in self.nodes if n.dtype == x.dtype and n.ndim == x.ndim]
        others = [n for n in alike if (*n.shape[:dim], *n.shape[dim + 1 :]) == rest]
        parts = [x, *(self.one_of(others) for _ in range(1 + self.pick(2)))]
        if sum(n.size for n in parts) <= LARGEST:
            self.apply("cat", *parts, dim=dim)


def grow(pick: Pick, *, special: bool = False, length: int = 18) -> Case:
    """A random case."""
    g = Grower(pick, special=special)
    for _ in range(2 + pick(4)):
        g.input(g.array(g.shape(), g.dtype))
    for dtype in (INT, BOOL):
        if pick(3) == 0:
            g.input(g.array(g.shape(), dtype))
    if pick(3) == 0:
        array = g.array(g.shape(), g.dtype)
        g._keep(g.graph.const(array), array, exact=True)
    for _ in range(3 + pick(length)):
        g.step()
    return _case(g)


def _case(g: Grower) -> Case:
    """Outputs, states, gathered inputs, a loss and a record for a graph that has grown."""
    pick, graph = g.pick, g.graph
    outputs = [g.one_of(g.nodes[-8:]) for _ in range(1 + pick(3))]
    if pick(4) == 0:
        outputs.append(g.one_of(g.nodes))
    if pick(4) == 0:
        outputs.append(graph.inputs[pick(len(graph.inputs))])
    gathered, order, steps = _gathered(g)
    states: dict[int, int] = {}
    for number, node in enumerate(graph.inputs):
        alike = [n for n in g.nodes if n.spec == node.spec and n is not node]
        if number in gathered or number in g.indices or not alike or pick(2) == 0:
            continue
        states[number] = len(outputs)
        outputs.append(g.one_of(alike[-5:]) if pick(3) else g.one_of(alike))
    graph.outputs = outputs
    loss = next((i for i, n in enumerate(outputs) if n.size == 1 and n.dtype.kind == "f"), None) if pick(2) else None
    record = pick(len(outputs)) if pick(2) else None
    signature = Signature(gathered, states, loss, record)
    case = Case(graph, g.arrays, signature, [g.exact[n.index] for n in outputs], steps, order)
    return _steady(case)


def _gathered(g: Grower) -> tuple[list[int], Array | None, int]:
    """Inputs that are rows of sources: those are made longer, and the order begins with the rows already there."""
    steps = 1 + g.pick(3)
    inputs = g.graph.inputs
    sizes = sorted({n.shape[0] for n in inputs if n.ndim})
    if not sizes or g.pick(2):
        return [], None, steps
    size = g.one_of(sizes)
    chosen = [i for i, n in enumerate(inputs) if n.ndim and n.shape[0] == size and g.pick(3)]
    for number in chosen:
        own = g.arrays[number]
        g.arrays[number] = np.concatenate([own, own[::-1][:5]])
    if not chosen:
        return [], None, steps
    length = min(len(g.arrays[n]) for n in chosen)
    rest = g.rng.integers(0, length, (steps - 1) * size)
    return chosen, np.concatenate([np.arange(size), rest]).astype(np.int64), steps


def _steady(case: Case) -> Case:
    """The case with as many steps as keep away from ties and large numbers."""
    whole = case.steps
    for steps in range(2, whole + 1):
        case.steps = steps
        if not _is_steady(case, steps):
            case.steps = steps - 1
            break
    if case.steps > 1 and not all(case.exact[output] for output in case.signature.states.values()):
        case.exact = [False] * len(case.exact)  # of rounded states nothing is exact but whole numbers
    return case


def _is_steady(case: Case, steps: int) -> bool:
    """Whether the last of these steps, too, compares nothing that rounding could turn round."""
    present = list(case.inputs)
    values: dict[int, Any] = {}
    for step in range(steps):
        now = {**dict(enumerate(present)), **case.arguments(step)}
        values = {node.index: now[i] for i, node in enumerate(case.graph.inputs)}
        with np.errstate(all="ignore"):
            interpret(case.graph.live(), values)
        for number, output in case.signature.states.items():
            present[number] = values[case.graph.outputs[output].index]
    live = case.graph.live()
    scale = max(magnitude(np.asarray(values[n.index])) for n in live)
    return scale <= 1e4 and not any(_is_close(n, values, scale) for n in live)


def _is_close(node: Node, values: dict[int, Any], scale: float) -> bool:
    """Whether a node's answer turns at a value that is near one of its operands, in any but a number made exactly."""
    jumps = (
        *RELATIONS,
        "floor",
        "ceil",
        "trunc",
        "round",
        "sign",
        "any",
        "all",
        "div",
        "cast",
        "argmax",
        "argmin",
        "argsort",
    )
    if node.name not in jumps or values[node.inputs[0].index].dtype.kind != "f":
        return False
    if node.name not in RELATIONS:
        return True  # states are rounded from the second step on
    a, b = (values[n.index] for n in node.inputs)
    with np.errstate(all="ignore"):
        return bool((np.abs(a - b) <= 6000 * float(np.finfo(a.dtype).eps) * max(scale, 1.0)).any())
