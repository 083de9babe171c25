"""Which of PyTorch's operations are compared, under which of our names, and why the others are not."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import forwardnet as ff

# Operations that are not compared, as patterns of "name.variant", each with its reason. First match counts.
NOT_COMPARED: dict[str, str] = {
    # compared elsewhere or not comparable
    "empty*": "unset memory has no value to compare",
    "new_empty*": "unset memory has no value to compare",
    "resize_": "grown memory has no value to compare; tests/tensor has it",
    "rand*": "random numbers; tests/tensor compares the streams",
    "normal*": "random numbers; tests/tensor compares the streams",
    "bernoulli": "random numbers",
    "multinomial": "random numbers",
    "uniform": "random numbers",
    "cauchy": "random numbers",
    "exponential": "random numbers",
    "geometric": "random numbers",
    "log_normal": "random numbers",
    "nn.functional.*dropout*": "random numbers",
    "nn.functional.rrelu": "random numbers",
    # another field
    "fft.*": "Fourier transforms",
    "stft": "Fourier transforms",
    "istft": "Fourier transforms",
    "signal.windows.*": "signal windows",
    "special.*": "special functions beyond erf",
    "polygamma*": "special functions beyond erf",
    "mvlgamma*": "special functions beyond erf",
    "*gamma": "special functions beyond erf",
    "igammac": "special functions beyond erf",
    "erfc": "special functions beyond erf",
    "erfinv": "special functions beyond erf",
    "i0": "special functions beyond erf",
    "masked.*": "masked tensors, a prototype of PyTorch",
    "linalg.*": "linear algebra beyond what is listed in the contract",
    "*sparse*": "sparse tensors",
    "*complex*": "complex numbers",
    "conj*": "complex numbers",
    "resolve_*": "complex numbers",
    "imag": "complex numbers",
    "real": "complex numbers",
    "polar": "complex numbers",
    "angle": "complex numbers",
    "isreal": "complex numbers",
    "cfloat": "complex numbers",
    "cdouble": "complex numbers",
    "chalf": "complex numbers",
    "bfloat16": "a type NumPy lacks",
    "*conv*": "convolutions",
    "nn.functional.*pool*": "pooling",
    "max_pool2d*": "pooling",
    "nn.functional.*upsample*": "images",
    "*upsample*": "images",
    "nn.functional.interpolate*": "images",
    "*grid_sample*": "images",
    "nn.functional.*pixel*": "images",
    "nn.functional.channel_shuffle": "images",
    "nn.functional.*fold": "images",
    "nn.functional.pad*": "padding",
    "constant_pad_nd": "padding",
    "*attention*": "attention",
    "*_scaled_mm*": "8-bit matrices",
    "torch.ops.*": "internals of PyTorch",
    "jiterator*": "internals of PyTorch",
    "_*_backward*": "internals of PyTorch",
    "native_*": "internals of PyTorch",
    "_native*": "internals of PyTorch",
    "_batch_norm*": "internals of PyTorch",
    "_unsafe*": "internals of PyTorch",
    "unsafe_*": "internals of PyTorch",
    "_chunk_cat": "internals of PyTorch",
    "_segment_reduce*": "internals of PyTorch",
    "hash_tensor": "internals of PyTorch",
    "*_copy": "internals of PyTorch: the copying forms of views",
    "as_strided*": "views by bare strides",
    "bmm.triton_optimized": "internals of PyTorch",
    "nonzero_static": "internals of PyTorch",
    "norm.nuc": "the nuclear norm",
}

# Ours under another name, or with the arguments in another form.
RENAMED: dict[str, Any] = {
    "arange": ff.arange,
    "__getitem__": lambda x, key: x[key],
    "__radd__": lambda x, other: other + x,
    "__rmul__": lambda x, other: other * x,
    "__rand__": lambda x, other: other & x,
    "__ror__": lambda x, other: other | x,
    "__rxor__": lambda x, other: other ^ x,
    "__rmod__": lambda x, other: other % x,
    "__rpow__": lambda x, other: other**x,
    "__rsub__": lambda x, other: other - x,
    "__rdiv__": lambda x, other: other / x,
    "__rmatmul__": lambda x, other: other @ x,
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "item": lambda x: x.item(),
    "split.list_args": lambda x, *a, **k: x.split(*a, **k),
    "where": lambda x, condition, other: ff.where(condition, x, other),
    "zero_": lambda x: x.clone().zero_(),
    "nn.functional.embedding": lambda weight, index, **named: ff.nn.functional.embedding(index, weight, **named),
}


def full_name(op: Any) -> str:
    """`name.variant` of an OpInfo."""
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else str(op.name)


def ours(op: Any) -> Any:
    """Our function for an operation of PyTorch; None if there is none."""
    for name in (full_name(op), op.name):
        if name in RENAMED:
            return RENAMED[name]
    found: Any = ff
    for part in op.name.split("."):
        found = getattr(found, part, None)
    if found is None and "." not in op.name:
        found = getattr(ff.Tensor, op.name, None)
    return found if callable(found) and not isinstance(found, type(ff.float32)) else getattr(ff.Tensor, op.name, None)


def reason(name: str) -> str | None:
    """Why an operation is not compared."""
    return next((why for pattern, why in NOT_COMPARED.items() if fnmatchcase(name, pattern)), None)
