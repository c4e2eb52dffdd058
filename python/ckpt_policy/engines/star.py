"""Rank 0 collects what all ranks bring, makes the answer of it, and sends it to all.

On gloo this takes a fraction of its own collectives for what a host exchanges, see
``python/benchmarks/decision.py``: these go round a ring, and pay for every hop.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any, Optional

from ckpt_policy.engines.roll import GRACE
from ckpt_policy.engines.steps import Broken, Gone, Steps

__all__ = ["Star"]


class Star:
    """Transfers between rank 0 and all others of a group on the CPU."""

    def __init__(self, group: Any, rank: int) -> None:
        import torch.distributed as dist

        self._dist: Any = dist
        self._group = group
        self._rank = rank
        self._ranks = dist.get_process_group_ranks(group)
        self._frames: dict[str, _Frame] = {}

    def gather(self, message: bytes) -> Steps:
        """Brings the messages of all ranks to all of them."""
        frame = self._frame("gather", len(message), len(message) * len(self._ranks))
        frame.own[:] = message

        def fold() -> None:
            frame.answer[8:] = frame.parts

        yield from self._carry(frame, fold)
        return bytes(frame.answer[8:])

    def reduce(self, sums: bytes, maxima: bytes) -> Steps:
        """Brings sums and maxima over all ranks to all of them."""
        import torch

        count, size = len(sums), len(sums) + len(maxima)
        frame = self._frame("reduce", size, size)
        frame.own[:count], frame.own[count:] = sums, maxima

        def fold() -> None:
            every = frame.part_tensors.view(torch.int64)
            result = frame.answer_tensor[8:].view(torch.int64)
            result[: count // 8] = every[:, : count // 8].sum(0)
            if maxima:
                result[count // 8 :] = every[:, count // 8 :].amax(0)

        yield from self._carry(frame, fold)
        answer = bytes(frame.answer[8:])
        return answer[:count], answer[count:]

    def _frame(self, operation: str, own: int, answer: int) -> _Frame:
        """Returns memory for an exchange: that of the one before, since all of a host are of one size."""
        frame: Optional[_Frame] = self._frames.get(operation)
        if frame is None or (len(frame.own), len(frame.answer)) != (own, 8 + answer):
            frame = _Frame(own, answer, len(self._ranks))
            self._frames[operation] = frame
        return frame

    def _carry(self, frame: _Frame, fold: Callable[[], None]) -> Generator[list[Any], None, None]:
        """Carries an exchange.

        The answer begins with a number that is not part of the result: zero, or the rank that is gone.
        Whoever waits for rank 0 would else not hear of it.
        """
        dist, group, ranks = self._dist, self._group, self._ranks
        if self._rank != 0:
            sent = dist.isend(frame.own_tensor, ranks[0], group)
            yield [sent, dist.irecv(frame.answer_tensor, ranks[0], group)]
            if frame.answer[0] != 0:
                raise Gone(frame.answer[0])
            return
        others = range(1, len(ranks))
        parts = frame.part_tensors
        parts[0] = frame.own_tensor
        try:
            yield [dist.irecv(parts[rank], ranks[rank], group) for rank in others]
        except Broken as broken:
            gone = others[broken.index]
            frame.answer[0] = gone
            for rank in set(others) - {gone}:
                with contextlib.suppress(RuntimeError):
                    sent = dist.isend(frame.answer_tensor, ranks[rank], group)
                    sent.wait(timedelta(seconds=GRACE))
            raise Gone(gone) from broken
        fold()
        yield [dist.isend(frame.answer_tensor, ranks[rank], group) for rank in others]


class _Frame:
    """Memory for exchanges of one size; the tensors are views of the bytes."""

    def __init__(self, own: int, answer: int, ranks: int) -> None:
        import torch

        self.own = bytearray(own)
        self.own_tensor: Any = torch.frombuffer(self.own, dtype=torch.uint8)
        self.parts = bytearray(own * ranks)
        self.part_tensors: Any = torch.frombuffer(self.parts, dtype=torch.uint8).view(ranks, own)
        self.answer = bytearray(8 + answer)
        self.answer_tensor: Any = torch.frombuffer(self.answer, dtype=torch.uint8)
