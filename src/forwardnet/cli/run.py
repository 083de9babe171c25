"""Runs one command: exit codes, and every failure as one sentence.

| code | meaning |
| --- | --- |
| 0 | done |
| 2 | wrong usage, input that cannot be used, or a file that cannot be written: one line on standard error says which |
| 130 | interrupted (Ctrl-C) |
| 1 | a defect of this program |
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from forwardnet import config
from forwardnet.cli.output import Output
from forwardnet.errors import ForwardnetError

INTERRUPTED = 130
_HINTS = {
    "ENOSPC": "free some space there, or write to another place",
    "EACCES": "choose a folder that you may write to with --out",
    "EROFS": "choose a folder that you may write to with --out",
    "ENOENT": "check the path",
    "ENOTDIR": "choose another folder with --out",
    "EEXIST": "choose another folder with --out",
}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line `arguments` (default: those of the process) and exit."""
    sys.exit(execute(sys.argv[1:] if arguments is None else list(arguments)))


def execute(arguments: list[str]) -> int:
    """Run the command line `arguments` and return the exit code; never raises."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows a question mark; that is no reason to fail.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    output = Output(is_json="--json" in arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: output.note(f"warning: {' '.join(str(message).split())}")
        code = _guarded(arguments, output)
    output.close()
    return code


def _guarded(arguments: list[str], output: Output) -> int:
    try:
        from forwardnet.cli.app import run_app

        return run_app(arguments, output)
    except ForwardnetError as error:
        return _fail(output, error.message, error.hint)
    except KeyboardInterrupt:
        output.note("interrupted")
        return INTERRUPTED
    except MemoryError as error:
        return _fail(output, f"not enough memory: {str(error) or 'the data or the network is too large'}", _MEMORY_HINT)
    except OSError as error:
        return _fail(output, *_os_error(error))
    except Exception as error:
        if config.shows("traceback"):
            raise
        usage = getattr(error, "format_message", None)  # the errors of the option parser know how to say it
        if usage is not None:
            return _fail(output, *_usage(error, usage()))
        text = f"{type(error).__name__}: {error}"
        _fail(output, f"this is a defect of forwardnet: {text}", "FORWARDNET_SHOW=traceback shows where it happened")
        return 1


_MEMORY_HINT = "use a smaller network (--hidden) or less data"


def _fail(output: Output, message: str, hint: str | None) -> int:
    output.error(message, hint)
    return 2


def _os_error(error: OSError) -> tuple[str, str | None]:
    """What could not be done to which file, why, and what to do about it."""
    import errno

    reason = error.strerror or str(error)
    code = errno.errorcode.get(error.errno or 0, "")
    if error.filename is None:
        return reason, _HINTS.get(code)
    return f"{os.fsdecode(error.filename)!r} cannot be written or read: {reason}", _HINTS.get(code)


def _usage(error: Any, text: str) -> tuple[str, str | None]:
    """The option parser's sentence with a small first letter and without a full stop, and where help is to be had."""
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", "") or "forwardnet"
    text = text.strip().rstrip(".")
    return text[:1].lower() + text[1:], f"'{command} --help' lists what there is"
