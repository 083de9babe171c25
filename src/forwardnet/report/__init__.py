"""Reports of training runs: honest figures, and one HTML file that opens anywhere without a network."""

from __future__ import annotations

from forwardnet.report.content import PartFigures, Picture, Report, Score, WorstRow, to_dict
from forwardnet.report.figures import class_table, classification_scores, regression_scores, wilson
from forwardnet.report.page import render, write_report

__all__ = [
    "PartFigures",
    "Picture",
    "Report",
    "Score",
    "WorstRow",
    "class_table",
    "classification_scores",
    "regression_scores",
    "render",
    "to_dict",
    "wilson",
    "write_report",
]
