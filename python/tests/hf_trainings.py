"""Trainings by the real `Trainer`, once a rank: `hf_trainings.py RUNS`.

The file RUNS is JSON, a list of runs, which all go through one process group, one after the other: the
arguments of :func:`train`. Rank 0 prints for each a line of JSON, what that returns.

A stream has for each epoch each rank's value of the metric `eval_value`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union

import torch
from transformers import Trainer, TrainerCallback, TrainerState, TrainingArguments
from transformers.utils import logging

from ckpt_policy.transformers import PolicyCallback, newest_checkpoint

warnings.simplefilter("ignore")
logging.set_verbosity_error()
logging.disable_progress_bar()

STEPS = 4


class Line(torch.nn.Module):
    """A small model."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, x: torch.Tensor, labels: Optional[torch.Tensor] = None) -> dict[str, torch.Tensor]:
        out = self.layer(x)
        return {"loss": (out - labels).square().mean(), "logits": out}


class Streamed(TrainerCallback):
    """Gives this rank's own value after each epoch, and writes down which checkpoints there are then."""

    def __init__(self, policy: PolicyCallback, stream: Sequence[Sequence[float]]) -> None:
        self.policy, self.stream = policy, stream
        self.seen: list[list[str]] = []
        self.is_over = False

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        if self.is_over:
            self.look(args)

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        self.is_over = True
        self.policy.log({"eval_value": self.stream[round(state.epoch) - 1][args.process_index]})

    def on_train_end(self, args: TrainingArguments, *_: Any, **__: Any) -> None:
        self.look(args)

    def look(self, args: TrainingArguments) -> None:
        self.is_over = False
        there = Path(args.output_dir).glob("checkpoint-*")
        self.seen.append(sorted(path.name for path in there if path.is_dir()))


class Killed(Trainer):
    """Ends in the midst of the write of a step, on all ranks, as if it had been killed."""

    step = 0

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if self.state.global_step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)
        super()._save_optimizer_and_scheduler(output_dir)


def examples(ranks: int) -> list[dict[str, torch.Tensor]]:
    """Returns what gives each rank one batch a step."""
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(STEPS * 2 * ranks, 2, generator=generator)
    return [{"x": point, "labels": torch.ones(1)} for point in points]


def trainer_of(
    folder: Union[str, Path], epochs: int, *callbacks: TrainerCallback, **arguments: Any
) -> Trainer:
    """Returns a trainer that says nothing; `trainer` among the arguments is its class."""
    torch.manual_seed(1)
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    kind = arguments.pop("trainer", Trainer)
    more = {name: arguments.pop(name) for name in ("eval_dataset", "compute_metrics") if name in arguments}
    settings: dict[str, Any] = {
        "num_train_epochs": epochs,
        "per_device_train_batch_size": 2,
        "lr_scheduler_type": "constant",
        "eval_strategy": "epoch",
        "save_strategy": "no",
        "use_cpu": True,
        "disable_tqdm": True,
        "logging_strategy": "no",
        "log_level": "error",
        "report_to": "none",
    }
    given = TrainingArguments(str(folder), **{**settings, **arguments})
    data = examples(ranks)
    more = {"eval_dataset": data[:2], **more}
    return kind(Line(), given, train_dataset=data, callbacks=list(callbacks), **more)


def train(
    folder: str,
    stream: Sequence[Sequence[float]],
    *,
    policy: Mapping[str, Any],
    trainer: Optional[Mapping[str, Any]] = None,
    epochs: Optional[int] = None,
    guarded: bool = False,
    kill_at: int = 0,
) -> dict[str, Any]:
    """Trains, on from the newest whole checkpoint if there is one.

    Args:
        folder: Where the checkpoints are.
        stream: See above.
        policy: The arguments of the callback, apart from the metric.
        trainer: More of the trainer's.
        epochs: How many there are to be in all; by default as many as the stream has.
        guarded: Whether a write that fails is not to end the training.
        kill_at: The step in whose write the ranks are killed.

    Returns:
        The folders `seen` after each epoch, and the `best` one as `Trainer` has it, with its `score`.
    """
    callback = PolicyCallback("value", **policy)
    streamed = Streamed(callback, stream)
    more = dict(trainer or {})
    if kill_at:
        more["trainer"] = type("KilledThen", (Killed,), {"step": kill_at})
    made = trainer_of(folder, epochs or len(stream), streamed, callback, **more)
    if guarded:
        callback.guard(made)
    made.train(resume_from_checkpoint=newest_checkpoint(folder))
    best = made.state.best_model_checkpoint
    return {
        "seen": streamed.seen,
        "best": best and Path(best).name,
        "score": made.state.best_metric,
        "weight": made.model.layer.weight.tolist(),
    }


if __name__ == "__main__":
    for run in json.loads(Path(sys.argv[1]).read_text()):
        result = train(**run)
        if os.environ["RANK"] == "0":
            print("RESULT", json.dumps(result), flush=True)
