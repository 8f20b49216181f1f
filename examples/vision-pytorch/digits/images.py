"""The images that stages hand to each other, as CSV files.

A file has the columns ``id``, one per pixel (``p0`` to ``p63``, row by row; 0 is paper, 16 is ink)
and ``label``, the digit.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SIDE = 8
INK = 16
DIGITS = 10
SPLITS = ("train", "validation", "test")
FOLDER = Path("data")

COLUMNS = ("id", *(f"p{index}" for index in range(SIDE * SIDE)), "label")


@dataclass(frozen=True)
class Images:
    """Examples by row: ``pixels[i]`` holds the SIDE x SIDE values of the example ``ids[i]``."""

    ids: np.ndarray
    pixels: np.ndarray
    labels: np.ndarray


def write_images(path: Path, images: Images) -> None:
    """Write ``images`` as CSV; the same images give the same bytes on every platform."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.column_stack([images.ids, images.pixels, images.labels]).tolist()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def read_images(path: Path) -> Images:
    """Read images; ends the program, naming the stage to run first, when the file is missing."""
    if not path.is_file():
        raise SystemExit(f"{path} is missing: run `python -m digits.data` first")
    rows = np.loadtxt(path, dtype=np.int64, delimiter=",", skiprows=1, ndmin=2)
    return Images(ids=rows[:, 0], pixels=rows[:, 1:-1], labels=rows[:, -1])
