"""Finds out which ranks have not come, once an exchange has failed."""

from __future__ import annotations

import threading
import time
from collections import Counter

__all__ = ["GRACE", "Roll"]

#: Seconds in which ranks that give up hear of each other.
GRACE = 2.0

#: Rolls of each group, by which those of its ranks find each other: all of them make their engines over
#: one group in the same order.
_rolls: Counter[str] = Counter()


class Roll:
    """A list of who is present, in the store of the default process group.

    Each rank that gives up calls itself present; who has not done so soon after is the one that was
    waited for, or at least knows nothing of the failure. As long as nothing fails it costs nothing.
    """

    def __init__(self, group: str, rank: int, world_size: int) -> None:
        self._rank, self._world_size = rank, world_size
        _rolls[group] += 1
        self._name = f"ckpt_policy/{group}/{_rolls[group]}"

    def missing(self, exchange: int) -> str:
        """Says which ranks have not come to this exchange, as far as can be known."""
        absent: list[int] = []
        asked = threading.Event()

        def ask() -> None:
            try:
                absent.extend(self._absent(exchange))
            except Exception:
                return
            asked.set()

        # The store's server may be what is gone, and its client would wait for it.
        threading.Thread(target=ask, daemon=True).start()
        if not asked.wait(2 * GRACE):
            return "a rank is gone, stopped or busy, and the store of the group does not say which"
        if not absent:
            return "all ranks have come by now"
        named = " and ".join(map(str, absent[:8])) + (" and more" if len(absent) > 8 else "")
        return f"rank{'s' if len(absent) > 1 else ''} {named} of {self._world_size} did not come"

    def _absent(self, exchange: int) -> list[int]:
        from torch.distributed.distributed_c10d import _get_default_store

        store = _get_default_store()
        here = f"{self._name}/{exchange}/"
        store.set(here + str(self._rank), "")
        absent = [rank for rank in range(self._world_size) if rank != self._rank]
        end = time.monotonic() + GRACE
        while absent and time.monotonic() < end:
            time.sleep(0.02)
            absent = [rank for rank in absent if not store.check([here + str(rank)])]
        return absent
