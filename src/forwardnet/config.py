"""Settings read from the environment, each in one place.

| variable | meaning |
| --- | --- |
| `FORWARDNET_DATA` | folder searched first for data files |
| `FORWARDNET_CACHE` | folder for downloads, instead of the user's cache folder |
| `FORWARDNET_SHOW` | comma-separated list of what to print while working: `graph`, `kernels`, `llvm`, `traceback` |
"""

from __future__ import annotations

import os
from pathlib import Path


def data_dir() -> Path | None:
    """The folder named by `$FORWARDNET_DATA`, or None."""
    value = os.environ.get("FORWARDNET_DATA")
    return Path(value).expanduser() if value else None


def cache_dir() -> Path:
    """The folder for downloads: `$FORWARDNET_CACHE`, else `$XDG_CACHE_HOME/forwardnet`, else `~/.cache/forwardnet`."""
    own = os.environ.get("FORWARDNET_CACHE")
    if own:
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "forwardnet"


def shows(what: str) -> bool:
    """Whether `$FORWARDNET_SHOW` asks for `what`."""
    return what in os.environ.get("FORWARDNET_SHOW", "").split(",")
