"""Trainings by the real Lightning `Trainer`, once a rank: `trainings.py FOLDER STREAM ARGUMENTS FAILS`.

A stream is JSON: for each epoch each rank's value of the metric, which the model logs as its own. All ranks
fail after a step.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any, Optional

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.environments import LightningEnvironment

from ckpt_policy.lightning import PolicyCheckpoint

warnings.simplefilter("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Streamed(pl.LightningModule):
    """A small model, whose validation says what the stream says."""

    def __init__(self, stream: list[list[float]]) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
        self.stream = stream

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        return self.layer(batch[0]).square().mean()

    def validation_step(self, batch: list[torch.Tensor]) -> None:
        values = self.stream[self.current_epoch]
        self.log("val_loss", torch.tensor(values[self.global_rank], dtype=torch.float32))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Events(pl.Callback):
    """Writes down on rank 0 which files there are after each epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen = folder, list[list[str]]()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.look(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.look(trainer)

    def look(self, trainer: pl.Trainer) -> None:
        trainer.strategy.barrier()
        self.seen.append(sorted(path.name for path in self.folder.glob("*.ckpt")))


class Failing(pl.Callback):
    """Fails after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            raise RuntimeError(f"trouble on rank {trainer.global_rank}")


def train(
    callback: ModelCheckpoint,
    folder: Path,
    stream: list[list[float]],
    *more: pl.Callback,
    plugins: tuple[Any, ...] = (),
    epochs: Optional[int] = None,
    ckpt_path: Optional[str] = None,
    module: type[Streamed] = Streamed,
    **arguments: Any,
) -> tuple[pl.Trainer, list[list[str]]]:
    """Trains an epoch for each entry of the stream; returns the files after each of them."""
    torch.manual_seed(1)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(16, 2)), batch_size=4)
    events = Events(folder)
    is_alone = "WORLD_SIZE" not in os.environ
    is_nowhere = is_alone and "SLURM_NTASKS" not in os.environ
    trainer = pl.Trainer(
        accelerator="cpu",
        # Looking for MPI, as Lightning does where it is not told, starts it, and no `mpirun` works then.
        plugins=[*([LightningEnvironment()] if is_nowhere else []), *plugins],
        devices=int(os.environ.get("WORLD_SIZE", "1")),
        strategy=arguments.pop("strategy", "auto" if is_alone else "ddp"),
        max_epochs=epochs or len(stream),
        callbacks=[events, *more, callback],
        logger=arguments.pop("logger", False),
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=folder.parent,
        **arguments,
    )
    trainer.fit(module(stream), data, data, ckpt_path=ckpt_path)
    return trainer, events.seen[1:]


def scores(callback: ModelCheckpoint) -> dict[str, float]:
    """Returns the value of each checkpoint that a callback keeps for its value, by its name."""
    return {Path(path).name: float(score) for path, score in callback.best_k_models.items()}


if __name__ == "__main__":
    place, stream_of, arguments_of, fails = sys.argv[1:]
    made = PolicyCheckpoint(place, monitor="val_loss", **json.loads(arguments_of))
    train(made, Path(place), json.loads(stream_of), Failing(int(fails)))
