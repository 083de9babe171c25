"""The functions that are also methods of a tensor, and its operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forwardnet.tensor import extras, indexing, matrix, pointwise, random, reduction, selection, shaping

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor


class Methods:
    """Each function of `pointwise`, `reduction`, `shaping`, `indexing`, `matrix` whose first argument is a tensor."""

    abs = pointwise.abs
    abs_ = pointwise.abs_
    neg = pointwise.neg
    neg_ = pointwise.neg_
    sign = pointwise.sign
    sign_ = pointwise.sign_
    square = pointwise.square
    square_ = pointwise.square_
    reciprocal = pointwise.reciprocal
    reciprocal_ = pointwise.reciprocal_
    ceil = pointwise.ceil
    ceil_ = pointwise.ceil_
    floor = pointwise.floor
    floor_ = pointwise.floor_
    trunc = pointwise.trunc
    trunc_ = pointwise.trunc_
    exp = pointwise.exp
    exp_ = pointwise.exp_
    expm1 = pointwise.expm1
    expm1_ = pointwise.expm1_
    log = pointwise.log
    log_ = pointwise.log_
    log1p = pointwise.log1p
    log1p_ = pointwise.log1p_
    log2 = pointwise.log2
    log2_ = pointwise.log2_
    log10 = pointwise.log10
    log10_ = pointwise.log10_
    sqrt = pointwise.sqrt
    sqrt_ = pointwise.sqrt_
    rsqrt = pointwise.rsqrt
    rsqrt_ = pointwise.rsqrt_
    sin = pointwise.sin
    sin_ = pointwise.sin_
    cos = pointwise.cos
    cos_ = pointwise.cos_
    tan = pointwise.tan
    tan_ = pointwise.tan_
    asin = pointwise.asin
    asin_ = pointwise.asin_
    acos = pointwise.acos
    acos_ = pointwise.acos_
    atan = pointwise.atan
    atan_ = pointwise.atan_
    sinh = pointwise.sinh
    sinh_ = pointwise.sinh_
    cosh = pointwise.cosh
    cosh_ = pointwise.cosh_
    tanh = pointwise.tanh
    tanh_ = pointwise.tanh_
    sigmoid = pointwise.sigmoid
    sigmoid_ = pointwise.sigmoid_
    erf = pointwise.erf
    erf_ = pointwise.erf_
    relu = pointwise.relu
    relu_ = pointwise.relu_
    round = pointwise.round
    round_ = pointwise.round_
    clamp = pointwise.clamp
    clamp_ = pointwise.clamp_
    lerp = pointwise.lerp
    lerp_ = pointwise.lerp_
    addcmul = pointwise.addcmul
    addcmul_ = pointwise.addcmul_
    addcdiv = pointwise.addcdiv
    addcdiv_ = pointwise.addcdiv_
    add = pointwise.add
    add_ = pointwise.add_
    sub = pointwise.sub
    sub_ = pointwise.sub_
    mul = pointwise.mul
    mul_ = pointwise.mul_
    div = pointwise.div
    div_ = pointwise.div_
    pow = pointwise.pow
    pow_ = pointwise.pow_
    remainder = pointwise.remainder
    remainder_ = pointwise.remainder_
    fmod = pointwise.fmod
    fmod_ = pointwise.fmod_
    floor_divide = pointwise.floor_divide
    floor_divide_ = pointwise.floor_divide_

    isnan = pointwise.isnan
    isinf = pointwise.isinf
    isfinite = pointwise.isfinite
    logical_not = pointwise.logical_not
    logical_and = pointwise.logical_and
    logical_or = pointwise.logical_or
    logical_xor = pointwise.logical_xor
    bitwise_not = pointwise.bitwise_not
    bitwise_and = pointwise.bitwise_and
    bitwise_or = pointwise.bitwise_or
    bitwise_xor = pointwise.bitwise_xor
    maximum = pointwise.maximum
    minimum = pointwise.minimum
    atan2 = pointwise.atan2
    eq = pointwise.eq
    eq_ = pointwise.eq_
    ne = pointwise.ne
    ne_ = pointwise.ne_
    lt = pointwise.lt
    lt_ = pointwise.lt_
    le = pointwise.le
    le_ = pointwise.le_
    gt = pointwise.gt
    gt_ = pointwise.gt_
    ge = pointwise.ge
    ge_ = pointwise.ge_
    logit = pointwise.logit
    equal = pointwise.equal
    isclose = pointwise.isclose
    allclose = pointwise.allclose
    is_nonzero = pointwise.is_nonzero
    copy_ = pointwise.copy_
    fill_ = pointwise.fill_
    zero_ = pointwise.zero_

    subtract, multiply, divide, true_divide = pointwise.sub, pointwise.mul, pointwise.div, pointwise.div
    absolute, negative, not_equal = pointwise.abs, pointwise.neg, pointwise.ne
    less, less_equal, greater, greater_equal = pointwise.lt, pointwise.le, pointwise.gt, pointwise.ge
    clip = pointwise.clamp

    sum = reduction.sum
    mean = reduction.mean
    prod = reduction.prod
    var = reduction.var
    std = reduction.std
    amax = reduction.amax
    amin = reduction.amin
    max = reduction.max
    min = reduction.min
    argmax = reduction.argmax
    argmin = reduction.argmin
    any = reduction.any
    all = reduction.all
    cumsum = reduction.cumsum
    cumprod = reduction.cumprod
    logsumexp = reduction.logsumexp
    softmax = reduction.softmax
    log_softmax = reduction.log_softmax
    norm = reduction.norm
    dist = reduction.dist
    median = reduction.median
    count_nonzero = reduction.count_nonzero

    reshape = shaping.reshape
    view = shaping.view
    view_as = shaping.view_as
    reshape_as = shaping.reshape_as
    flatten = shaping.flatten
    ravel = shaping.ravel
    unflatten = shaping.unflatten
    squeeze = shaping.squeeze
    unsqueeze = shaping.unsqueeze
    permute = shaping.permute
    transpose = shaping.transpose
    t = shaping.t
    movedim = shaping.movedim
    expand = shaping.expand
    expand_as = shaping.expand_as
    broadcast_to = shaping.broadcast_to
    repeat = shaping.repeat
    tile = shaping.tile
    narrow = shaping.narrow
    split = shaping.split
    chunk = shaping.chunk
    unbind = shaping.unbind
    flip = shaping.flip
    roll = shaping.roll
    tril = shaping.tril
    triu = shaping.triu
    clone = shaping.clone
    contiguous = shaping.contiguous
    is_contiguous = shaping.is_contiguous
    resize_ = shaping.resize_
    resize = shaping.resize
    select = shaping.select

    index_add = extras.index_add
    index_add_ = extras.index_add_
    index_copy_ = extras.index_copy_
    index_fill_ = extras.index_fill_
    logaddexp = extras.logaddexp
    masked_scatter = extras.masked_scatter
    nan_to_num = extras.nan_to_num
    nanmean = extras.nanmean
    nansum = extras.nansum
    aminmax = extras.aminmax
    bincount = extras.bincount
    heaviside = extras.heaviside
    new_empty = extras.new_empty
    new_full = extras.new_full
    new_ones = extras.new_ones
    new_tensor = extras.new_tensor
    new_zeros = extras.new_zeros

    index_put_ = indexing.index_put_
    index_select = selection.index_select
    take = selection.take
    gather = selection.gather
    scatter = selection.scatter
    scatter_ = selection.scatter_
    scatter_add = selection.scatter_add
    scatter_add_ = selection.scatter_add_
    masked_fill = selection.masked_fill
    masked_fill_ = selection.masked_fill_
    masked_select = selection.masked_select
    nonzero = selection.nonzero
    argsort = selection.argsort
    sort = selection.sort
    topk = selection.topk
    unique = selection.unique

    matmul = matrix.matmul
    mm = matrix.mm
    bmm = matrix.bmm
    mv = matrix.mv
    dot = matrix.dot
    addmm = matrix.addmm
    outer = matrix.outer
    trace = matrix.trace
    diagonal = matrix.diagonal
    diag = matrix.diag
    svd = matrix.svd
    inverse = matrix.inverse
    det = matrix.det

    uniform_ = random.uniform_
    normal_ = random.normal_
    bernoulli_ = random.bernoulli_
    multinomial = random.multinomial

    __getitem__ = indexing.getitem
    _setitem = indexing.setitem

    @property
    def T(self) -> Tensor:  # noqa: N802 - the name users know
        """The tensor with its dimensions in reverse order."""
        x: Any = self
        return shaping.permute(x, tuple(reversed(range(x.ndim)))) if x.ndim else x.view()

    @property
    def mT(self) -> Tensor:  # noqa: N802
        """The tensor with its last two dimensions exchanged."""
        x: Any = self
        return shaping.transpose(x, -1, -2)

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """The elements of this tensor where the condition holds, else those of `other`."""
        chosen: Tensor = selection.where(condition, self, other)
        return chosen

    __add__ = pointwise.operator(pointwise.add)
    __sub__ = pointwise.operator(pointwise.sub)
    __mul__ = pointwise.operator(pointwise.mul)
    __truediv__ = pointwise.operator(pointwise.div)
    __floordiv__ = pointwise.operator(pointwise.floor_divide)
    __mod__ = pointwise.operator(pointwise.remainder)
    __pow__ = pointwise.operator(pointwise.pow)
    __and__ = pointwise.operator(pointwise.bitwise_and)
    __or__ = pointwise.operator(pointwise.bitwise_or)
    __xor__ = pointwise.operator(pointwise.bitwise_xor)
    __radd__ = pointwise.radd
    __rsub__ = pointwise.rsub
    __rmul__ = pointwise.rmul
    __rtruediv__ = pointwise.rdiv
    __rfloordiv__ = pointwise.rfloordiv
    __rmod__ = pointwise.rmod
    __rpow__ = pointwise.rpow
    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__
    __iadd__ = pointwise.operator(pointwise.add_)
    __isub__ = pointwise.operator(pointwise.sub_)
    __imul__ = pointwise.operator(pointwise.mul_)
    __itruediv__ = pointwise.operator(pointwise.div_)
    __ifloordiv__ = pointwise.operator(pointwise.floor_divide_)
    __imod__ = pointwise.operator(pointwise.remainder_)
    __ipow__ = pointwise.operator(pointwise.pow_)
    __eq__ = pointwise.operator(pointwise.eq)  # type: ignore[assignment]
    __ne__ = pointwise.operator(pointwise.ne)  # type: ignore[assignment]
    __lt__ = pointwise.operator(pointwise.lt)
    __le__ = pointwise.operator(pointwise.le)
    __gt__ = pointwise.operator(pointwise.gt)
    __ge__ = pointwise.operator(pointwise.ge)
    __hash__ = object.__hash__
    __neg__ = pointwise.neg
    __abs__ = pointwise.abs
    __invert__ = pointwise.bitwise_not
    __matmul__ = matrix.matmul

    def __pos__(self) -> Tensor:
        me: Any = self
        chosen: Tensor = me
        return chosen
