"""Stage ``prepare``: the patients, split at random."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes

from diabetes.params import Prepare, load_params
from diabetes.table import PREPARED, SPLITS, Table, write_table


def split(count: int, params: Prepare) -> dict[str, np.ndarray]:
    """Indices of ``count`` patients by split: disjoint, and all of them together."""
    order = np.random.default_rng(params.seed).permutation(count)
    test = round(count * params.test)
    validation = round(count * params.validation)
    parts = np.split(order, [count - validation - test, count - test])
    return dict(zip(SPLITS, map(np.sort, parts), strict=True))


def main(root: Path = Path()) -> None:
    params = load_params(root).prepare
    data = load_diabetes(scaled=False)
    for name, rows in split(len(data.target), params).items():
        table = Table(tuple(data.feature_names), data.data[rows], data.target[rows])
        write_table(root / PREPARED / f"{name}.csv", table)
        print(f"{name}: {len(rows)} patients")


if __name__ == "__main__":
    main()
