"""The same training by Accelerate, whose checkpoints are folders that `save_state` writes.

Starts, and goes on where it was, however it ended::

    torchrun --nproc-per-node 2 python/examples/accelerate_digits.py runs/accelerate --epochs 20
"""

from __future__ import annotations

from pathlib import Path

import torch
from accelerate import Accelerator
from digits import arguments, data, model, say, validate
from torch import nn

from ckpt_policy.accelerate import Checkpointer


def run(folder: Path, config: Path, epochs: int) -> None:
    accelerator = Accelerator(cpu=True)
    network = model()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.2, momentum=0.9)
    network, optimizer = accelerator.prepare(network, optimizer)
    # The batches are this rank's own already.
    batches, held_back = data(accelerator.process_index, accelerator.num_processes)

    checkpoints = Checkpointer(accelerator, folder, config=config)
    for epoch in range(checkpoints.epochs + 1, epochs + 1):
        # Of an epoch that was saved in its midst the rest.
        for images, labels in batches[checkpoints.epoch_steps :]:
            optimizer.zero_grad()
            accelerator.backward(nn.functional.cross_entropy(network(images), labels))
            optimizer.step()
            checkpoints.step()
        checkpoints.epoch_end()
        outcome = checkpoints.validated({"val_loss": validate(network, *held_back)})
        if accelerator.is_main_process:
            say(epoch, outcome)
        if checkpoints.should_stop:
            break
    checkpoints.end()
    if checkpoints.best is not None:
        accelerator.load_state(checkpoints.best.path)
    accelerator.end_training()


if __name__ == "__main__":
    given = arguments(__doc__)
    run(given.folder, given.config, given.epochs)
