"""Derivatives from the records of ops: the reverse pass, numerical checks, Jacobians and Hessians."""
