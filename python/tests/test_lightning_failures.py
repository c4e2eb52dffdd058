"""Where `ModelCheckpoint` fails and `PolicyCheckpoint` does not: each test shows both."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import pytest
import torch
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.plugins.io import AsyncCheckpointIO, TorchCheckpointIO
from parity_trainings import PARITY, Run, Scripted, batches, make, trainer_of, watch, world
from trainings import scores

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")

#: Seconds until torch gives up where Lightning hangs.
PATIENCE = 3.0

MEAN: dict[str, Any] = {"policy": "builtin:aggregate", "settings": {}}
RANK_ZERO: dict[str, Any] = {"policy": "builtin:rank-zero", "settings": {}}
UNANIMOUS: dict[str, Any] = {"policy": "builtin:unanimous", "settings": {}}
PER_RANK = PARITY

Value = Optional[float]


def lightning(
    stream: Sequence[Sequence[Value]], trainer: Optional[dict[str, Any]] = None, **arguments: Any
) -> Run:
    """A training under `ModelCheckpoint`, with an epoch of one step for each entry of the stream."""
    values = {str(step + 1): list(losses) for step, losses in enumerate(stream)}
    shape = {"max_epochs": len(stream), "limit_train_batches": 1, **(trainer or {})}
    return Run("lightning", {"monitor": "metric", **arguments}, shape, values)


def policy(run: Run, **arguments: Any) -> Run:
    """The same training under `PolicyCheckpoint`."""
    changed = Run(**vars(run))
    changed.callback, changed.arguments = "policy", {**run.arguments, **(arguments or MEAN)}
    return changed


def files(result: dict[str, Any]) -> list[str]:
    """The checkpoints that there were in the end."""
    return sorted(result["seen"][-1][3])


def saved(result: dict[str, Any]) -> list[str]:
    """The checkpoints in the order in which they came."""
    return list(dict.fromkeys(name for _, _, _, there, _ in result["seen"] for name in there))


def trained(folder: Path, *runs: Run) -> list[list[dict[str, Any]]]:
    """Trains in two processes; returns for each run what each rank said."""
    results = world(2, list(runs), folder)
    told = "".join((folder / f"rank-{rank}.txt").read_text()[-3000:] for rank in range(2))
    assert [len(of_rank) for of_rank in results] == [len(runs)] * 2, told
    return [list(of_run) for of_run in zip(*results)]


def name(step: int) -> str:
    return f"epoch={step - 1}-step={step}.ckpt"


def test_one_rank_vetoes_what_is_better(tmp_path: Path) -> None:
    """The second rank's noise loses the best mean; ours keeps it."""
    run = lightning([[1.0, 1.0], [0.2, 1.1], [0.3, 0.9], [0.1, 0.95]])
    theirs, ours = trained(tmp_path, run, policy(run))
    assert files(theirs[0]) == [name(3)]
    assert files(ours[0]) == [name(4)]


def test_the_best_of_a_rank_is_deleted(tmp_path: Path) -> None:
    """The first rank deletes what it finds worst, the best of the second; ours has one list."""
    run = lightning([[1.0, 0.1], [0.5, 0.5], [0.6, 0.2]], save_top_k=2)
    theirs, ours = trained(tmp_path, run, policy(run))
    assert theirs[1]["best"] == name(1)
    assert name(1) not in files(theirs[0])
    assert ours[0]["best"] == ours[1]["best"]
    assert ours[0]["best"] in files(ours[0])


def test_ranks_that_look_for_a_free_name_hang(tmp_path: Path) -> None:
    """One name for all: a rank takes the name of what it evicts, another looks for a free one."""
    run = lightning([[1.0, 0.1], [0.5, 0.5], [0.6, 0.2], [0.1, 0.1]], save_top_k=2, filename="model")
    run.patience = PATIENCE
    assert world(2, [run], tmp_path / "lightning") == [[], []]
    assert "Timed out" in "".join(said(tmp_path / "lightning"))
    ours, exact = trained(tmp_path / "policy", policy(run), policy(run, **PER_RANK))
    for results in (ours, exact):
        assert files(results[0]) == ["model-v1.ckpt", "model.ckpt"]
        assert results[0]["best"] == results[1]["best"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_one_rank_without_a_number_vetoes(bad: float, tmp_path: Path) -> None:
    """A rank with NaN refuses what all others find better; ours leaves it out."""
    run = lightning([[1.0, 1.0], [0.2, bad]])
    theirs, ours = trained(tmp_path, run, policy(run))
    assert files(theirs[0]) == [name(1)]
    assert files(ours[0]) == [name(2)]


@pytest.mark.parametrize("mode, bad", [("min", float("-inf")), ("max", float("inf"))])
def test_an_infinity_is_the_best_for_ever(mode: str, bad: float, tmp_path: Path) -> None:
    """Nothing is better than the infinity of a run that diverged; ours never saves it."""
    run = lightning([[bad, bad], [0.5, 0.5]], mode=mode)
    theirs, ours = trained(tmp_path, run, policy(run))
    assert files(theirs[0]) == [name(1)]
    assert files(ours[0]) == [name(2)]


@pytest.mark.parametrize("arguments", [MEAN, UNANIMOUS, PER_RANK], ids=["mean", "unanimous", "per-rank"])
def test_a_run_that_goes_on_decides_otherwise(arguments: dict[str, Any], tmp_path: Path) -> None:
    """After a resume all ranks have the scores of the first; ours goes on as if it had not stopped."""
    stream = [[1.0, 0.3], [0.9, 0.5], [0.95, 0.2], [0.8, 0.1]]
    whole = lightning(stream, save_top_k=1)
    cut = lightning(stream[:1], save_top_k=1)
    runs = []
    for number, make_of in enumerate((lambda run: run, lambda run: policy(run, **arguments))):
        part, rest = make_of(cut), make_of(whole)
        rest.ckpt_path = str(tmp_path / f"run-{3 * number + 1}/checkpoints/{name(1)}")
        runs += [make_of(lightning(stream, save_top_k=1)), part, rest]
    theirs, _, theirs_on, ours, _, ours_on = trained(tmp_path, *runs)
    assert saved(theirs[0]) == [name(1), name(3), name(4)]
    assert saved(theirs_on[0]) == [name(2), name(4)]
    assert saved(ours_on[0]) == saved(ours[0])[1:] == [name(3), name(4)]


class Full(TorchCheckpointIO):
    """A disk that is full from the second write on."""

    def __init__(self) -> None:
        self.writes = 0

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Optional[Any] = None
    ) -> None:
        self.writes += 1
        if self.writes > 1:
            raise OSError(28, "No space left on device")
        super().save_checkpoint(checkpoint, path, storage_options)


def alone(
    run: Run, folder: Path, *, plugin: Optional[Any] = None, module: Any = Scripted
) -> tuple[Any, list[Any]]:
    """Trains in this process; returns the callback and what was seen."""
    if plugin is not None:
        run.trainer["plugins"] = [LightningEnvironment(), plugin]
    callback = make(run, folder)
    seen = watch(callback, folder)
    trainer_of(run, folder, callback).fit(module(run), batches(), batches())
    return callback, seen


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.ckpt"))


def test_a_write_that_fails_is_the_best(tmp_path: Path) -> None:
    """The best that could not be written is none; ours trains on with the one that there is."""
    run = lightning([[3.0], [2.0], [1.0]])
    theirs = make(run, tmp_path / "theirs")
    run.trainer["plugins"] = [LightningEnvironment(), Full()]
    with pytest.raises(OSError, match="No space left"):
        trainer_of(run, tmp_path / "theirs", theirs).fit(Scripted(run), batches(), batches())
    assert not Path(theirs.best_model_path).exists()
    ours, seen = alone(policy(run), tmp_path / "ours", plugin=Full())
    assert seen[-1][:3] == ["train_end", 3, 3]
    assert Path(ours.best_model_path).name == name(1)
    assert names(tmp_path / "ours") == [name(1)]


@pytest.mark.parametrize("arguments", [MEAN, RANK_ZERO], ids=["mean", "rank-zero"])
def test_a_metric_of_the_first_rank_only(arguments: dict[str, Any], tmp_path: Path) -> None:
    """The rank that has none raises and the other waits; ours asks those that have it."""
    run = lightning([[2.0, None], [1.0, None], [3.0, None]])
    run.patience = PATIENCE
    hung = world(2, [run], tmp_path / "lightning")
    assert hung[0] == []
    assert "could not find the monitored key" in hung[1][0]["error"]
    (ours,) = trained(tmp_path / "policy", policy(run, **arguments))
    assert files(ours[0]) == [name(2)]


def test_a_step_before_the_validation_is_lost(tmp_path: Path) -> None:
    """With steps and a validation's metric the first save is lost, and later ones have the value before.

    Ours decides after the validation that follows on the step.
    """
    shape = {"max_epochs": 3, "limit_train_batches": 2}
    run = lightning([[0.0], [3.0], [0.0], [2.0], [0.0], [1.0]], shape, every_n_train_steps=2, save_top_k=-1)
    theirs, _ = alone(run, tmp_path / "theirs")
    ours, _ = alone(policy(run), tmp_path / "ours")
    assert scores(theirs) == {"epoch=1-step=4.ckpt": 3.0, "epoch=2-step=6.ckpt": 2.0}
    assert scores(ours) == {
        "epoch=0-step=2.ckpt": 3.0,
        "epoch=1-step=4.ckpt": 2.0,
        "epoch=2-step=6.ckpt": 1.0,
    }


class Accumulated(Scripted):
    """Logs another loss with each batch, two of which are a step."""

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        self.log("metric", [9.0, 3.0, 9.0, 5.0, 1.0, 9.0][batch_idx])
        return super().training_step(batch, batch_idx)


@pytest.mark.parametrize("arguments", [MEAN, PER_RANK], ids=["mean", "per-rank"])
def test_what_a_step_refused_is_asked_again(arguments: dict[str, Any], tmp_path: Path) -> None:
    """The second step is refused; half a step later it is saved with a loss of weights that are none."""
    shape = {"max_epochs": 1, "limit_train_batches": 6, "accumulate_grad_batches": 2, "limit_val_batches": 0}
    run = lightning([[0.0]] * 3, shape, every_n_train_steps=1)
    _, theirs = alone(run, tmp_path / "theirs", module=Accumulated)
    _, ours = alone(policy(run, **arguments), tmp_path / "ours", module=Accumulated)
    after = [sorted(files) for hook, _, _, files, _ in theirs if hook == "train_batch_end"]
    assert after[3:5] == [["epoch=0-step=1.ckpt"], ["epoch=0-step=2.ckpt"]]
    after = [sorted(files) for hook, _, _, files, _ in ours if hook == "train_batch_end"]
    assert after == [[]] + [["epoch=0-step=1.ckpt"]] * 5


def said(folder: Path) -> list[str]:
    """What each of two ranks said."""
    return [(folder / f"rank-{rank}.txt").read_text() for rank in range(2)]


def last_words(run: Run, folder: Path) -> list[str]:
    """Trains in two processes, one of which leaves; returns the last line of what each said."""
    run.patience = PATIENCE
    run.arguments["save_on_exception"] = True
    world(2, [run], folder, timeout=60)
    return [lines.strip().splitlines()[-1] for lines in said(folder)]


def test_one_rank_that_fails_alone(tmp_path: Path) -> None:
    """It waits for the others, and in the end nobody knows why it failed; ours says it."""
    run = lightning([[1.0, 1.0]] * 4, every_n_epochs=9)
    run.leaves = ("raise", 1, 2)
    theirs = last_words(run, tmp_path / "lightning")
    ours = last_words(policy(run, deadline=PATIENCE, **MEAN), tmp_path / "policy")
    assert "this rank failed" not in theirs[1]
    assert "this rank failed" in ours[1]


@pytest.mark.parametrize("rank", [0, 1])
def test_one_rank_that_is_told_to_leave(rank: int, tmp_path: Path) -> None:
    """Its handler exchanges what the others do not, and all wait; ours saves, and all leave."""
    # More steps than there are until the ranks look whether one was told to.
    run = lightning([], {"max_epochs": 1, "limit_train_batches": 4000})
    run.leaves = ("SIGTERM", rank, 2)
    theirs = last_words(run, tmp_path / "lightning")
    ours = last_words(policy(run, deadline=60.0, **MEAN), tmp_path / "policy")
    assert any("SIGTERMException" not in line for line in theirs)
    assert all("SIGTERMException" in line for line in ours)
    assert len(names(tmp_path / "policy/run-0/checkpoints")) == 1


class Slow(TorchCheckpointIO):
    """Writes when it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Optional[Any] = None
    ) -> None:
        assert self.let.wait(60)
        super().save_checkpoint(checkpoint, path, storage_options)


def test_what_is_deleted_before_it_is_written_stays(tmp_path: Path) -> None:
    """A deletion overtakes the write of the same file; ours comes after it."""

    class Letting(Scripted):
        def on_train_epoch_end(self) -> None:
            super().on_train_epoch_end()
            if self.current_epoch == self.trainer.max_epochs - 1:
                slow.let.set()

    run = lightning([[4.0], [3.0], [2.0], [1.0]])
    slow = Slow()
    alone(run, tmp_path / "theirs", plugin=AsyncCheckpointIO(slow), module=Letting)
    assert {name(1), name(2)} <= set(names(tmp_path / "theirs"))
    slow = Slow()
    alone(policy(run), tmp_path / "ours", plugin=AsyncCheckpointIO(slow), module=Letting)
    assert names(tmp_path / "ours") == [name(4)]
