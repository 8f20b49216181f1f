import json
import shutil

import numpy as np
import pytest
import torch
from conftest import EPOCHS, run_stages

from digits import data, train
from digits.checkpoint import load_checkpoint, save_checkpoint
from digits.images import FOLDER, Images
from digits.params import Train, load_params
from digits.trainer import Trainer, moved

SMALL = Train(
    seed=1,
    epochs=3,
    batch_size=8,
    learning_rate=0.01,
    weight_decay=0.01,
    dropout=0.5,
    channels=2,
    shift=1,
    threads=1,
    checkpoints_per_epoch=2,
)
CPU = torch.device("cpu")


def images(count):
    random = np.random.default_rng(0)
    return Images(
        np.arange(count), random.integers(0, 17, (count, 64)), random.integers(0, 10, count)
    )


def trainer(params=SMALL):
    return Trainer(images(30), images(10), params, CPU)


def outputs(root):
    return {
        path.relative_to(root): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.parent.name != "checkpoints"
    }


def test_the_same_inputs_give_the_same_bytes(root, trained):
    run_stages(root)
    assert outputs(root) == outputs(trained)


@pytest.mark.parametrize("stops", range(12))
def test_a_state_after_any_batch_is_enough_to_go_on(stops, tmp_path):
    unbroken = trainer()
    while not unbroken.finished:
        unbroken.step()

    stopped = trainer()
    for _ in range(stops):
        stopped.step()
    save_checkpoint(tmp_path, stopped.state(), {})
    resumed = trainer()
    torch.randn(5)  # whatever happens to the generator meanwhile
    resumed.restore(load_checkpoint(tmp_path, {}))
    assert resumed.position == stopped.position == f"epoch {stops // 4 + 1}/3, batch {stops % 4}/4"
    while not resumed.finished:
        resumed.step()
    for name, weights in unbroken.network.state_dict().items():
        assert torch.equal(weights, resumed.network.state_dict()[name]), name
    assert resumed.curves == unbroken.curves


def test_each_image_is_seen_once_an_epoch():
    subject = trainer()
    order = subject.order
    assert sorted(order.tolist()) == list(range(30))
    for _ in range(subject.batches):
        subject.step()
    assert subject.epoch == 1
    assert not torch.equal(subject.order, order)


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [0]), (2, [0, 2]), (3, [0, 2, 3]), (9, [0, 1, 2, 3])]
)
def test_checkpoints_divide_an_epoch_evenly(count, expected):
    subject = trainer(SMALL.model_copy(update={"checkpoints_per_epoch": count}))
    assert subject.batches == 4
    due = []
    for _ in range(subject.batches):
        subject.step()
        if train.is_checkpoint_due(subject):
            due.append(subject.batch)
    assert sorted(due) == expected


def test_a_moved_image_is_the_image_elsewhere():
    torch.manual_seed(0)
    point = torch.zeros(200, 1, 8, 8)
    point[:, 0, 3, 4] = 1
    places = moved(point, 1).nonzero()[:, 2:].tolist()
    assert len(places) == 200
    assert {tuple(place) for place in places} == {(y, x) for y in (2, 3, 4) for x in (3, 4, 5)}
    assert torch.equal(moved(point, 0), point)


def test_a_loss_that_is_no_number_ends_the_training():
    subject = trainer()
    with torch.no_grad():
        subject.network[0].weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match=r"the loss is nan in epoch 1/3, batch 0/4"):
        subject.step()


def test_training_never_opens_the_test_split(root, trained):
    data.main(root)
    (root / FOLDER / "test.csv").unlink()
    train.main(root)
    assert (root / "model/model.pt").read_bytes() == (trained / "model/model.pt").read_bytes()


def test_the_curve_has_a_point_per_epoch_and_ends_lower(trained):
    points = [json.loads(line) for line in (trained / "curves.jsonl").read_text().splitlines()]
    assert [point["epoch"] for point in points] == list(range(1, EPOCHS + 1))
    for name in ("train_loss", "validation_loss"):
        assert points[-1][name] < points[0][name]


def test_a_seed_in_the_environment_takes_the_place_of_the_parameter(root, trained, monkeypatch):
    shutil.copytree(trained / FOLDER, root / FOLDER)
    monkeypatch.setenv("MLOPS_SEED", "7")
    train.main(root)
    assert json.loads((root / "model/model.json").read_text())["seed"] == 7
    assert (root / "model/model.pt").read_bytes() != (trained / "model/model.pt").read_bytes()


@pytest.mark.parametrize("text", ["-1", "1.5", "four", "4294967296"])
def test_a_seed_that_is_none_is_refused(root, text):
    with pytest.raises(SystemExit, match=f"MLOPS_SEED must be a number .* got '{text}'"):
        train.with_seed(load_params(root).train, text)


def test_without_data_the_stage_to_run_is_named(root):
    with pytest.raises(SystemExit, match=r"run `python -m digits\.data` first"):
        train.main(root)
