"""Stage ``train``: the network, and its loss after every epoch.

Environment: ``MLOPS_CHECKPOINT_DIR`` (checkpoints) is where checkpoints go, ``MLOPS_RESUME_FROM``
the folder of one to go on from, ``MLOPS_SEED`` a seed in place of that in params.yaml.
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch

from digits import checkpoint, model
from digits.images import FOLDER, read_images
from digits.params import LARGEST_SEED, Train, load_params
from digits.stop import StopRequest
from digits.trainer import Trainer

CURVES = Path("curves.jsonl")


def make_reproducible(threads: int) -> None:
    """Have PyTorch compute the same bits every time, or fail where it cannot."""
    # What cuBLAS needs for that; it is read when CUDA is used for the first time.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(threads)


def with_seed(params: Train, text: str | None) -> Train:
    """``params`` with the seed that ``text`` names, where it names one."""
    if not text:
        return params
    if not (text.isdecimal() and int(text) <= LARGEST_SEED):
        raise SystemExit(f"MLOPS_SEED must be a number from 0 to {LARGEST_SEED}, got {text!r}")
    return params.model_copy(update={"seed": int(text)})


def describe(root: Path, params: Train) -> dict[str, Any]:
    """What has to be the same for a training to go on from a checkpoint."""
    data = {
        f"{name}.csv": hashlib.sha256((root / FOLDER / f"{name}.csv").read_bytes()).hexdigest()[:12]
        for name in ("train", "validation")
    }
    return {**params.model_dump(exclude={"checkpoints_per_epoch"}), **data}


def is_checkpoint_due(trainer: Trainer) -> bool:
    """Whether the batch that is over is one of those that divide an epoch evenly."""
    count = min(trainer.params.checkpoints_per_epoch, trainer.batches)
    return trainer.batch * count % trainer.batches < count


def run(trainer: Trainer, folder: Path, training: dict[str, Any]) -> None:
    """Train to the end, or until a signal asks to stop: then the program ends with a checkpoint."""
    with StopRequest() as stop:
        while not trainer.finished:
            trainer.step()
            if stop.received or is_checkpoint_due(trainer):
                checkpoint.save_checkpoint(folder, trainer.state(), training)
            if stop.received:
                print(f"{stop.received.name}: stopped in {trainer.position}, with a checkpoint")
                sys.exit(stop.exit_code)
            if trainer.batch == 0:
                print(" ".join(f"{key}={value}" for key, value in trainer.curves[-1].items()))
                sys.stdout.flush()


def main(root: Path = Path()) -> None:
    params = with_seed(load_params(root).train, os.environ.get("MLOPS_SEED"))
    train, validation = (
        read_images(root / FOLDER / f"{name}.csv") for name in ("train", "validation")
    )
    make_reproducible(params.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trainer = Trainer(train, validation, params, device)
    training = describe(root, params)
    if source := os.environ.get("MLOPS_RESUME_FROM"):
        try:
            trainer.restore(checkpoint.load_checkpoint(Path(source), training))
        except checkpoint.CheckpointError as error:
            raise SystemExit(str(error)) from None
        print(f"Going on in {trainer.position}")
    print(f"PyTorch {torch.__version__} on {device.type}", flush=True)

    folder = Path(os.environ.get("MLOPS_CHECKPOINT_DIR") or root / checkpoint.FOLDER)
    try:
        run(trainer, folder, training)
    except FloatingPointError as error:
        raise SystemExit(f"{error}: try a lower train.learning_rate in params.yaml") from None
    model.save_model(root / model.FOLDER, trainer.network, params.channels, params.seed)
    lines = "".join(json.dumps(point) + "\n" for point in trainer.curves)
    (root / CURVES).write_text(lines, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
