"""Stage ``evaluate``: metrics and predictions on the test split.

No times are measured here: the same inputs give the same bytes, so that an unchanged stage can be
skipped.
"""

import csv
import json
from pathlib import Path

import numpy as np
from sklearn import metrics

from tumor.model import FOLDER, ModelError, load_model
from tumor.table import FEATURES, Table, read_table

METRICS = Path("metrics.json")
PREDICTIONS = Path("predictions.csv")


def measure(labels: np.ndarray, predictions: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Quality of the predictions; malignant is the positive class. Lower is better for log_loss."""
    values = {
        "accuracy": metrics.accuracy_score(labels, predictions),
        "f1": metrics.f1_score(labels, predictions),
        "precision": metrics.precision_score(labels, predictions, zero_division=0),
        "recall": metrics.recall_score(labels, predictions),
        "roc_auc": metrics.roc_auc_score(labels, scores),
        "log_loss": metrics.log_loss(labels, scores),
    }
    return {name: round(float(value), 6) for name, value in values.items()}


def sizes(test: Table) -> np.ndarray:
    """Name of each tumor's size by its mean radius: a slice that the gate looks at."""
    radius = test.values[:, test.columns.index("mean_radius")]
    return np.select([radius < 12, radius < 15], ["small", "medium"], "large")


def write_predictions(path: Path, test: Table, predictions: np.ndarray, scores: np.ndarray) -> None:
    """One line per example, so that two models can be compared example by example."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "label", "prediction", "score", "size"])
        for row_id, label, prediction, score, size in zip(
            test.ids, test.labels, predictions, scores, sizes(test), strict=True
        ):
            writer.writerow([row_id, label, prediction, round(float(score), 6), size])


def main(root: Path = Path()) -> None:
    test = read_table(root / FEATURES / "test.csv", written_by="tumor.features")
    try:
        model = load_model(root / FOLDER)
    except ModelError as error:
        raise SystemExit(str(error)) from None
    if test.columns != model.columns:
        raise SystemExit(
            f"{root / FOLDER} was trained on other features than {FEATURES} holds: "
            "run `python -m tumor.train` again"
        )
    scores = model.score(test.values)
    predictions = model.classify(scores)
    report = {
        "test": {"examples": len(test.ids), **measure(test.labels, predictions, scores)},
        "model": {"iterations": model.estimator.n_iter_},
    }
    (root / METRICS).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8", newline="\n")
    write_predictions(root / PREDICTIONS, test, predictions, scores)
    print(json.dumps(report["test"]))


if __name__ == "__main__":
    main()
