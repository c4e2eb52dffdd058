"""A host that is driven by an engine."""

from __future__ import annotations

import contextlib
import json
import logging
import operator
import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Optional, TypeVar, Union

from ckpt_policy import _native
from ckpt_policy._native import CkptPolicyError, EngineError, Event, Exchange, Outcome, Resume
from ckpt_policy.engines import Carried, Engine

__all__ = ["Background", "Host"]

logger = logging.getLogger("ckpt_policy")

Path = Union[str, "os.PathLike[str]"]
Done = TypeVar("Done")


class Background:
    """What a save of :meth:`Host.follow` returns where the write goes on: its end is reported later."""


class Host(_native.Host):
    """One rank's host: the policies, the ledger of checkpoints, and where the run is.

    All ranks make one, and call the same methods in the same order.

    Args:
        config: The path of the configuration (TOML, or JSON), or a mapping of the same shape, whose
            paths are relative to the working directory.
        rank: This rank, from 0.
        world_size: The number of ranks.
        site: The path of the site's rules, which a configuration may tighten and never loosen. By
            default the file that the environment variable ``CKPT_POLICY_SITE`` names, if any.
        resume: From where the run goes on; ``None`` for a run of its own.

    A wrong configuration is an error of :meth:`open`, not of the constructor: a rank that raised here
    would leave the others waiting.

    Raises:
        TypeError, ValueError: An argument is not what is described here.
    """

    #: What was logged last of a policy at a moment.
    _told: dict[tuple[str, str], str]

    def __new__(
        cls,
        config: Union[Path, Mapping[str, Any]],
        rank: int = 0,
        world_size: int = 1,
        *,
        site: Optional[Path] = None,
        resume: Optional[Resume] = None,
    ) -> Host:
        if isinstance(config, Mapping):
            text = json.dumps(config, default=_plain)
        elif isinstance(config, (str, os.PathLike)):
            text = os.fspath(config)
        else:
            raise TypeError(f"config is a {type(config).__name__}; expected a configuration's path, or a mapping")
        rules = None if site is None else os.fspath(site)
        host = super().__new__(cls, text, rank, world_size, isinstance(config, Mapping), rules, resume)
        host._told = {}
        return host

    def open(self, engine: Engine) -> Host:
        """Proves that all ranks run the same thing, and opens the host; returns it.

        Raises:
            ConfigError, PolicyError: What is wrong with this rank's configuration or its policies.
            AgreementError: Another rank could not open, or the ranks differ, and in what.
            EngineError: The exchange was not carried.
        """
        if self.rank == 0:
            for warning in self.warnings:
                logger.warning("%s", warning.removeprefix("warning: "))
        self._carry_through(self.begin_open(), engine, "at the opening")
        return self

    def decide(self, event: Event, engine: Engine) -> Outcome:
        """Brings an event to the policies of all ranks; returns what they came to.

        Where no policy is due at this moment nothing is exchanged.

        Raises:
            AgreementError: The ranks differ, or one could not run a policy. Nothing has changed.
            EngineError: The exchange was not carried.
        """
        return self._round(self.begin(event), engine)

    def settle(self, engine: Engine) -> Outcome:
        """Lets all ranks learn how a save ended.

        All ranks call it once the save is written and reported by :meth:`saved` or :meth:`failed`, and
        where an outcome says ``settle``. Raises as :meth:`decide` does.
        """
        return self._round(self.begin_settle(), engine)

    def finish(self, engine: Engine) -> Outcome:
        """Settles what is left at the end of a run. Raises as :meth:`decide` does."""
        return self._round(self.begin_finish(), engine)

    def snapshot(self, engine: Engine) -> str:
        """Takes all that the run needs to go on later, the same text (JSON) on all ranks.

        Keep it beside the checkpoint and hand it to :class:`Resume`. Raises as :meth:`decide` does.
        """
        return self._carry_through(self.begin_snapshot(), engine, self._when())

    def follow(
        self,
        outcome: Outcome,
        engine: Engine,
        *,
        save: Callable[[int], Union[int, Background, None]],
        delete: Callable[[int], object],
    ) -> Outcome:
        """Does what an outcome says, on all ranks, until nothing more is to be done.

        Args:
            outcome: What :meth:`decide` or :meth:`finish` returned.
            engine: What carries the exchanges that follow.
            save: Writes this rank's part of the checkpoint of that number, and returns how many bytes
                it wrote. Returns when it is durable; or a :class:`Background`, and then :meth:`saved`
                or :meth:`failed` is called when it is, which a later round carries. An exception is
                reported to all ranks as a failed save and logged, and the run goes on; unless it is
                one of this package's.
            delete: Removes this rank's part of a checkpoint, also what a failed save has left. A
                :class:`FileNotFoundError` says that there is nothing; where it raises another error, it
                is called again after the next round.

        Returns:
            The outcome of the last round; all that it says is done.
        """
        self._delete(outcome, delete)
        while outcome.save or outcome.settle:
            if outcome.save and outcome.checkpoint is not None:
                self._save(outcome.checkpoint, save)
            outcome = self.settle(engine)
            self._delete(outcome, delete)
        return outcome

    def __enter__(self) -> Host:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def _save(self, checkpoint: int, save: Callable[[int], Union[int, Background, None]]) -> None:
        try:
            written = save(checkpoint)
            size = None if isinstance(written, Background) else _size(written)
        except CkptPolicyError:
            # An exchange that a save takes part in; nothing can go on.
            raise
        except Exception:
            logger.exception("checkpoint %d could not be written", checkpoint)
            self.failed(checkpoint)
        else:
            if size is not None:
                self.saved(checkpoint, size)

    def _delete(self, outcome: Outcome, delete: Callable[[int], object]) -> None:
        for checkpoint in outcome.delete:
            try:
                with contextlib.suppress(FileNotFoundError):
                    delete(checkpoint)
            except Exception:
                logger.exception("checkpoint %d could not be deleted", checkpoint)
            else:
                self.deleted(checkpoint)

    def _round(self, progress: Union[Exchange, Outcome], engine: Engine) -> Outcome:
        outcome = self._carry_through(progress, engine, self._when())
        if outcome.round is not None:
            self._tell(outcome)
        return outcome

    def _tell(self, outcome: Outcome) -> None:
        """Logs what went wrong in a round: on its own rank, or on rank 0 what all ranks know."""
        faults = self.faults
        for policy, text in faults:
            logger.warning("policy `%s` failed on rank %d: %s", policy, self.rank, text)
        if self.rank != 0:
            return
        told = {policy for policy, _ in faults}
        for policy, error in outcome.errors:
            if policy not in told:
                self._warn_once((policy, outcome.moment), f"policy `{policy}` at `{outcome.moment}`: {error}")
        for policy in outcome.disabled:
            logger.warning("policy `%s` has failed too often (`disable-after`), and is not asked any more", policy)
        if outcome.refused:
            logger.info("not saved at `%s`: %s", outcome.moment, outcome.refused)
        for checkpoint, ranks in outcome.ended:
            if ranks:
                named = ", ".join(map(str, ranks))
                logger.warning("checkpoint %d is given up, which could not be written on: rank %s", checkpoint, named)

    def _warn_once(self, subject: tuple[str, str], text: str) -> None:
        """Logs what recurs in round after round, until it is something else."""
        if self._told.get(subject) != text:
            self._told[subject] = text
            logger.warning("%s", text)

    def _when(self) -> str:
        return f"in round {self.rounds + 1}"

    def _carry_through(self, progress: Union[Exchange, Done], engine: Engine, when: str) -> Done:
        while isinstance(progress, Exchange):
            carried: Carried
            try:
                if progress.kind == "gather":
                    carried = engine.all_gather(progress.message)
                else:
                    carried = engine.all_reduce(progress.sums, progress.maxima)
            except EngineError as error:
                if self.is_open:
                    self.give_up()
                raise EngineError(f"{when}: {error}") from error
            progress = self.complete(carried)
        return progress


def _plain(value: object) -> str:
    """Returns a value of a configuration that JSON has no word for."""
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    raise TypeError(f"the configuration holds {value!r}, a {type(value).__name__}; expected what JSON has, or a path")


def _size(written: Optional[int]) -> int:
    """Returns how many bytes a save says that it wrote."""
    try:
        size = operator.index(written or 0)
    except TypeError:
        size = -1
    if size < 0:
        raise ValueError(f"the save returned {written!r}; expected the number of bytes that it wrote, or None")
    return size
