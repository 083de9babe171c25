"""LLVM as a service: a target machine for this processor, object code for a module, and callable addresses."""

from __future__ import annotations

import functools
import hashlib
import platform
import threading
from typing import Any

from llvmlite import binding

_lock = threading.RLock()


@functools.cache
def _initialize() -> None:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()


@functools.cache
def host() -> tuple[str, str]:
    """The processor's name and its feature string, `+avx2,+fma,-amx-tile,...`."""
    _initialize()
    return binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()


@functools.cache
def vector_bytes() -> int:
    """The width of the widest useful vector register: 64 with AVX-512, 32 with AVX2, else 16."""
    _initialize()
    features = binding.get_host_cpu_features()
    if features.get("avx512f") and features.get("avx512dq") and features.get("avx512vl"):
        return 64
    return 32 if features.get("avx2") and features.get("fma") else 16


@functools.cache
def has_multiply_add() -> bool:
    """Whether the processor multiplies and adds in one instruction; without it each would become a call."""
    _initialize()
    if platform.machine().lower() not in ("x86_64", "amd64", "i386", "i686"):
        return True
    return bool(binding.get_host_cpu_features().get("fma"))


def target_machine(cpu: str | None = None, features: str | None = None) -> Any:
    """A code generator for this processor, or for the one named."""
    _initialize()
    own_cpu, own_features = host()
    target = binding.Target.from_default_triple()
    return target.create_target_machine(
        cpu=own_cpu if cpu is None else cpu,
        features=own_features if features is None else features,
        opt=3,
        reloc="pic",
        codemodel="default",
    )


def fingerprint(text: str) -> str:
    """The name under which code for this module, processor and LLVM is kept."""
    import llvmlite

    cpu, features = host()
    parts = (llvmlite.__version__, str(binding.llvm_version_info), cpu, features, text)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


class Code:
    """Machine code in memory; it stays there as long as this object lives."""

    def __init__(self, library: Any, machine: Any) -> None:
        self._library = library
        self._machine = machine

    def address(self, name: str) -> int:
        """The address of a function."""
        return int(self._library[name])


_session: dict[str, Any] = {}


def assemble(text: str) -> bytes:
    """Object code for a module given as LLVM IR; the module is verified first."""
    with _lock:
        machine = target_machine()
        module = binding.parse_assembly(text)
        module.verify()
        return bytes(machine.emit_object(module))


def assembly(text: str) -> str:
    """The module as assembler text, to look at."""
    with _lock:
        machine = target_machine()
        return str(machine.emit_assembly(binding.parse_assembly(text)))


def load(object_code: bytes, names: list[str]) -> Code:
    """Put object code into executable memory."""
    with _lock:
        if "lljit" not in _session:
            # LLVM's older linker puts code and constants wherever there is room, and aborts the process where that is
            # more than 2 GiB apart, as in one that maps a large shared memory. The newer one keeps them together.
            is_elf = platform.system() == "Linux"
            _session["lljit"] = binding.create_lljit_compiler(target_machine(), use_jit_link=is_elf)
        jit = _session["lljit"]
        _session["count"] = _session.get("count", 0) + 1
        builder = binding.JITLibraryBuilder().add_object_img(object_code).add_current_process()
        for name in names:
            builder.export_symbol(name)
        library = builder.link(jit, f"forwardnet{_session['count']}")
        return Code(library, jit)
