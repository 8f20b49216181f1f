"""The network, and how an image gets into it."""

import numpy as np
import torch
from torch import nn

from digits.images import DIGITS, INK, SIDE


def build_network(channels: int, dropout: float) -> nn.Module:
    """From images (n, 1, SIDE, SIDE) to scores (n, DIGITS), of which softmax makes probabilities.

    A stride halves the image where others pool, since PyTorch has no deterministic gradient of
    pooling on CUDA.
    """
    return nn.Sequential(
        *_block(1, channels, stride=1),
        *_block(channels, 2 * channels, stride=1),
        *_block(2 * channels, 2 * channels, stride=2),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(2 * channels * (SIDE // 2) ** 2, DIGITS),
    )


def _block(before: int, after: int, stride: int) -> tuple[nn.Module, ...]:
    # The normalization has an offset of its own.
    convolution = nn.Conv2d(before, after, kernel_size=3, stride=stride, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(after), nn.ReLU()


def to_input(pixels: np.ndarray) -> torch.Tensor:
    """Rows of pixels from 0 to INK as the network takes them."""
    return torch.from_numpy(pixels.astype(np.float32) / INK).reshape(-1, 1, SIDE, SIDE)
