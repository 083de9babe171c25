"""What the figures were measured on and with."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path

PACKAGES = ("forwardnet", "numpy", "llvmlite", "torch", "jax", "jaxlib", "scikit-learn")
# The instruction sets that decide how fast matrix products can be.
TELLING = ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "asimd", "sve")


def processor() -> str:
    """The model as the system names it."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().splitlines():
            if line.lower().startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def features() -> list[str]:
    """Those of the telling instruction sets that there are."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return []
    words = set(path.read_text().split())
    return [name for name in TELLING if name in words]


def load() -> float:
    """Mean number of busy processes during the last minute."""
    return os.getloadavg()[0]


def describe(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Processor, cores, system, versions and date, ready to print."""
    versions = []
    for name in packages:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "processor": processor(),
        "cores": str(cores()),
        "instruction sets": ", ".join(features()) or "unknown",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(versions),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
    }
