"""An engine over the processes of JAX."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from ckpt_policy._native import EngineError

__all__ = ["JaxProcesses"]


class JaxProcesses:
    """Carries exchanges between the processes of ``jax.distributed``, over their devices.

    An exchange is one all-gather, some milliseconds; it comes in line with the program's other collectives,
    so make the calls of a host where all processes are at the same place. There is no deadline: JAX itself
    ends the processes whose coordinator misses one of them.
    """

    def __init__(self) -> None:
        import jax
        from jax.experimental import multihost_utils

        self._gather: Any = multihost_utils.process_allgather
        self.rank: int = jax.process_index()
        self.world_size: int = jax.process_count()
        self._broken: Optional[str] = None

    def all_gather(self, message: bytes) -> bytes:
        return self._carry("all_gather", message).tobytes()

    def all_reduce(self, sums: bytes, maxima: bytes) -> tuple[bytes, bytes]:
        everything = self._carry("all_reduce", sums + maxima).view(np.int64)
        count = len(sums) // 8
        return everything[:, :count].sum(0).tobytes(), everything[:, count:].max(0).tobytes()

    def __repr__(self) -> str:
        return f"<JaxProcesses: rank {self.rank} of {self.world_size}>"

    def _carry(self, operation: str, message: bytes) -> np.ndarray[Any, Any]:
        """Returns a row of bytes for each rank. JAX has no other integers of 64 bits unless told so."""
        if self._broken is not None:
            raise EngineError(f"an earlier exchange failed: {self._broken}")
        try:
            rows = self._gather(np.frombuffer(message, np.uint8))
        except (RuntimeError, ValueError) as error:
            # With gloo a peer that is gone is a ValueError, with NCCL a RuntimeError.
            self._broken = f"{operation} failed: {error}"
            raise EngineError(self._broken) from error
        return np.ascontiguousarray(rows)
