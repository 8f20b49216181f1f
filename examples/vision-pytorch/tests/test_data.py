import numpy as np
import pytest

from digits.data import load_examples, split
from digits.images import INK
from digits.params import Data

PARAMS = Data(seed=3, validation=0.15, test=0.25)


@pytest.fixture(scope="module")
def examples():
    return load_examples()


def test_the_data_set_is_the_one_that_is_described(examples):
    assert examples.pixels.shape == (1797, 64)
    assert (examples.pixels.min(), examples.pixels.max()) == (0, INK)
    assert np.bincount(examples.labels).min() >= 174


def test_no_image_occurs_twice(examples):
    # Or a copy in another split would leak.
    assert len(np.unique(examples.pixels, axis=0)) == len(examples.pixels)


def test_every_row_is_in_exactly_one_split(examples):
    parts = split(examples.labels, PARAMS)
    assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), examples.ids)


def test_splits_have_the_configured_sizes(examples):
    parts = split(examples.labels, PARAMS)
    assert {name: len(rows) for name, rows in parts.items()} == {
        "train": 1078,
        "validation": 270,
        "test": 449,
    }


@pytest.mark.parametrize("seed", range(3))
def test_splits_are_stratified(examples, seed):
    shares = np.bincount(examples.labels) / len(examples.labels)
    for rows in split(examples.labels, PARAMS.model_copy(update={"seed": seed})).values():
        assert np.abs(np.bincount(examples.labels[rows]) - shares * len(rows)).max() <= 1


def test_the_seed_decides_the_split(examples):
    test = split(examples.labels, PARAMS)["test"]
    again = split(examples.labels, PARAMS)["test"]
    other = split(examples.labels, PARAMS.model_copy(update={"seed": 4}))["test"]
    assert np.array_equal(test, again)
    assert not np.array_equal(test, other)
