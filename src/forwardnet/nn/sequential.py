"""Modules made of modules: a chain, and a plain list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, overload

from forwardnet.errors import ArgumentError, AxisError
from forwardnet.nn.module import Module


class _Numbered(Module):
    """Submodules by position: indexing, slicing and changing the chain."""

    def _position(self, index: int) -> str:
        names = list(self._modules)
        if not -len(names) <= index < len(names):
            raise AxisError(f"{type(self).__name__}: index {index} is out of range for {len(names)} modules")
        return names[index]

    def _renumber(self, modules: Iterable[Any]) -> None:
        chain = list(modules)
        self._modules.clear()
        for i, module in enumerate(chain):
            self.add_module(str(i), module)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __contains__(self, module: object) -> bool:
        return any(own is module for own in self)

    @overload
    def __getitem__(self, index: int | str) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | str | slice) -> Module | Self:
        if isinstance(index, slice):
            return self._part(list(self._modules.items())[index])
        module: Module = self._modules[index if isinstance(index, str) else self._position(index)]
        return module

    def _part(self, items: list[tuple[str, Module]]) -> Self:
        raise NotImplementedError

    def _arguments(self) -> dict[str, Any]:
        return {}  # the modules are its children

    def __setitem__(self, index: int | str, module: Module) -> None:
        setattr(self, index if isinstance(index, str) else self._position(index), module)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)
        for name in names[index] if isinstance(index, slice) else [self._position(index)]:
            del self._modules[name]
        if names == [str(i) for i in range(len(names))]:  # names that a user gave are kept
            self._renumber(self._modules.values())

    def append(self, module: Module) -> Self:
        """Add `module` at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add all `modules` at the end."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Put `module` before the one at `index`; the modules are numbered anew."""
        chain = list(self)
        if not -len(chain) <= index <= len(chain):
            raise AxisError(f"{type(self).__name__}: cannot insert at {index}, it has {len(chain)} modules")
        chain.insert(index, module)
        self._renumber(chain)
        return self

    def pop(self, index: int = -1) -> Module:
        """Remove the module at `index` and return it."""
        module = self[index]
        del self[index]
        return module


class Sequential(_Numbered):
    """y = f_n(... f_2(f_1(x))): modules applied one after another.

    Takes modules, or one mapping of names to modules.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
        >>> model(ff.zeros(5, 2)).shape
        forwardnet.Size([5, 1])
    """

    _takes_stacks = True

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        super().__init__()
        named: Mapping[str, Any] = {str(i): module for i, module in enumerate(modules)}
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            named = modules[0]
        for name, module in named.items():
            self.add_module(name, module)

    def forward(self, x: Any) -> Any:
        for module in self._modules.values():
            x = module(x)
        return x

    def _part(self, items: list[tuple[str, Module]]) -> Self:
        return type(self)(dict(items))

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            raise ArgumentError(f"Sequential + {type(other).__name__}: expected another Sequential")
        return Sequential(*self, *other)


class ModuleList(_Numbered):
    """A list of modules that are registered; it has no `forward`: the owner says how they are used."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def _part(self, items: list[tuple[str, Module]]) -> Self:
        return type(self)(module for _, module in items)

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)
