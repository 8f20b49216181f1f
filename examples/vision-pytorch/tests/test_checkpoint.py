import pytest
import torch

from digits.checkpoint import FILE, WEIGHTS_ONLY, CheckpointError, load_checkpoint, save_checkpoint

TRAINING = {"seed": 0, "epochs": 4, "train.csv": "abc"}


def test_what_is_saved_is_loaded_and_nothing_else_is_left(tmp_path):
    for value in (1.0, 2.0):
        state = {"order": torch.tensor([2, 0, 1]), "loss": value, "curves": [{"epoch": 1}]}
        save_checkpoint(tmp_path / "new", state, TRAINING)
    loaded = load_checkpoint(tmp_path / "new", TRAINING)
    assert loaded["loss"] == 2.0
    assert loaded["order"].tolist() == [2, 0, 1]
    assert loaded["curves"] == [{"epoch": 1}]
    assert [path.name for path in (tmp_path / "new").iterdir()] == [FILE]


def test_a_save_that_fails_leaves_the_checkpoint_before_it(tmp_path):
    save_checkpoint(tmp_path, {"loss": 1.0}, TRAINING)
    with pytest.raises(Exception, match="pickle"):
        save_checkpoint(tmp_path, {"loss": lambda: 2.0}, TRAINING)
    assert load_checkpoint(tmp_path, TRAINING) == {"loss": 1.0}


def test_one_of_another_training_is_refused_with_what_differs(tmp_path):
    save_checkpoint(tmp_path, {}, TRAINING)
    with pytest.raises(CheckpointError, match=r"another training \(epochs 4 is now 9\): go back"):
        load_checkpoint(tmp_path, {**TRAINING, "epochs": 9})


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: b"", lambda data: b"PK"])
def test_a_damaged_one_is_refused(tmp_path, damage):
    save_checkpoint(tmp_path, {}, TRAINING)
    (tmp_path / FILE).write_bytes(damage((tmp_path / FILE).read_bytes()))
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt is not a checkpoint .* or damaged"):
        load_checkpoint(tmp_path, TRAINING)


@pytest.mark.skipif(not WEIGHTS_ONLY, reason="this PyTorch runs it")
def test_one_that_would_run_code_is_refused(tmp_path):
    torch.save({"training": TRAINING, "state": print}, tmp_path / FILE)
    with pytest.raises(CheckpointError, match="is not a checkpoint of this program"):
        load_checkpoint(tmp_path, TRAINING)


def test_a_missing_one_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt is missing: .*MLOPS_RESUME_FROM"):
        load_checkpoint(tmp_path, TRAINING)
