import json

import numpy as np
import pytest

from tumor.model import Model, ModelError, load_model
from tumor.table import FEATURES, PROCESSED, read_table


def test_raw_measurements_score_as_in_training(trained):
    model = load_model(trained / "model")
    raw = read_table(trained / PROCESSED / "test.csv", written_by="tumor.data")
    derived = read_table(trained / FEATURES / "test.csv", written_by="tumor.features")
    assert np.array_equal(model.score_measurements(raw.values), model.score(derived.values))


def test_a_score_at_the_threshold_is_malignant():
    model = Model(estimator=None, ratios=(), threshold=0.3)
    assert model.classify(np.array([0.29, 0.3, 0.31])).tolist() == [0, 1, 1]


@pytest.mark.parametrize("name", ["estimator.joblib", "model.json"])
def test_a_missing_file_is_named(model_copy, name):
    (model_copy / name).unlink()
    with pytest.raises(ModelError, match=rf"{name} is missing"):
        load_model(model_copy)


def test_a_changed_estimator_is_refused_before_it_is_unpickled(model_copy):
    # A pickle that would end the test run.
    (model_copy / "estimator.joblib").write_bytes(b"cos\n_exit\n(I9\ntR.")
    with pytest.raises(ModelError, match="damaged"):
        load_model(model_copy)


def test_another_scikit_learn_is_refused(model_copy):
    card = json.loads((model_copy / "model.json").read_text())
    (model_copy / "model.json").write_text(json.dumps({**card, "scikit_learn": "0.1"}))
    with pytest.raises(ModelError, match=r"trained with scikit-learn 0\.1, this is"):
        load_model(model_copy)
