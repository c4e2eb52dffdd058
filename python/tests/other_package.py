"""A training by the package `pytorch_lightning`, whose classes are not those of `lightning`: `other_package.py FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment

from ckpt_policy.lightning import PolicyCheckpoint


class Module(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        return self.layer(batch[0]).square().mean()

    def validation_step(self, batch: list[torch.Tensor]) -> None:
        self.log("val_loss", [0.5, 0.9, 0.3][self.current_epoch])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


folder = Path(sys.argv[1])
callback = PolicyCheckpoint(folder, monitor="val_loss", save_last=True)
trainer = pl.Trainer(
    accelerator="cpu",
    plugins=[LightningEnvironment()],
    max_epochs=3,
    callbacks=[callback],
    logger=False,
    enable_progress_bar=False,
    default_root_dir=folder,
)
data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(16, 2)), batch_size=4)
trainer.fit(Module(), data, data)
assert isinstance(callback, pl.callbacks.ModelCheckpoint)
files = sorted(path.name for path in folder.glob("*.ckpt"))
print(json.dumps({"files": files, "is_other": "lightning.pytorch" not in sys.modules}))
