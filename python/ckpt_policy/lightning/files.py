"""The checkpoints of a callback on disk: what they are called, how they are written and deleted."""

from __future__ import annotations

import contextlib
import logging
import math
import os
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Optional, Union

import torch

from ckpt_policy._native import ConfigError, Outcome
from ckpt_policy.books import NEWEST, Books, Kept, from_rank_zero
from ckpt_policy.engines import Engine
from ckpt_policy.host import Background, Host
from ckpt_policy.lightning.package import ModelCheckpoint, Trainer

__all__ = ["Files"]

logger = logging.getLogger("ckpt_policy")

#: Bytes in which rank 0 tells the others what a checkpoint is called.
NAMES = 2048


class Files:
    """What a callback's checkpoints are called and where they lie.

    Args:
        callback: Whose templates, folder and file system these are.
    """

    def __init__(self, callback: ModelCheckpoint) -> None:
        self.books = Books()
        self._of = callback
        #: Writes that go on in a thread of Lightning's: what ends them, and the link that follows.
        self._pending: dict[int, tuple[Future[Optional[BaseException]], str, str]] = {}
        #: The link to the newest checkpoint, where there is one.
        self._linked = ""

    def save(
        self, checkpoint: int, outcome: Outcome, host: Host, engine: Engine, trainer: Trainer
    ) -> Union[int, Background]:
        """Writes a checkpoint, on all ranks; returns its size, or that it goes on in the background."""
        of = self._of
        wishes = [opinion for opinion in outcome.opinions if opinion["ballot"] == "save"]
        is_only_last = outcome.moment != "interrupted" and all(wish["name"] == NEWEST for wish in wishes)
        metrics = of._monitor_candidates(trainer)
        # An exchange, as is the snapshot in the state: all ranks do them, whatever then fails.
        path, newest = self._names(metrics, is_only_last, _replaced(wishes, host), engine, trainer)
        value = None if is_only_last or of.monitor is None else metrics.get(of.monitor)
        kept = Kept(path, trainer.global_step, trainer.current_epoch, _score(value, of.mode))
        self.books.kept[checkpoint] = kept
        # Before the write, since they are part of the state that is written.
        before = of.best_model_path, of.best_model_score, of.last_model_path
        is_best = any(wish.get("labels", {}).get("best") == checkpoint for wish in wishes)
        if not is_only_last and (is_best or not of.best_model_path):
            of.best_model_path = path
            of.best_model_score = None if kept.score is None else torch.tensor(kept.score)
        of.last_model_path = newest or of.last_model_path
        try:
            return self._write(checkpoint, path, newest, trainer)
        except Exception:
            del self.books.kept[checkpoint]
            of.best_model_path, of.best_model_score, of.last_model_path = before
            raise

    def _names(
        self,
        metrics: dict[str, torch.Tensor],
        is_only_last: bool,
        replaced: set[int],
        engine: Engine,
        trainer: Trainer,
    ) -> tuple[str, str]:
        """Returns what a checkpoint and the link to it are called, which rank 0 says to all."""
        told, problem = "", "rank 0 says why"
        if trainer.is_global_zero:
            try:
                told = self._say_names(metrics, is_only_last, replaced)
            except (LookupError, TypeError, ValueError, OSError) as error:
                problem = f"{type(error).__name__}: {error}"
        told = from_rank_zero(engine, told, NAMES)
        if not told:
            raise ConfigError(f"a checkpoint gets no name by `filename={self._of.filename!r}`: {problem}")
        path, newest = told.split("\n")
        return path, newest

    def _say_names(self, metrics: dict[str, torch.Tensor], is_only_last: bool, replaced: set[int]) -> str:
        of = self._of
        own = {kept.path for number, kept in self.books.kept.items() if number in replaced}
        newest = self._free(metrics, of.CHECKPOINT_NAME_LAST, {of.last_model_path}) if of.save_last else ""
        path = newest if is_only_last and newest else self._free(metrics, None, own)
        told = f"{path}\n{newest}"
        if len(told.encode()) > NAMES:
            raise ValueError(f"expected a path of at most {NAMES // 2} bytes, got {path}")
        return told

    def _free(self, metrics: dict[str, torch.Tensor], name: Optional[str], own: set[str]) -> str:
        """Returns a path that nothing else has; `own` are those that may be written over."""
        of = self._of
        taken = {kept.path for kept in self.books.kept.values()} - own
        # A folder is not written over: what is in it would be gone before the new one is whole.
        own = {path for path in own if os.path.islink(path) or not of._fs.isdir(path)}
        path = of.format_checkpoint_name(dict(metrics), name)
        version = of.STARTING_VERSION
        while path not in own and (path in taken or (of._enable_version_counter and of._fs.exists(path))):
            path = of.format_checkpoint_name(dict(metrics), name, ver=version)
            version += 1
        return path

    def _write(self, checkpoint: int, path: str, newest: str, trainer: Trainer) -> Union[int, Background]:
        if trainer.is_global_zero and os.path.islink(path):
            # What the link points to would be written over.
            os.remove(path)
        try:
            trainer.save_checkpoint(path, self._of.save_weights_only)
        except Exception:
            # Where the others are.
            trainer.strategy.barrier("Trainer.save_checkpoint")
            raise
        if not trainer.is_global_zero:
            return 0
        io = trainer.strategy.checkpoint_io
        executor = getattr(io, "_executor", None)
        if executor is not None:
            self._pending[checkpoint] = executor.submit(_take_error, io), path, newest
            return Background()
        return self._written(path, newest)

    def report(self, host: Host, *, wait: bool) -> None:
        """Tells the host which of the writes in the background have ended, of all of them if it waits."""
        for checkpoint, (ended, path, newest) in list(self._pending.items()):
            if not wait and not ended.done():
                continue
            del self._pending[checkpoint]
            error = ended.result()
            if error is None:
                host.saved(checkpoint, self._written(path, newest))
            else:
                logger.error("checkpoint %d could not be written", checkpoint, exc_info=error)
                host.failed(checkpoint)

    def delete(self, checkpoint: int, trainer: Trainer) -> None:
        """Deletes a checkpoint, unless its name is another's by now or it is not this run's."""
        kept = self.books.kept.pop(checkpoint, None)
        if kept is None or any(other.path == kept.path for other in self.books.kept.values()):
            return
        newer = [number for number in self.books.kept if number > checkpoint]
        if (kept.path == self._of.last_model_path and newer) or not self._is_own(kept.path):
            return
        executor = getattr(trainer.strategy.checkpoint_io, "_executor", None)
        if executor is not None:
            # A write that is still to come would bring back what is deleted now.
            executor.submit(trainer.strategy.remove_checkpoint, kept.path).result()
        else:
            trainer.strategy.remove_checkpoint(kept.path)
        link, left = self._of.last_model_path, self.books.newest
        if trainer.is_global_zero and link and os.path.islink(link) and not os.path.exists(link):
            self._link(left.path, link) if left else os.remove(link)

    def resume(self, state: dict[str, Any], trainer: Trainer) -> list[tuple[int, int, int, int]]:
        """Takes over what a state says was kept, as far as rank 0 finds it; returns it for ``Resume``."""
        fs = self._of._fs
        paths = [kept["path"] for kept in state["kept"].values()]
        sizes = {path: int(fs.du(path)) for path in paths if trainer.is_global_zero and fs.exists(path)}
        sizes = trainer.strategy.broadcast(sizes)
        self._linked = "" if state["last_model_path"] in paths else state["last_model_path"]
        return self.books.load(state["kept"], sizes.get)

    def show(self, host: Host) -> None:
        """Says in the words of ``ModelCheckpoint`` what is kept now."""
        of, held = self._of, self.books
        counted = {checkpoint.id: set(checkpoint.holders) - {NEWEST} for checkpoint in host.checkpoints}
        # A write that failed on another rank is known by the host alone.
        held.kept = {number: kept for number, kept in held.kept.items() if number in counted}
        chosen = [kept for number, kept in held.kept.items() if counted[number]]
        scores = {kept.path: torch.tensor(kept.score) for kept in chosen if kept.score is not None}
        best = held.find("best", host) or (chosen[-1] if chosen else None)
        of.best_k_models = scores
        of.best_model_path = best.path if best else ""
        of.best_model_score = scores.get(of.best_model_path)
        if scores and of.save_top_k in (-1, len(scores)):
            worst = max if of.mode == "min" else min
            of.kth_best_model_path = worst(scores, key=lambda path: float(scores[path]))
            of.kth_value = scores[of.kth_best_model_path]
        if scores:
            of.current_score = list(scores.values())[-1]

    def _is_own(self, path: str) -> bool:
        """Whether it lies in this run's folder: another run's is left alone. Remote paths are compared as text."""
        folder = str(self._of.dirpath)
        if "://" in path:
            return path.startswith(folder.rstrip("/") + "/")
        return Path(folder).absolute() in Path(path).absolute().parents

    def _written(self, path: str, newest: str) -> int:
        if newest != path:
            self._link(path, newest)
        if self._linked not in ("", newest) and self._is_own(self._linked):
            with contextlib.suppress(FileNotFoundError):
                self._of._fs.rm(self._linked)
        self._linked = "" if newest == path else newest
        return int(self._of._fs.du(path))

    def _link(self, path: str, link: str) -> None:
        """Lets the name of the newest checkpoint point to another one, in one step."""
        if not link:
            return
        if "://" in link:
            self._of._fs.copy(path, link, recursive=True)
            return
        new = link + ".new"
        with contextlib.suppress(FileNotFoundError):
            # Of a process that was killed.
            os.remove(new)
        try:
            os.symlink(os.path.relpath(path, os.path.dirname(link)), new)
            if os.path.isdir(link) and not os.path.islink(link):
                # A folder is not replaced in one step.
                self._of._fs.rm(link, recursive=True)
            os.replace(new, link)
        except OSError:
            # A file system without links. What one points to would be written over.
            if os.path.islink(link):
                os.remove(link)
            self._of._fs.copy(path, link, recursive=True)


def _replaced(wishes: list[dict[str, Any]], host: Host) -> set[int]:
    """Returns the checkpoints that nobody holds any more once what is wished for is written."""
    holders = {kept.id: set(kept.holders) for kept in host.checkpoints}
    for wish in wishes:
        for released in wish.get("release", []):
            holders[released].discard(wish["name"])
    return {kept for kept, who in holders.items() if not who}


def _score(value: Optional[torch.Tensor], mode: str) -> Optional[float]:
    """Returns this rank's number at a checkpoint; that of NaN is the worst, as in ``ModelCheckpoint``."""
    score = None if value is None else float(value)
    if score is not None and math.isnan(score):
        return math.inf if mode == "min" else -math.inf
    return score


def _take_error(io: Any) -> Optional[BaseException]:
    """Returns the error of the write before, which Lightning would raise in the next one."""
    error, io._error = io._error, None
    return error  # type: ignore[no-any-return]
