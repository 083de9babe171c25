"""The examples in the docstrings of `explain` and of the data it uses run and show what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import forwardnet as ff
from forwardnet import explain

MODULES = [f"{explain.__name__}.{m.name}" for m in pkgutil.iter_modules(explain.__path__)]


class Anything:
    """Stands for a trainer in an example that shows how it is called."""

    def fit(self, *args: object, **options: object) -> None:
        assert args and "callbacks" in options


@pytest.mark.parametrize("name", [*MODULES, "forwardnet.data.mixtures"])
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    given = {"ff": ff, "explain": explain, "X": [[0.0]], "y": [0], "trainer": Anything()}
    failed, _ = doctest.testmod(module, extraglobs=given, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    found = [t.name for name in MODULES for t in finder.find(importlib.import_module(name)) if t.examples]
    assert len(found) >= 3


def test_everything_public_says_what_it_is() -> None:
    for name in explain.__all__:
        thing = getattr(explain, name)
        assert isinstance(thing, dict) or len(thing.__doc__ or "") > 20, name
        # dataclasses without a docstring get their signature for one
        assert isinstance(thing, dict) or not thing.__doc__.startswith(f"{name}("), name
