"""How a training is saved and put into the queue again where SLURM says so, wherever its signal falls."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any, Optional

from ckpt_policy.lightning.package import Trainer

__all__ = ["Requeue"]


class Requeue:
    """Puts off what Lightning does at SLURM's signal, which is to save and to requeue.

    Lightning does it from within the handler. In the midst of a decision there is no state to be saved; and
    of several ranks each is then somewhere else, and what they exchange from within does not fit together.
    """

    def __init__(self) -> None:
        #: Whether this process was told, and has not followed.
        self.is_told = False
        #: Whether one of several ranks was, as all of them know.
        self.is_due = False
        self._number: Optional[int] = None
        self._theirs: Any = None
        self._waits = False

    def start(self, trainer: Trainer, *, is_alone: bool) -> None:
        """Begins to listen, until Lightning puts its handlers back; several ranks wait for each other."""
        environment: Any = trainer._accelerator_connector.cluster_environment
        self._number = getattr(environment, "requeue_signal", None)
        if self._number is None:
            return
        before = trainer._signal_connector._original_handlers.get(self._number)
        # Where a user handles this signal, or this is not the main thread, Lightning does not.
        if signal.getsignal(self._number) != before:
            self._waits = not is_alone
            self._theirs = signal.signal(self._number, self._tell)

    @contextlib.contextmanager
    def put_off(self) -> Iterator[None]:
        """Lets a process that is alone wait while it decides."""
        before, self._waits = self._waits, True
        try:
            yield
        finally:
            self._waits = before
        if self.is_told and not self._waits:
            self.follow()

    def follow(self) -> None:
        """Does what was put off."""
        self.is_told = self.is_due = False
        if callable(self._theirs):
            self._theirs(self._number, None)

    def _tell(self, number: int, frame: Optional[FrameType]) -> None:
        self.is_told = True
        if not self._waits:
            self.follow()
