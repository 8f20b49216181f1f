"""Stage ``data``: the images that scikit-learn ships, split into three CSV files."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from digits.images import FOLDER, SPLITS, Images, write_images
from digits.params import Data, load_params


def load_examples() -> Images:
    """All 1797 images, in the order of the data set."""
    bunch = load_digits()
    return Images(
        ids=np.arange(len(bunch.target)),
        pixels=bunch.data.astype(np.int64),
        labels=bunch.target.astype(np.int64),
    )


def split(labels: np.ndarray, params: Data) -> dict[str, np.ndarray]:
    """Row numbers of each split, ascending; every split has the same share of each digit."""
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
        part = Images(examples.ids[rows], examples.pixels[rows], examples.labels[rows])
        write_images(root / FOLDER / f"{name}.csv", part)
        print(f"{name}: {len(rows)} images")


if __name__ == "__main__":
    main()
