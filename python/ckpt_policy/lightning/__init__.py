"""A checkpoint callback for Lightning whose decisions are a policy's, for ``ModelCheckpoint``."""

from ckpt_policy.lightning.callback import PolicyCheckpoint

__all__ = ["PolicyCheckpoint"]
