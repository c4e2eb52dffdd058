"""The same training, whose checkpoints `torch.distributed.checkpoint` writes: a folder each, all ranks.

    torchrun --nproc-per-node 2 python/examples/sharded.py runs/sharded --epochs 20

A checkpoint is there once rank 0 has put the host's snapshot into its folder, which it does last.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from digits import arguments, data, model, say, train, validate
from torch import nn
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict

from ckpt_policy import Event, Host, Resume, TorchDistributed

NAME = re.compile(r"checkpoint-(\d+)-epoch-(\d+)")
SNAPSHOT = "host.json"


def found(folder: Path) -> list[tuple[int, int, Path]]:
    """Returns the whole checkpoints of a folder: number, epoch and path, oldest first."""
    names = ((NAME.fullmatch(path.parent.name), path.parent) for path in folder.glob(f"*/{SNAPSHOT}"))
    return sorted((int(name[1]), int(name[2]), path) for name, path in names if name)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def run(folder: Path, config: Path, epochs: int) -> None:
    dist.init_process_group("gloo")
    engine = TorchDistributed()
    rank = engine.rank
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints = found(folder)
    dist.barrier()

    network = nn.parallel.DistributedDataParallel(model())
    optimizer = torch.optim.SGD(network.parameters(), lr=0.2, momentum=0.9)
    start, resume = 0, None

    def state(epoch: int) -> dict[str, object]:
        weights, moments = get_state_dict(network, optimizer)
        return {"model": weights, "optimizer": moments, "epoch": torch.tensor(epoch)}

    if checkpoints:
        number, _, path = checkpoints[-1]
        kept = state(0)
        dcp.load(kept, checkpoint_id=path)
        set_state_dict(network, optimizer, model_state_dict=kept["model"], optim_state_dict=kept["optimizer"])
        start = int(kept["epoch"])
        on_disk = [(number, epoch, epoch, size(path)) for number, epoch, path in checkpoints]
        resume = Resume((path / SNAPSHOT).read_text(), number, on_disk=on_disk)
    batches, held_back = data(rank, engine.world_size)

    with Host(config, rank, engine.world_size, resume=resume) as host:
        host.open(engine)

        def save(checkpoint: int) -> int:
            snapshot = host.snapshot(engine)
            path = folder / f"checkpoint-{checkpoint}-epoch-{epoch}"
            # A collective of its own, which returns once all ranks have written.
            dcp.save(state(epoch), checkpoint_id=path)
            if rank != 0:
                return 0
            (path / SNAPSHOT).write_text(snapshot)
            return size(path)

        def delete(checkpoint: int) -> None:
            if rank == 0:
                for path in folder.glob(f"checkpoint-{checkpoint}-epoch-*"):
                    # First what makes it whole, so that half of it is never found.
                    (path / SNAPSHOT).unlink(missing_ok=True)
                    shutil.rmtree(path)

        for epoch in range(start + 1, epochs + 1):
            train(network, optimizer, batches)
            event = Event("validation-end", epoch, epoch, {"val_loss": validate(network, *held_back)})
            outcome = host.decide(event, engine)
            host.follow(outcome, engine, save=save, delete=delete)
            if rank == 0:
                say(epoch, outcome)
            if outcome.stop:
                break
        host.follow(host.finish(engine), engine, save=save, delete=delete)
    dist.destroy_process_group()


if __name__ == "__main__":
    given = arguments(__doc__)
    run(given.folder, given.config, given.epochs)
