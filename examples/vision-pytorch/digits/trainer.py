"""The training, batch by batch, so that it can be interrupted after any of them."""

import math
from typing import Any

import torch
from torch.nn.functional import cross_entropy, pad

from digits.images import SIDE, Images
from digits.network import build_network, to_input
from digits.params import Train


class Trainer:
    """A network in training.

    ``state`` holds all that the rest of the training depends on: a trainer of the same images and
    parameters that is given it back ends with the same network, bit by bit, as one that was never
    interrupted.
    """

    def __init__(
        self, train: Images, validation: Images, params: Train, device: torch.device
    ) -> None:
        torch.manual_seed(params.seed)
        self.params = params
        self.images = to_input(train.pixels).to(device)
        self.labels = torch.from_numpy(train.labels).to(device)
        self.validation_images = to_input(validation.pixels).to(device)
        self.validation_labels = torch.from_numpy(validation.labels).to(device)
        self.network = build_network(params.channels, params.dropout).to(device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay
        )
        self.batches = math.ceil(len(train.labels) / params.batch_size)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, T_max=params.epochs * self.batches
        )
        self.epoch = 0  # epochs that are over
        self.batch = 0  # batches of the current epoch that are over
        self.order = torch.randperm(len(train.labels))  # of the images in the current epoch
        self.loss = 0.0  # sum over the images of the current epoch so far
        self.curves: list[dict[str, float]] = []

    @property
    def finished(self) -> bool:
        return self.epoch == self.params.epochs

    @property
    def position(self) -> str:
        epoch, batch = (self.epoch, self.batches) if self.finished else (self.epoch + 1, self.batch)
        return f"epoch {epoch}/{self.params.epochs}, batch {batch}/{self.batches}"

    def step(self) -> None:
        """Train on the next batch; after the last one of an epoch, measure and begin the next.

        Raises:
            FloatingPointError: the loss is no longer a number.
        """
        size = self.params.batch_size
        rows = self.order[self.batch * size : (self.batch + 1) * size]
        images, labels = moved(self.images[rows], self.params.shift), self.labels[rows]
        self.network.train()
        self.optimizer.zero_grad()
        loss = cross_entropy(self.network(images), labels)
        if not math.isfinite(loss.item()):
            raise FloatingPointError(f"the loss is {loss.item()} in {self.position}")
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.loss += loss.item() * len(rows)
        self.batch += 1
        if self.batch == self.batches:
            self._end_epoch()

    def _end_epoch(self) -> None:
        validation_loss, validation_accuracy = self.validate()
        self.epoch += 1
        self.curves.append(
            {
                "epoch": self.epoch,
                "train_loss": round(self.loss / len(self.labels), 6),
                "validation_loss": round(validation_loss, 6),
                "validation_accuracy": round(validation_accuracy, 6),
            }
        )
        self.batch = 0
        self.order = torch.randperm(len(self.labels))
        self.loss = 0.0

    def validate(self) -> tuple[float, float]:
        """Log loss and accuracy on the validation images."""
        self.network.eval()
        with torch.no_grad():
            scores = self.network(self.validation_images)
        loss = cross_entropy(scores, self.validation_labels)
        hits = scores.argmax(dim=1) == self.validation_labels
        return loss.item(), hits.double().mean().item()

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            # On CUDA, dropout has its own.
            "random": torch.get_rng_state(),
            "cuda_random": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
            "epoch": self.epoch,
            "batch": self.batch,
            "order": self.order,
            "loss": self.loss,
            "curves": self.curves,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from ``state``, whose tensors are on the CPU; it is not to be used afterwards."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["random"])
        if torch.cuda.is_available() and state["cuda_random"] is not None:
            torch.cuda.set_rng_state(state["cuda_random"])
        self.epoch = state["epoch"]
        self.batch = state["batch"]
        self.order = state["order"]
        self.loss = state["loss"]
        self.curves = state["curves"]


def moved(images: torch.Tensor, shift: int) -> torch.Tensor:
    """Each image moved by up to ``shift`` pixels in both directions, at random; paper moves in."""
    places = torch.randint(2 * shift + 1, (2, len(images), 1)) + torch.arange(SIDE)
    rows, columns = places.to(images.device)
    which = torch.arange(len(images), device=images.device)[:, None, None]
    padded = pad(images, [shift] * 4)
    return padded[which, 0, rows[:, :, None], columns[:, None, :]].unsqueeze(1)
