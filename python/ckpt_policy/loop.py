"""Checkpoints of a training loop of one's own, which policies decide about.

:class:`Checkpointer` needs two functions, one that writes into a folder and one that reads from it, and so
goes with any trainer.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any, Optional, Union

from ckpt_policy._native import Event, Outcome
from ckpt_policy.books import Kept, configuration, facts, score
from ckpt_policy.engines import DEADLINE, Engine, torch_engine
from ckpt_policy.folders import NEW, Folders, joins, open_host, refuse_both, size
from ckpt_policy.host import Host

__all__ = ["Checkpointer"]

#: The file of a :class:`Checkpointer` in a checkpoint, by which it is known as its own.
STATE = "policy.json"


class Checkpointer:
    """Saves, deletes and goes on, in a training loop of one's own.

    Made when the model and the optimizer are ready: it reads the newest whole checkpoint of the directory
    into them, if there is one, and :attr:`epochs` and :attr:`steps` say where the run goes on. All ranks
    make one and call the same methods, at the same moments::

        checkpoints = Checkpointer("runs/1", save=write, load=read, monitor="val_loss", save_top_k=3)
        for epoch in range(checkpoints.epochs, 20):
            for batch in batches:
                ...
                checkpoints.step()
            checkpoints.epoch_end()
            checkpoints.validated({"val_loss": loss})
            if checkpoints.should_stop:
                break
        checkpoints.end()

    Args:
        directory: Where the folders ``checkpoint-STEP`` are, which all ranks see.
        save: Writes this rank's part of a checkpoint into a folder, which exists. An exception is told to
            all ranks as a failed save; they train on, and what the checkpoint would have replaced stays.
        load: Reads this rank's part from a folder.
        monitor: The metric that decides after each validation; ``None`` keeps the newest checkpoints, one
            after each epoch. Give each rank's own value.
        mode: ``"min"`` or ``"max"``.
        save_top_k: How many checkpoints to keep; -1 for all.
        save_last: Keeps the newest checkpoint, too, whatever it is worth.
        policy: ``builtin:aggregate`` (the mean over the ranks), ``builtin:majority``,
            ``builtin:unanimous``, ``builtin:rank-zero``, or the path of a ``.wasm`` file, which takes the
            same settings.
        settings: More settings of the policy.
        config: A configuration in place of all these: the path of a file, or a mapping.
        site: The site's rules, see :class:`ckpt_policy.Host`.
        engine: Carries what ranks exchange; by default over a gloo group of ``torch.distributed`` where
            that is initialized, and otherwise there is one rank.
        deadline: Seconds that a rank waits for the others, over that group.

    Raises:
        ValueError: A configuration and settings of a policy are given at once.
        ConfigError, PolicyError, AgreementError, EngineError: As :meth:`Host.open` raises them.

    Attributes:
        steps: Optimizer steps done.
        epochs: Epochs done.
        epoch_steps: Optimizer steps done in the epoch that is under way, which a run that goes on skips.
        should_stop: Whether a policy has ended the training.
        host: The host.
    """

    def __init__(
        self,
        directory: Union[str, os.PathLike[str]],
        *,
        save: Callable[[str], object],
        load: Callable[[str], object],
        monitor: Optional[str] = None,
        mode: str = "min",
        save_top_k: int = 1,
        save_last: bool = False,
        policy: str = "builtin:aggregate",
        settings: Optional[Mapping[str, Any]] = None,
        config: Optional[Union[str, os.PathLike[str], Mapping[str, Any]]] = None,
        site: Optional[Union[str, os.PathLike[str]]] = None,
        engine: Optional[Engine] = None,
        deadline: float = DEADLINE,
    ) -> None:
        refuse_both(config, monitor, settings)
        if config is None:
            at = ["epoch-end" if monitor is None else "validation-end"]
            newest = [*at, "train-end"] if save_last else []
            config = configuration(
                policy, settings or {}, monitor=monitor, mode=mode, top_k=save_top_k, at=at, newest=newest
            )
        self.steps = self.epochs = self.epoch_steps = 0
        self.should_stop = False
        self._write = save
        self._began = time.monotonic()
        self._engine = torch_engine(deadline) if engine is None else engine
        self._folders = Folders(directory, self._engine)
        kept = self._newest()
        self.host = open_host(config, self._folders, kept and kept["host"], site=site)
        if kept:
            self.steps, self.epochs, self.epoch_steps = kept["steps"], kept["epochs"], kept["epoch_steps"]
            load(self._folders.path(self.steps))
        else:
            self._happened("train-start", {})

    @property
    def best(self) -> Optional[Kept]:
        """The best checkpoint, as the first policy has it that says so."""
        return self._folders.books.find("best", self.host)

    @property
    def kept(self) -> list[Kept]:
        """The checkpoints that are kept, the oldest first."""
        books = self._folders.books.kept
        return [books[checkpoint] for checkpoint in sorted(books)]

    def step(self, metrics: Optional[Mapping[str, Any]] = None) -> Outcome:
        """Tells of an optimizer step; returns what was decided and, by now, done.

        Args:
            metrics: This rank's own numbers, where a policy wants any. ``None`` is a number it lacks.

        Raises:
            AgreementError, EngineError: As :meth:`Host.decide` raises them.
        """
        self.steps += 1
        self.epoch_steps += 1
        return self._happened("step-end", metrics)

    def epoch_end(self, metrics: Optional[Mapping[str, Any]] = None) -> Outcome:
        """Tells that an epoch has ended, before it is validated. Otherwise as :meth:`step`."""
        self.epochs += 1
        self.epoch_steps = 0
        return self._happened("epoch-end", metrics)

    def validated(self, metrics: Mapping[str, Any]) -> Outcome:
        """Tells what came of a validation. Otherwise as :meth:`step`."""
        return self._happened("validation-end", metrics)

    def end(self) -> None:
        """Tells that the training has ended. Raises as :meth:`step` does."""
        self._happened("train-end", {})
        self._do(self.host.finish(self._engine))

    def _happened(self, moment: str, metrics: Optional[Mapping[str, Any]]) -> Outcome:
        event = Event(moment, self.steps, self.epochs, {**(metrics or {}), **facts(self._began)})
        outcome = self.host.decide(event, self._engine)
        self._do(outcome)
        joined = self._folders.at(self.steps)
        if joins(outcome) and joined is not None:
            self._seal(joined, self._folders.path(self.steps))
        if outcome.interrupted:
            self._happened("interrupted", metrics)
        return outcome

    def _do(self, outcome: Outcome) -> None:
        last = self._folders.follow(self.host, outcome, lambda checkpoint: self._save(checkpoint, outcome))
        self.should_stop = self.should_stop or outcome.stop or last.stop

    def _save(self, checkpoint: int, outcome: Outcome) -> int:
        path, books = self._folders.path(self.steps), self._folders.books
        # It has its name once it is whole, and takes that of no other folder.
        new = path + NEW
        problem: Optional[Exception] = None
        try:
            os.makedirs(new, exist_ok=True)
            self._write(new)
        except Exception as error:
            problem = error
        failed = self._engine.all_gather(bytes([problem is not None]))
        if any(failed) and problem is None:
            problem = OSError(f"rank {failed.index(1)} could not write its part")
        try:
            if problem is not None:
                raise problem
            books.kept[checkpoint] = Kept(path, self.steps, self.epochs, score(outcome))
            self._seal(checkpoint, new)
            if self._folders.is_writer:
                os.replace(new, path)
        except Exception:
            books.kept.pop(checkpoint, None)
            if self._folders.is_writer:
                shutil.rmtree(new, ignore_errors=True)
            raise
        return size(path) if self._folders.is_writer else 0

    def _seal(self, checkpoint: int, folder: str) -> None:
        """Puts what the run needs to go on into the folder of a checkpoint."""
        snapshot = self.host.snapshot(self._engine)
        if not self._folders.is_writer:
            return
        books = self._folders.books.state()
        state = {
            "host": {"snapshot": snapshot, "checkpoint": checkpoint, "kept": books},
            "steps": self.steps,
            "epochs": self.epochs,
            "epoch_steps": self.epoch_steps,
        }
        path = os.path.join(folder, STATE)
        with open(path + NEW, "w", encoding="utf-8") as file:
            json.dump(state, file)
        os.replace(path + NEW, path)

    def _newest(self) -> dict[str, Any]:
        """Returns what the newest whole checkpoint says, on all ranks; nothing where there is none."""
        found = (step for step in self._folders.steps() if os.path.exists(self._state(step)))
        step = max(found, default=-1) if self._folders.is_writer else -1
        (step,) = struct.unpack_from("<q", self._engine.all_gather(struct.pack("<q", step)))
        if step < 0:
            return {}
        with open(self._state(step), encoding="utf-8") as file:
            state: dict[str, Any] = json.load(file)
        return state

    def _state(self, step: int) -> str:
        return os.path.join(self._folders.path(step), STATE)
