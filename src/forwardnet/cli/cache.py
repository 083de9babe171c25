"""`forwardnet cache`: the machine code that is kept from one run to the next."""

from __future__ import annotations

from forwardnet import errors
from forwardnet.cli.output import Output

ACTIONS = ("info", "clear")


def run_cache(action: str, output: Output) -> int:
    """Show the folder, the number of programs and their size, or remove them; returns the exit code."""
    from forwardnet.compiler import cache

    if action not in ACTIONS:
        raise errors.unknown_name("cache action", action, ACTIONS)
    removed = cache.clear() if action == "clear" else None
    found = cache.info()
    if output.is_json:
        output.json({**found, **({} if removed is None else {"removed": removed})})
        return 0
    if removed is not None:
        output.say(f"removed: {removed} programs")
    output.say(f"programs: {found['programs']}, {found['bytes']:,} bytes")
    output.say(f"folder: {found['folder']}")
    return 0
