"""`PolicyCheckpoint` in the real Lightning `Trainer`, beside the real `ModelCheckpoint`."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Optional

import lightning.pytorch as pl
import pytest
import torch
from conftest import World
from trainings import Streamed, train

from ckpt_policy import ConfigError
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers.logger import DummyLogger
from lightning.pytorch.plugins.io import AsyncCheckpointIO, TorchCheckpointIO
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


class Killed(pl.Callback):
    """Ends the training as an epoch begins, and lets nobody tidy up."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == self.epoch:
            raise RuntimeError("killed")


@pytest.mark.parametrize("policy", ["aggregate", "majority", "unanimous", "rank-zero"])
def test_a_run_that_is_killed_after_every_validation_ends_as_the_whole_one(policy: str, tmp_path: Path) -> None:
    drawn = random.Random(policy)
    stream = alone([drawn.random() for _ in range(8)])
    whole, part = tmp_path / "whole", tmp_path / "part"

    def callback(folder: Path) -> PolicyCheckpoint:
        return PolicyCheckpoint(folder, None, "val_loss", save_top_k=2, save_last=True, policy=f"builtin:{policy}")

    best = callback(whole)
    _, seen = train(best, whole, stream)
    came_from = ""
    for epoch in [*range(1, 8), 99]:
        link = part / "last.ckpt"
        came_from = link.resolve().name
        again = callback(part)
        with contextlib.suppress(RuntimeError):
            train(again, part, stream, Killed(epoch), ckpt_path="last" if link.exists() else None)
    left = {path.name for path in part.iterdir()}
    assert Path(again.best_model_path).name == Path(best.best_model_path).name
    # What a run came from stays until it comes from another.
    assert set(seen[-1]) <= left <= {*seen[-1], came_from}


def test_a_wrong_configuration_is_told_when_training_starts(tmp_path: Path) -> None:
    callback = PolicyCheckpoint(tmp_path / "c", monitor="val_loss", settings={"min-dleta": 1})
    with pytest.raises(ConfigError, match="min-delta"):
        train(callback, tmp_path / "c", alone([1.0]))
    with pytest.raises(ValueError, match="leave out `monitor`"):
        PolicyCheckpoint(monitor="val_loss", config={})


def test_a_name_that_cannot_be_made_ends_the_training(tmp_path: Path) -> None:
    callback = PolicyCheckpoint(tmp_path / "c", "{val_loss:x}", "val_loss")
    with pytest.raises(ConfigError, match="no name by `filename='{val_loss:x}'`: .*format"):
        train(callback, tmp_path / "c", alone([1.0]))


def test_a_link_that_a_killed_process_left_is_in_nobodys_way(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "last.ckpt.new").symlink_to("nothing")
    train(PolicyCheckpoint(folder, monitor="val_loss", save_last=True), folder, alone([1.0, 0.5]))
    assert (folder / "last.ckpt").is_symlink()
    assert sorted(path.name for path in folder.iterdir()) == ["epoch=1-step=8.ckpt", "last.ckpt"]


class Logger(DummyLogger):
    """Writes down what it is told of checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[list[str]] = []

    def after_save_checkpoint(self, callback: Any) -> None:
        self.told.append([Path(path).name for path in callback.best_k_models])


def test_loggers_hear_of_checkpoints_that_are_there(tmp_path: Path) -> None:
    logger, folder = Logger(), tmp_path / "checkpoints"
    train(PolicyCheckpoint(folder, monitor="val_loss"), folder, alone([1.0, 2.0, 0.5]), logger=logger)
    assert logger.told == [["epoch=0-step=4.ckpt"], ["epoch=2-step=12.ckpt"]]


def test_a_configuration_of_the_site(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    policy = '[[policy]]\nname = "NAME"\nwasm = "builtin:NAME"\nconfig = { monitor = "val_loss", at = ["epoch-end"] }\n'
    site.write_text(policy.replace("NAME", "aggregate") + policy.replace("NAME", "rank-zero"))
    folder = tmp_path / "checkpoints"
    _, seen = train(PolicyCheckpoint(folder, config=site), folder, alone([2.0, 1.0, 3.0]))
    assert seen[-1] == ["epoch=1-step=8.ckpt"]


class Slow(TorchCheckpointIO):
    """A disk that takes its time, and is full once."""

    def __init__(self, full: int = -1) -> None:
        super().__init__()
        self.full, self.writes = full, 0

    def save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        time.sleep(0.3)
        self.writes += 1
        if self.writes == self.full:
            raise OSError("no space left on device")
        super().save_checkpoint(*args, **kwargs)


class Sharded(TorchCheckpointIO):
    """Writes a checkpoint as a folder, as strategies do whose ranks write their own parts."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Optional[Any] = None) -> None:
        super().save_checkpoint(checkpoint, Path(path) / "part")

    def load_checkpoint(self, path: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
        return super().load_checkpoint(Path(path) / "part", *arguments, **named)


def test_checkpoints_that_are_folders(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"

    def callback() -> PolicyCheckpoint:
        return PolicyCheckpoint(folder, "best", "val_loss", save_last=True)

    train(callback(), folder, alone([0.9, 0.8, 0.95]), plugins=(Sharded(),))
    # One that is kept is not written over before the new one is whole.
    assert sorted(path.name for path in folder.iterdir()) == ["best-v1.ckpt", "last.ckpt"]
    assert (folder / "last.ckpt").resolve() == folder / "best-v1.ckpt"
    assert (folder / "last.ckpt" / "part").is_file()
    again = callback()
    train(again, folder, alone([0.9, 0.8, 0.95, 0.7, 0.6]), ckpt_path="last", plugins=(Sharded(),))
    assert Path(again.best_model_path).name == "best-v2.ckpt"
    assert sorted(path.name for path in folder.iterdir()) == ["best-v1.ckpt", "best-v2.ckpt", "last.ckpt"]


def test_a_write_in_the_background_that_fails_costs_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    callback = PolicyCheckpoint(folder, monitor="val_loss", save_last=True)
    train(callback, folder, alone([0.9, 0.8, 0.85]), plugins=(AsyncCheckpointIO(Slow(full=2)),))
    # The third is compared with the second, which may still succeed.
    assert sorted(path.name for path in folder.iterdir()) == ["epoch=0-step=4.ckpt", "last.ckpt"]
    assert Path(callback.best_model_path).name == "epoch=0-step=4.ckpt"
    assert (folder / "last.ckpt").exists()


def test_checkpoints_on_a_remote_file_system(tmp_path: Path) -> None:
    import fsspec

    callback = PolicyCheckpoint("memory://run", monitor="val_loss", save_top_k=2, save_last=True)
    train(callback, tmp_path, alone([0.5, 0.9, 0.3, 0.7]))
    memory = fsspec.filesystem("memory")
    names = sorted(Path(path).name for path in memory.ls("/run", detail=False))
    assert names == ["epoch=0-step=4.ckpt", "epoch=2-step=12.ckpt", "last.ckpt"]
    assert callback.best_model_path == "memory://run/epoch=2-step=12.ckpt"
    memory.rm("/run", recursive=True)


def test_several_callbacks_of_one_trainer(tmp_path: Path) -> None:
    stream = alone([0.5, 0.9, 0.3, 0.7, 0.4])
    whole, part = tmp_path / "whole", tmp_path / "part"

    def callbacks(folder: Path) -> tuple[PolicyCheckpoint, PolicyCheckpoint]:
        best = PolicyCheckpoint(folder, "best-{epoch}", "val_loss", save_top_k=2)
        return best, PolicyCheckpoint(folder, "worst-{epoch}", "val_loss", mode="max", save_last=True)

    first, second = callbacks(whole)
    _, seen = train(second, whole, stream, first)
    assert seen[-1] == ["best-epoch=2.ckpt", "best-epoch=4.ckpt", "last.ckpt", "worst-epoch=1.ckpt"]
    # The link is of a checkpoint that only one of them wrote; the other one goes on, too.
    first, second = callbacks(part)
    train(second, part, stream, first, epochs=2)
    first, second = callbacks(part)
    _, after = train(second, part, stream, first, ckpt_path="last")
    assert set(seen[-1]) <= set(after[-1])
    assert Path(first.best_model_path).name == "best-epoch=2.ckpt"


def test_a_second_fit_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    callback = PolicyCheckpoint(folder, monitor="val_loss", save_top_k=2)
    trainer, _ = train(callback, folder, alone([0.5, 0.9, 0.3, 0.7]), epochs=2)
    trainer.fit_loop.max_epochs = 4
    trainer.fit(Streamed(alone([0.5, 0.9, 0.3, 0.7])), trainer.train_dataloader, trainer.val_dataloaders)
    assert sorted(path.name for path in folder.iterdir()) == ["epoch=0-step=4.ckpt", "epoch=2-step=12.ckpt"]


def test_the_arguments_of_a_model_checkpoint(tmp_path: Path) -> None:
    known = ModelCheckpoint(
        tmp_path, "{epoch}", "val_loss", save_top_k=3, mode="max", every_n_epochs=2, save_last="link"
    )
    known.FILE_EXTENSION = ".pt"
    same = PolicyCheckpoint.from_model_checkpoint(known)
    arguments = "dirpath", "filename", "monitor", "save_top_k", "mode", "_every_n_epochs", "save_last"
    for name in (*arguments, "FILE_EXTENSION"):
        assert getattr(same, name) == getattr(known, name), name
    assert (same.policy, same.settings) == ("builtin:unanimous", {"books": "per-rank"})
    other = PolicyCheckpoint.from_model_checkpoint(known, policy="builtin:majority")
    assert (other.policy, other.settings) == ("builtin:majority", {})

    class Mine(ModelCheckpoint):
        pass

    with pytest.raises(ValueError, match="Mine: what it does"):
        PolicyCheckpoint.from_model_checkpoint(Mine())
    constant = ModelCheckpoint(filename="best", monitor="x", save_top_k=2, enable_version_counter=False)
    with pytest.raises(ValueError, match="would overwrite another"):
        PolicyCheckpoint.from_model_checkpoint(constant)


def test_triggers(tmp_path: Path) -> None:
    def files(name: str, **arguments: Any) -> list[str]:
        folder = tmp_path / name
        _, seen = train(PolicyCheckpoint(folder, save_top_k=-1, **arguments), folder, alone([0.5, 0.9, 0.3]))
        return seen[-1]

    assert files("time", train_time_interval=timedelta(0))[-1] == "epoch=2-step=9.ckpt"
    assert len(files("each", train_time_interval=timedelta(0))) == 12
    assert files("epochs", every_n_epochs=2) == ["epoch=1-step=8.ckpt"]
    assert files("steps", every_n_train_steps=5) == ["epoch=1-step=5.ckpt", "epoch=2-step=10.ckpt"]
    assert files("never", every_n_epochs=0) == []


def test_the_metric_that_nobody_logs(tmp_path: Path) -> None:
    from lightning.pytorch.utilities.exceptions import MisconfigurationException

    with pytest.raises(MisconfigurationException, match="no rank supplies `val_los`.*logged val_loss"):
        train(PolicyCheckpoint(tmp_path / "c", monitor="val_los"), tmp_path / "c", alone([1.0]))


def test_all_ranks_fail(tmp_path: Path) -> None:
    stream, arguments = [[1.0, 1.0], [0.5, 0.5]], {"save_on_exception": True}
    with World(2, tmp_path, json.dumps(stream), json.dumps(arguments), 3, script=TRAININGS) as world:
        ends = world.ends(timeout=180)
    assert all(code != 0 and "trouble on rank" in said for code, _, said in ends), ends
    assert sorted(path.name for path in tmp_path.glob("*.ckpt")) == ["epoch=0-step=2.ckpt", "epoch=1-step=3.ckpt"]


def test_the_other_package_of_lightning(tmp_path: Path) -> None:
    script = TRAININGS.with_name("other_package.py")
    done = subprocess.run([sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {"files": ["epoch=2-step=12.ckpt", "last.ckpt"], "is_other": True}
