"""The exact command and the Python lines that repeat a run on a table."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from forwardnet.cli.tabular.limit import of_stream
from forwardnet.cli.tabular.options import TEST, TableOptions
from forwardnet.cli.tabular.problem import Problem

if TYPE_CHECKING:
    from forwardnet.cli.tabular.run import TableOutcome


def command_line(options: TableOptions, problem: Problem) -> str:
    """The command that repeats a run."""
    words = ["forwardnet", "train", options.data, "--target", problem.y.name]
    if options.has_header is False:
        words.append("--no-header")
    for name, kind in options.kinds.items():
        words += ["--kind", f"{name}={kind}"]
    for name in options.ignore:
        words += ["--ignore", name]
    separator = "tab" if options.separator == "\t" else options.separator
    hidden = None if options.hidden is None else ",".join(map(str, options.hidden)) or "none"
    given: dict[str, Any] = {"separator": separator, "encoding": options.encoding, "group": options.group}
    given |= {"time": options.time, "weights": options.weights, "task": options.task, "preset": options.preset}
    given |= {"cv": options.cv, "repeats": options.repeats if options.repeats > 1 else None, "metric": options.metric}
    given |= {"time_limit": options.time_limit, "memory_limit": options.memory_limit, "threads": options.threads}
    given |= {"data_dir": options.data_dir}
    given |= {"hidden": hidden, "activation": options.activation, "optimizer": options.optimizer, "lr": options.lr}
    given |= {"label_smoothing": options.label_smoothing, "epochs": options.epochs, "batch_size": options.batch_size}
    given |= {"patience": options.patience, "seed": options.seed, "out": options.out}
    for name, value in given.items():
        if value is not None:
            words += ["--" + name.replace("_", "-"), f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join(words)


def python_lines(outcome: TableOutcome) -> str:
    """A program that does the same with the library; it prints the same figures."""
    if outcome.problem.is_sample:
        return _streamed_lines(outcome)
    problem, estimator = outcome.problem, outcome.estimator
    kind = type(estimator).__name__
    imports = [
        "import numpy as np",
        "",
        *(["from forwardnet.data import train_validation_test"] if _is_random(outcome) else []),
        f"from forwardnet.estimators import {kind}",
        "from forwardnet.validate import cross_validate",
    ]
    where = _table_lines(outcome)
    imports.insert(2, where[0])
    lines = [*where[1:], *_split_lines(outcome)]
    arguments = ", ".join(f"{name}={value!r}" for name, value in changed_parameters(estimator).items())
    extra = ", fit_params={'sample_weight': weight}" if problem.weight is not None else ""
    last = [
        f"model = {kind}({arguments})",
        f"found = cross_validate(model, X, y, {_cv(outcome)}, metrics={list(outcome.comparison.metrics)!r}, "
        f"seed={outcome.options.seed}{extra})",
        "print(found.summary())",
    ]
    return "\n".join([*imports, "", *lines, *last])


def _streamed_lines(outcome: TableOutcome) -> str:
    """The same of rows that are read in blocks."""
    problem, options, estimator = outcome.problem, outcome.options, outcome.estimator
    kind, y = type(estimator).__name__, repr(problem.y.name)
    given: dict[str, Any] = {"header": options.has_header, "separator": options.separator, "encoding": options.encoding}
    given |= {"kinds": dict(problem.kinds) or None, "target": problem.y.name}
    given |= {"memory_limit": of_stream(options.memory_limit or 0), "seed": options.seed}
    reading = "".join(f", {name}={value!r}" for name, value in given.items() if value is not None)
    parts = ", ".join(f"{name}={value!r}" for name, value in outcome.division.arguments.items())
    arguments = ", ".join(f"{name}={value!r}" for name, value in changed_parameters(estimator).items())
    held = ", validation=parts.validation.select(learnt.columns)" if estimator.validation_scores_ else ""
    lines = [
        "import numpy as np",
        "",
        "from forwardnet.data.tables import TableStream",
        "from forwardnet.data.tables.parts import put_aside",
        f"from forwardnet.estimators import {kind}",
        "from forwardnet.estimators.streamed import fit_stream",
        "",
        f"stream = TableStream({options.data!r}{reading})",
        f"parts = put_aside(stream, {parts})",
        f"learnt = parts.learnt({list(problem.X.names)!r})",
        f"model = {kind}({arguments})",
        f"fit_stream(model, learnt{held})",
        f"target = parts.test[{y}]",
        "truth = np.array(target.levels)[target.values] if target.levels else target.values",
        f"print(model.score(parts.test.select({list(problem.X.names)!r}), truth))",
    ]
    return "\n".join(lines)


def changed_parameters(estimator: Any) -> dict[str, Any]:
    """The parameters that differ from what they are if not given."""
    usual = type(estimator)().get_params()
    return {name: value for name, value in estimator.get_params().items() if value != usual[name]}


def _is_random(outcome: TableOutcome) -> bool:
    """Whether rows are held out at random."""
    problem, options = outcome.problem, outcome.options
    return options.cv is None and not problem.is_ordered and problem.groups is None and not problem.n_test


def _table_lines(outcome: TableOutcome) -> list[str]:
    """An import, and the lines that read the table and choose inputs, target and rows."""
    options, problem = outcome.options, outcome.problem
    if problem.is_data_set:
        return _data_set_lines(outcome)
    given: dict[str, Any] = {"header": options.has_header, "separator": options.separator, "encoding": options.encoding}
    given["kinds"] = dict(problem.kinds) or None
    more = "".join(f", {name}={value!r}" for name, value in given.items() if value is not None)
    lines = ["from forwardnet.data.tables import read_table", f"table = read_table({options.data!r}{more})"]
    lines += [f"target = table[{problem.y.name!r}]", "rows = np.flatnonzero(~target.is_missing)"]
    if problem.order is not None:
        lines.append(f"rows = rows[np.argsort(table[{problem.order!r}].values[rows], kind='stable')]")
    out = [name for name in problem.all_names if name not in problem.X]
    chosen = f"drop({out!r})" if len(out) <= len(problem.X.names) else f"select({list(problem.X.names)!r})"
    y = "np.array(target.levels)[target.values[rows]]" if problem.has_names else "target.values[rows]"
    return [*lines, f"X, y = table.{chosen}.take(rows), {y}"]


def _data_set_lines(outcome: TableOutcome) -> list[str]:
    options, problem = outcome.options, outcome.problem
    folder = "" if options.data_dir is None else f", data_dir={str(options.data_dir)!r}"
    lines = ["import forwardnet as ff", f"data = ff.datasets.load({options.data!r}{folder})"]
    X, y = ("np.concatenate([data.X, data.X_test])", "np.concatenate([data.y, data.y_test])") if problem.n_test else (
        "data.X", "data.y"
    )  # fmt: skip
    y = f"np.array(data.target_names)[{y}]" if problem.is_classifier else f"{y}.reshape(-1)"
    return [*lines, f"X, y = {X}, {y}", *([f"n_test = {problem.n_test}"] if problem.n_test else [])]


def _split_lines(outcome: TableOutcome) -> list[str]:
    problem, options = outcome.problem, outcome.options
    lines = []
    if problem.weight is not None:
        lines.append(f"weight = table[{options.weights!r}].values[rows]")
    if problem.groups is not None:
        lines.append(f"groups = np.unique(table[{options.group!r}].values[rows], return_inverse=True)[1]")
    if _is_random(outcome):
        stratify = "y" if problem.is_classifier else "None"
        lines.append(
            f"train, _, test = train_validation_test(len(y), validation=0.0, test={TEST}, stratify={stratify}, "
            f"seed={options.seed})"
        )
    elif problem.n_test:
        lines.append("train, test = np.split(np.arange(len(y)), [len(y) - n_test])")
    return lines


def _cv(outcome: TableOutcome) -> str:
    """The arguments of `cross_validate` that divide the rows."""
    problem, options = outcome.problem, outcome.options
    if _is_random(outcome) or problem.n_test:
        return "cv=[(train, test)]"
    parts = [f"cv={options.cv if options.cv is not None else TEST!r}"] if options.cv != "loo" else ["cv='loo'"]
    if problem.groups is not None:
        parts.append("groups=groups")
    if problem.is_ordered:
        parts.append("ordered=True")
    if options.repeats > 1:
        parts.append(f"repeats={options.repeats}")
    if outcome.division.arguments.get("stratify") is False:
        parts.append("stratify=False")
    return ", ".join(parts)
