"""An engine over a process group of torch."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Optional

from ckpt_policy._native import EngineError, Exchange
from ckpt_policy.engines.engine import DEADLINE, Carried, Engine, Solo, Work
from ckpt_policy.engines.roll import Roll
from ckpt_policy.engines.star import Star
from ckpt_policy.engines.steps import Broken, Gone, Steps

if TYPE_CHECKING:
    import torch
    import torch.distributed

__all__ = ["TorchDistributed", "torch_engine"]

#: Ranks up to which rank 0 answers all others by itself.
STAR = 64


class TorchDistributed:
    """Carries exchanges over a process group of ``torch.distributed``.

    Args:
        group: The group whose ranks decide together. Tensors are on the CPU if the group carries these
            (gloo, MPI, ``cpu:gloo,cuda:nccl``), otherwise on the device that it is bound to, or else on
            the current one (NCCL). ``None`` makes a gloo group of all ranks, once, which all of them
            have to do: what a host exchanges is small, and over NCCL it would wait for the kernels in
            the stream.
        deadline: Seconds that a rank waits for the others, also while a group is made. Over NCCL torch
            ends the process itself once the group's own timeout has passed (usually ten minutes): keep
            below it, to act on the error.

    Raises:
        EngineError: Other ranks make no engine, and so no group.
        ValueError: This process is not in the group.

    Over gloo the ranks send to rank 0 of the group, which answers all of them, as long as they are not
    more than 64; otherwise the group's own collectives carry.
    """

    def __init__(
        self,
        group: Optional[torch.distributed.ProcessGroup] = None,
        *,
        deadline: float = DEADLINE,
    ) -> None:
        import torch
        import torch.distributed as dist

        self._torch: Any = torch
        self._dist: Any = dist
        self._deadline = deadline
        mine: Any = _all_ranks(deadline) if group is None else group
        self.rank: int = dist.get_rank(mine)
        if self.rank < 0:
            raise ValueError("this process is not in the group; only those that are make an engine over it")
        self.world_size: int = dist.get_world_size(mine)
        self._group = mine
        carriers = dict(pair.split(":") for pair in dist.get_backend_config(mine).split(","))
        device = "cpu" if "cpu" in carriers else next(iter(carriers))
        self._backend = carriers[device]
        self._device: Any = device if device == "cpu" else mine.bound_device_id or device
        is_star = self._backend == "gloo" and self.world_size <= STAR
        self._star = Star(mine, self.rank) if is_star else None
        self._roll = Roll(mine.group_name, self.rank, self.world_size)
        self._exchanges = 0
        self._broken: Optional[str] = None

    def all_gather(self, message: bytes) -> bytes:
        carried = self._start("all_gather", self._gather(message)).wait()
        assert isinstance(carried, bytes)
        return carried

    def all_reduce(self, sums: bytes, maxima: bytes) -> tuple[bytes, bytes]:
        carried = self._start("all_reduce", self._reduce(sums, maxima)).wait()
        assert isinstance(carried, tuple)
        return carried

    def start(self, exchange: Exchange) -> Work:
        """Starts an exchange without waiting for it; one at a time, on all ranks."""
        if exchange.kind == "gather":
            return self._start("all_gather", self._gather(exchange.message))
        return self._start("all_reduce", self._reduce(exchange.sums, exchange.maxima))

    def __repr__(self) -> str:
        return f"<TorchDistributed over {self._backend}: rank {self.rank} of {self.world_size}>"

    def _gather(self, message: bytes) -> Steps:
        if self._star is not None:
            return self._star.gather(message)
        return self._gather_by_group(message)

    def _reduce(self, sums: bytes, maxima: bytes) -> Steps:
        if self._star is not None:
            return self._star.reduce(sums, maxima)
        return self._reduce_by_group(sums, maxima)

    def _gather_by_group(self, message: bytes) -> Steps:
        own = self._tensor(message, self._torch.uint8)
        everything = own.new_empty(self.world_size * len(own))
        gather = self._dist.all_gather_into_tensor
        yield [gather(everything, own, group=self._group, async_op=True)]
        return _bytes(everything)

    def _reduce_by_group(self, sums: bytes, maxima: bytes) -> Steps:
        dist, kind = self._dist, self._torch.int64
        operations = dist.ReduceOp.SUM, dist.ReduceOp.MAX
        sides = [self._tensor(sums, kind), self._tensor(maxima, kind)]
        yield [
            dist.all_reduce(side, operation, group=self._group, async_op=True)
            for side, operation in zip(sides, operations)
            if len(side)
        ]
        return _bytes(sides[0]), _bytes(sides[1])

    def _tensor(self, content: bytes, kind: torch.dtype) -> torch.Tensor:
        tensor: torch.Tensor = self._torch.empty(0, dtype=kind)
        if content:
            # A copy: the bytes of Python are not to be written to.
            tensor = self._torch.frombuffer(bytearray(content), dtype=kind)
        return tensor.to(self._device)

    def _start(self, operation: str, steps: Steps) -> Work:
        if self._broken is not None:
            raise EngineError(f"an earlier exchange failed, make a new group: {self._broken}")
        self._exchanges += 1
        started = self._guarded(operation, lambda: next(steps))

        def finish() -> Carried:
            carried: Carried = self._guarded(operation, lambda: self._through(started, steps))
            return carried

        return Work(finish)

    def _through(self, works: list[Any], steps: Steps) -> Carried:
        """Waits for what was started, until the steps have come to their result."""
        end = time.monotonic() + self._deadline
        while True:
            for index, work in enumerate(works):
                try:
                    self._wait(work, end)
                except RuntimeError as error:
                    if time.monotonic() >= end:
                        raise TimeoutError from error
                    steps.throw(Broken(index, str(error)))
            try:
                works = next(steps)
            except StopIteration as done:
                carried: Carried = done.value
                return carried

    def _wait(self, work: Any, end: float) -> None:
        # On a device torch would look once a millisecond, and end the process soon after it gave up.
        while self._device != "cpu" and not work.is_completed():
            if time.monotonic() >= end:
                raise TimeoutError
            time.sleep(20e-6)
        # Raises what it failed with; a millisecond at least, since none means without end.
        work.wait(timedelta(seconds=max(end - time.monotonic(), 0.001)))

    def _guarded(self, operation: str, do: Callable[[], Any]) -> Any:
        """Does a part of an exchange; says what is known where it fails."""
        begun = time.monotonic()
        try:
            return do()
        except Gone as gone:
            cause: Exception = gone
            text = f"{operation} failed: rank {gone.rank} of {self.world_size} is gone"
        except (RuntimeError, TimeoutError) as error:
            cause = error
            missing = self._roll.missing(self._exchanges)
            if time.monotonic() - begun >= self._deadline:
                text = f"{operation} was not complete after {self._deadline:g} seconds: {missing}"
            else:
                text = f"{operation} failed: {missing}; torch says: {_said(error)}"
        self._broken = text
        raise EngineError(text) from cause


def _all_ranks(deadline: float) -> Any:
    """Makes a gloo group of all ranks."""
    import torch.distributed as dist

    try:
        return dist.new_group(backend="gloo", timeout=timedelta(seconds=deadline))
    except RuntimeError as error:
        missing = Roll("of groups", dist.get_rank(), dist.get_world_size()).missing(0)
        text = f"no gloo group of all ranks was made: {missing}; torch says: {_said(error)}"
        raise EngineError(text) from error


def torch_engine(deadline: float) -> Engine:
    """Returns an engine over all ranks of ``torch.distributed``; of one rank where it is not initialized."""
    import torch.distributed as dist

    is_alone = not dist.is_available() or not dist.is_initialized()
    return Solo() if is_alone else TorchDistributed(deadline=deadline)


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.cpu().numpy().tobytes()


def _said(error: Exception) -> str:
    """Returns what torch says in the first line of an error."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
