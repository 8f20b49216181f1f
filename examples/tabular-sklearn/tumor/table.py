"""The tables that stages hand to each other: their columns, and CSV files that keep every bit.

A table has the columns ``id``, one per feature, and ``label`` (1 is malignant, 0 is benign).
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MEASURES = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
)
# Over all nuclei of one image: the mean, its standard error, and the mean of the three largest.
STATISTICS = ("mean", "error", "worst")
MEASUREMENTS = tuple(f"{statistic}_{measure}" for statistic in STATISTICS for measure in MEASURES)
SPLITS = ("train", "validation", "test")
LABELS = ("benign", "malignant")

# Where the tables are: as split, and with the derived columns.
PROCESSED = Path("data/processed")
FEATURES = Path("data/features")


@dataclass(frozen=True)
class Table:
    """Examples by row: ``values[i]`` holds the features of the example ``ids[i]``."""

    ids: np.ndarray
    columns: tuple[str, ...]
    values: np.ndarray
    labels: np.ndarray


def write_table(path: Path, table: Table) -> None:
    """Write ``table`` as CSV; the same table gives the same bytes on every platform."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", *table.columns, "label"])
        for row_id, row, label in zip(table.ids, table.values, table.labels, strict=True):
            # float() because Python prints the shortest text that reads back as the same number.
            writer.writerow([int(row_id), *map(float, row), int(label)])


def read_table(path: Path, written_by: str) -> Table:
    """Read a table; ends the program, naming the stage to run first, when the file is missing."""
    if not path.is_file():
        raise SystemExit(f"{path} is missing: run `python -m {written_by}` first")
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return Table(
        ids=np.array([int(row[0]) for row in rows]),
        columns=tuple(header[1:-1]),
        values=np.array([row[1:-1] for row in rows], dtype=float),
        labels=np.array([int(row[-1]) for row in rows]),
    )
