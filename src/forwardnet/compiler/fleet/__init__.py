"""Sixteen small models trained at once, one in each lane: one program; weights, rows and seeds of their own."""
