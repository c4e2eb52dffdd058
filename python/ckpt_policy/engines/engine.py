"""What an engine is, and the one for a world of one rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional, Protocol, Union

__all__ = ["DEADLINE", "Carried", "Engine", "Solo", "Work"]

#: What came of an exchange: the gathered bytes, or the sums and the maxima.
Carried = Union[bytes, "tuple[bytes, bytes]"]

#: Seconds that ranks wait for each other by default.
DEADLINE = 600.0


class Engine(Protocol):
    """A collective transport between the ranks of one run."""

    @property
    def rank(self) -> int:
        """This rank, from 0."""

    @property
    def world_size(self) -> int:
        """The number of ranks."""

    def all_gather(self, message: bytes) -> bytes:
        """Returns the messages of all ranks, which have one length, in the order of the ranks."""

    def all_reduce(self, sums: bytes, maxima: bytes) -> tuple[bytes, bytes]:
        """Returns integers over all ranks: sums, which wrap around, and maxima; element by element.

        Both are signed integers of 64 bits in the machine's order of bytes, and either may be empty.
        """


class Solo:
    """A world of one rank, which hears itself."""

    rank = 0
    world_size = 1

    def all_gather(self, message: bytes) -> bytes:
        return message

    def all_reduce(self, sums: bytes, maxima: bytes) -> tuple[bytes, bytes]:
        return sums, maxima

    def __repr__(self) -> str:
        return "Solo()"


class Work:
    """An exchange that was started and goes on while the trainer does something else."""

    def __init__(self, finish: Callable[[], Carried]) -> None:
        self._finish = finish
        self._carried: Optional[Carried] = None

    def wait(self) -> Carried:
        """Waits for the exchange and returns what came of it, for :meth:`Host.complete`.

        Raises:
            EngineError: A rank is gone or late.
        """
        if self._carried is None:
            self._carried = self._finish()
        return self._carried
