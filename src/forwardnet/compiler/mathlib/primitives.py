"""What the functions are built from: scaling by powers of two, taking a number apart, and the rare slow case.

Each primitive has one meaning and two forms: plain arithmetic on bit patterns, and the AVX-512 instruction that does
the same. The results have the same bits.
"""

from __future__ import annotations

from typing import Any

from forwardnet.compiler.llvm import ir

Value = Any
I16, I32, I64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)
F64 = ir.DoubleType()
CURRENT_ROUNDING = 4


def chosen(k: Any, x: Value, single: Any, double: Any) -> Any:
    """The one for the precision of x."""
    return double if k.is_double(x) else single


def fraction_bits(k: Any, x: Value) -> int:
    """Bits of the fraction: 23 or 52."""
    return int(chosen(k, x, 23, 52))


def bias(k: Any, x: Value) -> int:
    """What is added to the exponent in the bit pattern."""
    return int(chosen(k, x, 127, 1023))


def magic(k: Any, x: Value) -> float:
    """1.5 2^fraction_bits: a small integer added to it stands in the lowest bits, negative ones too."""
    return 1.5 * 2.0 ** fraction_bits(k, x)


def magic_bits(k: Any, x: Value) -> int:
    """The bit pattern of `magic`."""
    p = fraction_bits(k, x)
    return ((bias(k, x) + p) << p) | (1 << (p - 1))


def as_integer(k: Any, n: Value) -> Value:
    """Integer-valued floats below 2^22 as integers of the same size (any integer for NaN: nothing is undefined)."""
    return k.sub(k.bits(k.add(n, magic(k, n))), magic_bits(k, n))


# AVX-512 instructions


def _native(k: Any, name: str, x: Value, *rest: Any) -> Value:
    """Call `llvm.x86.avx512.mask.<name>`, in halves where a vector takes two registers; None if there is no such form.

    Operands are vectors like x, or integers, which become immediate.
    """
    size = 64 if k.is_double(x) else 32
    lanes = x.type.count
    if not k.avx512 or lanes * size < 128:
        return None
    if lanes * size > 512:
        parts = []
        for half in (0, 1):
            order = ir.Constant(ir.VectorType(I32, lanes // 2), [half * (lanes // 2) + i for i in range(lanes // 2)])
            operands = [v if isinstance(v, int) else k.builder.shuffle_vector(v, v, order) for v in (x, *rest)]
            parts.append(_native(k, name, *operands))
        return k.builder.shuffle_vector(*parts, ir.Constant(ir.VectorType(I32, lanes), list(range(lanes))))
    mask = ir.IntType(max(8, lanes))
    full = f"llvm.x86.avx512.mask.{name}.{'pd' if size == 64 else 'ps'}.{lanes * size}"
    arguments = [ir.Constant(I32, v) if isinstance(v, int) else v for v in (x, *rest)]
    arguments += [ir.Constant(x.type, ir.Undefined), ir.Constant(mask, -1)]
    # Only the forms for 512 bits say how to round.
    if lanes * size == 512:
        arguments.append(ir.Constant(I32, CURRENT_ROUNDING))
    module = k.builder.module
    function = module.globals.get(full)
    if function is None:
        function = ir.Function(module, ir.FunctionType(x.type, [a.type for a in arguments]), full)
    return k.builder.call(function, arguments)


# Powers of two


def scale(k: Any, x: Value, n: Value) -> Value:
    """x 2^n, rounded once, through denormals and infinity; n holds integers of at most twice the exponent's range."""
    direct = _native(k, "scalef", x, n)
    if direct is not None:
        return direct
    # In two steps: 2^n itself may be out of range, and the first step is exact.
    whole = as_integer(k, n)
    half = k.shift_right(whole, 1, signed=True)
    return k.mul(k.mul(x, _power_of_two(k, x, half)), _power_of_two(k, x, k.sub(whole, half)))


def _power_of_two(k: Any, x: Value, n: Value) -> Value:
    return k.from_bits(k.shift_left(k.add(n, bias(k, x)), fraction_bits(k, x)))


def scale_normal(k: Any, x: Value, n: Value) -> Value:
    """x 2^n where x and the result are normal."""
    direct = _native(k, "scalef", x, n)
    if direct is not None:
        return direct
    # The lowest bits of n + bias + magic are the exponent field; moved up, what stood above them falls off.
    field = k.bits(k.add(n, magic(k, n) + bias(k, n)))
    return k.mul(x, k.from_bits(k.shift_left(field, fraction_bits(k, x))))


THREE_QUARTERS = 0b11  # getmant: the interval [3/4, 3/2)
NEGATIVE_IS_NAN = 0b10 << 2


def split(k: Any, x: Value) -> tuple[Value, Value]:
    """x = m 2^e with m in [3/4, 3/2): (m, e).

    At 0 e is -inf, at inf it is inf, with m finite; for negative and NaN x both are NaN.
    """
    m = _native(k, "getmant", x, NEGATIVE_IS_NAN | THREE_QUARTERS)
    if m is not None:
        return m, k.sub(_native(k, "getexp", x), _native(k, "getexp", m))
    return _split_bits(k, x)


def _split_bits(k: Any, x: Value) -> tuple[Value, Value]:
    p, inf, nan = fraction_bits(k, x), float("inf"), float("nan")
    three_quarters = ((bias(k, x) - 1) << p) | (1 << (p - 1))
    tiny = k.compare("<", x, 2.0 ** (1 - bias(k, x)))
    normal = k.select(tiny, k.mul(x, 2.0**p), x)
    above = k.sub(k.bits(normal), three_quarters)
    m = k.from_bits(k.add(k.bit_and(above, (1 << p) - 1), three_quarters))
    # Adding magic's bits and taking magic off turns a small integer into a float.
    e = k.from_bits(k.add(k.shift_right(above, p, signed=True), magic_bits(k, x)))
    e = k.sub(e, k.select(tiny, k.like(magic(k, x) + p, x), k.like(magic(k, x), x)))
    e = k.select(k.compare("==", x, 0.0), -inf, k.select(k.compare("==", x, inf), inf, e))
    valid = k.compare(">=", x, 0.0)
    return k.select(valid, m, nan), k.select(valid, e, nan)


# Widths


def widened(k: Any, x: Value) -> Value:
    """float32 as float64."""
    return k.builder.fpext(x, k.vector(F64))


def narrowed(k: Any, x: Value) -> Value:
    """float64 rounded to float32."""
    return k.builder.fptrunc(x, k.vector(ir.FloatType()))


def low_half(k: Any, x: Value) -> Value:
    """The lower 32 bits of 64-bit integers."""
    return k.builder.trunc(x, k.vector(I32))


# The rare case


def repaired(k: Any, mask: Value, y: Value, name: str, *args: Value) -> Value:
    """y, but in the lanes of the mask what the C library's function `name` says of float64 arguments.

    One branch where no lane is masked. Only the masked lanes are replaced, so that no result depends on its neighbours.
    """
    b = k.builder
    slow, done = b.append_basic_block(f"{name}.slow"), b.append_basic_block(f"{name}.done")
    before = b.block
    function = b.module.globals.get(f"llvm.vector.reduce.or.v{k.width}i1")
    if function is None:
        kind = ir.FunctionType(mask.type.element, [mask.type])
        function = ir.Function(b.module, kind, f"llvm.vector.reduce.or.v{k.width}i1")
    b.cbranch(b.call(function, [mask]), slow, done).set_weights([1, 2000])
    b.position_at_end(slow)
    double = [x if k.is_double(x) else widened(k, x) for x in args]
    exact = _each_lane(k, name, double)
    repair = k.select(mask, exact if k.is_double(y) else narrowed(k, exact), y)
    after_slow = b.block
    b.branch(done)
    b.position_at_end(done)
    result = b.phi(y.type)
    result.add_incoming(y, before)
    result.add_incoming(repair, after_slow)
    return result


def _each_lane(k: Any, name: str, args: list[Value]) -> Value:
    """A loop over the lanes that calls a function of the C library."""
    b, vector = k.builder, args[0].type
    function = b.module.globals.get(name)
    if function is None:
        function = ir.Function(b.module, ir.FunctionType(F64, [F64] * len(args)), name)
        function.attributes.add("nounwind")
    with b.goto_entry_block():
        slots = [b.alloca(vector) for _ in args]
    for slot, x in zip(slots, args, strict=True):
        slot.type = ir.PointerType()  # read and written as single numbers too
        b.store(x, slot)
    before, loop, done = b.block, b.append_basic_block(f"{name}.lane"), b.append_basic_block(f"{name}.lanes")
    b.branch(loop)
    b.position_at_end(loop)
    lane = b.phi(I64)
    lane.add_incoming(ir.Constant(I64, 0), before)
    places = [b.gep(slot, [lane], source_etype=F64) for slot in slots]
    values = [b.load(place, typ=F64) for place in places]
    b.store(b.call(function, values), places[0])
    following = b.add(lane, ir.Constant(I64, 1))
    lane.add_incoming(following, loop)
    b.cbranch(b.icmp_unsigned("<", following, ir.Constant(I64, k.width)), loop, done)
    b.position_at_end(done)
    return b.load(slots[0], typ=vector)
