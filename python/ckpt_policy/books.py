"""What the adapters of trainers share: a configuration of the usual arguments, and where checkpoints are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Optional

from ckpt_policy._native import Outcome
from ckpt_policy.engines import Engine
from ckpt_policy.host import Host

__all__ = ["NEWEST", "Books", "Kept", "configuration", "facts", "from_rank_zero", "opened", "score"]

#: The name of the policy that keeps the newest checkpoint, beside the one that the arguments choose.
NEWEST = "keeps-newest"


def configuration(
    policy: str,
    settings: Mapping[str, Any],
    *,
    monitor: Optional[str],
    mode: str,
    top_k: int,
    at: Sequence[str],
    newest: Sequence[str] = (),
) -> dict[str, Any]:
    """Returns the configuration that an adapter's arguments amount to.

    Args:
        policy: ``builtin:NAME``, or the path of a file that takes the same settings.
        settings: More settings of the policy, which go before these arguments.
        monitor: The metric that decides; ``None`` keeps the newest checkpoints, whatever they are worth.
        mode: ``"min"`` or ``"max"``.
        top_k: How many checkpoints to keep; -1 for all.
        at: The moments at which to ask it.
        newest: The moments at which to save and keep the newest checkpoint, whatever it is worth.
    """
    if monitor is None and policy == "builtin:aggregate":
        # The default goes without a metric nowhere; this one does, and then nobody votes.
        policy = "builtin:unanimous"
    # Another policy has another name, or a run that goes on under it would hand it the old one's memory.
    name = os.path.basename(policy).removeprefix("builtin:").removesuffix(".wasm")[:32]
    chosen = {"mode": mode, "top-k": top_k, "at": list(at), **({} if monitor is None else {"monitor": monitor})}
    policies = [{"name": name, "wasm": policy, "config": {**chosen, **settings}}]
    if newest:
        policies.append({"name": NEWEST, "wasm": "builtin:unanimous", "config": {"top-k": 1, "at": list(newest)}})
    return {"policy": policies}


@dataclass
class Kept:
    """A checkpoint that is kept."""

    path: str
    step: int
    epoch: int
    #: The number that it was saved for, if any.
    score: Optional[float] = None


@dataclass
class Books:
    """Where the checkpoints are that a host counts, by their numbers; the same on all ranks."""

    kept: dict[int, Kept] = field(default_factory=dict)

    def find(self, label: str, host: Host) -> Optional[Kept]:
        """Returns where a label points, that of the first policy which has it."""
        labels = (entry for entry in host.labels if entry[0] != NEWEST)
        numbers = [checkpoint for _, name, checkpoint in labels if name == label]
        return self.kept.get(numbers[0]) if numbers else None

    @property
    def newest(self) -> Optional[Kept]:
        """The newest checkpoint."""
        return self.kept[max(self.kept)] if self.kept else None

    def state(self) -> dict[int, dict[str, Any]]:
        """Returns what to keep beside a snapshot."""
        return {checkpoint: asdict(kept) for checkpoint, kept in self.kept.items()}

    def load(
        self, state: Mapping[Any, Mapping[str, Any]], size: Callable[[str], Optional[int]]
    ) -> list[tuple[int, int, int, int]]:
        """Takes over what was kept and is still there; returns it as ``Resume(on_disk=…)`` wants it.

        Args:
            state: What :meth:`state` returned, or the same out of JSON.
            size: Returns how many bytes there are at a path, ``None`` where there is nothing; the same on
                all ranks.
        """
        found = []
        self.kept = {}
        for number, entry in state.items():
            kept = Kept(**entry)
            there = size(kept.path)
            if there is not None:
                self.kept[int(number)] = kept
                found.append((int(number), kept.step, kept.epoch, there))
        return found


def opened(host: Optional[Host]) -> Host:
    """Returns the host of an adapter.

    Raises:
        RuntimeError: It is not open, as no training goes on.
    """
    if host is None:
        raise RuntimeError("the host is open from the start of a training to its end")
    return host


def score(outcome: Outcome) -> Optional[float]:
    """Returns the number that decided: of the first policy that asked for the save and gives one."""
    for opinion in outcome.opinions:
        figure = opinion["figures"].get("score")
        if opinion["ballot"] == "save" and figure is not None:
            return float(figure)
    return None


def facts(began: float) -> dict[str, float]:
    """Returns what a host is told of time. Began is when the run did, in seconds of ``time.monotonic``."""
    return {"host.elapsed-seconds": time.monotonic() - began, "host.unix-seconds": time.time()}


def from_rank_zero(engine: Engine, text: str, size: int) -> str:
    """Returns rank 0's text; what others bring is of no matter.

    Args:
        text: At most so many bytes in UTF-8, and no zeros at its end.
        size: How many bytes each rank brings, the same on all.
    """
    return engine.all_gather(text.encode().ljust(size, b"\0"))[:size].rstrip(b"\0").decode()
