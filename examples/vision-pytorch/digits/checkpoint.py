"""Checkpoints: one file with the state of a training, replaced as a whole."""

import os
from pathlib import Path
from typing import Any

import torch

FOLDER = Path("checkpoints")
FILE = "checkpoint.pt"
# No code in the file is run. PyTorch 1 cannot do that with the numbers in an optimizer's state.
WEIGHTS_ONLY = not torch.__version__.startswith("1.")


class CheckpointError(Exception):
    """The training cannot go on from a checkpoint; the message says why and what to do."""


def save_checkpoint(folder: Path, state: dict[str, Any], training: dict[str, Any]) -> None:
    """Replace the checkpoint in ``folder``, which is whole at any time, whenever the program ends.

    ``training`` says what the state belongs to: parameters and data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{FILE}.tmp"
    with draft.open("wb") as file:
        torch.save({"training": training, "state": state}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / FILE)


def load_checkpoint(folder: Path, training: dict[str, Any]) -> dict[str, Any]:
    """The state in ``folder``, its tensors on the CPU.

    Raises:
        CheckpointError: there is none, it cannot be read, or it belongs to another training.
    """
    path = folder / FILE
    anew = "unset MLOPS_RESUME_FROM to start anew"
    if not path.is_file():
        raise CheckpointError(f"{path} is missing: name the folder of a checkpoint, or {anew}")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=WEIGHTS_ONLY)
        theirs, state = saved["training"], saved["state"]
    except Exception as error:  # whatever torch makes of a damaged file
        raise CheckpointError(
            f"{path} is not a checkpoint of this program, or damaged ({error}): "
            f"put an earlier one back, or {anew}"
        ) from error
    names = sorted({*theirs, *training})
    changes = [
        f"{name} {theirs.get(name)} is now {training.get(name)}"
        for name in names
        if theirs.get(name) != training.get(name)
    ]
    if changes:
        raise CheckpointError(
            f"{path} belongs to another training ({', '.join(changes)}): "
            f"go back to what it was made with, or {anew}"
        )
    return state
