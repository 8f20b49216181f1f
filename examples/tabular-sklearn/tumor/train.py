"""Stage ``train``: boosted trees, and their loss after every iteration."""

import json
from collections.abc import Iterator
from pathlib import Path

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss

from tumor.model import FOLDER, Model, save_model
from tumor.params import Train, load_params
from tumor.table import FEATURES, Table, read_table

CURVES = Path("curves.jsonl")


def fit(train: Table, params: Train) -> HistGradientBoostingClassifier:
    """Train on ``train`` alone; the same table and parameters give the same estimator."""
    estimator = HistGradientBoostingClassifier(
        random_state=params.seed,
        # It would hold out a part of the training rows; the validation split is there for that.
        early_stopping=False,
        **params.model_dump(exclude={"seed", "threshold"}),
    )
    return estimator.fit(train.values, train.labels)


def curves(
    estimator: HistGradientBoostingClassifier, train: Table, validation: Table
) -> Iterator[dict[str, float]]:
    """Log loss on both splits after each boosting iteration."""
    stages = zip(
        estimator.staged_predict_proba(train.values),
        estimator.staged_predict_proba(validation.values),
        strict=True,
    )
    for step, (on_train, on_validation) in enumerate(stages, start=1):
        yield {
            "step": step,
            "train_log_loss": round(log_loss(train.labels, on_train), 6),
            "validation_log_loss": round(log_loss(validation.labels, on_validation), 6),
        }


def main(root: Path = Path()) -> None:
    params = load_params(root)
    train, validation = (
        read_table(root / FEATURES / f"{name}.csv", written_by="tumor.features")
        for name in ("train", "validation")
    )
    estimator = fit(train, params.train)
    save_model(root / FOLDER, Model(estimator, params.features.ratios, params.train.threshold))

    points = list(curves(estimator, train, validation))
    lines = "".join(json.dumps(point) + "\n" for point in points)
    (root / CURVES).write_text(lines, encoding="utf-8", newline="\n")
    print(" ".join(f"{name}={value}" for name, value in points[-1].items()))


if __name__ == "__main__":
    main()
