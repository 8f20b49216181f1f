"""Stage ``data``: the data set that scikit-learn ships, split into three CSV files."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from tumor.params import Data, load_params
from tumor.table import MEASUREMENTS, PROCESSED, SPLITS, Table, write_table


def load_examples() -> Table:
    """All 569 examples, malignant as the positive class (scikit-learn has it as class 0)."""
    bunch = load_breast_cancer()
    return Table(
        ids=np.arange(len(bunch.target)),
        columns=MEASUREMENTS,
        values=bunch.data,
        labels=1 - bunch.target,
    )


def split(labels: np.ndarray, params: Data) -> dict[str, np.ndarray]:
    """Row numbers of each split, ascending; every split has the same share of malignant rows."""
    everything = np.arange(len(labels))
    # Counts, not shares: a share of what the first cut leaves would be rounded differently.
    sizes = {name: round(getattr(params, name) * len(labels)) for name in ("test", "validation")}
    rest, test = train_test_split(
        everything, test_size=sizes["test"], stratify=labels, random_state=params.seed
    )
    train, validation = train_test_split(
        rest, test_size=sizes["validation"], stratify=labels[rest], random_state=params.seed
    )
    return {
        name: np.sort(rows) for name, rows in zip(SPLITS, (train, validation, test), strict=True)
    }


def main(root: Path = Path()) -> None:
    params = load_params(root).data
    examples = load_examples()
    for name, rows in split(examples.labels, params).items():
        part = Table(
            ids=examples.ids[rows],
            columns=examples.columns,
            values=examples.values[rows],
            labels=examples.labels[rows],
        )
        write_table(root / PROCESSED / f"{name}.csv", part)
        print(f"{name}: {len(rows)} examples, {part.labels.mean():.1%} malignant")


if __name__ == "__main__":
    main()
