"""Trainings that SLURM puts into its queue again: `requeued_trainings.py RUNS`.

The file RUNS is JSON, a list of runs, which all go through one process group, one after the other: the
arguments of :func:`run`. Rank 0 prints for each a line `RESULT` and JSON, what that returns.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, Optional

import lightning.pytorch as pl
import torch.distributed as dist
from lightning.pytorch.plugins.environments import SLURMEnvironment
from trainings import scores, train

from ckpt_policy.lightning import PolicyCheckpoint


def tell() -> None:
    """Sends this process what SLURM sends before a job's time is over."""
    os.kill(os.getpid(), signal.SIGUSR1)


def handlers() -> list[Any]:
    """Returns what happens at the signals that a training is told by."""
    return [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGTERM)]


class Told(pl.Callback):
    """Is told in a hook, after so many steps, which may be others on each rank."""

    def __init__(self, hook: str, steps: list[int]) -> None:
        self._steps = steps
        setattr(self, hook, self._look)

    def _look(self, trainer: pl.Trainer, *_: Any) -> None:
        if self._steps and self._steps[trainer.global_rank] == trainer.global_step:
            self._steps = []
            tell()


class Killed(Exception):
    """What ends a training."""


class Ending(pl.Callback):
    """Ends the training, as SLURM does, in the first step after there is something to go on from."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_before_zero_grad(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.strategy.broadcast(any(self._folder.glob("hpc_ckpt_*"))):
            raise Killed


def run(
    folder: str,
    stream: list[list[float]],
    *,
    told: Optional[tuple[str, list[int]]] = None,
    is_ended: bool = False,
    ckpt_path: Optional[str] = None,
    plugins: tuple[Any, ...] = (),
    **arguments: Any,
) -> dict[str, Any]:
    """Trains with a `PolicyCheckpoint`.

    Args:
        folder: Where the checkpoints are; Lightning's own for SLURM are in the one above.
        stream: For each epoch each rank's value of `val_loss`.
        told: The hook, and for each rank the steps, at which SLURM's signal comes.
        is_ended: Whether SLURM ends the training.
        ckpt_path: What the training goes on from.
        plugins: Of the trainer.
        arguments: Of the callback.

    Returns:
        The files that rank 0 has `seen` after each epoch, what the callback says of them in the end, and
        whether signals are handled as before.
    """
    place = Path(folder)
    checkpoint = PolicyCheckpoint(place, monitor="val_loss", save_last=True, **arguments)
    others = [*([Told(*told)] if told else []), *([Ending(place.parent)] if is_ended else [])]
    plugins = (SLURMEnvironment(), *plugins)
    seen: list[list[str]] = []
    before = handlers()
    with contextlib.suppress(Killed):
        _, seen = train(checkpoint, place, stream, *others, plugins=plugins, ckpt_path=ckpt_path)
    return {
        "seen": seen,
        "best": Path(checkpoint.best_model_path).name,
        "kth": Path(checkpoint.kth_best_model_path).name,
        "last": Path(checkpoint.last_model_path).name,
        "scores": scores(checkpoint),
        "is_handled_as_before": handlers() == before,
    }


if __name__ == "__main__":
    os.environ["SLURM_PROCID"] = os.environ["SLURM_LOCALID"] = os.environ["RANK"]
    for given in json.loads(Path(sys.argv[1]).read_text()):
        result = run(**given)
        if dist.get_rank() == 0:
            print("RESULT", json.dumps(result), flush=True)
