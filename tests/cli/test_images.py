"""Folders of images on the command line: trained on, evaluated, and asked about one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Run = Callable[..., Any]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes of 30 images: red at the top, or blue at the bottom, under noise."""
    rng = np.random.default_rng(0)
    root = tmp_path / "pictures"
    for name, rows, channel in (("bottom", slice(4, 8), 2), ("top", slice(0, 4), 0)):
        (root / name).mkdir(parents=True)
        for i in range(30):
            image = rng.integers(0, 90, (8, 8, 3))
            image[rows, :, channel] += 120
            Image.fromarray(image.astype(np.uint8)).save(root / name / f"{i:02}.png")
    return root


def test_a_folder_from_training_to_one_prediction(run: Run, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    trained = run("train", pictures, "--hidden", "8", "--epochs", "15", "--out", out)
    assert trained.code == 0, trained.err
    assert "60 in all, in colours, 8 x 8 pixels" in trained.out
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["figures"]["test"]["accuracy"] > 0.9
    assert "load_image_folder" in report["python"]
    evaluated = run("evaluate", out, pictures, "--json")
    assert evaluated.code == 0, evaluated.err
    said = run("predict", out, pictures / "top" / "03.png")
    assert said.code == 0 and said.out.splitlines()[1].startswith("0,top,")


def test_folders_that_do_not_fit_are_refused(run: Run, pictures: Path, digits_run: Path, tmp_path: Path) -> None:
    wrong = run("evaluate", digits_run, pictures)
    assert wrong.code == 2 and "has the classes bottom, top, but the model knows 0, 1" in wrong.err
    (pictures / "none").mkdir()
    empty = run("train", pictures, "--out", tmp_path / "run")
    assert empty.code == 2 and "none' has no image" in empty.err and empty.err.count("\n") == 1
    lone = run("train", pictures / "top", "--out", tmp_path / "run")
    assert lone.code == 2 and "30 images and no folders" in lone.err
