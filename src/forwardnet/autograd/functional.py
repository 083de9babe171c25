"""Jacobians, Hessians and products with them: `jacobian hessian vjp jvp hvp vhp`."""

from __future__ import annotations

from functools import partial

from forwardnet.autodiff import functional as _f
from forwardnet.autograd.engine import grad

jacobian = partial(_f.jacobian, grad)
hessian = partial(_f.hessian, grad)
vjp = partial(_f.vjp, grad)
jvp = partial(_f.jvp, grad)
hvp = partial(_f.hvp, grad)
# The Hessian is symmetric wherever it is continuous, so v'H is Hv.
vhp = hvp

for _made, _source in ((jacobian, _f.jacobian), (hessian, _f.hessian), (vjp, _f.vjp), (jvp, _f.jvp), (hvp, _f.hvp)):
    _made.__doc__ = _source.__doc__
