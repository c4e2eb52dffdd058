"""How all ranks leave a training together where one was told to, or all have failed."""

from __future__ import annotations

import signal
import struct
import sys
import threading
import time
from types import FrameType
from typing import Any, Optional

from ckpt_policy.engines import Engine, Solo, TorchDistributed
from ckpt_policy.lightning.package import Trainer
from ckpt_policy.lightning.requeue import Requeue

__all__ = ["Leaving"]

#: Seconds between two looks whether a rank was told to leave, about.
BETWEEN_LOOKS = 1.0

#: Seconds that a rank which has failed waits for the others to fail, too.
PATIENCE = 30.0

#: What ranks tell each other at a look: whether they were told to leave, whether to be requeued, and the
#: seconds since the look before.
_LOOK = struct.Struct("<??d")


class Leaving:
    """Learns on all ranks, after the same step, that one of them was told to leave (SIGTERM).

    In a world of several ranks Lightning's own handler is put aside: it broadcasts from within, on the
    rank alone that was told, and what the ranks exchange from then on does not fit together.
    """

    def __init__(self) -> None:
        #: What else they may be told, by SLURM.
        self.requeue = Requeue()
        self._engine: Engine = Solo()
        self._last_words: Engine = Solo()
        self._theirs: Any = None
        self._is_told = False
        self._stride = self._left = 1
        self._looked = 0.0

    def start(self, trainer: Trainer, engine: Engine, deadline: Optional[float]) -> None:
        """Begins to listen, on all ranks, until Lightning puts its handlers back after the training.

        With a deadline they can :meth:`meet`.
        """
        self.requeue.start(trainer, is_alone=isinstance(engine, Solo))
        if isinstance(engine, Solo):
            return
        self._engine = engine
        if deadline is not None:
            # What a failed rank says must not meet with what the others exchange in a decision.
            self._last_words = TorchDistributed(deadline=min(deadline, PATIENCE))
        self._looked = time.monotonic()
        if threading.current_thread() is threading.main_thread():
            self._theirs = trainer._signal_connector._original_handlers.get(signal.SIGTERM)
            signal.signal(signal.SIGTERM, self._tell)

    def is_told(self, trainer: Trainer) -> bool:
        """Whether a rank was told to leave, the same on all of them; to be called after each step.

        Lightning learns it, too, and ends the training after this step.
        """
        if isinstance(self._engine, Solo):
            is_told = trainer.received_sigterm and not self._is_told
            self._is_told = trainer.received_sigterm
            return is_told
        self._left -= 1
        if self._left > 0:
            return False
        now = time.monotonic()
        look = _LOOK.pack(self._is_told, self.requeue.is_told, now - self._looked)
        told, requeued, seconds = zip(*_LOOK.iter_unpack(self._engine.all_gather(look)))
        # All ranks look after the same number of steps, since they compute it of the same numbers.
        steps = round(self._stride * BETWEEN_LOOKS / max(*seconds, 1e-3))
        self._stride = max(1, min(steps, 2 * self._stride, 1000))
        self._left, self._looked = self._stride, now
        self.requeue.is_due |= any(requeued)
        if any(told):
            self._left = sys.maxsize
            trainer._signal_connector.received_sigterm = True
        return any(told)

    def meet(self) -> None:
        """Waits until all ranks have failed, for some seconds.

        Raises:
            EngineError: Some have not; they train on, or are gone.
        """
        self._last_words.all_gather(b"\1")

    def _tell(self, number: int, frame: Optional[FrameType]) -> None:
        self._is_told = True
        if callable(self._theirs):
            self._theirs(number, frame)
