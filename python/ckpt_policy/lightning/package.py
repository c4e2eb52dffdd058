"""The package of Lightning that this process uses.

There are two packages of the same classes, and a trainer knows only those of its own.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer
    from lightning.pytorch.callbacks import ModelCheckpoint
    from lightning.fabric.utilities.exceptions import MisconfigurationException
else:
    is_old = "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules
    try:
        if is_old:
            raise ImportError
        from lightning.pytorch import LightningModule, Trainer
        from lightning.pytorch.callbacks import ModelCheckpoint
        from lightning.fabric.utilities.exceptions import MisconfigurationException
    except ImportError:
        from pytorch_lightning import LightningModule, Trainer
        from pytorch_lightning.callbacks import ModelCheckpoint
        from lightning_fabric.utilities.exceptions import MisconfigurationException

__all__ = ["LightningModule", "MisconfigurationException", "ModelCheckpoint", "Trainer"]
