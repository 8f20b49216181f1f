"""Stage ``evaluate``: metrics and predictions on the test split.

No times are measured here: the same inputs give the same bytes, so that an unchanged stage can be
skipped.
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn import metrics

from digits import model
from digits.images import DIGITS, FOLDER, Images, read_images

METRICS = Path("metrics.json")
PREDICTIONS = Path("predictions.csv")


def measure(labels: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    """Quality of the scores, of shape (n, DIGITS); ``recall`` is that of each digit.

    Lower is better for log_loss alone.
    """
    digits = range(DIGITS)
    predictions = scores.argmax(axis=1)
    recalls = metrics.recall_score(
        labels, predictions, labels=list(digits), average=None, zero_division=0
    )
    values = {
        "accuracy": metrics.accuracy_score(labels, predictions),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, predictions),
        "log_loss": metrics.log_loss(labels, scores, labels=list(digits)),
    }
    return {
        **{name: round(float(value), 6) for name, value in values.items()},
        "recall": {str(digit): round(float(recalls[digit]), 6) for digit in digits},
    }


def strokes(test: Images) -> np.ndarray:
    """Name of each image's stroke by its ink: a slice that the gate looks at."""
    ink = test.pixels.sum(axis=1)
    return np.select([ink < 290, ink < 340], ["thin", "medium"], "thick")


def write_predictions(path: Path, test: Images, scores: np.ndarray) -> None:
    """One line per image, so that two models can be compared image by image."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        columns = ["id", "label", "prediction", *(f"score_{i}" for i in range(DIGITS)), "stroke"]
        writer.writerow(columns)
        for row_id, label, row, stroke in zip(
            test.ids, test.labels, scores, strokes(test), strict=True
        ):
            probabilities = (f"{score:.6f}" for score in row)
            writer.writerow([row_id, label, row.argmax(), *probabilities, stroke])


def main(root: Path = Path()) -> None:
    torch.set_num_threads(1)  # so that sums are rounded alike, however many there are
    test = read_images(root / FOLDER / "test.csv")
    try:
        scores = model.load_model(root / model.FOLDER).score(test.pixels)
    except model.ModelError as error:
        raise SystemExit(str(error)) from None
    report = {"test": {"images": len(test.ids), **measure(test.labels, scores)}}
    (root / METRICS).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8", newline="\n")
    write_predictions(root / PREDICTIONS, test, scores)
    print(json.dumps(report["test"]))


if __name__ == "__main__":
    main()
