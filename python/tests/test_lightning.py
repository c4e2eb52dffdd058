"""`PolicyCheckpoint` in the real Lightning `Trainer`, beside the real `ModelCheckpoint`."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import World
from trainings import Streamed, train

from ckpt_policy import ConfigError
from ckpt_policy.lightning import PolicyCheckpoint

TRAININGS = Path(__file__).with_name("trainings.py")


def alone(losses: list[float]) -> list[list[float]]:
    return [[loss] for loss in losses]


def test_the_best_are_kept_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    callback = PolicyCheckpoint(folder, "{epoch}-{val_loss:.2f}", "val_loss", save_top_k=2, save_last=True)
    trainer, seen = train(callback, folder, alone([0.5, 0.9, 0.3, 0.7, 0.4]))
    assert seen == [
        ["epoch=0-val_loss=0.50.ckpt", "last.ckpt"],
        ["epoch=0-val_loss=0.50.ckpt", "epoch=1-val_loss=0.90.ckpt", "last.ckpt"],
        ["epoch=0-val_loss=0.50.ckpt", "epoch=2-val_loss=0.30.ckpt", "last.ckpt"],
        ["epoch=0-val_loss=0.50.ckpt", "epoch=2-val_loss=0.30.ckpt", "last.ckpt"],
        ["epoch=2-val_loss=0.30.ckpt", "epoch=4-val_loss=0.40.ckpt", "last.ckpt"],
    ]
    assert Path(callback.best_model_path).name == "epoch=2-val_loss=0.30.ckpt"
    assert callback.best_model_score == pytest.approx(0.3)
    assert Path(callback.kth_best_model_path).name == "epoch=4-val_loss=0.40.ckpt"
    assert (folder / "last.ckpt").resolve().name == "epoch=4-val_loss=0.40.ckpt"
    assert trainer.checkpoint_callback is callback
    assert torch.load(callback.best_model_path, weights_only=False)["epoch"] == 2
    trainer.validate(Streamed(alone([1.0] * 9)), ckpt_path="best", verbose=False, dataloaders=trainer.val_dataloaders)


@pytest.mark.parametrize("cut", [1, 3, 6])
def test_a_resumed_run_ends_as_the_whole_one(cut: int, tmp_path: Path) -> None:
    drawn = random.Random(cut)
    stream = alone([drawn.random() for _ in range(9)])
    whole, part = tmp_path / "whole", tmp_path / "part"

    def callback(folder: Path) -> PolicyCheckpoint:
        return PolicyCheckpoint(folder, monitor="val_loss", save_top_k=3, save_last=True)

    _, seen = train(callback(whole), whole, stream)
    _, before = train(callback(part), part, stream, epochs=cut)
    assert before == seen[:cut]
    trainer, after = train(callback(part), part, stream, ckpt_path="last")
    played = len(after)
    assert 0 < played
    # What the weights came from is protected from then on; all else is as it would have been.
    came_from = {name for name in before[-1]}
    for files, expected in zip(after, seen[-played:]):
        assert set(expected) <= set(files), (files, expected)
        assert set(files) - set(expected) <= came_from


def test_a_wrong_configuration_is_told_when_training_starts(tmp_path: Path) -> None:
    callback = PolicyCheckpoint(tmp_path / "c", monitor="val_loss", settings={"min-dleta": 1})
    with pytest.raises(ConfigError, match="min-delta"):
        train(callback, tmp_path / "c", alone([1.0]))
    with pytest.raises(ValueError, match="leave out `monitor`"):
        PolicyCheckpoint(monitor="val_loss", config={})
    with pytest.raises(ValueError, match="expected `monitor`"):
        PolicyCheckpoint()


def test_a_configuration_of_the_site(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    policy = '[[policy]]\nname = "NAME"\nwasm = "builtin:NAME"\nconfig = { monitor = "val_loss", at = ["epoch-end"] }\n'
    site.write_text(policy.replace("NAME", "aggregate") + policy.replace("NAME", "rank-zero"))
    folder = tmp_path / "checkpoints"
    _, seen = train(PolicyCheckpoint(folder, config=site), folder, alone([2.0, 1.0, 3.0]))
    assert seen[-1] == ["epoch=1-step=8.ckpt"]


def compare(stream: list[list[float]], tmp_path: Path, *names: str, **arguments: Any) -> dict[str, dict[str, Any]]:
    """Trains with real processes, one a rank of the stream, under each of these callbacks."""
    found = {}
    for name in names:
        folder = tmp_path / name
        with World(
            len(stream[0]), name, folder, json.dumps(stream), json.dumps(arguments), script=TRAININGS
        ) as world:
            found[name] = json.loads(world.outputs(timeout=180)[0].splitlines()[-1])
    return found


@pytest.mark.parametrize("size", [2, 3])
def test_unanimous_with_books_of_each_rank_is_model_checkpoint(size: int, tmp_path: Path) -> None:
    drawn = random.Random(size)
    stream = [[1 / (1 + epoch / 5) + drawn.gauss(0, 0.1) for _ in range(size)] for epoch in range(14)]
    stream[5][0] = float("nan")
    found = compare(stream, tmp_path, "lightning", "unanimous", save_top_k=2)
    assert found["unanimous"]["files"] == found["lightning"]["files"]


def test_the_mean_saves_what_one_rank_vetoes(tmp_path: Path) -> None:
    """Lightning: one rank's noise loses an improvement of the mean. Ours: it is kept."""
    stream = [[1.0, 1.0], [0.2, 1.1], [0.3, 0.9], [0.1, 0.95]]
    found = compare(stream, tmp_path, "lightning", "aggregate")
    assert found["lightning"]["files"][-1] == ["epoch=2-step=6.ckpt"]
    assert found["aggregate"]["files"][-1] == ["epoch=3-step=8.ckpt"]
    assert found["aggregate"]["best"] == "epoch=3-step=8.ckpt"
