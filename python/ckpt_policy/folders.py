"""The folders that adapters keep checkpoints in, and what else those with folders share."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import struct
from collections.abc import Callable, Mapping
from typing import Any, Optional, Union

from ckpt_policy._native import Outcome, Resume
from ckpt_policy.books import Books
from ckpt_policy.engines import Engine
from ckpt_policy.host import Host

__all__ = ["NEW", "Folders", "joins", "open_host", "refuse_both", "size"]

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
