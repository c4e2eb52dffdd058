"""What Lightning's own tests ask of `ModelCheckpoint`, asked of it and of `PolicyCheckpoint`.

This is what the tests in `test_lightning_suite_*.py` share. Each of them names the tests of Lightning's
suite that it restates, by their names in its `checkpointing/test_model_checkpoint.py` unless another file
is named. Left out are, and why:

- `…_no_extraneous_invocations`, `test_top_k_ddp`, `test_model_checkpoint_ddp_monitor_none`: of several
  ranks; `test_lightning_parity.py` holds more of them.
- `test_ddp_sigterm_handling.py`, `test_signal_connector.py`: see `test_lightning_failures.py`.
- `test_trainer.py`'s `hpc` files: see `test_lightning_requeue.py`.
- `test_callback_connector.py`'s order of other callbacks: the trainer's, no checkpoint callback takes part.
- `sync_dist` and `test_early_stopping.py`: how a metric comes to be, and another callback.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from parity_trainings import Disk, Run, Scripted, batches, make, trainer_of, watch

from ckpt_policy.lightning import PolicyCheckpoint

CLASSES: dict[str, Any] = {"lightning": ModelCheckpoint, "policy": PolicyCheckpoint}


class Trained(NamedTuple):
    trainer: pl.Trainer
    callback: ModelCheckpoint
    seen: list[list[Any]]

    def files(self, hook: str = "train_epoch_end") -> list[list[str]]:
        """The names of the files after each call of a hook."""
        return [sorted(files) for name, _, _, files, _ in self.seen if name == hook]


def run_of(callback: str, losses: Sequence[float], trainer: dict[str, Any], arguments: dict[str, Any]) -> Run:
    """A training with a loss for each optimizer step, one an epoch unless the trainer is told else."""
    values = {str(step + 1): [loss] for step, loss in enumerate(losses)}
    return Run(callback, arguments, {"max_epochs": len(losses), "limit_train_batches": 1, **trainer}, values)


def fit(
    callback: str,
    folder: Path,
    losses: Sequence[float],
    *others: pl.Callback,
    trainer: Optional[dict[str, Any]] = None,
    made: Optional[ModelCheckpoint] = None,
    module: Optional[type[Scripted]] = None,
    ckpt_path: Optional[str] = None,
    **arguments: Any,
) -> Trained:
    """Trains with a callback of these arguments, or with the one that is `made`."""
    run = run_of(callback, losses, trainer or {}, arguments)
    checkpoint = made or make(run, folder)
    seen = watch(checkpoint, folder)
    fitter = trainer_of(run, folder, *others, checkpoint)
    fitter.fit((module or Scripted)(run), batches(), batches(), ckpt_path=ckpt_path)
    return Trained(fitter, checkpoint, seen)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.ckpt"))


def held(path: Path) -> Optional[list[int]]:
    """The epoch and the step in a file."""
    return Disk(path.parent).state(path)


def state_in(path: Path, callback: ModelCheckpoint) -> dict[str, Any]:
    """A callback's state in a file."""
    return dict(torch.load(path, weights_only=False)["callbacks"][callback.state_key])
