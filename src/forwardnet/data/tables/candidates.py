"""The ways of writing dates and numbers that fit all texts so far, where these are too many to be kept."""

from __future__ import annotations

from collections.abc import Sequence

from forwardnet.data.tables import dates, notations
from forwardnet.data.tables.dates import DateForm
from forwardnet.data.tables.judge import Rules
from forwardnet.data.tables.notations import Notation


class Candidates:
    """What is left of `dates.FORMS` and of one notation of numbers, after the `texts` of the beginning."""

    def __init__(self, texts: Sequence[str], rules: Rules) -> None:
        self.forms = [form for form in dates.FORMS if form.parse(texts) is not None]
        self.notation = None
        if not self.forms:
            self.notation = notations.notation_of(texts, decimal=rules.decimal, comma_is_decimal=rules.comma_is_decimal)

    def add(self, texts: Sequence[str]) -> None:
        """Leave out what these texts are not written in."""
        self.forms = [form for form in self.forms if form.parse(texts) is not None]
        if self.notation is not None and self.notation.parse(texts) is None:
            self.notation = None

    @property
    def best(self) -> DateForm | Notation | None:
        """The first that is left."""
        return self.forms[0] if self.forms else self.notation
