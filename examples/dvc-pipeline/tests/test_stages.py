import json

import numpy as np
import pytest

from diabetes import evaluate, explain, features, prepare, train
from diabetes.params import load_params
from diabetes.table import FEATURES, PREPARED, SPLITS, Table, read_table, write_table


def test_the_splits_are_disjoint_and_hold_every_patient(root):
    parts = prepare.split(442, load_params(root).prepare)
    assert list(parts) == list(SPLITS)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(442))
    assert len(parts["test"]) == 110


def test_another_seed_splits_otherwise(root):
    params = load_params(root).prepare
    other = params.model_copy(update={"seed": 1})
    assert set(prepare.split(442, params)["test"]) != set(prepare.split(442, other)["test"])


def test_a_table_is_read_as_it_was_written(tmp_path):
    table = Table(("a", "b"), np.array([[0.1, 2.0], [1e-9, -3.5]]), np.array([1.0, 2.0]))
    write_table(tmp_path / "t.csv", table)
    read = read_table(tmp_path / "t.csv", written_by="prepare")
    assert read.columns == table.columns
    assert np.array_equal(read.values, table.values)
    assert np.array_equal(read.target, table.target)


def test_the_scales_are_learned_from_the_training_split(reproduced):
    values = read_table(reproduced / FEATURES / "train.csv", written_by="features").values
    assert np.allclose(values.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(values.std(axis=0), 1, atol=1e-5)


def test_products_are_named_for_their_factors(reproduced):
    prepared = read_table(reproduced / PREPARED / "train.csv", written_by="prepare")
    derived = features.apply(features.fit(prepared, degree=2), prepared)
    assert "bmi" in derived.columns
    assert "bmi bp" in derived.columns
    assert len(derived.columns) == 65


def test_the_strength_with_the_least_validation_error_is_chosen(reproduced):
    card = json.loads((reproduced / train.MODEL / train.CARD).read_text())
    header, *rows = (line.split(",") for line in (reproduced / train.PATH).read_text().split())
    assert header == ["step", "alpha", "train_mae", "validation_mae"]
    assert min(rows, key=lambda row: float(row[3]))[1] == str(card["alpha"])


def test_the_model_is_better_than_the_mean(reproduced):
    metrics = json.loads((reproduced / evaluate.METRICS).read_text())["test"]
    assert metrics["r2"] > 0.3
    assert metrics["mae"] < 50


def test_the_most_important_feature_comes_first(reproduced):
    _, *rows = (reproduced / explain.IMPORTANCE).read_text().splitlines()
    importances = [float(row.split(",")[1]) for row in rows]
    assert len(importances) == 65
    assert importances == sorted(importances, reverse=True)


def test_running_again_gives_the_same_bytes(reproduced, root):
    for stage in (prepare, features, train, evaluate, explain):
        stage.main(root)
    for path in (explain.IMPORTANCE, evaluate.METRICS, train.PATH, train.MODEL / train.ESTIMATOR):
        assert (root / path).read_bytes() == (reproduced / path).read_bytes()


@pytest.mark.parametrize(
    ("stage", "missing"),
    [(features, "prepare"), (train, "features"), (evaluate, "features")],
)
def test_a_stage_without_its_input_names_the_one_to_run_first(root, stage, missing):
    with pytest.raises(SystemExit, match=rf"is missing: run `dvc repro {missing}` first"):
        stage.main(root)


def test_evaluating_without_a_model_says_so(reproduced, tmp_path):
    (tmp_path / "data").symlink_to(reproduced / "data")
    with pytest.raises(SystemExit, match=r"run `dvc repro train` first"):
        evaluate.main(tmp_path)
