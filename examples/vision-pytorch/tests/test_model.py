import json

import numpy as np
import pytest
import torch

from digits.images import FOLDER, read_images
from digits.model import ModelError, load_model, save_model
from digits.network import build_network


def test_scores_are_probabilities_of_each_digit(trained):
    test = read_images(trained / FOLDER / "test.csv")
    scores = load_model(trained / "model").score(test.pixels)
    assert scores.shape == (len(test.labels), 10)
    assert scores.sum(axis=1) == pytest.approx(1)
    assert (scores.argmax(axis=1) == test.labels).mean() > 0.9


def test_an_image_scores_alike_alone_and_among_others(trained):
    pixels = read_images(trained / FOLDER / "test.csv").pixels[:20]
    model = load_model(trained / "model")
    alone = np.vstack([model.score(row) for row in pixels])
    assert alone == pytest.approx(model.score(pixels), abs=1e-6)


def test_the_same_network_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        torch.manual_seed(1)
        save_model(tmp_path / name, build_network(channels=2, dropout=0.5), channels=2, seed=1)
    for file in ("model.pt", "model.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("name", ["model.pt", "model.json"])
def test_a_missing_file_is_named(model_copy, name):
    (model_copy / name).unlink()
    with pytest.raises(ModelError, match=rf"{name} is missing"):
        load_model(model_copy)


def test_changed_weights_are_refused_before_they_are_read(model_copy):
    # A pickle that would end the test run.
    (model_copy / "model.pt").write_bytes(b"cos\n_exit\n(I9\ntR.")
    with pytest.raises(ModelError, match="damaged"):
        load_model(model_copy)


def test_the_card_tells_what_was_trained(trained):
    card = json.loads((trained / "model" / "model.json").read_text())
    assert card["torch"] == torch.__version__
    assert card["seed"] == 0
