"""What the processes of a test's world do: `workers.py NAME …`, once a rank."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Optional

import torch
import torch.distributed as dist

from ckpt_policy import CkptPolicyError, Event, Host, Resume, TorchDistributed

#: What carries the exchanges; `nccl` wants a GPU for each rank.
BACKEND = os.environ.get("CKPT_POLICY_BACKEND", "gloo")


def group() -> Optional[dist.ProcessGroup]:
    """A new group of all ranks, or None for the engine's own over gloo."""
    return None if BACKEND == "gloo" else dist.new_group(backend=BACKEND)


def loss(rank: int, step: int) -> float:
    """A noisy number that falls, another one on each rank."""
    noise = random.Random(f"{rank}/{step}").random()
    return math.exp(-step / 40) + 0.3 * noise


def events(config: str, count: str) -> None:
    """All ranks decide."""
    decide(config, int(count), TorchDistributed(group()))


def decide(config: str, count: int, engine: TorchDistributed) -> None:
    """Prints what each event came to, and the snapshot at the end."""
    with Host(config, engine.rank, engine.world_size) as host:
        host.open(engine)
        for step in range(1, count + 1):
            event = Event("validation-end", step, step, {"val_loss": loss(engine.rank, step)})
            outcome = host.decide(event, engine)
            print(repr(outcome))
            host.follow(outcome, engine, save=lambda _: 10, delete=lambda _: None)
        print(host.encoding)
        print(host.snapshot(engine))


def tensors(config: str) -> None:
    """Numbers come as tensors, and an exchange goes on while something else is done."""
    engine = TorchDistributed(dist.new_group(backend=BACKEND))
    host = Host(config, engine.rank, engine.world_size).open(engine)
    device = "cpu" if BACKEND == "gloo" else "cuda"
    number = torch.tensor([loss(engine.rank, 1)], dtype=torch.float64, device=device)
    progress = host.begin(Event("validation-end", 1, 0, {"val_loss": number}))
    exchanges = 0
    while not hasattr(progress, "save"):
        work = engine.start(progress)
        torch.ones(100, 100) @ torch.ones(100, 100)
        progress = host.complete(work.wait())
        exchanges += 1
    print(progress.opinions[0]["values"]["mean(val_loss)"], exchanges)


def absent(config: str, deadline: str) -> None:
    """Rank 2 makes no engine, and the others say so."""
    if dist.get_rank() != 2:
        try:
            TorchDistributed(deadline=float(deadline))
        except CkptPolicyError as error:
            print(f"{type(error).__name__}: {error}")


def differ(config: str, other: str) -> None:
    """Rank 1 has another configuration."""
    engine = TorchDistributed(group(), deadline=30)
    own = other if engine.rank == 1 else config
    try:
        Host(own, engine.rank, engine.world_size).open(engine)
    except CkptPolicyError as error:
        print(f"{type(error).__name__}: {error}")


def part(config: str) -> None:
    """The last two of three ranks decide; the first one learns that it is none of them."""
    some = dist.new_group([1, 2], backend=BACKEND)
    try:
        engine = TorchDistributed(some)
    except ValueError as error:
        print(error)
    else:
        decide(config, 3, engine)


class Losing(TorchDistributed):
    """An engine whose process is lost in one exchange: before it, amid it, or after it."""

    def __init__(self, how: str, phase: str, deadline: float) -> None:
        super().__init__(group(), deadline=deadline)
        self.how, self.phase, self.deadline, self.armed = how, phase, deadline, False

    def all_gather(self, message: bytes) -> bytes:
        return self.carry(self._gather(message))  # type: ignore[return-value]

    def all_reduce(self, sums: bytes, maxima: bytes) -> tuple[bytes, bytes]:
        return self.carry(self._reduce(sums, maxima))  # type: ignore[return-value]

    def carry(self, steps: object) -> object:
        self.vanish("before")
        work = self._start("exchange", steps)  # type: ignore[arg-type]
        self.vanish("amid")
        carried = work.wait()
        self.vanish("after")
        return carried

    def vanish(self, now: str) -> None:
        if self.armed and now == self.phase:
            if self.how == "late":
                time.sleep(self.deadline + 4)
            else:
                os.kill(os.getpid(), signal.SIGSTOP if self.how == "stopped" else signal.SIGKILL)


def lost(config: str, how: str, phase: str, rank: str, deadline: str) -> None:
    """A rank is lost in its third decision; the others say what they know, and what they hold."""
    engine = Losing(how, phase, float(deadline))
    host = Host(config, engine.rank, engine.world_size).open(engine)
    before = ""
    try:
        for step in range(1, 5):
            if step == 3:
                before = host.snapshot(engine)
                engine.armed = engine.rank == int(rank)
            event = Event("validation-end", step, 0, {"val_loss": loss(engine.rank, step)})
            outcome = host.decide(event, engine)
            host.follow(outcome, engine, save=lambda _: 1, delete=lambda _: None)
    except CkptPolicyError as error:
        print(f"{type(error).__name__}: {error}")
        held = [checkpoint.id for checkpoint in host.checkpoints]
        known = [entry["id"] for entry in json.loads(before)["body"]["ledger"]["checkpoints"]]
        print(f"held {held} of {known}")
        sys.stdout.flush()
        # Without a word to the others, as a process that gives up does.
        os._exit(1)


def run(config: str, folder: str, count: str, deadline: str = "60") -> None:
    """A run that can be killed whenever and goes on: its decisions and checkpoints are files."""
    engine = TorchDistributed(group(), deadline=float(deadline))
    rank, here = engine.rank, Path(folder)
    states, checkpoints, log = here / "states", here / "checkpoints", here / "decisions.jsonl"
    for folder_of in (states, checkpoints):
        folder_of.mkdir(parents=True, exist_ok=True)

    def whole(step: int) -> bool:
        return all((states / f"{step}.{other}").exists() for other in range(engine.world_size))

    steps = {int(path.name.split(".")[0]) for path in states.iterdir() if path.suffix != ".new"}
    # Nobody writes before all have looked.
    done = max(filter(whole, steps), default=0)
    dist.barrier()
    weight, resume = 1.0, None
    if done:
        kept = json.loads((states / f"{done}.{rank}").read_text())
        weight, resume = kept["weight"], Resume(kept["snapshot"])
    host = Host(config, rank, engine.world_size, resume=resume).open(engine)
    lines = log.read_text().splitlines(keepends=True)[:done] if log.exists() and done else []
    if rank == 0:
        write(log, "".join(lines))

    def save(checkpoint: int) -> int:
        place = checkpoints / str(checkpoint)
        place.mkdir(exist_ok=True)
        return write(place / str(rank), json.dumps([step, weight]))

    def delete(checkpoint: int) -> None:
        if rank == 0:
            shutil.rmtree(checkpoints / str(checkpoint), ignore_errors=True)

    for step in range(done + 1, int(count) + 1):
        weight = 0.95 * weight + 0.1 * loss(rank, step)
        outcome = host.decide(Event("validation-end", step, step, {"val_loss": weight}), engine)
        host.follow(outcome, engine, save=save, delete=delete)
        if rank == 0:
            with log.open("a") as lines_of:
                # Not what is to be deleted: that is said again to a run whose ranks may not have done it.
                decided = outcome.round, outcome.save, outcome.checkpoint, outcome.stop, outcome.opinions
                lines_of.write(f"{step} {decided}\n")
        snapshot = host.snapshot(engine)
        write(states / f"{step}.{rank}", json.dumps({"weight": weight, "snapshot": snapshot}))
        (states / f"{step - 2}.{rank}").unlink(missing_ok=True)
        time.sleep(0.005)
    dist.barrier()


def write(path: Path, text: str) -> int:
    """Writes a file whole, or not at all."""
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.replace(path)
    return len(text)


if __name__ == "__main__":
    torch.set_num_threads(1)
    if BACKEND == "gloo":
        dist.init_process_group(BACKEND)
    else:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group(f"cpu:gloo,cuda:{BACKEND}")
    {work.__name__: work for work in (events, tensors, part, absent, differ, lost, run)}[sys.argv[1]](*sys.argv[2:])
    dist.destroy_process_group()
