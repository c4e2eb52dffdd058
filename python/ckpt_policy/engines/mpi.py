"""An engine over mpi4py."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Optional

from ckpt_policy._native import EngineError
from ckpt_policy.engines.engine import DEADLINE

if TYPE_CHECKING:
    from mpi4py import MPI

__all__ = ["Mpi4py"]

#: Seconds in which only the processor is given away between two looks.
EAGER = 2e-3
#: The longest sleep between two looks, in seconds; MPI makes no progress meanwhile.
LONGEST = 1e-3


class Mpi4py:
    """Carries exchanges over a communicator of mpi4py, on a duplicate of its own.

    Args:
        comm: The communicator whose ranks decide together, such as ``MPI.COMM_WORLD``. All of them
            make the engine.
        deadline: Seconds that a rank waits for the others.
    """

    def __init__(self, comm: MPI.Intracomm, *, deadline: float = DEADLINE) -> None:
        from mpi4py import MPI

        self._mpi: Any = MPI
        self._comm = comm.Dup()
        self._comm.Set_errhandler(MPI.ERRORS_RETURN)
        self._deadline = deadline
        self.rank: int = self._comm.Get_rank()
        self.world_size: int = self._comm.Get_size()
        self._broken: Optional[str] = None
        self._under_way: list[Any] = []

    def all_gather(self, message: bytes) -> bytes:
        byte = self._mpi.BYTE
        everything = bytearray(len(message) * self.world_size)
        own, all_of_them = [message, byte], [everything, len(message), byte]
        self._carry("all_gather", lambda: [self._comm.Iallgather(own, all_of_them)])
        return bytes(everything)

    def all_reduce(self, sums: bytes, maxima: bytes) -> tuple[bytes, bytes]:
        mpi = self._mpi
        results = bytearray(len(sums)), bytearray(len(maxima))
        sides = list(zip((sums, maxima), results, (mpi.SUM, mpi.MAX)))

        def start() -> list[Any]:
            return [
                self._comm.Iallreduce([own, mpi.INT64_T], [result, mpi.INT64_T], operation)
                for own, result, operation in sides
                if own
            ]

        self._carry("all_reduce", start)
        return bytes(results[0]), bytes(results[1])

    def __repr__(self) -> str:
        return f"<Mpi4py: rank {self.rank} of {self.world_size}>"

    def _carry(self, operation: str, start: Callable[[], list[Any]]) -> None:
        if self._broken is not None:
            raise EngineError(f"an earlier exchange failed: {self._broken}")
        try:
            # Kept for as long as MPI may write to what they name.
            self._under_way = start()
            begun, pause = time.monotonic(), 20e-6
            while not self._mpi.Request.Testall(self._under_way):
                so_far = time.monotonic() - begun
                # Ranks that are about to come do so at once; others may need this processor.
                if so_far < EAGER:
                    time.sleep(0)
                else:
                    time.sleep(pause)
                    pause = min(2 * pause, LONGEST)
                if so_far > self._deadline:
                    waited = f"{operation} was not complete after {self._deadline:g} seconds"
                    self._broken = f"{waited}: a rank is gone, stopped or busy"
                    raise EngineError(self._broken)
        except self._mpi.Exception as error:
            self._broken = f"{operation} failed: {error.Get_error_string()}"
            raise EngineError(self._broken) from error
