"""The trained model as a folder: the network's weights, and what is needed to use them rightly."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from digits.network import build_network, to_input

FOLDER = Path("model")
WEIGHTS = "model.pt"
CARD = "model.json"


class ModelError(Exception):
    """The model folder cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Model:
    """A network that is not trained any further, on the CPU."""

    network: nn.Module

    def score(self, pixels: np.ndarray) -> np.ndarray:
        """Probability of each digit, of shape (n, DIGITS), for n rows of pixels."""
        with torch.no_grad():
            scores = self.network(to_input(pixels)).double()
        return torch.softmax(scores, dim=1).numpy()


def save_model(folder: Path, network: nn.Module, channels: int, seed: int) -> None:
    """Write the network; the same network gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.cpu() for name, tensor in network.state_dict().items()}
    torch.save(weights, folder / WEIGHTS)
    card = {
        "digest": _digest(folder / WEIGHTS),
        "torch": torch.__version__,
        "channels": channels,
        "seed": seed,
    }
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8", newline="\n")


def load_card(folder: Path) -> dict:
    """What the folder says about its model: digest, torch, channels, seed."""
    for name in (CARD, WEIGHTS):
        if not (folder / name).is_file():
            raise ModelError(
                f"{folder / name} is missing: train a model with `python -m digits.train`, "
                "or set MODEL_DIR to the folder of a trained one"
            )
    return json.loads((folder / CARD).read_text(encoding="utf-8"))


def load_model(folder: Path) -> Model:
    """Read a model written by :func:`save_model`.

    Raises:
        ModelError: a file is missing, or is not the one that was saved.
    """
    card = load_card(folder)
    if (digest := _digest(folder / WEIGHTS)) != card["digest"]:
        raise ModelError(
            f"{folder / WEIGHTS} has {digest}, but {CARD} expects {card['digest']}: "
            "the file is damaged or not the one that was trained; fetch the model again"
        )
    network = build_network(card["channels"], dropout=0)
    network.load_state_dict(torch.load(folder / WEIGHTS, weights_only=True))
    return Model(network.eval())


def _digest(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
