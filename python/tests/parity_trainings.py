"""Trainings whose checkpoints are compared: in this process, or in a world of processes, one a rank."""

from __future__ import annotations

import itertools
import json
import logging
import multiprocessing
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Optional

import lightning.pytorch as pl
import torch
import torch.distributed as dist
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from ckpt_policy.lightning import PolicyCheckpoint

warnings.simplefilter("ignore")
for package in ("lightning.pytorch", "ckpt_policy"):
    logging.getLogger(package).setLevel(logging.ERROR)

#: Makes processes of one that has imported what takes seconds.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["lightning.pytorch", "torch.distributed", "ckpt_policy.lightning"])

#: The arguments of a `PolicyCheckpoint` that make it a `ModelCheckpoint`.
PARITY: dict[str, Any] = {"policy": "builtin:unanimous", "settings": {"books": "per-rank"}}

#: The hooks at which a `ModelCheckpoint` may act.
HOOKS = ("on_train_batch_end", "on_validation_end", "on_train_epoch_end", "on_train_end", "on_exception")


@dataclass
class Run:
    """A training with one callback.

    Attributes:
        callback: `lightning` for `ModelCheckpoint`, `policy` for `PolicyCheckpoint`, `converted` for
            one that is made of a `ModelCheckpoint`.
        arguments: What the callback is made with, apart from the folder; `train_time_interval` in seconds.
        trainer: What the trainer is made with: `max_epochs`, `limit_train_batches`, and so on.
        values: What each rank logs as `metric`, by the optimizer steps done; a rank's `None` logs nothing.
        logged: `validation` logs after a validation, `epoch` at the end of a training epoch.
        ckpt_path: The checkpoint that it goes on from.
        leaves: `raise` or `SIGTERM`, and the rank and the step at which that happens.
        patience: Seconds until torch gives up an exchange.
    """

    callback: str
    arguments: dict[str, Any]
    trainer: dict[str, Any]
    values: Mapping[str, Optional[list[Optional[float]]]] = field(default_factory=dict)
    logged: str = "validation"
    ckpt_path: Optional[str] = None
    leaves: Optional[tuple[str, int, int]] = None
    patience: float = 600


class Failure(Exception):
    """What a module raises in these tests."""


class Scripted(pl.LightningModule):
    """A small model that logs what the run says."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.run_of = run

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        return self.layer(batch[0]).square().mean()

    def validation_step(self, batch: list[torch.Tensor], batch_idx: int) -> None:
        pass

    def on_validation_epoch_end(self) -> None:
        self.say("validation")

    def on_train_epoch_end(self) -> None:
        self.say("epoch")

    def on_train_batch_end(self, *arguments: Any) -> None:
        how, *where = self.run_of.leaves or ("", -1, -1)
        if where == [self.global_rank, self.trainer.global_step]:
            if how == "raise":
                raise Failure("this rank failed")
            os.kill(os.getpid(), signal.SIGTERM)

    def say(self, moment: str) -> None:
        values = self.run_of.values.get(str(self.trainer.global_step))
        mine = values[self.global_rank] if values else None
        if mine is not None and moment == self.run_of.logged:
            self.log("metric", mine)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Disk:
    """What is in a folder, and which state each file holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read = dict[tuple[int, int, int], list[int]]()

    def look(self) -> dict[str, Optional[list[int]]]:
        """Returns the epoch and the step in each file, by its name; `None` where there is no file."""
        return {path.name: self.state(path) for path in sorted(self.folder.glob("*.ckpt"))}

    def state(self, path: Path) -> Optional[list[int]]:
        if not path.is_file():
            return None
        status = path.stat()
        version = (status.st_ino, status.st_mtime_ns, status.st_size)
        if version not in self._read:
            held = torch.load(path, weights_only=False)
            self._read[version] = [held["epoch"], held["global_step"]]
        return self._read[version]


def watch(callback: ModelCheckpoint, folder: Path) -> list[list[Any]]:
    """Lets a callback note after each of its hooks which files there are.

    Trainers call checkpoint callbacks last, so no other callback could see what they did.

    Returns:
        The list that fills: hook, epoch, step, the files as :meth:`Disk.look` has them, and the best one.
    """
    disk, seen = Disk(folder), list[list[Any]]()

    def noting(hook: str) -> Any:
        original = getattr(callback, hook)

        def noted(trainer: pl.Trainer, *arguments: Any) -> None:
            original(trainer, *arguments)
            if trainer.is_global_zero and not trainer.sanity_checking:
                name = hook.removeprefix("on_")
                best = Path(callback.best_model_path).name
                seen.append([name, trainer.current_epoch, trainer.global_step, disk.look(), best])

        return noted

    for hook in HOOKS:
        setattr(callback, hook, noting(hook))
    return seen


def make(run: Run, folder: Path) -> ModelCheckpoint:
    """Returns the callback of a run."""
    arguments = dict(run.arguments)
    if arguments.get("train_time_interval") is not None:
        arguments["train_time_interval"] = timedelta(seconds=arguments["train_time_interval"])
    if run.callback == "lightning":
        return ModelCheckpoint(folder, **arguments)
    if run.callback == "converted":
        return PolicyCheckpoint.from_model_checkpoint(ModelCheckpoint(folder, **arguments))
    return PolicyCheckpoint(folder, **{**PARITY, **arguments})


def trainer_of(run: Run, folder: Path, *callbacks: pl.Callback) -> pl.Trainer:
    """Returns a trainer over the ranks that there are, which says nothing."""
    is_alone = "WORLD_SIZE" not in os.environ
    return pl.Trainer(
        **{
            "accelerator": "cpu",
            # Looking for MPI, as Lightning does where it is not told, starts it, and no `mpirun` works then.
            "plugins": [LightningEnvironment()] if is_alone else None,
            "devices": int(os.environ.get("WORLD_SIZE", "1")),
            "strategy": "auto" if is_alone else DDPStrategy(timeout=timedelta(seconds=run.patience)),
            "limit_val_batches": 1,
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "num_sanity_val_steps": 0,
            "use_distributed_sampler": False,
            "default_root_dir": folder.parent,
            "callbacks": list(callbacks),
            **run.trainer,
        }
    )


def batches() -> torch.utils.data.DataLoader[Any]:
    """Returns enough batches for any run."""
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(4000, 1)), batch_size=1)


def train(run: Run, folder: Path) -> dict[str, Any]:
    """Trains.

    Returns:
        What was `seen` on rank 0, see :func:`watch`; the names of the `best` and the `last` file; and the
        `error`, where the callback says on all ranks that it is misconfigured.
    """
    callback = make(run, folder)
    seen = watch(callback, folder)
    error = None
    try:
        trainer_of(run, folder, callback).fit(Scripted(run), batches(), batches(), ckpt_path=run.ckpt_path)
    except MisconfigurationException as raised:
        error = str(raised)
    return {
        "seen": seen,
        "best": Path(callback.best_model_path).name,
        "last": Path(callback.last_model_path).name,
        "error": error,
    }


def work(rank: int, size: int, port: int, runs: list[Run], folder: Path) -> None:
    """One rank of :func:`world`."""
    os.environ.update(
        {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "TORCHELASTIC_USE_AGENT_STORE": "True",
            "TORCHELASTIC_RUN_ID": "tests",
            "WORLD_SIZE": str(size),
            "LOCAL_WORLD_SIZE": str(size),
            "GROUP_RANK": "0",
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
        }
    )
    with (folder / f"rank-{rank}.txt").open("w") as told, redirect_stdout(told), redirect_stderr(told):
        torch.set_num_threads(1)
        try:
            for number, run in enumerate(runs):
                result = train(run, folder / f"run-{number}" / "checkpoints")
                print(json.dumps(result), flush=True)
        except BaseException:
            traceback.print_exc()
            sys.exit(1)


def world(size: int, runs: list[Run], folder: Path, *, timeout: float = 600) -> list[list[dict[str, Any]]]:
    """Trains all runs, one after the other, in one group of processes.

    Args:
        size: The number of ranks.
        runs: What to train. A rank that raises does none of those that are left.
        folder: Where the runs write.
        timeout: Seconds after which all is ended.

    Returns:
        For each rank what :func:`train` returned, of as many runs as ended well.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # As torchrun does it, the store is nobody's who may be killed.
    store = dist.TCPStore("0.0.0.0", 0, is_master=True, wait_for_workers=False)
    ranks = [
        FORKS.Process(target=work, args=(rank, size, store.port, runs, folder), daemon=True)
        for rank in range(size)
    ]
    for rank in ranks:
        rank.start()
    until = time.monotonic() + timeout
    for rank in ranks:
        rank.join(max(0, until - time.monotonic()))
    for rank in ranks:
        rank.kill()
        rank.join()
    return [read(folder / f"rank-{rank}.txt") for rank in range(size)]


def read(told: Path) -> list[dict[str, Any]]:
    """Returns what a rank said, up to the first line that is no result."""
    lines = told.read_text().splitlines() if told.exists() else []
    return [json.loads(line) for line in itertools.takewhile(lambda line: line.startswith("{"), lines)]
