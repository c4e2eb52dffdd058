"""Checkpoints in a training loop with Hugging Face's Accelerate, which policies decide about."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Optional, Union

from accelerate import Accelerator

from ckpt_policy import loop
from ckpt_policy._native import Outcome

__all__ = ["Checkpointer"]


class Checkpointer(loop.Checkpointer):
    """A :class:`ckpt_policy.loop.Checkpointer` that writes by ``save_state`` and reads by ``load_state``.

    Made after ``prepare``, on all processes::

        model, optimizer, batches = accelerator.prepare(model, optimizer, batches)
        checkpoints = Checkpointer(accelerator, "runs/1", monitor="val_loss", save_top_k=3)

    Each process gives its own numbers; nothing needs to be gathered first. The directory is one that all
    processes see. ``load_state(checkpoints.best.path)`` loads the best checkpoint.

    Args:
        accelerator: Whose models, optimizers, schedulers, random states and registered objects are saved.
        directory: Where the folders ``checkpoint-STEP`` are.
        arguments: ``monitor``, ``mode``, ``save_top_k``, ``policy`` and the others of the base class.

    Raises:
        ValueError: The accelerator chooses the folders by itself, or as the base class.
    """

    def __init__(
        self, accelerator: Accelerator, directory: Union[str, os.PathLike[str]], **arguments: Any
    ) -> None:
        if accelerator.project_configuration.automatic_checkpoint_naming:
            raise ValueError(
                "the accelerator names and deletes folders itself: leave out `automatic_checkpoint_naming`"
            )
        self._accelerator = accelerator
        super().__init__(directory, save=accelerator.save_state, load=accelerator.load_state, **arguments)

    def step(  # type: ignore[override]
        self, metrics: Optional[Mapping[str, Any]] = None
    ) -> Optional[Outcome]:
        """Tells that a batch is done; ``None`` while gradients are accumulated, which is no step."""
        return super().step(metrics) if self._accelerator.sync_gradients else None
