import csv
import json
import math
import shutil

import numpy as np
import pytest

from digits import evaluate


def predictions(root):
    with (root / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_metrics_follow_from_the_predictions(trained):
    reported = json.loads((trained / "metrics.json").read_text())["test"]
    rows = predictions(trained)
    hits = [row for row in rows if row["label"] == row["prediction"]]
    losses = [-math.log(max(float(row[f"score_{row['label']}"]), 1e-12)) for row in rows]

    assert reported["images"] == len(rows) == 449
    assert reported["accuracy"] == pytest.approx(len(hits) / len(rows), abs=1e-6)
    assert reported["log_loss"] == pytest.approx(sum(losses) / len(rows), abs=1e-3)
    for digit, recall in reported["recall"].items():
        found = sum(row["label"] == digit for row in hits)
        assert recall == pytest.approx(found / sum(r["label"] == digit for r in rows), abs=1e-6)
    mean = sum(reported["recall"].values()) / 10
    assert reported["balanced_accuracy"] == pytest.approx(mean, abs=1e-6)


def test_measures_by_hand():
    labels = np.arange(10)
    scores = np.full((10, 10), 0.02)
    scores[labels, labels] = 0.82
    scores[9] = [0.82, *[0.02] * 9]  # a nine that is taken for a zero
    measured = evaluate.measure(labels, scores)
    assert measured["accuracy"] == measured["balanced_accuracy"] == 0.9
    assert measured["recall"] == {str(digit): float(digit != 9) for digit in range(10)}
    expected = -(9 * math.log(0.82) + math.log(0.02)) / 10
    assert measured["log_loss"] == pytest.approx(expected, abs=1e-6)


def test_predictions_are_of_the_test_split(trained):
    with (trained / "data/test.csv").open(newline="") as file:
        test = [(row["id"], row["label"]) for row in csv.DictReader(file)]
    assert [(row["id"], row["label"]) for row in predictions(trained)] == test


def test_strokes_follow_from_the_ink(trained):
    with (trained / "data/test.csv").open(newline="") as file:
        ink = {r["id"]: sum(int(r[f"p{i}"]) for i in range(64)) for r in csv.DictReader(file)}
    rows = predictions(trained)
    assert all(
        row["stroke"] == ("thin" if dots < 290 else "medium" if dots < 340 else "thick")
        for row in rows
        for dots in [ink[row["id"]]]
    )
    # The gate judges no slice of fewer than 30 images.
    assert all(sum(r["stroke"] == name for r in rows) >= 30 for name in ("thin", "medium", "thick"))


def test_without_a_model_the_stage_to_run_is_named(trained, tmp_path):
    root = shutil.copytree(trained, tmp_path / "copy")
    shutil.rmtree(root / "model")
    with pytest.raises(SystemExit, match=r"model\.json is missing: .*python -m digits\.train"):
        evaluate.main(root)
