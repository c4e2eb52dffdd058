"""Checkpoints of a training loop of one's own, which policies decide about.

:class:`Checkpointer` needs two functions, one that writes into a folder and one that reads from it, and so
goes with any trainer. :class:`Folders` is where checkpoints lie; the adapter for ``Trainer`` has it, too.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any, Optional, Union

from ckpt_policy._native import Event, Outcome, Resume
from ckpt_policy.books import Books, Kept, configuration, facts, score
from ckpt_policy.engines import DEADLINE, Engine, torch_engine
from ckpt_policy.host import Host

__all__ = ["Checkpointer", "Folders", "joins", "open_host", "refuse_both", "size"]

logger = logging.getLogger("ckpt_policy")

#: The file of a :class:`Checkpointer` in a checkpoint, by which it is known as its own.
STATE = "policy.json"

_NAME = re.compile(r"checkpoint-(\d+)")

#: What the name of a folder ends with while it is written, and while it is deleted.
NEW, DELETED = ".new", ".deleted"


class Folders:
    """The folders ``checkpoint-STEP`` of a run, and which checkpoint of the host each of them holds.

    Args:
        directory: Where they are. All ranks see the same.
        engine: Carries what rank 0 finds there to the others.
        is_writer: Whether this rank deletes folders; by default rank 0 does.
    """

    def __init__(
        self, directory: Union[str, os.PathLike[str]], engine: Engine, *, is_writer: Optional[bool] = None
    ) -> None:
        self.books = Books()
        self.is_writer = engine.rank == 0 if is_writer is None else is_writer
        self._directory, self.engine = os.fspath(directory), engine
        if self.is_writer and os.path.isdir(self._directory):
            # What a run has left that was killed.
            for name in os.listdir(self._directory):
                if name.endswith((NEW, DELETED)) and _NAME.match(name):
                    shutil.rmtree(os.path.join(self._directory, name), ignore_errors=True)

    def path(self, step: int) -> str:
        """Returns the folder of a step."""
        return os.path.join(self._directory, f"checkpoint-{step}")

    def at(self, step: int) -> Optional[int]:
        """Returns the checkpoint of a step, which has one at most."""
        numbers = [checkpoint for checkpoint, kept in self.books.kept.items() if kept.step == step]
        return numbers[0] if numbers else None

    def steps(self) -> list[int]:
        """Returns the steps that have a folder here, the oldest first."""
        names = os.listdir(self._directory) if os.path.isdir(self._directory) else []
        return sorted(int(name[1]) for name in map(_NAME.fullmatch, names) if name)

    def newest(self, file: str) -> Optional[str]:
        """Returns the newest folder that has this file with whole JSON in it, ``None`` where there is none."""
        for step in reversed(self.steps()):
            with contextlib.suppress(OSError, ValueError), open(os.path.join(self.path(step), file)) as state:
                json.load(state)
                return self.path(step)
        return None

    def take_over(self, state: Mapping[Any, Mapping[str, Any]]) -> list[tuple[int, int, int, int]]:
        """Takes over the books of an earlier run, as far as rank 0 still finds the folders.

        Args:
            state: What ``Books.state()`` returned, the same on all ranks. The folders may have moved.

        Returns:
            What is there, as ``Resume(on_disk=...)`` wants it.
        """
        here = {number: {**entry, "path": self.path(entry["step"])} for number, entry in state.items()}
        if not here:
            return []
        paths = [str(entry["path"]) for entry in here.values()]
        sizes = [size(path) if os.path.isdir(path) else -1 for path in paths]
        form = f"<{len(sizes)}q"
        found = struct.unpack_from(form, self.engine.all_gather(struct.pack(form, *sizes)))
        there = {path: bytes_of for path, bytes_of in zip(paths, found) if bytes_of >= 0}
        return self.books.load(here, there.get)

    def follow(self, host: Host, outcome: Outcome, save: Callable[[int], Optional[int]]) -> Outcome:
        """Does what an outcome says; what a failed save has left is removed. See :meth:`Host.follow`."""
        last = host.follow(outcome, self.engine, save=save, delete=self.delete)
        held = {checkpoint.id for checkpoint in host.checkpoints}
        if outcome.save and outcome.checkpoint is not None and outcome.checkpoint not in held:
            with contextlib.suppress(OSError):
                self.delete(outcome.checkpoint)
        return last

    def delete(self, checkpoint: int) -> None:
        """Deletes a checkpoint.

        Raises:
            OSError: It could not be deleted, and is still in the books.
        """
        kept = self.books.kept.get(checkpoint)
        if kept is None:
            return
        if self.is_writer and os.path.isdir(kept.path):
            # One that is half deleted is never found under its name.
            deleted = kept.path + DELETED
            os.replace(kept.path, deleted)
            shutil.rmtree(deleted)
        del self.books.kept[checkpoint]


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
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(state, file)
        os.replace(path + ".new", path)

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


def open_host(
    config: Union[str, os.PathLike[str], Mapping[str, Any]],
    folders: Folders,
    kept: Optional[Mapping[str, Any]],
    *,
    site: Optional[Union[str, os.PathLike[str]]] = None,
) -> Host:
    """Opens a host, which goes on where it was if there is something kept.

    Args:
        config, site: As :class:`ckpt_policy.Host` has them.
        folders: Where the checkpoints are.
        kept: ``snapshot``, the number of the ``checkpoint`` it was kept with, and ``kept``, the books.

    Raises:
        ConfigError, PolicyError, AgreementError, EngineError: As :meth:`Host.open` raises them.
    """
    resume = None
    if kept:
        resume = Resume(kept["snapshot"], kept["checkpoint"], on_disk=folders.take_over(kept["kept"]))
    engine = folders.engine
    return Host(config, engine.rank, engine.world_size, site=site, resume=resume).open(engine)


def joins(outcome: Outcome) -> bool:
    """Whether a policy wants a checkpoint that this step has already."""
    is_wanted = any(opinion["ballot"] == "save" for opinion in outcome.opinions)
    return is_wanted and not outcome.save and outcome.refused is None


def refuse_both(config: object, monitor: Optional[str], settings: object) -> None:
    """Raises ValueError where a configuration and settings of a policy are given at once."""
    if config is not None and (monitor is not None or settings is not None):
        raise ValueError("`config` says which policies decide, on what: leave out `monitor` and `settings`")


def size(folder: str) -> int:
    """Returns how many bytes the files in a folder have."""
    return sum(
        os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names
    )
