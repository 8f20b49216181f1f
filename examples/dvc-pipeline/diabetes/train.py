"""Stage ``train``: ridge regression, as strongly regularized as is best on the validation split."""

import csv
import json
from pathlib import Path

import joblib
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error

from diabetes.params import load_params
from diabetes.table import FEATURES, Table, read_table

MODEL = Path("model")
ESTIMATOR = "estimator.joblib"
CARD = "model.json"
PATH = Path("plots/path.csv")


def fit_all(
    train: Table, validation: Table, alphas: tuple[float, ...]
) -> list[tuple[Ridge, float, float]]:
    """An estimator for each strength, with its mean absolute error on both splits."""
    results = []
    for alpha in alphas:
        # cholesky gives the same coefficients for the same numbers, unlike iterative solvers.
        estimator = Ridge(alpha, solver="cholesky").fit(train.values, train.target)
        errors = (
            float(mean_absolute_error(table.target, estimator.predict(table.values)))
            for table in (train, validation)
        )
        results.append((estimator, *errors))
    return results


def save_model(folder: Path, estimator: Ridge, columns: tuple[str, ...]) -> None:
    """Write ``model``: the estimator, and what it expects."""
    folder.mkdir(parents=True, exist_ok=True)
    estimator.coef_ = np.round(estimator.coef_, 9)
    estimator.intercept_ = round(float(estimator.intercept_), 9)
    joblib.dump(estimator, folder / ESTIMATOR)
    card = {"alpha": estimator.alpha, "columns": columns}
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8", newline="\n")


def load_model(root: Path) -> Ridge:
    """Read the estimator; ends the program when there is none."""
    path = root / MODEL / ESTIMATOR
    if not path.is_file():
        raise SystemExit(f"{path} is missing: run `dvc repro train` first")
    return joblib.load(path)


def main(root: Path = Path()) -> None:
    alphas = load_params(root).train.alphas
    train, validation = (
        read_table(root / FEATURES / f"{name}.csv", written_by="features")
        for name in ("train", "validation")
    )
    results = fit_all(train, validation, alphas)
    best = min(range(len(results)), key=lambda i: results[i][2])
    save_model(root / MODEL, results[best][0], train.columns)

    (root / PATH).parent.mkdir(parents=True, exist_ok=True)
    with (root / PATH).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "alpha", "train_mae", "validation_mae"])
        for step, (estimator, on_train, on_validation) in enumerate(results, start=1):
            writer.writerow([step, estimator.alpha, round(on_train, 4), round(on_validation, 4)])
    print(f"alpha {alphas[best]}: validation MAE {results[best][2]:.2f}")


if __name__ == "__main__":
    main()
