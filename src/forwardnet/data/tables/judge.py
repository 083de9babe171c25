"""What a column is: the rules, applied to what is known of its values.

The facts are small, so that they can be gathered from a file that does not fit into memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

# Texts that mean "no value", in small letters and without spaces around them.
MISSING = (
    *("", "na", "n/a", "nan", "null", "none", "nil", "<na>", "nat", "?", "-", "--", ".", ".."),
    *("#n/a", "#na", "#null!", "#div/0!", "#value!", "#ref!", "#num!", "#name?"),
)
# Numbers that are often written for "no value"; they are named, never replaced.
SENTINELS = (-999.0, -9999.0, -99999.0, -99.0, -1.0, 99.0, 999.0, 9999.0, 99999.0)
PAIRS = ({"yes", "no"}, {"true", "false"}, {"t", "f"}, {"y", "n"}, {"on", "off"})
TRUE = ("yes", "true", "t", "y", "on")
MOST_LEVELS = 10_000  # names beyond are text
FEW = 10  # so many names are categories, however short the table is
ENOUGH = 20  # rows from which on "different in every row" says something
_NAMES_A_ROW = re.compile(
    r"(?:.*[_\-. ])?(?:id|ids|uuid|guid|key|rowid|row_?(?:id|number|names?)|index|idx)|unnamed: ?\d+|#|no\.?|nr\.?|"
    r"[A-Za-z0-9]+Id|.+ID",
)
_IS_A_QUANTITY = re.compile(r"(?i)[txyz]|.*(?:time|year|month|week|day|hour|minute|second|step|epoch|age|date).*")


@dataclass(frozen=True)
class Rules:
    """What holds for all columns of a table.

    `missing`: texts that mean no value, in small letters. `decimal`: the decimal sign, None to find it out;
    `comma_is_decimal`: what 1,234 means then; `dots_group`: that 1.234 is more than a thousand, as other columns have
    decimal commas. `where` begins each error; `place(i)` says where row i stands.
    """

    missing: frozenset[str] = frozenset(MISSING)
    decimal: str | None = None
    comma_is_decimal: bool = False
    dots_group: bool = False
    where: str = "table"
    place: Callable[[int], str] = field(default=lambda row: f"row {row}")


@dataclass
class NumberFacts:
    """What is known of the numbers of a column."""

    rows: int = 0
    missing: int = 0
    infinite: int = 0
    lowest: float = float("inf")
    highest: float = float("-inf")
    is_whole: bool = True
    distinct: int | None = None  # None: too many to count
    is_counting: bool = False  # each number is one more than that of the row before
    sentinels: Mapping[float, int] = field(default_factory=dict)
    inner: tuple[float, float] = (float("inf"), float("-inf"))  # the range of the others

    @property
    def present(self) -> int:
        return self.rows - self.missing


@dataclass(frozen=True)
class Verdict:
    """A kind, why, and what else was noticed."""

    kind: str
    reason: str
    notes: tuple[str, ...] = ()


def names_a_row(name: str) -> bool:
    """Whether a column's name says that it names rows: id, customer_id, PassengerId, index, Unnamed: 0."""
    return not name or bool(_NAMES_A_ROW.fullmatch(name) or _NAMES_A_ROW.fullmatch(name.lower()))


def judge_numbers(name: str, facts: NumberFacts, *, words: str = "numbers", n_columns: int = 1) -> Verdict:
    """The kind of a column of numbers."""
    if not facts.present:
        return Verdict("empty", "no value in any row")
    if facts.lowest == facts.highest and not facts.missing and facts.rows > 1:
        return Verdict("constant", f"{facts.lowest:g} in every row")
    if facts.is_whole and (facts.lowest, facts.highest) == (0.0, 1.0) and facts.distinct == 2:
        return Verdict("boolean", "0 and 1")
    is_unique = facts.is_whole and not facts.missing and facts.rows >= ENOUGH and facts.distinct == facts.rows
    if is_unique and names_a_row(name):
        return Verdict("identifier", "a whole number of its own in every row, and a name that says so")
    counts_rows = facts.is_counting and facts.rows >= ENOUGH and facts.lowest in (0.0, 1.0)
    if counts_rows and n_columns > 2 and not _IS_A_QUANTITY.fullmatch(name):
        return Verdict("identifier", "counts the rows")
    reason = ("whole " if facts.is_whole else "") + words
    if counts_rows:
        reason += f"; counts the rows: kinds={{{name!r}: 'identifier'}} leaves it out"
    elif facts.is_whole and facts.distinct is not None and facts.distinct <= FEW and facts.rows >= ENOUGH:
        reason += f", {facts.distinct} different: kinds={{{name!r}: 'category'}} takes them for names"
    return Verdict("number", reason, tuple(_odd_marks(name, facts)))


def _odd_marks(name: str, facts: NumberFacts) -> Iterable[str]:
    """Notes on numbers that stand far from all others, and look like marks for a missing value."""
    low, high = facts.inner
    for value, count in facts.sentinels.items():
        distance = max(low - value, value - high)
        if count and distance > max(high - low, 1.0) and low <= high:
            times = "once" if count == 1 else f"{count} times"
            yield f"{name}: {value:g} occurs {times}, far from the rest: missing=[..., '{value:g}'] leaves it out"


@dataclass
class TextFacts:
    """What is known of the texts of a column: how often each occurs, or that there are too many to tell."""

    rows: int = 0
    missing: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    is_complete: bool = True  # whether `counts` has all of them
    are_codes: bool = False  # whole numbers with leading zeros
    inexact: str | None = None  # a whole number that float64 cannot hold

    @property
    def present(self) -> int:
        return self.rows - self.missing


def pair_of(texts: Iterable[str]) -> dict[str, float] | None:
    """0 or 1 for each of the texts where they are yes and no, true and false, ...; None where they are not."""
    folded = {text: text.casefold() for text in texts}
    if set(folded.values()) in PAIRS:
        return {text: float(small in TRUE) for text, small in folded.items()}
    return None


def judge_texts(name: str, facts: TextFacts) -> Verdict:
    """The kind of a column of texts that are no numbers and no dates."""
    if not facts.present:
        return Verdict("empty", "no value in any row")
    k, m = len(facts.counts), facts.present
    why = ""
    if facts.are_codes:
        why = "numbers with leading zeros, which are codes; "
    elif facts.inexact:
        why = f"whole numbers such as {facts.inexact}, more exact than numbers can be here; "
    if not facts.is_complete:
        return Verdict("text", f"{why}more than {MOST_LEVELS:,} different texts")
    if k == 1 and not facts.missing and facts.rows > 1:
        return Verdict("constant", f"{shown(next(iter(facts.counts)))} in every row")
    if pair_of(facts.counts) is not None:
        return Verdict("boolean", " and ".join(sorted(facts.counts)))
    if k == m and m >= ENOUGH:
        if why or names_a_row(name) or _look_like_names(facts.counts):
            return Verdict("identifier", f"{why}different in every row")
        return Verdict("text", f"{why}texts, different in every row")
    if k <= FEW or (2 * k <= m and k <= MOST_LEVELS):
        return Verdict("category", f"{why}{k} different {'text' if k == 1 else 'texts'}")
    return Verdict("text", f"{why}{k:,} different texts in {m:,} rows: too many for categories")


def _look_like_names(texts: Iterable[str]) -> bool:
    """Whether texts are made alike, as A-0017 and A-0018, or are hashes: of one word, with digits, of one pattern."""
    patterns = set()
    for text in texts:
        is_hash = len(text) >= 8 and re.fullmatch(r"[0-9a-fA-F-]+", text)
        pattern = str(len(text)) if is_hash else re.sub(r"[0-9]+", "9", text)
        if re.search(r"\s", text) or not (is_hash or re.search(r"[0-9]", text)):
            return False
        patterns.add(pattern)
        if len(patterns) > 1:
            return False
    return True


def shown(text: str, most: int = 40) -> str:
    """A text in quotes, cut where it is long."""
    return repr(text if len(text) <= most else text[: most - 3] + "...")
