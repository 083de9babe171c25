"""What the texts of a column are, found block by block in bounded memory.

`Profile.add` is called with all texts of a column, in one block or many; `Profile.decide` then says what the column is.

Axis glossary: n rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.tables import dates, judge, notations
from forwardnet.data.tables.candidates import Candidates
from forwardnet.data.tables.dates import DateForm
from forwardnet.data.tables.decision import Decision
from forwardnet.data.tables.factor import Factored, factored
from forwardnet.data.tables.judge import NumberFacts, Rules, TextFacts, Verdict, shown
from forwardnet.data.tables.notations import Notation
from forwardnet.data.tables.table import CODED
from forwardnet.errors import DataError

Array = NDArray[Any]
_LEADING_ZERO = re.compile(r"(?:^|\n)0[0-9]+(?=\n|$)")
MARKS = frozenset(judge.SENTINELS)
_NO_CODE = re.compile(r"[^0-9\n]")


class Profile:
    """Finds out what the texts of one column are. `most_texts`: so many different ones are kept (None: all)."""

    def __init__(self, name: str, rules: Rules, *, kind: str | None = None, most_texts: int | None = None) -> None:
        self.name, self.rules, self.kind, self.most_texts = name, rules, kind, most_texts
        self.facts = NumberFacts()
        self.counts: dict[str, int] = {}
        self.is_complete = True
        self.is_plain = kind not in CODED  # whether all texts are plain numbers
        self.marks: Counter[str] = Counter()
        self.inexact: str | None = None
        self.are_codes = False
        self._all_digits = True
        self._later: list[Factored] = []  # blocks of numbers, of which the texts are not counted yet
        self._candidates: Candidates | None = None  # where the texts are not complete, and no plain numbers
        self._last: float | None = None
        self._odd: tuple[str, str] | None = None  # the first text that is no number, and its place

    def add(self, texts: Factored) -> None:
        """The next rows."""
        row = self.facts.rows
        self.facts.rows += len(texts)
        if self.is_plain:
            array = notations.quick(texts.texts, self.rules.missing)
            if array is not None:
                self._number(array, texts.texts, texts.counts, row)
                if self.is_complete:
                    self._later.append(texts)
                    if self.most_texts is not None and len(self._later) * len(texts.texts) > self.most_texts:
                        self._settle()
                return
        self._settle()
        present = self._present(texts)
        if self.is_plain:
            self._number_or_not(texts, present, row)
        self._count(present)

    def block(self, texts: Sequence[str]) -> None:
        """`add` for the texts as they stand in the file: faster for numbers, once there are many different ones."""
        if self.is_plain and not self.is_complete:
            array = notations.quick(texts, self.rules.missing)
            if array is not None:
                row = self.facts.rows
                self.facts.rows += len(texts)
                self._number(array, texts, np.ones(len(array), np.int64), row)
                return
        self.add(factored(texts))

    def _present(self, texts: Factored) -> dict[str, int]:
        """The texts that are not missing, without spaces around them, and how often each comes."""
        present: dict[str, int] = {}
        for text, count in zip(texts.texts, texts.counts.tolist(), strict=True):
            bare = text.strip()
            if bare.casefold() in self.rules.missing:
                self.facts.missing += count
                self.marks[bare] += count
            else:
                present[bare] = present.get(bare, 0) + count
        return present

    def _settle(self) -> None:
        """Count the texts of blocks that were read as numbers only."""
        later, self._later = self._later, []
        for texts in later:
            self._count(self._present(texts))

    def _count(self, present: Mapping[str, int]) -> None:
        """Count the different texts, as long as there are not too many."""
        if not self.is_complete:
            if self._candidates is not None:
                self._candidates.add(list(present))
            return
        for bare, count in present.items():
            self.counts[bare] = self.counts.get(bare, 0) + count
        if self.most_texts is not None and len(self.counts) > self.most_texts:
            self.is_complete = False
            if not self.is_plain:
                self._candidates = Candidates(list(self.counts), self.rules)
            self.counts = dict(list(self.counts.items())[: self.most_texts])  # what a message may name

    def _number_or_not(self, texts: Factored, present: Mapping[str, int], row: int) -> None:
        """Keep account of numbers, until a text is none."""
        bare = list(present)
        numbers = notations.plain(bare)
        if numbers is None:
            self.is_plain = False
            odd = next(text for text in bare if notations.plain([text]) is None)
            row += texts.first_row(next(text for text in texts.texts if text.strip() == odd))
            self._odd = (odd, self.rules.place(row))
            return
        self.facts.is_counting = False  # something is missing, or written in two ways
        if numbers:
            self._number(np.array(numbers), bare, np.array(list(present.values())), row)

    def _number(self, array: Array, texts: Sequence[str], counts: Array, row: int) -> None:
        """Keep account of different numbers, of which each comes so often."""
        if self._all_digits:
            joined = "\n".join(texts)
            self._all_digits = not _NO_CODE.search(joined)
            self.are_codes = self.are_codes or bool(_LEADING_ZERO.search(joined))
        if self.inexact is None and (np.abs(array) >= 2.0**53).any():
            self.inexact = notations.inexact(texts)
        self._facts(array, counts)
        goes_on = self.facts.is_counting or (row == 0 and self._last is None)
        if goes_on and not self.facts.missing and len(array) == counts.sum():
            # Every text once, so these are the rows in order.
            before = array[:1] - 1 if self._last is None else [self._last]
            with np.errstate(over="ignore", invalid="ignore"):
                self.facts.is_counting = bool((np.diff(array, prepend=before) == 1).all())
        else:
            self.facts.is_counting = False
        self._last = float(array[-1])

    def _facts(self, array: Array, weights: Array) -> None:
        """What different numbers, each with its count, add to the facts."""
        facts, finite = self.facts, np.isfinite(array)
        if not finite.all():
            facts.infinite += int(weights[~finite].sum())
            array, weights = array[finite], weights[finite]
        if not array.size:
            return
        facts.is_whole = facts.is_whole and bool((array == np.floor(array)).all())
        # A mark that stands far from all others is the lowest or the highest of its block.
        extremes = (float(array.min()), float(array.max()))
        is_mark = np.isin(array, judge.SENTINELS) if set(extremes) & MARKS else np.zeros(len(array), bool)
        facts.lowest, facts.highest = min(facts.lowest, extremes[0]), max(facts.highest, extremes[1])
        found = dict(facts.sentinels)
        for value, count in zip(array[is_mark].tolist(), weights[is_mark].tolist(), strict=True):
            found[value] = found.get(value, 0) + count
        facts.sentinels = found
        others = array[~is_mark]
        if others.size:
            low, high = facts.inner
            facts.inner = (min(low, float(others.min())), max(high, float(others.max())))

    # -- the decision --------------------------------------------------------------------------------------

    def has_decimal_commas(self) -> bool:
        """Whether the numbers have commas that can be nothing but decimal ones."""
        self._settle()
        if self.is_plain or not self.is_complete or not any("," in text for text in self.counts):
            return False
        found = notations.notation_of(list(self.counts), decimal=None, comma_is_decimal=False)
        return found is not None and found.decimal == ","

    def decide(self, rules: Rules, *, n_columns: int = 1) -> Decision:
        """What the column is. Raises DataError where it cannot be what `kind` says."""
        self._settle()
        self.rules = rules
        kept = frozenset("-") if set(self.counts) == {"+"} and self.marks["-"] else frozenset()
        for mark in kept:  # beside + alone it is no mark
            self.counts[mark] = self.marks.pop(mark)
            self.facts.missing -= self.counts[mark]
        marks = {mark: count for mark, count in self.marks.items() if mark}
        return replace(self._decide(n_columns), marks=marks, kept=kept)

    def _decide(self, n_columns: int) -> Decision:
        if self.kind is not None:
            return self._as_told()
        is_code = self.inexact is not None or (self.are_codes and self._all_digits)
        if self.is_plain and not is_code:
            return self._grouped_by_dots(n_columns) or self._numeric(n_columns)
        texts = list(self.counts)
        if not is_code and self.is_complete and texts:
            found = self._written(texts, n_columns)
            if found is not None:
                return found
        best = self._candidates.best if self._candidates is not None else None
        if isinstance(best, DateForm):
            return Decision(self.name, "date", best.words, best, None, self._notes())
        if best is not None:
            return Decision(self.name, "number", best.words, best, None, self._notes())
        return self._textual(judge.judge_texts(self.name, self._text_facts()))

    def _text_facts(self) -> TextFacts:
        codes = self.is_plain and self.are_codes and self._all_digits
        return TextFacts(self.facts.rows, self.facts.missing, self.counts, self.is_complete, codes, self.inexact)

    def _numeric(self, n_columns: int) -> Decision:
        """A column of plain numbers."""
        facts = self.facts
        present = {float(text) for text in self.counts} if self.is_complete else None
        facts.distinct = None if present is None else len(present)
        if not self.is_complete and facts.is_counting:
            facts.distinct = facts.rows
        whole = replace(facts, missing=facts.missing + facts.infinite)
        verdict = judge.judge_numbers(self.name, whole, n_columns=n_columns)
        if self.is_complete and self._is_compact_date(facts):
            return Decision(
                self.name, "date", "dates without separators, as 19991231", dates.COMPACT, None, self._notes()
            )
        return self._of_numbers(verdict, notations.PLAIN, ())

    def _is_compact_date(self, facts: NumberFacts) -> bool:
        """Whether numbers such as 19991231 are all days of the calendar, and enough of them to be no accident."""
        in_range = facts.is_whole and facts.lowest >= 19000101 and facts.highest <= 20991231
        return in_range and len(self.counts) >= 3 and dates.COMPACT.parse(list(self.counts)) is not None

    def _written(self, texts: list[str], n_columns: int) -> Decision | None:
        """A column of dates, or of numbers that are not plain; None where it is neither."""
        found = dates.form_of(texts)
        if found is not None:
            form, is_ambiguous = found
            notes = self._notes()
            if is_ambiguous:
                notes += (
                    f"{self.name}: days and months could be the other way round in {texts[0]}; read as {form.words}",
                )
            if len(texts) == 1 and self.facts.rows > 1 and not self.facts.missing:
                return Decision(self.name, "constant", f"{texts[0]} in every row", form, None, notes)
            return Decision(self.name, "date", form.words, form, None, notes)
        rules = self.rules
        notation = notations.notation_of(texts, decimal=rules.decimal, comma_is_decimal=rules.comma_is_decimal)
        if notation is None:
            return None
        other = notations.notation_of(texts, decimal=None, comma_is_decimal=not rules.comma_is_decimal)
        notes = ()
        if rules.decimal is None and other != notation:
            notes = (f"{self.name}: {texts[0]} could be read otherwise than as {notation.words}; decimal=... says how",)
        return self._noted(notation, texts, n_columns, notes)

    def _grouped_by_dots(self, n_columns: int) -> Decision | None:
        """Numbers such as 1.234 in a table with decimal commas elsewhere; None where they are none."""
        texts = list(self.counts)
        if not (self.rules.dots_group and self.is_complete and any("." in text for text in texts)):
            return None
        notation = Notation(",", grouped=True)
        if notation.parse(texts) is None:
            return None
        note = f"{self.name}: dots as in {texts[0]} separate thousands, since other columns have decimal commas"
        return self._noted(notation, texts, n_columns, (note,))

    def _noted(self, notation: Notation, texts: list[str], n_columns: int, notes: tuple[str, ...]) -> Decision:
        """A column of numbers in another notation."""
        numbers = notation.parse(texts) or []
        self.facts = NumberFacts(rows=self.facts.rows, missing=self.facts.missing)
        self._facts(np.array(numbers), np.array(list(self.counts.values())))
        self.facts.distinct = len(set(numbers))
        verdict = judge.judge_numbers(self.name, self.facts, words=notation.words, n_columns=n_columns)
        return self._of_numbers(verdict, notation, notes)

    def _of_numbers(self, verdict: Verdict, notation: Notation, notes: tuple[str, ...]) -> Decision:
        """The decision for numbers; those that name rows are names, not quantities."""
        is_name = verdict.kind in CODED
        notes = self._notes() + notes + verdict.notes
        levels = self._levels() if is_name else None
        return Decision(self.name, verdict.kind, verdict.reason, None if is_name else notation, levels, notes)

    def _textual(self, verdict: Verdict) -> Decision:
        """A column of texts."""
        notes = self._notes() + verdict.notes + self._almost_numbers()
        pair = judge.pair_of(self.counts) if verdict.kind == "boolean" else None
        if pair is not None:
            return Decision(self.name, "boolean", verdict.reason, pair, None, notes)
        if verdict.kind == "empty":
            return Decision(self.name, "empty", verdict.reason, notations.PLAIN, None, notes)
        return Decision(self.name, verdict.kind, verdict.reason, None, self._levels(), notes)

    def _levels(self) -> tuple[str, ...]:
        """The texts in order: by value where all are numbers, else by letters; none where there were too many."""
        if not self.is_complete:
            return ()
        numbers = notations.plain(self.counts)
        if numbers is None:
            return tuple(sorted(self.counts))
        return tuple(text for _, text in sorted(zip(numbers, self.counts, strict=True)))

    def _almost_numbers(self) -> tuple[str, ...]:
        """A note where most rows hold numbers and some do not."""
        if self._odd is None:
            return ()
        present = self.facts.present
        odd = sum(count for text, count in self.counts.items() if notations.plain([text]) is None)
        text, place = self._odd
        if not self.is_complete and self._last is not None:
            return (f"{self.name}: numbers up to {shown(text)} in {place}; so all are taken for texts",)
        if not 0 < 2 * odd < present:
            return ()
        return (
            f"{self.name}: {odd} of {present} values are no numbers, the first is {shown(text)} in "
            f"{place}; so all are taken for texts",
        )

    def _notes(self) -> tuple[str, ...]:
        """What was read as missing."""
        infinite = self.facts.infinite
        return (f"{self.name}: {infinite} infinite values were taken for missing ones",) if infinite else ()

    def _as_told(self) -> Decision:
        """The column as `kind` says; texts that do not fit are found when they are read."""
        kind, texts = str(self.kind), list(self.counts)
        notes, told = self._notes(), "as told"
        if kind in CODED:
            return Decision(self.name, kind, told, None, self._levels(), notes)
        if kind == "date":
            found = dates.form_of(texts) if texts else None
            others = (form for form in (dates.COMPACT, dates.YEAR) if form.parse(texts) is not None)
            form = found[0] if found else next(others, dates.FORMS[0])
            return Decision(self.name, kind, f"{form.words}, {told}", form, None, notes)
        if kind == "boolean":
            return Decision(self.name, kind, told, self._boolean(texts), None, notes)
        rules = self.rules
        notation = notations.notation_of(texts, decimal=rules.decimal, comma_is_decimal=rules.comma_is_decimal)
        if notation is None and kind != "number":  # constant or empty as told, and left out whatever it holds
            return Decision(self.name, kind, told, None, self._levels(), notes)
        return Decision(self.name, kind, told, notation or notations.PLAIN, None, notes)

    def _boolean(self, texts: Iterable[str]) -> Mapping[str, float]:
        """0 and 1 for two different texts: yes is 1, as are true and the larger number; else by letters."""
        texts = list(texts)
        if len(texts) > 2:
            raise DataError(
                f"{self.rules.where}: column {self.name!r} cannot be boolean: it has {len(texts)} different values"
            )
        pair = judge.pair_of(texts)
        if pair is not None:
            return pair
        numbers = notations.plain(texts)
        if numbers is not None and set(numbers) <= {0.0, 1.0}:
            return dict(zip(texts, numbers, strict=True))
        if len(texts) == 1:
            small = texts[0].casefold()
            if not any(small in known for known in judge.PAIRS):  # beside its fellow it may have been 0 or 1
                raise DataError(
                    f"{self.rules.where}: column {self.name!r} has {shown(texts[0])} alone, which is neither true nor "
                    "false",
                    hint=f"kinds={{{self.name!r}: 'category'}} tells names apart by themselves",
                )
            return {texts[0]: float(small in judge.TRUE)}
        return {text: float(code) for code, text in enumerate(sorted(texts))}
