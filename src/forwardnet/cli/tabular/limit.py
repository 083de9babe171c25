"""`--memory-limit`: how much memory a run may take, what does not go with it, and how the limit is shared out.

Axis glossary: n rows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from forwardnet.cli.options import network_bytes
from forwardnet.data.tables import Table
from forwardnet.errors import ArgumentError

if TYPE_CHECKING:
    from forwardnet.cli.tabular.options import TableOptions

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)")
_MB = 10**6

# What the stream may take of the limit: blocks of texts, and the rows that training has in memory. Beside what stays of
# that come baselines, resamples for intervals, and pictures.
_STREAM = 0.42
LEAST = 20 * _MB  # of which that share is what a stream needs
_PICTURES = 8 * _MB
_TESTED, _CHOSEN, _LEARNT = 0.2, 0.04, 0.3  # of what is left: rows to be tested, to choose the epoch, of baselines
_MOST = (100_000, 50_000, 200_000)  # rows, by which figures, epochs and trees become no better
# Measured bytes: a number and a category in scikit-learn's pipelines, an input of the network, an output of all models
# together, and a row.
_NUMBER, _CATEGORY, _INPUT, _OUTPUT, _ROW = 110, 320, 8, 64, 400
_PAIR, _TREES = 600, 220_000  # of two classes in the files of a report, and of a hundred trees
_BOOTSTRAP = 8_000_000  # bytes of the resamples of 2,500 to 10,000 rows; 3,200 for each row of fewer
_RESAMPLED, _FEW = 3_200, 2_500


def parse_size(text: str | None) -> int | None:
    """`"200MB"` -> 200,000,000; also 1GB, 1.5 GB, 64MiB, and a number of bytes alone."""
    if text is None:
        return None
    found = _SIZE.fullmatch(text.strip())
    unit = found[2].upper() if found else ""
    if found is None or unit not in _UNITS:
        raise ArgumentError(f"--memory-limit is {text!r}, expected a size such as 200MB or 1GB")
    return int(float(found[1]) * _UNITS[unit])


def parse_limit(text: str | None) -> int | None:
    """The bytes that `--memory-limit` names; raises ArgumentError for too few."""
    return check_size(parse_size(text))


def check_size(limit: int | None) -> int | None:
    """The same limit; raises ArgumentError where it is too small."""
    if limit is not None and limit < LEAST:
        raise ArgumentError(f"--memory-limit is {limit:,} bytes, expected {LEAST // _MB}MB or more")
    return limit


def check(options: TableOptions) -> None:
    """Refuse a limit that is too small, and what would need all rows at once."""
    limit = check_size(options.memory_limit)
    if limit is None:
        return
    reasons = {
        "preset": "a preset learns from all rows at once",
        "cv": "cross-validation asks about every row",
        "group": "groups are kept together by looking at all rows",
        "time": "rows are put in order by looking at all of them",
        "weights": "weights of rows are not read from a stream",
        "time_limit": "the epochs that a time allows are measured on rows in memory",
    }
    for name, reason in reasons.items():
        if getattr(options, name) is not None:
            option = "--" + name.replace("_", "-")
            raise ArgumentError(f"{option} and --memory-limit exclude each other: {reason}", hint=f"leave out {option}")
    if options.optimizer is not None:
        from forwardnet.cli.experiment import has_line_search

        if has_line_search(options.optimizer):
            raise ArgumentError(
                f"--optimizer {options.optimizer} and --memory-limit exclude each other: it takes all rows at once",
                hint="--optimizer adam",
            )


class Shares(NamedTuple):
    """Of all rows: those to be tested, to choose the epoch by, and to be known to baselines and scales."""

    test: float
    validation: float
    known: float


def shares(limit: int, n: int, inputs: Table, width: int, outputs: int, *, test: float, validation: float) -> Shares:
    """The usual shares `test` and `validation`, or as many of the n rows as fit.

    `inputs` tells of which kinds the columns are, `width` how many inputs the network makes of them.
    """
    coded = sum(column.is_coded for column in inputs)
    each = _ROW + _NUMBER * (len(inputs.columns) - coded) + _CATEGORY * coded + _INPUT * width + _OUTPUT * outputs
    memory = limit - _PICTURES
    room = _TESTED * memory
    tested = room / (each + _RESAMPLED)
    if tested > _FEW:
        tested = max(_FEW, (room - _BOOTSTRAP) / (each + _BOOTSTRAP / 10_000))
    most = np.minimum((tested, _CHOSEN * memory / each, _LEARNT * memory / each), _MOST) / max(n, 1)
    test, validation = min(test, most[0]), min(validation, most[1])
    known = min(1 - test - validation, most[2])
    return Shares(*(float(f"{share:.4g}") for share in (test, validation, known)))


def check_classes(limit: int, classes: int) -> None:
    """Refuse so many classes that a table of every two of them takes more than a quarter of the limit."""
    needed = _PAIR * classes**2
    if needed > limit // 4:
        raise ArgumentError(
            f"{classes:,} classes need about {needed / _MB:,.0f}MB for the report, more than a quarter of "
            f"--memory-limit {limit / _MB:,.0f}MB",
            hint=f"--memory-limit {4 * needed / _MB + 1:.0f}MB, or --task regression if these are numbers",
        )


def fits_trees(limit: int, classes: int) -> bool:
    """Whether boosted trees, which are as many for each class, take less than a quarter of the limit."""
    return _TREES * classes <= limit // 4


def of_stream(limit: int) -> int:
    """The bytes that reading the file and training from it may take."""
    return int(_STREAM * limit)


def check_network(limit: int, sizes: tuple[int, ...], batch_size: int) -> None:
    """Refuse a network that takes more than a quarter of the limit; `sizes` from inputs to outputs."""
    needed = network_bytes(sizes, batch_size)
    if needed > limit // 4:
        raise ArgumentError(
            f"a network of {'-'.join(map(str, sizes))} needs about {needed / _MB:,.0f}MB to train, more than a quarter "
            f"of --memory-limit {limit / _MB:,.0f}MB",
            hint=f"--memory-limit {4 * needed / _MB + 1:.0f}MB, smaller layers with --hidden, or --ignore COLUMN",
        )
