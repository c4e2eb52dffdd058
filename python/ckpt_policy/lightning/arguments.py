"""What the arguments of a callback amount to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ckpt_policy.books import configuration
from ckpt_policy.lightning.package import ModelCheckpoint

if TYPE_CHECKING:
    from ckpt_policy.lightning.callback import PolicyCheckpoint

__all__ = ["TEMPLATES", "arguments_of", "configuration_of"]

#: Attributes by which users of ``ModelCheckpoint`` change what files are called.
TEMPLATES = ("CHECKPOINT_JOIN_CHAR", "CHECKPOINT_EQUALS_CHAR", "CHECKPOINT_NAME_LAST", "FILE_EXTENSION")


def configuration_of(callback: PolicyCheckpoint) -> dict[str, Any]:
    """Returns the configuration that a callback without one has."""
    at_steps = callback._every_n_train_steps >= 1 or callback._train_time_interval is not None
    newest = ["train-end"] if callback.save_last else []
    # A link goes to what the policy saved; where that is nothing, it is a checkpoint, too. What waits for a
    # validation is asked after it.
    if callback.save_last and at_steps and (callback.save_last != "link" or callback.save_top_k == 0):
        newest += ["step-end", "validation-end", "epoch-end"]
    if callback.save_on_exception:
        newest.append("interrupted")
    return configuration(
        callback.policy,
        callback.settings,
        monitor=callback.monitor,
        mode=callback.mode,
        top_k=callback.save_top_k,
        at=["step-end", "epoch-end", "validation-end"],
        newest=newest,
    )


def arguments_of(callback: ModelCheckpoint) -> dict[str, Any]:
    """Returns the arguments of a ``ModelCheckpoint``, as a ``PolicyCheckpoint`` takes them.

    Raises:
        ValueError: There is no equal, and why.
    """
    if type(callback) is not ModelCheckpoint:
        kind = f"{type(callback).__module__}.{type(callback).__qualname__}"
        expected = f"{ModelCheckpoint.__module__}.ModelCheckpoint"
        raise ValueError(f"expected a {expected}, got a {kind}: what it does in its own way has no equal")
    is_constant = callback.filename is not None and "{" not in callback.filename
    if is_constant and not callback._enable_version_counter and callback.save_top_k not in (0, 1):
        raise ValueError(
            f"`save_top_k={callback.save_top_k}` with the one `filename={callback.filename!r}` and without a version"
            " counter has no equal: each checkpoint would overwrite another that is kept"
        )
    same = ("dirpath", "filename", "monitor", "verbose", "save_last", "save_top_k", "save_weights_only", "mode")
    given = {name: getattr(callback, name) for name in (*same, "auto_insert_metric_name")}
    given.update(
        # Since Lightning 2.5.3.
        save_on_exception=getattr(callback, "save_on_exception", False),
        every_n_train_steps=callback._every_n_train_steps,
        train_time_interval=callback._train_time_interval,
        every_n_epochs=callback._every_n_epochs,
        save_on_train_epoch_end=callback._save_on_train_epoch_end,
        enable_version_counter=callback._enable_version_counter,
    )
    return given
