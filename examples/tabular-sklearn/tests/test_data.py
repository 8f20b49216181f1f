import numpy as np
import pytest

from tumor.data import load_examples, split
from tumor.params import Data

PARAMS = Data(seed=3, validation=0.15, test=0.25)


@pytest.fixture(scope="module")
def examples():
    return load_examples()


def test_malignant_is_the_positive_class(examples):
    # The data set's description: 212 malignant, 357 benign; the first example is malignant.
    assert examples.labels.sum() == 212
    assert len(examples.labels) == 569
    assert examples.labels[0] == 1


def test_no_example_occurs_twice(examples):
    # Or a copy in another split would leak.
    assert len(np.unique(examples.values, axis=0)) == len(examples.values)


def test_every_row_is_in_exactly_one_split(examples):
    parts = split(examples.labels, PARAMS)
    assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), examples.ids)


def test_splits_have_the_configured_sizes(examples):
    parts = split(examples.labels, PARAMS)
    assert {name: len(rows) for name, rows in parts.items()} == {
        "train": 342,
        "validation": 85,
        "test": 142,
    }


@pytest.mark.parametrize("seed", range(5))
def test_splits_are_stratified(examples, seed):
    share = examples.labels.mean()
    for rows in split(examples.labels, PARAMS.model_copy(update={"seed": seed})).values():
        assert abs(examples.labels[rows].sum() - share * len(rows)) <= 1


def test_the_seed_decides_the_split(examples):
    test = split(examples.labels, PARAMS)["test"]
    again = split(examples.labels, PARAMS)["test"]
    other = split(examples.labels, PARAMS.model_copy(update={"seed": 4}))["test"]
    assert np.array_equal(test, again)
    assert not np.array_equal(test, other)
