"""`PolicyCheckpoint` in the real Lightning `Trainer`, beside the real `ModelCheckpoint`."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import World
from trainings import Streamed, train

from ckpt_policy import ConfigError
from lightning.pytorch.callbacks import ModelCheckpoint
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


def test_a_wrong_configuration_is_told_when_training_starts(tmp_path: Path) -> None:
    callback = PolicyCheckpoint(tmp_path / "c", monitor="val_loss", settings={"min-dleta": 1})
    with pytest.raises(ConfigError, match="min-delta"):
        train(callback, tmp_path / "c", alone([1.0]))
    with pytest.raises(ValueError, match="leave out `monitor`"):
        PolicyCheckpoint(monitor="val_loss", config={})


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


def test_what_is_written_in_the_background_is_deleted_after_it(tmp_path: Path) -> None:
    """Lightning: each deletion overtakes its write, and all files stay. Ours: the best stays."""
    stream = alone([0.9, 0.8, 0.7, 0.6])
    left = {}
    for name, kind in (("lightning", ModelCheckpoint), ("ours", PolicyCheckpoint)):
        folder = tmp_path / name
        train(kind(folder, monitor="val_loss"), folder, stream, plugins=(AsyncCheckpointIO(Slow()),))
        left[name] = sorted(path.name for path in folder.iterdir())
    assert left["lightning"] == [f"epoch={epoch}-step={4 * epoch + 4}.ckpt" for epoch in range(4)]
    assert left["ours"] == ["epoch=3-step=16.ckpt"]


def test_a_write_in_the_background_that_fails_costs_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    callback = PolicyCheckpoint(folder, monitor="val_loss", save_last=True)
    train(callback, folder, alone([0.9, 0.8, 0.85]), plugins=(AsyncCheckpointIO(Slow(full=2)),))
    # The third is compared with the second, which may still succeed.
    assert sorted(path.name for path in folder.iterdir()) == ["epoch=0-step=4.ckpt", "last.ckpt"]
    assert Path(callback.best_model_path).name == "epoch=0-step=4.ckpt"
    assert (folder / "last.ckpt").exists()


def test_a_failed_write_leaves_what_it_was_to_replace(tmp_path: Path) -> None:
    """Lightning: the best path names a file that is not there. Ours: one that is."""
    best = {}
    for name, kind in (("lightning", ModelCheckpoint), ("ours", PolicyCheckpoint)):
        folder = tmp_path / name
        callback = kind(folder, monitor="val_loss")
        try:
            train(callback, folder, alone([0.9, 0.8, 0.95]), plugins=(Slow(full=2),))
        except OSError:
            assert name == "lightning"
        best[name] = Path(callback.best_model_path)
    assert not best["lightning"].exists()
    assert best["ours"].exists() and best["ours"].name == "epoch=0-step=4.ckpt"


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


def ends(tmp_path: Path, trouble: list[Any], epochs: int = 3, **arguments: Any) -> tuple[list[str], list[str]]:
    """Trains with two ranks, to which something happens; returns what they said, and the files."""
    folder = tmp_path / "checkpoints"
    stream = [[1 / (1 + epoch)] * 2 for epoch in range(epochs)]
    told = json.dumps(stream), json.dumps(arguments), json.dumps(trouble)
    with World(2, "aggregate", folder, *told, script=TRAININGS) as world:
        said = [out + err for _, out, err in world.ends(timeout=180)]
    return said, sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("rank", [0, 1])
def test_one_rank_is_told_to_leave(rank: int, tmp_path: Path) -> None:
    said, files = ends(tmp_path, ["sigterm", [rank], 3], epochs=1000, save_on_exception=True)
    assert not any("Traceback" in text or '"files"' in text for text in said), said
    # The best one, and one of the step at which both left.
    steps = [int(name.split("=")[-1].split(".")[0]) for name in files]
    assert 1 <= len(steps) <= 2 and max(steps) < 1900, files


def test_one_rank_fails_alone(tmp_path: Path) -> None:
    said, files = ends(tmp_path, ["raise", [1], 3], save_on_exception=True, deadline=5)
    assert "trouble on rank 1" in said[1] and "not saved after RuntimeError" in said[1]
    assert files == ["epoch=0-step=2.ckpt"]


def test_all_ranks_fail(tmp_path: Path) -> None:
    said, files = ends(tmp_path, ["raise", [0, 1], 3], save_on_exception=True)
    assert all("trouble on rank" in text for text in said)
    assert files == ["epoch=0-step=2.ckpt", "epoch=1-step=3.ckpt"]


def test_the_other_package_of_lightning(tmp_path: Path) -> None:
    script = TRAININGS.with_name("other_package.py")
    done = subprocess.run([sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {"files": ["epoch=2-step=12.ckpt", "last.ckpt"], "is_other": True}
