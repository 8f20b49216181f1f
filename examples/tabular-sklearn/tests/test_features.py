import numpy as np

from tumor.data import load_examples
from tumor.features import column_names, derive
from tumor.table import MEASUREMENTS, MEASURES


def row(**values: float) -> np.ndarray:
    return np.array([[values.get(name, 1.0) for name in MEASUREMENTS]])


def test_ratio_is_worst_over_mean():
    derived = derive(row(mean_area=4.0, worst_area=10.0), ["area"])
    assert column_names(["area"])[-1] == "area_ratio"
    assert derived.shape == (1, len(column_names(["area"])))
    assert derived[0, -1] == 2.5


def test_ratio_to_a_mean_of_zero_is_missing():
    assert np.isnan(derive(row(mean_concavity=0.0), ["concavity"])[0, -1])


def test_a_row_depends_on_no_other_row():
    values = load_examples().values[:50]
    together = derive(values, MEASURES)
    alone = np.vstack([derive(values[i : i + 1], MEASURES) for i in range(len(values))])
    assert np.array_equal(together, alone, equal_nan=True)


def test_measurements_pass_unchanged():
    values = load_examples().values[:50]
    assert np.array_equal(derive(values, MEASURES)[:, : len(MEASUREMENTS)], values)
