"""What a run ran on, as lines of its report."""

from __future__ import annotations

import os
import platform

import numpy as np

from forwardnet.report.content import Rows


def environment(*libraries: tuple[str, str], processor: str = "") -> Rows:
    """Versions, those of other `libraries` included, and the system, with the name of its `processor` if given."""
    from forwardnet import __version__

    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    return (
        ("forwardnet", __version__),
        ("Python", platform.python_version()),
        ("NumPy", np.__version__),
        *libraries,
        ("system", f"{system}, {processor}" if processor else system),
    )
