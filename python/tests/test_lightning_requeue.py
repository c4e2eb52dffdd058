"""What Lightning saves at SLURM's signal, and goes on from as `ckpt_path="hpc"`, with `PolicyCheckpoint`.

SLURM is not there: its variables are, its signal, and a `scontrol` that writes down what it is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

import lightning
import pytest
from conftest import results, trainings
from lightning.pytorch.plugins.io import TorchCheckpointIO
from packaging.version import Version
from requeued_trainings import run, tell

from ckpt_policy.engines import Solo

TRAININGS = Path(__file__).with_name("requeued_trainings.py")

LOSSES = [0.5, 0.3, 0.9, 0.2, 0.25, 0.1, 0.7]

STREAM = [[loss] for loss in LOSSES]

#: In which hook, and after how many steps, a run is told.
TOLD = [("on_train_batch_start", 6), ("on_train_batch_start", 16)]
if Version(lightning.__version__) >= Version("2.5"):
    # Before, Lightning makes a step again from whose end it goes on.
    TOLD += [("on_train_batch_end", 10), ("on_train_batch_end", 17)]


@pytest.fixture(autouse=True)
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lets this be a task of SLURM; returns where what `scontrol` is asked is written down."""
    task = {"JOB_ID": "17", "NTASKS": "1", "NTASKS_PER_NODE": "1", "PROCID": "0", "LOCALID": "0", "NODEID": "0"}
    for name, value in task.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    asked = tmp_path / "asked"
    program = tmp_path / "scontrol"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{asked}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return asked


def ends_alike(resumed: dict[str, Any], whole: dict[str, Any]) -> None:
    """Asserts that a run which went on has from then on what the whole one has."""
    played = len(resumed["seen"])
    assert 0 < played < len(STREAM)
    assert resumed.pop("seen") == whole.pop("seen")[-played:]
    assert resumed == whole
    assert whole["is_handled_as_before"]


def goes_on(
    folder: Path, *, ckpt_path: Optional[str] = "hpc", before: Callable[[], None] = lambda: None, **how: Any
) -> None:
    """Trains a whole run, and one that is told in some way, is ended and goes on."""
    whole = run(str(folder / "whole" / "checkpoints"), STREAM, save_top_k=2)
    before()
    part = str(folder / "part" / "checkpoints")
    run(part, STREAM, save_top_k=2, is_ended=True, **how)
    assert [path.name for path in folder.glob("part/hpc*")] == ["hpc_ckpt_1.ckpt"]
    ends_alike(run(part, STREAM, save_top_k=2, ckpt_path=ckpt_path), whole)


@pytest.mark.parametrize("hook, steps", TOLD)
def test_a_requeued_run_ends_as_the_whole_one(hook: str, steps: int, asked: Path, tmp_path: Path) -> None:
    """Within an epoch, and between two. From the end of the last step Lightning leaves out the validation."""
    goes_on(tmp_path, told=(hook, [steps]))
    assert asked.read_text() == "requeue 17\n"


def test_lightning_finds_it_by_itself(tmp_path: Path) -> None:
    goes_on(tmp_path, told=("on_train_batch_start", [9]), ckpt_path=None)


@pytest.mark.parametrize("exchange", [6, 7, 8, 9])
def test_a_decision_is_made_first(exchange: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal comes within an exchange of the second epoch: two rounds, the name, and whether it is saved."""
    carry, exchanges = Solo.all_gather, list[bytes]()

    def carry_told(self: Solo, message: bytes) -> bytes:
        exchanges.append(message)
        if len(exchanges) == exchange:
            tell()
        return carry(self, message)

    goes_on(tmp_path, before=lambda: monkeypatch.setattr(Solo, "all_gather", carry_told))


class Told(TorchCheckpointIO):
    """Is told while it writes a checkpoint."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Optional[Any] = None) -> None:
        if Path(path).name == "epoch=1-step=8.ckpt":
            tell()
        super().save_checkpoint(checkpoint, path)


def test_a_checkpoint_is_written_first(tmp_path: Path) -> None:
    goes_on(tmp_path, plugins=(Told(),))


def test_ranks_that_are_told_after_other_steps(
    asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is told while the second waits for it, in a step that both have to make."""
    stream = [[loss, loss + 0.1] for loss in LOSSES]
    told = {"told": ["on_train_batch_start", [5, 6]], "is_ended": True}
    runs = [
        {"folder": str(tmp_path / name / "checkpoints"), "stream": stream, "save_top_k": 2, "deadline": 60, **more}
        for name, more in [("whole", {}), ("part", told), ("part", {"ckpt_path": "hpc"})]
    ]
    monkeypatch.setenv("SLURM_NTASKS", "2")
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "2")
    whole, _, resumed = results(trainings(2, runs, tmp_path, TRAININGS))
    ends_alike(resumed, whole)
    assert asked.read_text() == "requeue 17\n"
