"""Trainings whose ranks each write their own part of a checkpoint, a folder: `sharded_trainings.py RUNS`.

The file RUNS is JSON, a list of runs, which all go through one process group, one after the other: the
arguments of :func:`run`. Rank 0 prints for each a line `RESULT` and JSON, what that returns.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any, Optional

import torch
import torch.distributed as dist
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy, Strategy
from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel, fully_shard
from trainings import Streamed, scores, train

from ckpt_policy.lightning import PolicyCheckpoint


class Sharded(Streamed):
    """Shards its parameters where there is a mesh of devices, as FSDP2 wants it."""

    def configure_model(self) -> None:
        if not isinstance(self.layer, FSDPModule):
            fully_shard(self.layer, mesh=self.device_mesh["data_parallel"])


class Wrapped(Streamed):
    """Shards its parameters by FSDP, which looks for a GPU where it is not told to take the CPU."""

    def configure_model(self) -> None:
        if not isinstance(self.layer, FullyShardedDataParallel):
            self.layer = FullyShardedDataParallel(  # type: ignore[assignment]
                self.layer, device_id=torch.device("cpu"), use_orig_params=True
            )

    def configure_optimizers(self) -> torch.optim.Optimizer:
        # Lightning does not read back the state of an optimizer that has none.
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


class FSDPOnCpu(FSDPStrategy):
    """The same strategy: Lightning refuses the class itself, and no other, where there is no GPU."""


def made(strategy: str) -> tuple[Strategy, type[Streamed]]:
    """Returns a strategy, and the module that it trains."""
    if strategy == "FSDPStrategy":
        return FSDPOnCpu(state_dict_type="sharded"), Wrapped
    size = int(os.environ["WORLD_SIZE"])
    return ModelParallelStrategy(data_parallel_size=size, tensor_parallel_size=1), Sharded


class Removing(TorchCheckpointIO):
    """Writes down what this rank removes; Lightning's sharded strategies use it for nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.removed: list[str] = []

    def remove_checkpoint(self, path: Any) -> None:
        self.removed.append(Path(path).name)
        super().remove_checkpoint(path)


class Troubles(logging.Handler):
    """Keeps what the package says of troubles, which it logs and goes on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def contents(folder: Path) -> dict[str, list[str]]:
    """Returns what is in each checkpoint of a folder, by its name."""
    return {path.name: sorted(part.name for part in path.iterdir()) for path in sorted(folder.iterdir())}


def run(
    strategy: str,
    callback: str,
    folder: str,
    stream: list[list[float]],
    arguments: dict[str, Any],
    epochs: Optional[int] = None,
    ckpt_path: Optional[str] = None,
    goes_on: bool = False,
) -> dict[str, Any]:
    """Trains.

    Args:
        strategy: `ModelParallelStrategy` (FSDP2) or `FSDPStrategy`.
        callback: `lightning` for `ModelCheckpoint`, `policy` for `PolicyCheckpoint`.
        folder: Where the checkpoints are.
        stream: For each epoch each rank's value of `val_loss`.
        arguments: What the callback is made with, apart from folder and metric.
        epochs: How many to train; by default as many as the stream has.
        ckpt_path: What the training goes on from.
        goes_on: Whether the same trainer then trains what is left of the stream, from the `best`.

    Returns:
        The checkpoints that rank 0 has `seen` after each epoch, what is `left` in them in the end, what the
        callback says of them, what each rank `removed`, and all `troubles` of all ranks.
    """
    kinds: dict[str, type[ModelCheckpoint]] = {"lightning": ModelCheckpoint, "policy": PolicyCheckpoint}
    checkpoint = kinds[callback](folder, monitor="val_loss", **arguments)
    shards, module = made(strategy)
    removing, troubles = Removing(), Troubles()
    logging.getLogger("ckpt_policy").addHandler(troubles)
    trainer, seen = train(
        checkpoint,
        Path(folder),
        stream,
        plugins=(removing,),
        epochs=epochs,
        ckpt_path=ckpt_path,
        module=module,
        strategy=shards,
    )
    if goes_on:
        trainer.fit_loop.max_epochs = len(stream)
        trainer.fit(module(stream), trainer.train_dataloader, trainer.val_dataloaders, ckpt_path="best")
    logging.getLogger("ckpt_policy").removeHandler(troubles)
    of_ranks: list[Any] = [None] * trainer.world_size
    dist.all_gather_object(of_ranks, (removing.removed, troubles.said))
    return {
        "seen": seen,
        "left": contents(Path(folder)),
        "steps": trainer.global_step,
        "best": Path(checkpoint.best_model_path).name,
        "last": Path(checkpoint.last_model_path).name,
        "scores": scores(checkpoint),
        "removed": [removed for removed, _ in of_ranks],
        "troubles": [said for _, said in of_ranks if said],
    }


if __name__ == "__main__":
    for given in json.loads(Path(sys.argv[1]).read_text()):
        result = run(**given)
        if dist.get_rank() == 0:
            print("RESULT", json.dumps(result), flush=True)
