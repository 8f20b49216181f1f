"""The tables that stages hand to each other: CSV files that keep every bit of a number."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SPLITS = ("train", "validation", "test")
TARGET = "progression"

PREPARED = Path("data/prepared")
FEATURES = Path("data/features")


@dataclass(frozen=True)
class Table:
    """Patients by row: ``values`` has the shape (patients, columns), ``target`` (patients,)."""

    columns: tuple[str, ...]
    values: np.ndarray
    target: np.ndarray


def write_table(path: Path, table: Table) -> None:
    """Write ``table`` as CSV; the same table gives the same bytes on every platform."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*table.columns, TARGET])
        for row, target in zip(table.values, table.target, strict=True):
            # float() because Python prints the shortest text that reads back as the same number.
            writer.writerow([*map(float, row), float(target)])


def read_table(path: Path, written_by: str) -> Table:
    """Read a table; ends the program, naming the stage to run first, when the file is missing."""
    if not path.is_file():
        raise SystemExit(f"{path} is missing: run `dvc repro {written_by}` first")
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    numbers = np.array(rows, dtype=float)
    return Table(columns=tuple(header[:-1]), values=numbers[:, :-1], target=numbers[:, -1])
