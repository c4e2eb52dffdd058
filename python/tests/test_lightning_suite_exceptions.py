"""What is saved when a training fails. See `lightning_suite.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning_suite import fit, names
from parity_trainings import Failure, Scripted

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")


HOOKS = (
    "on_train_epoch_start",
    "on_train_batch_start",
    "training_step",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_before_zero_grad",
    "on_train_batch_end",
    "on_validation_start",
    "on_validation_epoch_start",
    "on_validation_batch_start",
    "validation_step",
    "on_validation_batch_end",
    "on_validation_epoch_end",
    "on_validation_end",
    "on_train_epoch_end",
)


FAILING = [
    *(("module", hook) for hook in HOOKS),
    *(("callback", hook) for hook in HOOKS if not hook.endswith("_step")),
]


@pytest.mark.parametrize("whose, hook", FAILING)
def test_a_failure_is_saved(callback: str, whose: str, hook: str, tmp_path: Path) -> None:
    """Restates `test_model_checkpoint_on_exception_parametrized` and its `…_in_other_callbacks`."""

    def fail(self: Any, *arguments: Any, **named: Any) -> None:
        at = arguments[0] if whose == "callback" else self.trainer
        if at.current_epoch == 1:
            raise Failure(hook)
        original(self, *arguments, **named)

    base: Any = pl.Callback if whose == "callback" else Scripted
    original = getattr(base, hook)
    failing = type("Failing", (base,), {hook: fail})
    others, module = ([failing()], None) if whose == "callback" else ([], failing)
    with pytest.raises(Failure):
        fit(callback, tmp_path, [1.0] * 3, *others, module=module, **EXCEPTIONAL)
    (name,) = names(tmp_path)
    # Before or after the step of the second epoch.
    assert name in ("epoch=1-step=1.ckpt", "epoch=1-step=2.ckpt")


#: Saves after no epoch, so that what is there is of the exception.
EXCEPTIONAL: dict[str, Any] = {"save_on_exception": True, "every_n_epochs": 9}


@pytest.mark.parametrize("trainer", [{"num_sanity_val_steps": 1}, {"fast_dev_run": True}])
def test_a_failure_before_training_is_not_saved(
    callback: str, trainer: dict[str, Any], tmp_path: Path
) -> None:
    """Restates `test_model_checkpoint_on_exception_in_sanity_check` and `…_run_condition`."""

    class Failing(Scripted):
        def validation_step(self, batch: list[torch.Tensor], batch_idx: int) -> None:
            raise Failure

    with pytest.raises(Failure):
        fit(callback, tmp_path, [1.0] * 2, module=Failing, trainer=trainer, **EXCEPTIONAL)
    assert names(tmp_path) == []


def test_a_failure_is_not_saved_twice(callback: str, tmp_path: Path) -> None:
    """Restates the third test of `save_on_exception`: what is there already is not written again."""

    class Failing(Scripted):
        def on_train_epoch_start(self) -> None:
            if self.current_epoch == 1:
                raise Failure

    with pytest.raises(Failure):
        fit(callback, tmp_path, [1.0] * 2, module=Failing, save_on_exception=True)
    assert names(tmp_path) == ["epoch=0-step=1.ckpt"]


def test_a_failure_is_not_among_the_best(callback: str, tmp_path: Path) -> None:
    """What a failure leaves is never evicted, and is no candidate."""

    class Failing(Scripted):
        def on_train_batch_end(self, *arguments: Any) -> None:
            if self.current_epoch == 2:
                raise Failure

    with pytest.raises(Failure):
        fit(callback, tmp_path, [2.0, 1.0, 3.0], module=Failing, monitor="metric", save_on_exception=True)
    assert names(tmp_path) == ["epoch=1-step=2.ckpt", "epoch=2-step=3.ckpt"]
