"""The report of a run on a table: what stands on its page, section by section."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import plot
from forwardnet.cli.environment import environment as versions
from forwardnet.cli.tabular import words
from forwardnet.cli.tabular.repeat import changed_parameters, command_line, python_lines
from forwardnet.cli.tabular.run import NETWORK, TableOutcome
from forwardnet.data.tables import Column
from forwardnet.report.content import Picture, Rows
from forwardnet.report.document import Block, Code, Counts, Document, Facts, Grid, Pictures, Section, Text
from forwardnet.report.figures import class_table
from forwardnet.report.words import heading, score_text
from forwardnet.train.metrics import METRICS, confusion_matrix
from forwardnet.validate.baselines import BASELINES

Array = NDArray[Any]

_MOST_COLUMNS = 60  # of which the page tells; the others are in report.json
_MOST_FOLDS = 20
_WORST = 10
_INTERVAL = (
    "Intervals are the middle 95 % of what a figure is when rows are drawn anew (bootstrap, the same draws for every "
    "model); they do not tell how much another seed of the training would change."
)


def make_document(outcome: TableOutcome, timing: Rows) -> Document:
    """Everything that is said about one run."""
    problem = outcome.problem
    return Document(
        title=f"{problem.name}: {problem.y.name} ({problem.task})",
        lead=f"{words.summary(outcome)} {words.judgement(outcome)}",
        notes=words.doubts(outcome),
        sections=(
            Section("Models on the same rows", _models(outcome)),
            Section("Data", _data(outcome)),
            Section("Columns", _columns(outcome)),
            Section("Split", _split(outcome)),
            Section("Learning curve", _curve(outcome)),
            *(_classes(outcome) if problem.is_classifier else _numbers(outcome)),
            Section("Where it is wrong most", _worst(outcome)),
            Section("What the network relies on", _importance(outcome)),
            Section("What single columns do", _dependences(outcome)),
            Section("Network", _network(outcome)),
            Section("Time and versions", (Facts((*timing, *environment(outcome))),)),
            Section("To repeat this run", _repeat(outcome)),
        ),
    )


def _models(outcome: TableOutcome) -> tuple[Block, ...]:
    names = [NETWORK, *outcome.baselines]
    values = [outcome.comparison.figure(name, outcome.metric) for name in names]
    picture = plot.models(
        [words.MODELS[name] for name in names],
        [figure.value for figure in values],
        [(figure.low, figure.high) for figure in values],
        figure_of_merit=heading(outcome.metric),
    )
    better = "higher" if METRICS[outcome.metric].greater_is_better else "lower"
    alt = f"{heading(outcome.metric)} of the network and of each baseline, with intervals; {better} is better"
    explained = "; ".join(f"{words.MODELS[name]}: {BASELINES[name]}" for name in outcome.baselines)
    return (
        scores(outcome),
        Text(f"{words.judgement(outcome)}", is_quiet=False),
        Picture("", alt, plot.png_bytes(picture)),
        Text(f"Baselines, asked about the same rows: {explained}. {_INTERVAL}"),
    )


def scores(outcome: TableOutcome) -> Grid:
    """Every figure of every model, with its interval; the network's gain over each baseline."""
    names = [NETWORK, *outcome.baselines]
    head = ("", *(words.MODELS[name] for name in names))
    rows = [
        (heading(metric), *(words.written(outcome.comparison.figure(name, metric), gap="\n") for name in names))
        for metric in outcome.comparison.metrics
    ]
    gains = [outcome.comparison.gain(NETWORK, name, outcome.metric) for name in outcome.baselines]
    learnt = outcome.validation.train_scores.get(outcome.metric)
    if learnt is not None:
        shown = score_text(outcome.metric, float(np.mean(learnt)))
        rows.insert(1, (f"{heading(outcome.metric)}, rows learnt from", shown, *("" for _ in outcome.baselines)))
    rows.append((f"gained in {heading(outcome.metric)}", "", *(words.written(gain, gap="\n") for gain in gains)))
    return Grid((head, *rows), numbers=tuple(range(1, len(head))), strong=1)


def _data(outcome: TableOutcome) -> tuple[Block, ...]:
    problem = outcome.problem
    missing = sum(int(column.is_missing.sum()) for column in problem.X)
    cells = len(problem.X) * len(problem.X.columns)
    rows = [
        ("file", outcome.options.data),
        ("rows", f"{problem.n:,}"),
        *((("rows looked at here", f"{len(problem.X):,} drawn at random"),) if problem.is_sample else ()),
        ("columns", words.kinds_line(problem)),
        ("missing values", f"{missing:,} of {cells:,} cells ({100 * missing / cells:.1f} %)"),
        ("rows that occur twice", f"{words.duplicated(problem):,}"),
        ("target", f"{problem.y.name}: {words.describe(problem.y)}"),
        ("task", f"{problem.task}: {problem.reason}"),
    ]
    rows += [("noted", note) for note in problem.notes]
    return (Facts(tuple(rows)),)


def column_rows(columns: tuple[Column, ...]) -> list[tuple[str, ...]]:
    """Name, kind, missing values, values and reason of each column."""
    return [
        (
            column.name,
            column.kind,
            f"{100 * column.is_missing.mean():.1f} %" if column.is_missing.any() else "–",
            words.describe(column),
            words.as_options(column.reason),
        )
        for column in columns
    ]


def _columns(outcome: TableOutcome) -> tuple[Block, ...]:
    columns = (*outcome.problem.X.columns, *outcome.problem.left_out)
    head = ("column", "kind", "missing", "values", "why this kind")
    more = len(columns) - _MOST_COLUMNS
    note = (Text(f"{more:,} more columns are in report.json."),) if more > 0 else ()
    return (Grid((head, *column_rows(columns[:_MOST_COLUMNS])), numbers=(2,)), *note)


def _split(outcome: TableOutcome) -> tuple[Block, ...]:
    folds = outcome.validation.folds
    blocks: list[Block] = [Text(f"{outcome.division.how[:1].upper()}{outcome.division.how[1:]}.", is_quiet=False)]
    sizes = sorted({len(fold.train) for fold in folds})
    learnt = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    who = f"Each model learns from {learnt} rows"
    if outcome.problem.is_sample:
        who = f"The network learns from {outcome.learnt_rows:,} rows, the baselines from {learnt} of them"
    blocks.append(
        Text(
            f"{who}; {len(outcome.asked):,} rows are asked about. "
            "Everything that is learnt from rows (scales, categories, epochs) is learnt from those rows alone."
        )
    )
    values = outcome.validation.scores[outcome.metric]
    if len(folds) > 1 and np.isfinite(values).all() and min(len(fold.test) for fold in folds) > 1:
        mean, deviation = float(values.mean()), float(values.std(ddof=1))
        name = heading(outcome.metric)
        blocks.append(
            Text(
                f"{name} over the folds: mean {score_text(outcome.metric, mean)}, standard deviation "
                f"{score_text(outcome.metric, deviation)}.",
                is_quiet=False,
            )
        )
        rows = [
            (str(fold.number + 1), f"{len(fold.train):,}", f"{len(fold.test):,}", score_text(outcome.metric, value))
            for fold, value in zip(folds, values, strict=True)
        ]
        if len(rows) <= _MOST_FOLDS:
            blocks.append(Grid((("fold", "learnt from", "asked about", name), *rows), numbers=(0, 1, 2, 3)))
    return tuple(blocks)


def _curve(outcome: TableOutcome) -> tuple[Block, ...]:
    history = getattr(outcome.estimator, "history_", None)
    if history is None or not len(history):
        return ()
    alt = "loss and metrics of the training and the validation rows by epoch"
    chosen = history.best_epoch
    kept = "the last one" if chosen is None else f"epoch {chosen}, the best for the validation rows"
    ended = f"Training ended after {len(history)} epochs; the weights are those of {kept}."
    which = (
        "This is the network that was tested."
        if len(outcome.validation.folds) == 1
        else ("This is the network that is kept: it learnt from all rows, as those of the folds did from theirs.")
    )
    return (Picture("", alt, plot.png_bytes(plot.curves(history))), Text(ended, is_quiet=False), Text(which))


def _classes(outcome: TableOutcome) -> list[Section]:
    """Confusion matrix, classes, and curves of probabilities."""
    problem, y, p = outcome.problem, outcome.y, outcome.predictions[NETWORK]
    names = problem.classes
    counts = confusion_matrix(y, p.argmax(axis=1), classes=len(names))
    rows = []
    for row in class_table(counts, names):
        shares = ("–" if np.isnan(value) else score_text("accuracy", value) for value in row[1:4])
        rows.append((row.name, *shares, f"{row.rows:,}"))
    told = "Precision: of the rows called so, the share that are. Recall: of the rows that are, the share found."
    sections = [
        Section("Confusion matrix", (Counts(counts, names),)),
        Section(
            "Classes",
            (Grid((("class", "precision", "recall", "F1", "rows"), *rows), numbers=(1, 2, 3, 4)), Text(told)),
        ),
    ]
    if plot.rankings.shown_classes(y, len(names)):
        told = "precision over recall, dotted: without any knowledge"
        drawn = (
            ("ROC", "true over false positives", plot.roc(y, p, names)),
            ("Precision and recall", told, plot.precision_recall(y, p, names)),
            ("Calibration", "share of true rows over the probability that was said", plot.calibration(y, p, names)),
        )
        pictures = tuple(Picture(title, alt, plot.png_bytes(figure)) for title, alt, figure in drawn)
        sections.append(Section("Probabilities", (Pictures(pictures),)))
    return sections


def _numbers(outcome: TableOutcome) -> list[Section]:
    """Predictions over true values, and errors."""
    y, predicted, unit = outcome.y, outcome.predictions[NETWORK], outcome.problem.y.name
    scatter, errors = plot.predicted_vs_true(y, predicted), plot.residuals(y, predicted)
    drawn = (
        ("Predicted and true values", "each row's prediction over its true value", scatter),
        ("Errors", f"true less predicted {unit} over the prediction", errors),
    )
    return [Section(title, (Picture("", alt, plot.png_bytes(figure)),)) for title, alt, figure in drawn]


def _worst(outcome: TableOutcome) -> tuple[Block, ...]:
    """The groups of rows with the largest error, and the rows that are most wrong."""
    from forwardnet.cli.tabular.slices import worst_rows, worst_slices

    blocks: list[Block] = []
    slices = worst_slices(outcome)
    if len(slices) > 1:
        blocks += [Grid(tuple(slices), numbers=(1, 2, 3)), Text("Groups of rows by one column, of at least 20 rows.")]
    rows = worst_rows(outcome, _WORST)
    if len(rows) > 1:
        blocks += [Grid(tuple(rows), numbers=(0,)), Text("Rows count from 0, the first one after the header.")]
    return tuple(blocks)


def _importance(outcome: TableOutcome) -> tuple[Block, ...]:
    found = outcome.importance
    if found is None:
        return (Text("There was no time left to measure what the network relies on."),)
    name = heading(found.score)
    told = (
        f"By how much {name} worsens when the values of a column are shuffled among the rows, each repeat as a mark. "
        "Columns that say the same share their importance."
    )
    alt = f"loss of {name} by shuffling each column"
    return (Picture("", alt, plot.png_bytes(plot.importance(found))), Text(told))


def _dependences(outcome: TableOutcome) -> tuple[Block, ...]:
    if not outcome.dependences:
        return ()
    problem, pictures = outcome.problem, []
    for found in outcome.dependences:
        means, outputs = found.means, [problem.y.name]
        if problem.is_classifier:
            shown = [1] if len(problem.classes) == 2 else list(range(min(8, len(problem.classes))))
            means, outputs = means[:, shown], [f"p({problem.classes[k]})" for k in shown]
        figure = plot.dependence(found.name, found.places, means, outputs, rows=problem.X[found.name].values)
        alt = f"mean prediction when {found.name} has the same value in every row"
        pictures.append(Picture("", alt, plot.png_bytes(figure)))
    told = (
        "The mean prediction when every row is given the same value of a column and keeps its others. "
        "It tells what the network says, not what would happen."
    )
    return (Pictures(tuple(pictures)), Text(told))


def _network(outcome: TableOutcome) -> tuple[Block, ...]:
    estimator = outcome.estimator
    facts = [
        ("estimator", type(estimator).__name__),
        ("learnt from", f"{outcome.learnt_rows:,} rows"),
        *((name.replace("_", " "), str(value)) for name, value in changed_parameters(estimator).items()),
    ]
    return (*network_summary(estimator), Facts(tuple(facts)), Text("All other parameters are as they are by default."))


def network_summary(estimator: Any) -> tuple[Block, ...]:
    """The layers of an estimator's network, where it has one."""
    model = getattr(estimator, "network_", None)
    if model is None:
        return ()
    weights = sum(parameter.numel() for parameter in model.parameters())
    return (Text(f"{weights:,} weights."), Code(repr(model)))


def environment(outcome: TableOutcome) -> Rows:
    """What the run ran on."""
    from importlib.metadata import version

    threads = outcome.options.threads
    return (
        ("threads", "as many as there are processors" if threads is None else str(threads)),
        ("seed", str(outcome.options.seed)),
        *versions(("scikit-learn", version("scikit-learn")), processor=processor()),
    )


def processor() -> str:
    """The processor's name, where the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _repeat(outcome: TableOutcome) -> tuple[Block, ...]:
    return (
        Text("On the command line:", is_quiet=False),
        Code(command_line(outcome.options, outcome.problem), is_wrapped=True),
        Text("In Python:", is_quiet=False),
        Code(python_lines(outcome)),
    )
