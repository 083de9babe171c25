"""What makes an attribute of a module a parameter, a buffer or a submodule."""

from __future__ import annotations

from typing import Any

from forwardnet.nn.errors import ModuleAttributeError, RegistrationError
from forwardnet.nn.hooks import Hook
from forwardnet.nn.inspection import Inspection
from forwardnet.nn.parameter import Parameter
from forwardnet.tensor import Tensor

KINDS = ("_parameters", "_buffers", "_modules")


class Registered:
    """Attributes that hold parameters, buffers and modules are kept apart from all others, in order of assignment."""

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _forward_hooks: dict[int, Hook]
    _forward_pre_hooks: dict[int, Hook]
    _non_persistent: set[str]

    def __init__(self) -> None:
        place = super().__setattr__  # past our own __setattr__, which needs what is being set up here
        place("training", True)
        for kind in (*KINDS, "_forward_hooks", "_forward_pre_hooks"):
            place(kind, {})
        place("_non_persistent", set())

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make `param` a parameter called `name`; None keeps the name for an absent one.

        Raises:
            RegistrationError: the name is taken or unusable, or `param` is no leaf Parameter.
        """
        self._check_name("parameter", name, "_parameters")
        if param is not None:
            if not isinstance(param, Parameter):
                raise RegistrationError(
                    f"{type(self).__name__}.{name}: got {type(param).__name__}, expected a Parameter or None",
                    hint="wrap the tensor: nn.Parameter(tensor)",
                )
            if param.grad_fn is not None:
                raise RegistrationError(
                    f"{type(self).__name__}.{name}: the parameter was computed from other tensors",
                    hint="make it a leaf, and compute what depends on it in forward()",
                )
        self._place("_parameters", name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Keep `tensor` with the module without training it; `persistent` ones are part of the state dict.

        Raises:
            RegistrationError: the name is taken or unusable, or `tensor` is no Tensor.
        """
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise RegistrationError(
                f"{type(self).__name__}.{name}: got {type(tensor).__name__}, expected a Tensor or None for a buffer"
            )
        self._place("_buffers", name, tensor)
        (self._non_persistent.discard if persistent else self._non_persistent.add)(name)

    def add_module(self, name: str, module: Registered | None) -> None:
        """Make `module` a submodule called `name`.

        Raises:
            RegistrationError: the name is taken or unusable, or `module` is no Module.
        """
        self._check_name("module", name, "_modules")
        if module is not None and not isinstance(module, Registered):
            raise RegistrationError(
                f"{type(self).__name__}.{name}: got {module!r}, expected a Module",
                hint=f"make one: {module.__name__}(...)" if isinstance(module, type) else None,
            )
        self._place("_modules", name, module)

    register_module = add_module

    def _check_name(self, kind: str, name: str, own: str) -> None:
        if own not in self.__dict__:
            raise self._uninitialised(f"register {name!r}")
        if not isinstance(name, str):
            raise RegistrationError(f"a {kind} name is a string, got {type(name).__name__}")
        if name == "" or "." in name:
            raise RegistrationError(f'{kind} name can\'t be empty or contain ".", got {name!r}')
        taken = name in self.__dict__ or any(name in self.__dict__[kind] for kind in KINDS)
        of_class = hasattr(type(self), name) and not hasattr(Inspection, name)
        if name not in self.__dict__[own] and (taken or of_class):
            raise RegistrationError(f"{type(self).__name__}: attribute {name!r} already exists")

    def _place(self, kind: str, name: str, value: Any) -> None:
        self.__dict__[kind][name] = value
        if hasattr(type(self), name):  # a method such as `summary` must not hide what was registered under its name
            self.__dict__[name] = value

    def _uninitialised(self, action: str) -> ModuleAttributeError:
        name = type(self).__name__
        return ModuleAttributeError(
            f"{name}: cannot {action} before Module.__init__() was called",
            hint=f"call super().__init__() first in {name}.__init__",
        )

    def __setattr__(self, name: str, value: Any) -> None:
        state = self.__dict__
        wanted = (
            "_parameters" if isinstance(value, Parameter) else "_modules" if isinstance(value, Registered) else None
        )
        if "_modules" not in state:
            if wanted:
                raise self._uninitialised(f"assign {name!r}")
            super().__setattr__(name, value)
            return
        held = next((kind for kind in KINDS if name in state[kind]), None)
        if wanted is None and held is None:
            super().__setattr__(name, value)
            return
        if wanted is None:
            wanted = held
            if value is not None and not (held == "_buffers" and isinstance(value, Tensor)):
                expected = {"_parameters": "a Parameter", "_buffers": "a Tensor", "_modules": "a Module"}[str(held)]
                raise RegistrationError(
                    f"cannot assign {type(value).__name__} to {type(self).__name__}.{name}, "
                    f"expected {expected} or None",
                    hint=f"delete it first: del model.{name}",
                )
        state.pop(name, None)
        for kind in KINDS:
            if kind != wanted:
                state[kind].pop(name, None)
        if wanted == "_parameters":
            state["_parameters"].setdefault(name, None)  # replacing a plain attribute is no clash of names
            self.register_parameter(name, value)
        else:
            self._place(str(wanted), name, value)

    def __getattr__(self, name: str) -> Any:
        state = self.__dict__
        if "_modules" in state:
            for kind in KINDS:
                if name in state[kind]:
                    return state[kind][name]
        elif name in KINDS or name in ("training", "_forward_hooks", "_forward_pre_hooks", "_non_persistent"):
            raise self._uninitialised("use it")
        error = ModuleAttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        error.name, error.obj = name, self  # Python uses them to suggest the nearest attribute
        raise error

    def __delattr__(self, name: str) -> None:
        for kind in KINDS:
            if name in self.__dict__.get(kind, ()):
                del self.__dict__[kind][name]
                self._non_persistent.discard(name)
                self.__dict__.pop(name, None)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        registered = (name for kind in KINDS for name in self.__dict__.get(kind, ()))
        return sorted({*super().__dir__(), *registered})
