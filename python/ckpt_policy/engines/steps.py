"""An exchange over torch as steps: transfers that go on by themselves, and what follows from them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ckpt_policy.engines.engine import Carried

__all__ = ["Broken", "Gone", "Steps"]

#: Yields transfers that were started and have to be complete before the next step; returns the result.
Steps = Generator["list[Any]", None, Carried]


class Broken(RuntimeError):
    """One of the transfers that were waited for has failed: the how-manyth."""

    def __init__(self, index: int, text: str) -> None:
        super().__init__(text)
        self.index = index


class Gone(RuntimeError):
    """A rank is known to be gone."""

    def __init__(self, rank: int) -> None:
        super().__init__(f"rank {rank} is gone")
        self.rank = rank
