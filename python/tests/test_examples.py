"""The examples train, are killed, go on, and change their policy by a file."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path

import pytest
import torch
from conftest import REPOSITORY, World

EXAMPLES = REPOSITORY / "python" / "examples"
EPOCHS = 60


def start(example: str, folder: Path, epochs: int, config: Path) -> World:
    """Starts the processes that `torchrun` would start."""
    arguments = [folder, "--config", config, "--epochs", epochs]
    return World(2, *arguments, script=EXAMPLES / f"{example}.py")


def finish(example: str, folder: Path, epochs: int, config: Path) -> list[str]:
    """Trains to the end; returns what was said of each epoch."""
    with start(example, folder, epochs, config) as training:
        lines = training.outputs(timeout=180)[0].splitlines()
    assert lines[-1].startswith(f"epoch {epochs}:"), lines
    return lines


def epoch(checkpoint: Path) -> int:
    return int(checkpoint.stem.split("-")[3])


@pytest.mark.parametrize("example", ["ddp", "sharded"])
def test_a_killed_training_comes_to_the_same_best(example: str, tmp_path: Path) -> None:
    config = EXAMPLES / "digits.toml"
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    lines = finish(example, whole, EPOCHS, config)
    assert sum(": saved" in line for line in lines) > 2

    with start(example, killed, 10_000, config):
        until = time.monotonic() + 90
        while max(map(epoch, killed.glob("checkpoint-*-epoch-*")), default=0) < 3:
            assert time.monotonic() < until, "it does not get on"
            time.sleep(0.01)
    reached = max(map(epoch, killed.glob("checkpoint-*-epoch-*")))
    assert reached < EPOCHS, "it was killed too late"
    again = finish(example, killed, EPOCHS, config)
    assert 0 < len(again) < EPOCHS
    losses = [re.sub(r".*mean val_loss (\S+) .*", r"\1", line) for line in lines]
    assert [re.sub(r".*mean val_loss (\S+) .*", r"\1", line) for line in again] == losses[-len(again) :]


def test_another_policy_is_another_line_in_a_file(tmp_path: Path) -> None:
    config, folder = tmp_path / "site.toml", tmp_path / "run"
    shutil.copy(EXAMPLES / "digits.toml", config)
    first = finish("ddp", folder, 3, config)
    assert "mean val_loss" in first[-1]
    # Another policy has another name, or it would be handed the state of the one before.
    text = config.read_text().replace("builtin:aggregate", "builtin:majority")
    config.write_text(text.replace('name = "best"', 'name = "votes"'))
    second = finish("ddp", folder, 6, config)
    assert [line.split(":")[0] for line in second][-3:] == ["epoch 4", "epoch 5", "epoch 6"]
    assert "of 2 ranks" in second[-1], second
    best = json.loads((folder / "best.json").read_text())["best"]
    (path,) = folder.glob(f"checkpoint-{best}-epoch-*.pt")
    assert torch.load(path, weights_only=True)["epoch"] == epoch(path)
