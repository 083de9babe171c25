"""Errors that name the place, what came, what was expected, and a hint.

Every error raised on purpose is a `ForwardnetError` and also the built-in exception a stranger would
catch (`ValueError`, `TypeError`, `RuntimeError`, ...). The command line turns them into one line and exit code 2.
"""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable


class ForwardnetError(Exception):
    """Base of all errors raised on purpose; `hint` says what to do about it."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}\nhint: {hint}" if hint else message)


class ShapeError(ForwardnetError, ValueError, RuntimeError):
    """Shapes do not fit together."""


class DTypeError(ForwardnetError, TypeError, RuntimeError):
    """A number type cannot be used here."""


class AxisError(ForwardnetError, IndexError, RuntimeError):
    """A dimension or an index is out of range."""


class AutogradError(ForwardnetError, RuntimeError):
    """A derivative was asked for that cannot be given."""


class ArgumentError(ForwardnetError, ValueError, RuntimeError):
    """An argument has a value outside its range."""


class UnknownNameError(ArgumentError, KeyError):
    """A name is not in a registry; the nearest known name is suggested."""

    __str__ = Exception.__str__  # KeyError would print the repr of the message


class DataError(ForwardnetError, ValueError):
    """Input data cannot be used; the message names file, row and column where they are known."""


class FileFormatError(DataError, OSError):
    """A file is missing, damaged or not of the expected format."""

    __str__ = Exception.__str__


class MissingFileError(FileFormatError, FileNotFoundError):
    """There is no such file."""

    __str__ = Exception.__str__


class DivergedError(ForwardnetError, ArithmeticError):
    """Training met a NaN or an infinity; the last good weights are kept."""


class MissingExtraError(ForwardnetError, ImportError):
    """An optional package is not installed; the message says what to install."""


def missing_file(path: str | os.PathLike[str]) -> MissingFileError:
    """The error for a file that is not there; a name in its folder that is nearly the same is suggested."""
    folder, name = os.path.split(os.path.abspath(path))
    try:
        nearest = difflib.get_close_matches(name, os.listdir(folder), n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"the folder {folder!r} holds no such file"
    except OSError:
        hint = f"there is no folder {folder!r}"
    error = MissingFileError(f"{os.fspath(path)!r} does not exist", hint=hint)
    error.errno, error.filename = errno.ENOENT, os.fspath(path)
    return error


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
    """The error for a `name` that is not among the `known` names of a `kind` of thing."""
    names = sorted(known)
    nearest = difflib.get_close_matches(str(name).lower(), [n.lower() for n in names], n=1)
    by_lower = {n.lower(): n for n in names}
    hint = f"did you mean {by_lower[nearest[0]]!r}?" if nearest else f"known: {', '.join(names)}"
    return UnknownNameError(f"unknown {kind} {name!r}", hint=hint)
