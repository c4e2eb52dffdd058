"""A training by Accelerate, once a rank: `accelerate_trainings.py RUNS`.

The file RUNS is JSON, a list of runs, which all go through one process group, one after the other: the
arguments of :func:`train`. Rank 0 prints for each a line of JSON, what that returns.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

import torch
from accelerate import Accelerator

from ckpt_policy.accelerate import Checkpointer

STEPS = 4


class Counted:
    """Something that is saved beside the model; its write is where a rank fails or is killed."""

    def __init__(self) -> None:
        self.steps = 0
        self.trouble: Optional[str] = None

    def state_dict(self) -> dict[str, int]:
        if self.trouble == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.trouble == "fail":
            raise OSError("no space left")
        return {"steps": self.steps}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.steps = state["steps"]


def train(
    folder: str,
    stream: Sequence[Sequence[float]],
    *,
    policy: Mapping[str, Any],
    epochs: Optional[int] = None,
    trouble: Optional[Mapping[str, Any]] = None,
) -> dict[str, Any]:
    """Trains, on from the newest whole checkpoint if there is one.

    Args:
        folder: Where the checkpoints are.
        stream: For each epoch each rank's value of `value`.
        policy: The arguments of the checkpointer.
        epochs: How many there are to be in all; by default as many as the stream has.
        trouble: What happens (`how`: `kill` or `fail`) to which `rank` in the write of which `epoch`.

    Returns:
        The folders `seen` after each epoch, the `best` one, and what the training has come to.
    """
    accelerator = Accelerator(cpu=True)
    rank = accelerator.process_index
    torch.manual_seed(1)
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model, optimizer = accelerator.prepare(model, optimizer)
    counted = Counted()
    accelerator.register_for_checkpointing(counted)
    checkpoints = Checkpointer(accelerator, folder, **policy)
    assert counted.steps == checkpoints.steps

    seen = []
    for epoch in range(checkpoints.epochs + 1, (epochs or len(stream)) + 1):
        for _ in range(checkpoints.epoch_steps, STEPS):
            optimizer.zero_grad()
            accelerator.backward(model(torch.randn(2, 2)).square().mean())
            optimizer.step()
            counted.steps += 1
            checkpoints.step()
        is_here = trouble is not None and (trouble["epoch"], trouble["rank"]) == (epoch, rank)
        counted.trouble = trouble["how"] if trouble and is_here else None
        checkpoints.epoch_end()
        checkpoints.validated({"value": stream[epoch - 1][rank]})
        seen.append(sorted(path.name for path in Path(folder).iterdir()))
        if checkpoints.should_stop:
            break
    checkpoints.end()
    best = checkpoints.best
    return {
        "seen": seen,
        "best": best and Path(best.path).name,
        "score": best and best.score,
        "steps": checkpoints.steps,
        "weight": next(accelerator.unwrap_model(model).parameters()).tolist(),
    }


if __name__ == "__main__":
    for run in json.loads(Path(sys.argv[1]).read_text()):
        result = train(**run)
        if os.environ["RANK"] == "0":
            print("RESULT", json.dumps(result), flush=True)
