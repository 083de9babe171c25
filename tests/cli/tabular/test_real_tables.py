"""The whole command on real tables, in few epochs: unaided, and with figures that cannot come by chance."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

FOLDER = os.environ.get("FORWARDNET_DATA")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FOLDER is None, reason="FORWARDNET_DATA is not set: the real tables are not at hand"),
]


def trained(run: Any, tmp_path: Path, name: str, *options: str) -> Any:
    assert FOLDER is not None
    result = run("train", Path(FOLDER) / "tabular" / name, *options, "--json", "--out", tmp_path / "run")
    assert result.code == 0, result.err
    return result.json


def test_california_housing(run: Any, tmp_path: Path) -> None:
    options = ("--target", "median_house_value", "--cv", "3", "--epochs", "6", "--time-limit", "60")
    found = trained(run, tmp_path, "california-housing.csv", *options)
    assert found["task"] == "regression" and found["asked"] == 20640
    assert found["gain_over"]["linear"]["low"] > 0  # R2 0.77 against 0.64


def test_adult(run: Any, tmp_path: Path) -> None:
    found = trained(run, tmp_path, "adult-train.csv", "--target", "income", "--epochs", "4", "--time-limit", "60")
    assert found["classes"] == ["<=50K", ">50K"]
    assert found["figures"]["network"]["accuracy"]["value"] > 0.84  # 0.76 are of the larger class
    assert "capital_gain" in [entry["column"] for entry in found["importance"][:4]]


def test_horse_colic(run: Any, tmp_path: Path) -> None:
    found = trained(run, tmp_path, "horse-colic-noheader.csv", "--no-header", "--target", "23", "--epochs", "20")
    assert found["target"] == "x23" and found["classes"] == ["1", "2", "3"]
    assert found["figures"]["network"]["roc_auc"]["low"] > 0.6
