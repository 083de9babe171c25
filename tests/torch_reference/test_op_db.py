"""Every operation that PyTorch describes and we have, on PyTorch's own sample inputs.

Values, types and shapes for float32, float64, int64 and bool, contiguous and not; first and second derivatives in
float64; wrong inputs refused. `make test-torch` runs this in an environment that has PyTorch.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` runs this comparison")
pytest.importorskip("expecttest", reason="PyTorch's sample inputs need the package expecttest")

from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402

import forwardnet as ff  # noqa: E402
from torch_reference import exceptions, names  # noqa: E402
from torch_reference.samples import UnsupportedError, brief, compare, convert, tensors  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore"),  # PyTorch warns of its own deprecations, NumPy of the infinities in samples
]

TYPES = (torch.float32, torch.float64, torch.int64, torch.bool)
OPS = {names.full_name(op): op for op in op_db}
COMPARED = {name: op for name, op in OPS.items() if names.reason(name) is None and names.ours(op) is not None} | {
    name: op for name, op in OPS.items() if name in exceptions.INCLUDED
}
DIFFERENTIABLE = {name: op for name, op in COMPARED.items() if op.supports_autograd}
FORMS = {
    name: (op, getattr(ff.Tensor, op.name, None), getattr(ff.Tensor, op.name + "_", None))
    for name, op in COMPARED.items()
    if op.name not in names.RENAMED and (hasattr(ff.Tensor, op.name) or hasattr(ff.Tensor, op.name + "_"))
}
REFUSING = {name: op for name, op in COMPARED.items() if op.error_inputs_func is not None}

SECOND_ORDER_SIZE = 700  # elements, above which second derivatives are left out


def samples_of(op: Any, dtype: Any, *, requires_grad: bool = False) -> list[Any]:
    if dtype not in op.supported_dtypes("cpu"):
        return []
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(op.sample_inputs("cpu", dtype, requires_grad=requires_grad))


def call(function: Any, name: str, sample: Any, leaves: list[Any] | None = None) -> Any:
    """Our result for a sample."""
    arguments = [convert(v, leaves) for v in (sample.input, *sample.args)]
    named = {k: convert(v, leaves) for k, v in sample.kwargs.items()}
    return exceptions.picked(name, function(*arguments, **named))


def reference(op: Any, name: str, sample: Any) -> Any:
    """PyTorch's result for a sample; None where PyTorch refuses it."""
    result = refused_as_none(op, sample.input, *sample.args, **sample.kwargs)
    return None if result is None else exceptions.picked(name, result)


def refused_as_none(function: Any, *arguments: Any, **named: Any) -> Any:
    try:
        return function(*arguments, **named)
    except (RuntimeError, IndexError, ValueError, TypeError):
        return None


@pytest.mark.parametrize("name", COMPARED)
def test_values(name: str, counted: Any) -> None:
    op, function = COMPARED[name], names.ours(COMPARED[name])
    failures, done = [], 0
    for dtype in TYPES:
        for sample in samples_of(op, dtype):
            variants = [sample]
            if dtype == torch.float64:
                variants.append(sample.noncontiguous())
            for variant in variants:
                if exceptions.left_out(name, variant, dtype):
                    continue
                expected = reference(op, name, variant)
                if expected is None:
                    continue
                try:
                    compare(call(function, name, variant), expected, exceptions.roundings(name))
                    done += 1
                except UnsupportedError:
                    continue
                except Exception as error:
                    failures.append(f"{name}{brief(variant)}: {type(error).__name__}: {error}")
    report(name, failures, done)
    if not done:
        pytest.skip("no sample of the four types")
    counted("values", done)


@pytest.mark.parametrize("name", FORMS)
def test_methods_and_in_place_forms(name: str, counted: Any) -> None:
    op, method, in_place = FORMS[name]
    failures, done = [], 0
    for sample in samples_of(op, torch.float64):
        if exceptions.left_out(name, sample, torch.float64) or not isinstance(sample.input, torch.Tensor):
            continue
        try:
            arguments = [convert(v) for v in sample.args]
            named = {k: convert(v) for k, v in sample.kwargs.items()}
            for theirs, mine in ((op.method_variant, method), (op.inplace_variant, in_place)):
                if theirs is None or mine is None:
                    continue
                expected = refused_as_none(theirs, sample.input.clone(), *sample.args, **sample.kwargs)
                if expected is None:
                    continue
                own = convert(sample.input.clone())
                got = mine(own, *arguments, **named)
                compare(exceptions.picked(name, got), exceptions.picked(name, expected), exceptions.roundings(name))
                assert mine is not in_place or got is own, "the in-place form did not return its tensor"
                done += 1
        except UnsupportedError:
            continue
        except Exception as error:
            failures.append(f"{name}{brief(sample)}: {type(error).__name__}: {error}")
    report(name, failures, done)
    if not done:
        pytest.skip("no sample in float64")
    counted("methods and in-place forms", done)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_derivatives(name: str, counted: Any) -> None:
    op, function = DIFFERENTIABLE[name], names.ours(DIFFERENTIABLE[name])
    failures, first, second = [], 0, 0
    for sample in samples_of(op, torch.float64, requires_grad=True):
        if exceptions.left_out(name, sample, torch.float64) or exceptions.no_derivative(name, sample):
            continue
        leaves: list[tuple[Any, Any]] = []
        try:
            theirs = reference(op, name, sample)
            if theirs is None:
                continue
            mine = call(function, name, sample, leaves)
            orders = check_derivatives(op, mine, theirs, leaves, exceptions.roundings(name) * 10)
            first, second = first + (orders > 0), second + (orders > 1)
        except UnsupportedError:
            continue
        except Exception as error:
            failures.append(f"{name}{brief(sample)}: {type(error).__name__}: {error}")
    report(name, failures, first)
    if not first:
        pytest.skip("no sample with a derivative")
    counted("first derivatives", first)
    counted("second derivatives", second)


def check_derivatives(op: Any, mine: Any, theirs: Any, leaves: list[tuple[Any, Any]], factor: float) -> int:
    """Compare vector-Jacobian products, then those of their sum; how many orders were compared."""
    ys = [(a, b) for a, b in zip(tensors(mine), tensors(theirs), strict=True) if b.requires_grad]
    if not ys or not leaves:
        return 0
    for a, b in ys:
        if not a.requires_grad:
            gone = torch.autograd.grad(b.sum(), [t for t, _ in leaves], retain_graph=True, allow_unused=True)
            assert not any(g is not None and g.any() for g in gone), "our result does not require grad"
    ys = [(a, b) for a, b in ys if a.requires_grad]
    if not ys:
        return 1
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(tuple(b.shape)) for _, b in ys]
    small = op.supports_gradgrad and sum(b.numel() for _, b in leaves) <= SECOND_ORDER_SIZE
    xs, xt = [m for _, m in leaves], [t for t, _ in leaves]
    mine_vs = [ff.tensor(w).to(a.dtype) for w, (a, _) in zip(weights, ys, strict=True)]
    their_vs = [torch.tensor(w).to(b.dtype) for w, (_, b) in zip(weights, ys, strict=True)]
    gm = ff.autograd.grad([a for a, _ in ys], xs, mine_vs, create_graph=small, allow_unused=True)
    gt = torch.autograd.grad([b for _, b in ys], xt, their_vs, create_graph=small, allow_unused=True)
    pairs = match(gm, gt, factor)
    if not small or not any(t.requires_grad for _, t in pairs):
        return 1
    cotangents = [rng.standard_normal(tuple(t.shape)) for _, t in pairs]
    total_t = sum((t * torch.tensor(c)).sum() for (_, t), c in zip(pairs, cotangents, strict=True))
    total_m = sum((m * ff.tensor(c)).sum() for (m, _), c in zip(pairs, cotangents, strict=True))
    ht = torch.autograd.grad(total_t, xt, allow_unused=True)
    if not getattr(total_m, "requires_grad", False):
        assert all(h is None or not h.any() for h in ht), "our gradient does not require grad"
        return 2
    match(ff.autograd.grad(total_m, xs, allow_unused=True), ht, factor * 10)
    return 2


def match(mine: Any, theirs: Any, factor: float) -> list[tuple[Any, Any]]:
    """Compare gradients; a missing one counts as zeros."""
    pairs = []
    for m, t in zip(mine, theirs, strict=True):
        if m is None or t is None:
            given = t if m is None else m
            assert given is None or not given.any(), f"a gradient is {m!r}, expected {t!r}"
        else:
            compare(m, t, factor)
            pairs.append((m, t))
    return pairs


@pytest.mark.parametrize("name", REFUSING)
def test_wrong_inputs_are_refused(name: str, counted: Any) -> None:
    op, function = REFUSING[name], names.ours(REFUSING[name])
    failures, done = [], 0
    torch.manual_seed(0)
    for wrong in op.error_inputs("cpu"):
        sample = wrong.sample_input
        if exceptions.accepted(name, sample, wrong):
            continue
        try:
            arguments = [convert(v) for v in (sample.input, *sample.args)]
            named = {k: convert(v) for k, v in sample.kwargs.items()}
        except UnsupportedError:
            continue
        try:
            function(*arguments, **named)
            failures.append(f"{name}{brief(sample)}: accepted; PyTorch says {wrong.error_regex!r}")
        except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError):
            done += 1
    report(name, failures, done)
    if not done:
        pytest.skip("no wrong input that applies")
    counted("wrong inputs", done)


def report(name: str, failures: list[str], done: int) -> None:
    if failures:
        shown = "\n".join(" ".join(f.split())[:600] for f in failures[:6])
        pytest.fail(f"{len(failures)} of {len(failures) + done} samples of {name} differ:\n{shown}", pytrace=False)


@pytest.mark.parametrize("factor", [1.001, 0.999, -1.0])
def test_the_comparison_notices_small_faults(factor: float) -> None:
    right = torch.tensor([0.3, -2.0, 5.0])
    compare(convert(right), right, exceptions.ROUNDINGS)
    for wrong in (right * factor, right.double(), right.view(3, 1), right[:2]):
        with pytest.raises(AssertionError):
            compare(convert(wrong), right, exceptions.ROUNDINGS)


def test_what_is_compared_and_what_is_not(counted: Any) -> None:
    """What we have is compared unless a reason is written down; what nobody has any more has no reason left."""
    with_reason = {n for n in OPS if names.reason(n) is not None} - set(COMPARED)
    lacking = set(OPS) - set(COMPARED) - with_reason
    assert all(names.ours(OPS[n]) is None for n in lacking)
    assert len(COMPARED) >= 200
    if torch.__version__.split("+")[0] == "2.13.0":
        useless = [p for p in names.NOT_COMPARED if not any(names.fnmatchcase(n, p) for n in OPS)]
        assert not useless
    counted("left out with a reason", len(with_reason))
    counted("not among ours", len(lacking))
