"""The tensor: an array with a place in the graph of what was computed from what."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet import dtypes
from forwardnet.autodiff.reverse import Accumulator, Edge, Function, Version
from forwardnet.errors import AutogradError, DTypeError, ShapeError
from forwardnet.ir.graph import Node, Spec, tracing
from forwardnet.ir.shapes import axis
from forwardnet.ops.record import CannotLower, Op
from forwardnet.tensor import create, printing, tape
from forwardnet.tensor.conversion import Conversions, Device
from forwardnet.tensor.methods import Methods
from forwardnet.tensor.walk import Removable, required_edge, walk_back

if TYPE_CHECKING:
    import weakref


class Size(tuple[int, ...]):
    """The lengths of the dimensions: a tuple that prints as `Size([2, 3])`."""

    def numel(self) -> int:
        """The number of elements."""
        n = 1
        for length in self:
            n *= length
        return n

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        return Size(part) if isinstance(key, slice) else part

    def __repr__(self) -> str:
        return f"forwardnet.Size({list(self)})"


class Tensor(Methods, Conversions):
    """An n-dimensional array of one number type that records how it was computed.

    `Tensor(2, 3)` has that shape and unset elements, `Tensor([1, 2])` copies data as float32; `tensor(data)` infers
    the type. Semantics, names and defaults are PyTorch's.
    """

    __op_level__ = 2
    __array_priority__ = 1000
    _data: Any
    _counter: Version
    _edge: Edge | None
    _leaf_requires: bool
    _grad: Tensor | None
    _accumulator: weakref.ref[Accumulator] | None
    _base: Tensor | None
    _chain: tuple[tape.ViewStep, ...]
    _seen: int
    _history: int
    _recorded: bool = True
    _views: list[weakref.ref[Tensor]]

    def __new__(cls, *data: Any, **_: Any) -> Any:
        made = tape.new_tensor(create.default_tensor(*data)._data)
        if cls is not Tensor:
            made.__class__ = cls
        return made

    @staticmethod
    def __apply_op__(op: Op, args: Sequence[Any], attrs: dict[str, Any]) -> Any:
        return tape.apply(op, args, attrs)

    # What it is

    @property
    def spec(self) -> Spec:
        """Shape and NumPy type."""
        return Spec(self._data.shape, self._data.dtype)

    @property
    def shape(self) -> Size:
        """The lengths of the dimensions."""
        return Size(self._data.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of one dimension."""
        return self.shape if dim is None else self._data.shape[axis(dim, self.ndim, where="size")]

    @property
    def dtype(self) -> dtypes.DType:
        """The number type."""
        return dtypes.face(self._data.dtype)

    @property
    def device(self) -> Device:
        """Where the elements are."""
        return Device()

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._data.shape)

    def dim(self) -> int:
        """The number of dimensions."""
        return self.ndim

    ndimension = dim

    def numel(self) -> int:
        """The number of elements."""
        return int(self._data.size)

    nelement = numel

    def element_size(self) -> int:
        """Bytes of one element."""
        return int(self._data.dtype.itemsize)

    def stride(self, dim: int | None = None) -> Any:
        """How many elements to step in memory for one step along each dimension."""
        steps = [b // self._data.itemsize for b in self._data.strides]
        for i in reversed(range(self.ndim)):
            # NumPy gives new axes the step 0, PyTorch the step that a longer axis would have.
            if self._data.shape[i] == 1 and steps[i] == 0:
                steps[i] = steps[i + 1] * self._data.shape[i + 1] if i + 1 < self.ndim else 1
        return tuple(steps) if dim is None else steps[axis(dim, self.ndim, where="stride")]

    def storage_offset(self) -> int:
        """How many elements before the first one the memory begins in which the tensor lies."""
        owner = self._data
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        start = owner.__array_interface__["data"][0]
        return int((self.data_ptr() - start) // self._data.itemsize)

    def data_ptr(self) -> int:
        """The address of the first element."""
        return int(self._data.__array_interface__["data"][0])

    def is_floating_point(self) -> bool:
        """Whether the type is a floating type."""
        return bool(self._data.dtype.kind == "f")

    def is_complex(self) -> bool:
        """Whether the type is complex: never."""
        return False

    # Values

    def _eager(self, what: str) -> Any:
        if isinstance(self._data, Node):
            raise CannotLower(f"{what} of a tensor of shape {tuple(self._data.shape)}, whose numbers are not known yet")
        if tracing.watcher is not None:
            tracing.watcher.read([self])
        return self._data

    def item(self) -> Any:
        """The one element as a Python number."""
        if self.numel() != 1:
            raise ShapeError(
                f"a Tensor with {self.numel()} elements cannot be converted to Scalar", hint="use .tolist() or index it"
            )
        return self._eager("item()").item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._eager("tolist()").tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """The elements as an array that shares memory with the tensor."""
        if self.requires_grad and not force:
            raise AutogradError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
                hint="tensor.detach().numpy()",
            )
        return tape.open_memory(self)._eager("numpy()")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = self.numpy()
        if dtype is None or array.dtype == dtype:
            return array.copy() if copy else array
        return array.astype(dtype)

    def __bool__(self) -> bool:
        return self.is_nonzero()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iub" or self.numel() != 1:
            raise DTypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __len__(self) -> int:
        if self.ndim == 0:
            raise DTypeError("len() of a 0-d tensor")
        return int(self._data.shape[0])

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise DTypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    def __repr__(self) -> str:
        return printing.to_text(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.ndim == 0 else format(repr(self), spec)

    __hash__ = object.__hash__

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise AutogradError(
                "Only Tensors created explicitly by the user support the deepcopy protocol", hint="clone()"
            )
        made = tape.new_tensor(self._data.copy())
        made.__class__ = type(self)
        made.__dict__.update({k: v for k, v in self.__dict__.items() if k not in made.__dict__})
        made._leaf_requires = self._leaf_requires
        made._grad = None if self._grad is None else self._grad.detach().clone()
        memo[id(self)] = made
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuild, (type(self), self.detach()._data, self._leaf_requires)

    # Place in the graph

    @property
    def requires_grad(self) -> Any:
        """Whether gradients flow back through this tensor."""
        return self._leaf_requires or tape.edge_of(self) is not None

    @requires_grad.setter
    def requires_grad(self, value: Any) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: Any = True) -> Tensor:
        """Start (or stop) recording operations on this leaf."""
        if self.is_leaf or requires_grad:
            if requires_grad and not self.is_floating_point():
                raise DTypeError(
                    f"only Tensors of floating point dtype can require gradients, this one is {self.dtype}",
                    hint="convert with .float()",
                )
            if self.is_leaf:
                self._leaf_requires = bool(requires_grad)
            return self
        raise AutogradError(
            "you can only change requires_grad flags of leaf variables.",
            hint="use detach() for a tensor without history",
        )

    @property
    def is_leaf(self) -> Any:
        """Whether the tensor was made by the user, not by a recorded operation."""
        edge = tape.edge_of(self)
        return edge is None or isinstance(edge.node, Accumulator)

    @property
    def grad_fn(self) -> Function | None:
        """The recorded operation that made this tensor; None for a leaf."""
        edge = tape.edge_of(self)
        return None if edge is None or isinstance(edge.node, Accumulator) else edge.node

    @property
    def _version(self) -> Any:
        """How often the memory was written in place."""
        return self._counter.count

    @property
    def retains_grad(self) -> Any:
        """Whether `retain_grad` was asked for."""
        return getattr(self, "_retains", False)

    def is_view(self) -> Any:
        """Whether the tensor is a view of another one's memory."""
        return self._base is not None

    _is_view = is_view

    @property
    def output_nr(self) -> Any:
        """Which result of `grad_fn` this tensor is."""
        edge = tape.edge_of(self)
        return 0 if edge is None else edge.output

    @property
    def grad(self) -> Tensor | None:
        """The gradients accumulated by `backward()`; None before, and for tensors that are not leaves."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and not isinstance(value, Tensor):
            raise DTypeError(f"assigned grad expected to be a Tensor or None but got {builtins.type(value).__name__}")
        if value is not None and value._data.shape != self._data.shape:
            raise ShapeError(
                f"assigned grad has data of a different size: got {tuple(value.shape)}, expected {tuple(self.shape)}"
            )
        if value is not None and value._data.dtype != self._data.dtype:
            raise DTypeError(f"assigned grad has data of a different type: got {value.dtype}, expected {self.dtype}")
        self._grad = value

    @property
    def data(self) -> Tensor:
        """The same memory without history; writing to it is not noticed by the graph."""
        if tracing.watcher is not None:
            tracing.watcher.read([self])
        return tape.open_memory(tape.new_tensor(tape.open_memory(self)._data))

    @data.setter
    def data(self, value: Tensor) -> None:
        self._data = tape.open_memory(value)._data
        tape.open_memory(self)

    def detach(self) -> Tensor:
        """The same memory without history; writing to it is noticed by the graph."""
        if tracing.watcher is not None:
            tracing.watcher.read([self])
        made = tape.new_tensor(self._data)
        made._counter = self._counter
        return made

    def detach_(self) -> Tensor:
        """Cut this tensor from its history."""
        if self._base is not None:
            raise AutogradError("Can't detach views in-place. Use detach() instead.", hint="detach()")
        self._edge = None
        self._leaf_requires = False
        return self

    def retain_grad(self) -> None:
        """Keep the gradient of this tensor in `.grad` although it is not a leaf."""
        if not self.requires_grad:
            raise AutogradError("can't retain_grad on Tensor that has requires_grad=False")
        if self.is_leaf or getattr(self, "_retains", False):
            return
        self._retains = True

        def keep(gradient: Tensor) -> None:
            held = gradient if gradient.requires_grad else gradient.clone()
            self._grad = held if self._grad is None else self._grad + held

        self.register_hook(keep)

    def register_hook(self, hook: Callable[[Tensor], Any]) -> Removable:
        """Call `hook(gradient)` when the gradient of this tensor is known; what it returns replaces it."""
        edge = tape.edge_of(self)
        if edge is None:
            raise AutogradError("cannot register a hook on a tensor that doesn't require gradient")
        hooks = edge.node.hooks.setdefault(edge.output, [])
        hooks.append(hook)
        if isinstance(edge.node, Accumulator):
            self._kept_accumulator = edge.node  # the hooks must outlive the graph
        return Removable(hooks, hook)

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: Any = None,
        create_graph: Any = False,
        inputs: Sequence[Tensor] | Tensor | None = None,
    ) -> None:
        """Add the gradient of this tensor with respect to each leaf to the leaf's `.grad`.

        A tensor of one element needs no `gradient`; any other needs one of its own shape, and the vector-Jacobian
        product is what is accumulated. `create_graph` records the pass, for higher derivatives.
        """
        keep = bool(create_graph if retain_graph is None else retain_graph)
        wanted = None
        if inputs is not None:
            chosen = [inputs] if isinstance(inputs, Tensor) else list(inputs)
            wanted = [required_edge(x, "backward(inputs=...)") for x in chosen]
        walk_back([(self, gradient)], keep, bool(create_graph), wanted)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._setitem(key, value)


def _rebuild(kind: Any, data: Any, requires: bool) -> Tensor:
    made = tape.new_tensor(data)
    made.__class__ = kind
    made._leaf_requires = requires
    return made


tape._Types.tensor = Tensor
