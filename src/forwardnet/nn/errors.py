"""Errors of modules, each also the built-in exception a PyTorch user would catch."""

from __future__ import annotations

from forwardnet.errors import ForwardnetError


class ModuleAttributeError(ForwardnetError, AttributeError):
    """A module has no such attribute, or is used before `super().__init__()` was called."""


class RegistrationError(ForwardnetError, TypeError, KeyError):
    """A parameter, buffer or submodule cannot be registered under this name."""

    __str__ = Exception.__str__  # KeyError would print the repr of the message


class StateDictError(ForwardnetError, RuntimeError):
    """A state dict has too few or too many entries for the module it is loaded into."""


class ArchitectureError(ForwardnetError, ValueError, TypeError):
    """A model cannot be described as known layers, or a description cannot be built."""
