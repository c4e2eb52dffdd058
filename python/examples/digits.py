"""What the examples train: a small network on 1,797 images of digits, on each rank its own part."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import nn

BATCH = 64


def model() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def data(rank: int, world_size: int) -> tuple[list[tuple[torch.Tensor, torch.Tensor]], tuple[torch.Tensor, torch.Tensor]]:
    """Returns this rank's batches, as many as any other rank's, and what it validates on."""
    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    each = len(labels) // world_size
    own = order[rank * each : (rank + 1) * each]
    pixels = torch.tensor(images / 16, dtype=torch.float32)[own]
    digits = torch.tensor(labels)[own]
    held_back = each // 4
    batches = list(zip(pixels[held_back:].split(BATCH), digits[held_back:].split(BATCH)))
    return batches, (pixels[:held_back], digits[:held_back])


def validate(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Returns the mean cross-entropy, in nats."""
    with torch.no_grad():
        return nn.functional.cross_entropy(network(images), labels).item()
