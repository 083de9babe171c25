"""Numbers as people write them: plain ones by Python's `float`, and those with separators, signs of a currency, or %.

A notation is used for a column only where every value of it agrees.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Between groups of three digits, besides the one of "." and "," that is not the decimal sign.
_SPACES = " \u00a0\u202f\u2009'’"
_EXPONENT = r"(?:[eE][+-]?[0-9]+)?"
_UNIT = r"[$€£¥₹]|CHF|EUR|USD|GBP|kr|Rs\.?|%"
_WITH_UNIT = re.compile(rf"(?P<sign>[+-]?)\s*(?P<before>{_UNIT})?\s*(?P<body>[+-]?[0-9.,].*?)\s*(?P<after>{_UNIT})?")


def plain(texts: Iterable[str]) -> list[float] | None:
    """The numbers of texts such as 12, -0.5, 1e-3, inf, nan, as `float` reads them; None where one is none."""
    texts = list(texts)
    try:
        numbers = list(map(float, texts))
    except ValueError:
        return None
    # `float` takes 1_000 and digits of other alphabets, which a table does not mean.
    joined = "".join(texts)
    return numbers if joined.isascii() and "_" not in joined else None


def quick(texts: Sequence[str], missing: frozenset[str]) -> NDArray[np.float64] | None:
    """The numbers of texts that are all plain, and none of them missing; None where one is not, or might be.

    Ten times as fast as looking at each text: so most columns of numbers are read.
    """
    numbers = plain(texts)
    if numbers is None:
        return None
    array = np.array(numbers, np.float64)
    return None if np.isnan(array).any() or any((array == mark).any() for mark in _numbers_of(missing)) else array


@functools.cache
def _numbers_of(missing: frozenset[str]) -> tuple[float, ...]:
    """The marks for missing values that are numbers, as -999."""
    return tuple(number for mark in missing for number in plain([mark]) or ())


@dataclass(frozen=True)
class Notation:
    """How the numbers of a column are written."""

    decimal: str = "."
    grouped: bool = False  # digits before the decimal sign stand in groups of three
    unit: str = ""  # a currency or %, which each value has

    @property
    def words(self) -> str:
        """What is said about the column."""
        said = [f"with {self.unit}"] if self.unit else []
        said += ["with thousands separators"] if self.grouped else []
        said += ["with decimal commas"] if self.decimal == "," else []
        return "numbers" + (" " + " and ".join(said) if said else "")

    @property
    def is_plain(self) -> bool:
        return self == PLAIN

    def parse(self, texts: Iterable[str]) -> list[float] | None:
        """The numbers of all these texts, None where one is not written so."""
        if self.is_plain:
            return plain(texts)
        bodies = list(texts)
        if self.unit:
            units, bodies = _without_units(bodies)
            if units != {self.unit}:
                return None
        other = "," if self.decimal == "." else "."
        groups = rf"[1-9][0-9]{{0,2}}(?:[{other}{_SPACES}][0-9]{{3}})+|[0-9]{{1,3}}" if self.grouped else "[0-9]+"
        mark = re.escape(self.decimal)
        whole = re.compile(rf"[+-]?(?:(?:{groups})(?:{mark}[0-9]*)?|{mark}[0-9]+){_EXPONENT}")
        if not all(map(whole.fullmatch, bodies)):
            return None
        removed = str.maketrans(self.decimal, ".", other + _SPACES)
        return [float(body.translate(removed)) for body in bodies]


PLAIN = Notation()


# A comma that separates no thousands: one or two digits behind it, or four and more, or a zero or a group before it.
_DECIMAL_COMMA = re.compile(r",(?:[0-9]{0,2}|[0-9]{4,})(?:$|[eE])|^[+-]?0*,|[.\u00a0\u202f\u2009'’ ][0-9]{3},")


def _without_units(texts: Sequence[str]) -> tuple[set[str], list[str]]:
    """The units that come up, and the texts without them; a text without one has the unit ""."""
    units, bodies = set(), []
    for text in texts:
        found = _WITH_UNIT.fullmatch(text)
        if found is None or (found["before"] and found["after"]):
            return {"", "?"}, []
        units.add(found["before"] or found["after"] or "")
        bodies.append(found["sign"] + found["body"])
    return units, bodies


def notation_of(texts: Sequence[str], *, decimal: str | None, comma_is_decimal: bool) -> Notation | None:
    """The notation that all texts agree on, None where there is none.

    `decimal` is given, or None to find it out. Commas that could be either, as in 1,234, are then decimal commas where
    `comma_is_decimal` says that the file has such, and separate thousands otherwise.
    """
    if decimal != "," and plain(texts) is not None:
        return PLAIN
    units, bodies = _without_units(texts)
    if len(units) != 1:
        return None
    (unit,) = units
    marks = (decimal,) if decimal else ((",", ".") if comma_is_decimal else (".", ","))
    for mark in marks:
        for grouped in (False, True):
            notation = Notation(mark, grouped)
            numbers = notation.parse(bodies)
            is_shown = decimal or mark == "." or any("," in body or body.count(".") > 1 for body in bodies)
            if mark == "," and not decimal and not comma_is_decimal:
                is_shown = is_shown and any(map(_DECIMAL_COMMA.search, bodies))
            if numbers is not None and is_shown:
                return Notation(mark, grouped, unit)
    return None


def inexact(texts: Iterable[str]) -> str | None:
    """The first whole number that float64 cannot hold, as 9007199254740993; None where there is none."""
    for text in texts:
        digits = text.strip().lstrip("+-")
        if len(digits) <= 15 or not digits.isdigit() or not digits.isascii():
            continue
        # Beyond 308 digits it is none of float64's, and Python converts no more than 4,300.
        if len(digits.lstrip("0")) > 308 or int(digits) != int(float(digits)):
            return text
    return None
