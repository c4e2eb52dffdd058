"""Data-parallel training in plain PyTorch, whose checkpoints are what the policies say.

Starts, and goes on where it was, however it ended::

    torchrun --nproc-per-node 2 python/examples/ddp.py runs/ddp --epochs 20

Rank 0 writes with `torch.save`: the weights, which are the same on all ranks, the optimizer, and the
host's snapshot. Which checkpoint is the best says `best.json` beside them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Optional

import torch
import torch.distributed as dist
from digits import arguments, data, model, say, train, validate
from torch import nn

from ckpt_policy import Event, Host, Resume, TorchDistributed

NAME = re.compile(r"checkpoint-(\d+)-epoch-(\d+)\.pt")


def found(folder: Path) -> list[tuple[int, int, Path]]:
    """Returns the whole checkpoints of a folder: number, epoch and path, oldest first."""
    names = ((NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted((int(name[1]), int(name[2]), path) for name, path in names if name)


def resumed(folder: Path) -> tuple[Optional[Resume], dict[str, object]]:
    """Returns from where the run goes on: what the host needs, and what was saved."""
    checkpoints = found(folder)
    if not checkpoints:
        return None, {}
    number, _, path = checkpoints[-1]
    kept = torch.load(path, weights_only=True)
    on_disk = [(number, epoch, epoch, path.stat().st_size) for number, epoch, path in checkpoints]
    return Resume(kept["snapshot"], number, on_disk=on_disk), kept


def run(folder: Path, config: Path, epochs: int) -> None:
    dist.init_process_group("gloo")
    engine = TorchDistributed()
    rank = engine.rank
    folder.mkdir(parents=True, exist_ok=True)
    resume, kept = resumed(folder)
    # Nobody writes before all have looked.
    dist.barrier()

    network = nn.parallel.DistributedDataParallel(model())
    optimizer = torch.optim.SGD(network.parameters(), lr=0.2, momentum=0.9)
    if kept:
        network.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
    start = int(kept.get("epoch", 0))
    batches, held_back = data(rank, engine.world_size)

    with Host(config, rank, engine.world_size, resume=resume) as host:
        host.open(engine)

        def save(checkpoint: int) -> int:
            # All ranks take part in a snapshot, whoever writes it down.
            snapshot = host.snapshot(engine)
            if rank != 0:
                return 0
            path = folder / f"checkpoint-{checkpoint}-epoch-{epoch}.pt"
            state = {
                "model": network.state_dict(),
                "optimizer": optimizer.state_dict(),
                "epoch": epoch,
                "snapshot": snapshot,
            }
            # Whole, or not at all.
            new = path.with_suffix(".new")
            torch.save(state, new)
            new.replace(path)
            return path.stat().st_size

        def delete(checkpoint: int) -> None:
            if rank == 0:
                for path in folder.glob(f"checkpoint-{checkpoint}-epoch-*.pt"):
                    path.unlink()

        for epoch in range(start + 1, epochs + 1):
            train(network, optimizer, batches)
            loss = validate(network, *held_back)
            event = Event("validation-end", epoch, epoch, {"val_loss": loss})
            outcome = host.decide(event, engine)
            host.follow(outcome, engine, save=save, delete=delete)
            if rank == 0:
                say(epoch, outcome)
            if outcome.stop:
                break
        last = host.finish(engine)
        host.follow(last, engine, save=save, delete=delete)
        if rank == 0:
            labels_of = {label: number for _, label, number in host.labels}
            (folder / "best.json").write_text(json.dumps(labels_of))
    dist.destroy_process_group()


if __name__ == "__main__":
    given = arguments(__doc__)
    run(given.folder, given.config, given.epochs)
