"""Object code kept from one run to the next (in memory for now)."""

from __future__ import annotations

from forwardnet.compiler import engine

_held: dict[str, bytes] = {}


def load_or_assemble(text: str, names: list[str]) -> engine.Code:
    """Machine code for a module, assembled unless this very module was before."""
    key = engine.fingerprint(text)
    code = _held.get(key)
    if code is None:
        code = _held[key] = engine.assemble(text)
    return engine.load(code, names)
