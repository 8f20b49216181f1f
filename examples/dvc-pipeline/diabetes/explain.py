"""Stage ``explain``: which features the model relies on."""

import csv
from pathlib import Path

from sklearn.inspection import permutation_importance

from diabetes.params import load_params
from diabetes.table import FEATURES, read_table
from diabetes.train import load_model

IMPORTANCE = Path("importance.csv")


def main(root: Path = Path()) -> None:
    params = load_params(root).explain
    test = read_table(root / FEATURES / "test.csv", written_by="features")
    found = permutation_importance(
        load_model(root),
        test.values,
        test.target,
        n_repeats=params.repeats,
        random_state=params.seed,
    )
    pairs = zip(test.columns, found.importances_mean, strict=True)
    ranked = sorted(pairs, key=lambda pair: -pair[1])
    with (root / IMPORTANCE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["feature", "importance"])
        writer.writerows((name, round(float(value), 6)) for name, value in ranked)
    print("most important:", ", ".join(name for name, _ in ranked[:3]))


if __name__ == "__main__":
    main()
