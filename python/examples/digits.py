"""What the examples train: a small network on 1,797 images of digits, on each rank its own part."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn

from ckpt_policy import Outcome

BATCH = 64

# The ranks share this machine's processors.
torch.set_num_threads(1)


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


def train(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: list[tuple[torch.Tensor, torch.Tensor]],
) -> None:
    """Trains for an epoch."""
    for images, labels in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images), labels).backward()
        optimizer.step()


def validate(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Returns the mean cross-entropy, in nats."""
    with torch.no_grad():
        return nn.functional.cross_entropy(network(images), labels).item()


def say(epoch: int, outcome: Outcome) -> None:
    """Prints what was decided, and why."""
    saved = "saved" if outcome.save else "not saved"
    print(f"epoch {epoch}: {saved}, {outcome.opinions[0]['reason']}", flush=True)


def arguments(description: str) -> argparse.Namespace:
    """Reads the command line: a folder, a configuration, and how long to train."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("digits.toml"))
    parser.add_argument("--epochs", type=int, default=20)
    return parser.parse_args()
