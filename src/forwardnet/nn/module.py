"""Module: something with parameters that maps inputs to an output, and is made of other modules.

Assigning a `Parameter` or a `Module` to an attribute registers it; everything else (moving to another number type,
saving, counting, switching between training and evaluation) walks what is registered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from forwardnet import dtypes
from forwardnet.errors import ArgumentError
from forwardnet.nn import conversion, hooks as _hooks
from forwardnet.nn.errors import ModuleAttributeError
from forwardnet.nn.inspection import Inspection
from forwardnet.nn.parameter import Parameter
from forwardnet.nn.registration import Registered
from forwardnet.nn.state import IncompatibleKeys, load_state, state_of
from forwardnet.tensor import Tensor


class Module(Registered, Inspection):
    """Base of all layers and networks: give it a `forward`, call it like a function.

    Example:
        >>> class Net(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.hidden = nn.Linear(2, 8)
        ...         self.output = nn.Linear(8, 1)
        ...     def forward(self, x):
        ...         return self.output(self.hidden(x).tanh())
        >>> Net()(ff.zeros(5, 2)).shape
        forwardnet.Size([5, 1])
    """

    @property
    def only_in_training(self) -> tuple[str, ...]:
        """Attributes that make no difference to the output in evaluation."""
        return ()

    # ---------------------------------------------------------------- calling

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The output for an input; every subclass writes its own."""
        raise NotImplementedError(f"{type(self).__name__} has no forward method: define forward(self, x)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        state = self.__dict__
        if "_forward_hooks" not in state:
            raise self._uninitialised("call it")
        if state["_forward_pre_hooks"]:
            args, kwargs = _hooks.before(self, state["_forward_pre_hooks"], args, kwargs)
        output = self.forward(*args, **kwargs)
        if state["_forward_hooks"]:
            output = _hooks.after(self, state["_forward_hooks"], args, kwargs, output)
        return output

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> _hooks.RemovableHandle:
        """Call `hook(module, args)` before each `forward`; an answer other than None replaces the arguments."""
        return _hooks.add(self._forward_pre_hooks, _hooks.Hook(hook, with_kwargs), prepend=prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> _hooks.RemovableHandle:
        """Call `hook(module, args, output)` after each `forward`; an answer other than None replaces the output."""
        return _hooks.add(self._forward_hooks, _hooks.Hook(hook, with_kwargs), prepend=prepend)

    # ---------------------------------------------------------------- walking

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all inside it with their dotted names; one used twice comes once."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all inside it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct submodules with their names, each once."""
        seen: set[Module] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The direct submodules, each once."""
        return (module for _, module in self.named_children())

    def _named_members(self, kind: str, prefix: str, recurse: bool, once: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=once) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, member in getattr(module, kind).items():
                if member is None or id(member) in seen:
                    continue
                if once:
                    seen.add(id(member))
                yield (f"{path}.{name}" if path else name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters with their dotted names; a shared one comes once, under its first name."""
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, a shared one once; what an optimiser is given."""
        return (param for _, param in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All buffers with their dotted names, a shared one once."""
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers, a shared one once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The module with the dotted name `target`; "" is this one.

        Raises:
            ModuleAttributeError: there is none.
        """
        found: Any = self
        for step in target.split(".") if target else ():
            inner = getattr(found, step, None)
            if not isinstance(inner, Module):
                known = ", ".join(name for name, _ in self.named_modules() if name) or "none"
                raise ModuleAttributeError(
                    f"{type(self).__name__} has no submodule {target!r}: {type(found).__name__} has no module {step!r}",
                    hint=f"submodules: {known}",
                )
            found = inner
        assert isinstance(found, Module)
        return found

    def _get_member(self, kind: str, target: str) -> Any:
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        member = owner.__dict__[kind].get(name)
        if member is None:
            what = kind.strip("_").removesuffix("s")
            known = ", ".join(n for n, _ in self._named_members(kind, "", True, True)) or "none"
            raise ModuleAttributeError(f"{type(self).__name__} has no {what} {target!r}", hint=f"{what}s: {known}")
        return member

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with the dotted name `target`."""
        found: Parameter = self._get_member("_parameters", target)
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer with the dotted name `target`."""
        found: Tensor = self._get_member("_buffers", target)
        return found

    # ---------------------------------------------------------------- state

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:
        """Name -> tensor for all parameters and persistent buffers; the tensors share memory with the module's."""
        return state_of(self, prefix=prefix, keep_vars=keep_vars)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy tensors or arrays from `state_dict` into the module, all of them or, on an error, none.

        Returns the names that are missing from `state_dict` and those that the module does not know.

        Raises:
            StateDictError: such names exist and `strict` is true.
            ShapeError: an entry has another shape than the module's.
        """
        return load_state(self, state_dict, strict=strict)

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all inside it to training (`mode=False`: to evaluation)."""
        if not isinstance(mode, bool):
            raise ArgumentError(f"train: mode is {mode!r}, expected True or False")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch this module and all inside it to evaluation."""
        return self.train(False)

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on every module inside this one, then on this one; the usual way to initialise."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Train all parameters, or (False) leave them as they are."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert floating parameters and buffers: `to(dtype)`, `to("cpu")`, `to(other_tensor)`."""
        dtype = conversion.wanted_dtype(*args, **kwargs)
        return self if dtype is None else conversion.convert(self, dtype)

    def float(self) -> Self:
        """Convert floating parameters and buffers to float32."""
        return conversion.convert(self, dtypes.float32)

    def double(self) -> Self:
        """Convert floating parameters and buffers to float64."""
        return conversion.convert(self, dtypes.float64)

    def cpu(self) -> Self:
        """This module: everything is in main memory already."""
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or set those there are to zero."""
        for param in self.parameters():
            if param.grad is not None:
                if set_to_none:
                    param.grad = None
                else:
                    param.grad = param.grad.detach()
                    param.grad.zero_()

    # ---------------------------------------------------------------- text

    def extra_repr(self) -> str:
        """What `repr` shows between the brackets."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        inside = {} if self._is_one_layer else self._modules
        inner = [f"({name}): {_indent(repr(module))}" for name, module in inside.items()]
        name = type(self).__name__
        if not inner and len(lines) <= 1:
            return f"{name}({extra})"
        return "\n  ".join([f"{name}(", *lines, *inner]) + "\n)"


def _indent(text: str) -> str:
    return text.replace("\n", "\n  ")
