import csv
import json
import math
import shutil

import numpy as np
import pytest

from tumor import evaluate, features


def predictions(root):
    with (root / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_metrics_follow_from_the_predictions(trained):
    reported = json.loads((trained / "metrics.json").read_text())["test"]
    rows = [
        (int(row["label"]), int(row["prediction"]), float(row["score"]))
        for row in predictions(trained)
    ]
    hits = sum(label == prediction == 1 for label, prediction, _ in rows)
    labelled = sum(label for label, _, _ in rows)
    predicted = sum(prediction for _, prediction, _ in rows)
    loss = -sum(math.log(score if label else 1 - score) for label, _, score in rows) / len(rows)
    # Each pair of a malignant and a benign example that the scores put in the right order.
    pairs = [
        (1 if a > b else 0.5 if a == b else 0)
        for label_a, _, a in rows
        for label_b, _, b in rows
        if label_a > label_b
    ]

    assert reported["examples"] == len(rows) == 142
    right = sum(label == prediction for label, prediction, _ in rows)
    assert reported["accuracy"] == pytest.approx(right / len(rows), abs=1e-6)
    assert reported["precision"] == pytest.approx(hits / predicted, abs=1e-6)
    assert reported["recall"] == pytest.approx(hits / labelled, abs=1e-6)
    assert reported["f1"] == pytest.approx(2 * hits / (labelled + predicted), abs=1e-6)
    assert reported["log_loss"] == pytest.approx(loss, abs=1e-3)
    assert reported["roc_auc"] == pytest.approx(sum(pairs) / len(pairs), abs=1e-3)


def test_measures_by_hand():
    labels = np.array([1, 1, 1, 0, 0])
    scores = np.array([0.9, 0.4, 0.2, 0.1, 0.8])
    measured = evaluate.measure(labels, predictions=(scores >= 0.5).astype(int), scores=scores)
    # One of three malignant examples found, with one false alarm.
    assert measured["accuracy"] == 0.4
    assert measured["recall"] == pytest.approx(1 / 3, abs=1e-6)
    assert measured["precision"] == 0.5
    assert measured["f1"] == 0.4
    assert measured["roc_auc"] == pytest.approx(4 / 6, abs=1e-6)
    assert measured["log_loss"] == pytest.approx(
        -sum(map(math.log, [0.9, 0.4, 0.2, 0.9, 0.2])) / 5, abs=1e-6
    )


def test_predictions_are_of_the_test_split(trained):
    with (trained / "data/processed/test.csv").open(newline="") as file:
        test = [(row["id"], row["label"]) for row in csv.DictReader(file)]
    assert [(row["id"], row["label"]) for row in predictions(trained)] == test


def test_sizes_follow_from_the_radius(trained):
    with (trained / "data/processed/test.csv").open(newline="") as file:
        radius = {row["id"]: float(row["mean_radius"]) for row in csv.DictReader(file)}
    rows = predictions(trained)
    assert all(
        row["size"] == ("small" if r < 12 else "medium" if r < 15 else "large")
        for row in rows
        for r in [radius[row["id"]]]
    )
    # The gate judges no slice of fewer than 30 examples.
    assert all(sum(r["size"] == name for r in rows) >= 30 for name in ("small", "medium", "large"))


def test_a_model_of_other_features_is_refused(trained, tmp_path):
    root = shutil.copytree(trained, tmp_path / "copy")
    text = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(text.replace("    - radius\n", ""))
    features.main(root)
    with pytest.raises(SystemExit, match="trained on other features"):
        evaluate.main(root)


def test_without_a_model_the_stage_to_run_is_named(trained, tmp_path):
    root = shutil.copytree(trained, tmp_path / "copy")
    shutil.rmtree(root / "model")
    with pytest.raises(SystemExit, match=r"model\.json is missing: .*python -m tumor\.train"):
        evaluate.main(root)
