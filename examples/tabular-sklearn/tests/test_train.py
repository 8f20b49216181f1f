import json
from dataclasses import replace

import joblib
import pytest
from conftest import run_stages

from tumor import data, features, train
from tumor.params import load_params
from tumor.table import FEATURES, read_table


def outputs(root):
    return {
        path.relative_to(root): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_the_same_inputs_give_the_same_bytes(root, trained):
    run_stages(root)
    assert outputs(root) == outputs(trained)


def test_a_small_sample_trains_the_same_model_again_and_another_seed_another(trained, tmp_path):
    params = load_params(trained).train.model_copy(update={"max_iter": 5})
    table = read_table(trained / FEATURES / "train.csv", written_by="tumor.features")
    small = replace(table, ids=table.ids[:80], values=table.values[:80], labels=table.labels[:80])

    def saved(name, seed):
        estimator = train.fit(small, params.model_copy(update={"seed": seed}))
        joblib.dump(estimator, tmp_path / name)
        return (tmp_path / name).read_bytes()

    assert saved("a", seed=1) == saved("b", seed=1)
    assert saved("a", seed=1) != saved("c", seed=2)


def test_training_never_opens_the_test_split(root, trained):
    data.main(root)
    features.main(root)
    (root / FEATURES / "test.csv").unlink()
    train.main(root)
    model = "model/estimator.joblib"
    assert (root / model).read_bytes() == (trained / model).read_bytes()


def test_the_validation_split_does_not_change_the_model(root, trained):
    data.main(root)
    features.main(root)
    path = root / FEATURES / "validation.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:40]))
    train.main(root)
    model = "model/estimator.joblib"
    assert (root / model).read_bytes() == (trained / model).read_bytes()
    curves = "curves.jsonl"
    assert (root / curves).read_bytes() != (trained / curves).read_bytes()


def test_the_curve_has_a_point_per_iteration_and_ends_lower(trained):
    points = [json.loads(line) for line in (trained / "curves.jsonl").read_text().splitlines()]
    assert [point["step"] for point in points] == list(
        range(1, load_params(trained).train.max_iter + 1)
    )
    for name in ("train_log_loss", "validation_log_loss"):
        assert points[-1][name] < points[0][name]


def test_without_features_the_stage_to_run_is_named(root):
    with pytest.raises(SystemExit, match=r"run `python -m tumor\.features` first"):
        train.main(root)
