"""Stage ``evaluate``: how well the model does on patients that nothing was chosen by."""

import json
from pathlib import Path

from sklearn.metrics import mean_absolute_error, r2_score

from diabetes.table import FEATURES, read_table
from diabetes.train import load_model

METRICS = Path("metrics.json")


def main(root: Path = Path()) -> None:
    test = read_table(root / FEATURES / "test.csv", written_by="features")
    predicted = load_model(root).predict(test.values)
    metrics = {
        "mae": round(float(mean_absolute_error(test.target, predicted)), 4),
        "r2": round(float(r2_score(test.target, predicted)), 4),
    }
    text = json.dumps({"test": metrics}, indent=2) + "\n"
    (root / METRICS).write_text(text, encoding="utf-8", newline="\n")
    print(" ".join(f"{name}={value}" for name, value in metrics.items()))


if __name__ == "__main__":
    main()
