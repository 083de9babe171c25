"""The examples in the docstrings of networks and optimisers run and show what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import forwardnet as ff
from forwardnet import nn, optim

MODULES = [f"{room.__name__}.{m.name}" for room in (nn, optim) for m in pkgutil.iter_modules(room.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    given = {"ff": ff, "nn": nn, "x": ff.zeros(5, 2), "model": nn.Sequential(nn.Linear(2, 8))}
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, _ = doctest.testmod(module, extraglobs=given, optionflags=flags)
    assert failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    found = [t.name for name in MODULES for t in finder.find(importlib.import_module(name)) if t.examples]
    assert len(found) >= 5
