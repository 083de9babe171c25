"""What each op on whole arrays becomes in a program of matrices: the table `RULES`, and `build`, which uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forwardnet.compiler import choices, moves
from forwardnet.compiler.builder import Builder, Rule
from forwardnet.compiler.folds import accumulated, extreme_place, folded, softmax
from forwardnet.compiler.laid import Laid, given
from forwardnet.compiler.matrix import Program, matrix_shape
from forwardnet.compiler.multiply import matmul
from forwardnet.ir.graph import Graph, Node
from forwardnet.ops import index as indexing, layout, linear, random, reduce, scalar


def build(graph: Graph, states: Mapping[int, int]) -> Program:
    """The program of matrices for what the graph's outputs need; raises `CannotLower` naming what has no lowering.

    `states` maps the number of an input to the number of the output that replaces it after a step.
    """
    return Builder(RULES).run(graph, states)


def _uniform(b: Builder, node: Node, *counted: Laid) -> Laid:
    x = b.once("random", matrix_shape(node.shape), node.dtype, None, tuple(u.x for u in counted))
    return given(x, node.shape)


def _cast(b: Builder, node: Node, u: Laid) -> Laid:
    return u._replace(x=b.cast(u.x, node.dtype))


def _zeros(b: Builder, node: Node, u: Laid) -> Laid:
    return b.number(0, node.dtype, len(node.shape))


RULES: dict[Any, Rule] = {
    layout.reshape: moves.reshape,
    layout.permute: moves.permute,
    layout.expand: moves.expand,
    layout.clone: moves.clone,
    layout.slice_: moves.slice_,
    layout.slice_put: moves.slice_put,
    layout.cat: moves.cat,
    layout.flip: moves.flip,
    layout.roll: moves.roll,
    layout.diagonal: moves.diagonal,
    layout.diagonal_put: moves.diagonal_put,
    layout.tril: moves.triangle,
    layout.triu: moves.triangle,
    layout.cast: _cast,
    reduce.softmax: softmax,
    reduce.log_softmax: softmax,
    reduce.argmax: extreme_place,
    reduce.argmin: extreme_place,
    reduce.cumsum: accumulated,
    reduce.cumprod: accumulated,
    **dict.fromkeys((reduce.sum_, reduce.prod, reduce.amax, reduce.amin, reduce.any_, reduce.all_), folded),
    indexing.gather: choices.gather,
    indexing.index: choices.index,
    indexing.scatter: choices.scatter,
    indexing.scatter_add: choices.scatter,
    indexing.index_put: choices.index_put,
    indexing.argsort: choices.argsort,
    linear.matmul: matmul,
    random.uniform: _uniform,
    scalar.replace: moves.replace,
    scalar.zeros_like: _zeros,
}
