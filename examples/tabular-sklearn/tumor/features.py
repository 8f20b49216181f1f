"""Stage ``features``: worst/mean ratios beside the measurements.

How far the largest nuclei stand out from the average one says more than either number alone, and
trees cannot divide. Every row is computed from itself only, so nothing leaks between the splits and
the server can use the very same function.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumor.params import load_params
from tumor.table import FEATURES, MEASUREMENTS, PROCESSED, SPLITS, read_table, write_table


def column_names(ratios: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns that :func:`derive` returns."""
    return (*MEASUREMENTS, *(f"{measure}_ratio" for measure in ratios))


def derive(measurements: np.ndarray, ratios: Sequence[str]) -> np.ndarray:
    """Append a ratio per measure to rows of MEASUREMENTS; nan (missing) where the mean is 0."""
    column = {name: index for index, name in enumerate(MEASUREMENTS)}
    mean = measurements[:, [column[f"mean_{measure}"] for measure in ratios]]
    worst = measurements[:, [column[f"worst_{measure}"] for measure in ratios]]
    with np.errstate(over="ignore"):  # to a tree, infinite is just very large
        quotient = np.divide(worst, mean, out=np.full_like(mean, np.nan), where=mean > 0)
    return np.hstack([measurements, quotient])


def main(root: Path = Path()) -> None:
    ratios = load_params(root).features.ratios
    for name in SPLITS:
        table = read_table(root / PROCESSED / f"{name}.csv", written_by="tumor.data")
        derived = replace(table, columns=column_names(ratios), values=derive(table.values, ratios))
        write_table(root / FEATURES / f"{name}.csv", derived)
    print(f"{len(column_names(ratios))} features, {len(ratios)} of them ratios")


if __name__ == "__main__":
    main()
