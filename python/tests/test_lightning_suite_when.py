"""When it decides. See `lightning_suite.py`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Optional

import pytest
import torch
from lightning.pytorch.callbacks import model_checkpoint
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.plugins.io import AsyncCheckpointIO, TorchCheckpointIO
from lightning_suite import fit, held, names, run_of
from parity_trainings import Run, Scripted, batches, make, trainer_of

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")


# When.


@pytest.mark.parametrize("every, epochs", [(0, []), (1, [0, 1, 2, 3, 4, 5]), (2, [1, 3, 5]), (4, [3])])
def test_every_n_epochs(callback: str, every: int, epochs: list[int], tmp_path: Path) -> None:
    """Restates `test_model_checkpoint_every_n_epochs`."""
    fit(callback, tmp_path, [1.0] * 6, save_top_k=-1, every_n_epochs=every)
    assert names(tmp_path) == [f"epoch={epoch}-step={epoch + 1}.ckpt" for epoch in epochs]


@pytest.mark.parametrize("every", [1, 2, 3, 8])
def test_every_n_steps(callback: str, every: int, tmp_path: Path) -> None:
    """Restates `test_ckpt_every_n_train_steps`, the last step of an epoch among them."""
    trainer = {"max_epochs": 2, "limit_train_batches": 4}
    fit(
        callback,
        tmp_path,
        [1.0] * 8,
        trainer=trainer,
        filename="{step}",
        save_top_k=-1,
        every_n_train_steps=every,
    )
    assert names(tmp_path) == [f"step={step}.ckpt" for step in range(every, 9, every)]


def test_an_interval_of_time(callback: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restates `test_model_checkpoint_train_time_interval`: the time runs anew from each save."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(model_checkpoint, "time", SimpleNamespace(monotonic=lambda: clock.now))

    class Slow(Scripted):
        def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
            clock.now += 7
            return super().training_step(batch, batch_idx)

    arguments: dict[str, Any] = {
        "filename": "{step:02d}",
        "save_top_k": -1,
        "train_time_interval": 30,
        "every_n_epochs": 0,
    }
    fit(
        callback,
        tmp_path,
        [1.0] * 16,
        module=Slow,
        trainer={"max_epochs": 1, "limit_train_batches": 16},
        **arguments,
    )
    assert names(tmp_path) == ["step=05.ckpt", "step=10.ckpt", "step=15.ckpt"]


@pytest.mark.parametrize("interval, saves", [(0, 4), (1e6, 0)])
def test_an_interval_of_no_time(callback: str, interval: float, saves: int, tmp_path: Path) -> None:
    """As above, with the real clock: none at all is each step."""
    trainer = {"max_epochs": 1, "limit_train_batches": 4}
    fit(callback, tmp_path, [1.0] * 4, trainer=trainer, save_top_k=-1, train_time_interval=interval)
    assert len(names(tmp_path)) == saves


@pytest.mark.parametrize("every", [1, 2, 3])
def test_only_where_validation_was(callback: str, every: int, tmp_path: Path) -> None:
    """Restates `test_check_val_every_n_epochs_top_k_integration`."""
    trainer = {"check_val_every_n_epoch": every}
    fit(callback, tmp_path, [1.0] * 6, trainer=trainer, monitor="metric", save_top_k=-1)
    assert names(tmp_path) == [f"epoch={epoch}-step={epoch + 1}.ckpt" for epoch in range(every - 1, 6, every)]


def test_several_saves_in_an_epoch_have_names(callback: str, tmp_path: Path) -> None:
    """Restates `test_val_check_interval_checkpoint_files`."""
    trainer = {"max_epochs": 1, "limit_train_batches": 4, "val_check_interval": 0.5}
    fit(callback, tmp_path, [1.0] * 4, trainer=trainer, monitor="metric", save_top_k=-1)
    assert names(tmp_path) == ["epoch=0-step=2.ckpt", "epoch=0-step=4.ckpt"]


def test_without_validation_an_epoch_ends_with_a_save(callback: str, tmp_path: Path) -> None:
    """Restates `test_train_epoch_end_ckpt_with_no_validation`."""
    trainer = {"limit_val_batches": 0, "val_check_interval": 0.5, "max_epochs": 1, "limit_train_batches": 2}
    fit(callback, tmp_path, [1.0] * 2, trainer=trainer)
    assert names(tmp_path) == ["epoch=0-step=2.ckpt"]


@pytest.mark.parametrize(
    "epochs, interval, arguments, writes",
    [
        (1, 1.0, {}, 1),
        (2, 1.0, {}, 2),
        (1, 0.25, {}, 4),
        (2, 0.5, {"save_top_k": 0, "save_last": True}, 1),
        (2, 0.5, {"save_top_k": 1}, 4),
        (2, 0.5, {"save_top_k": 2}, 4),
        (2, 0.5, {"save_top_k": -1}, 4),
    ],
)
def test_the_number_of_writes(
    callback: str, epochs: int, interval: float, arguments: dict[str, Any], writes: int, tmp_path: Path
) -> None:
    """Restates `test_default_checkpoint_freq` and `test_top_k` of `test_checkpoint_callback_frequency.py`."""
    counted = Counted()
    trainer = {
        "max_epochs": epochs,
        "limit_train_batches": 4,
        "val_check_interval": interval,
        "plugins": [LightningEnvironment(), counted],
    }
    losses = [1 / (1 + step) for step in range(4 * epochs)]
    fit(callback, tmp_path, losses, trainer=trainer, monitor="metric", **arguments)
    assert len(counted.saved) == writes


class Counted(TorchCheckpointIO):
    """Writes down what is written and removed."""

    def __init__(self) -> None:
        self.saved, self.removed = list[str](), list[str]()

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Optional[Any] = None
    ) -> None:
        self.saved.append(Path(path).name)
        super().save_checkpoint(checkpoint, path, storage_options)

    def remove_checkpoint(self, path: Any) -> None:
        self.removed.append(Path(path).name)
        super().remove_checkpoint(path)


def test_the_plugin_writes_and_removes(callback: str, tmp_path: Path) -> None:
    """Restates `test_checkpoint_plugin_called` of `test_checkpoint_io_plugin.py`."""
    counted = Counted()
    trainer = {"plugins": [LightningEnvironment(), counted]}
    fit(callback, tmp_path, [3.0, 2.0, 1.0], trainer=trainer, monitor="metric")
    every = [f"epoch={epoch}-step={epoch + 1}.ckpt" for epoch in range(3)]
    assert (counted.saved, counted.removed) == (every, every[:2])


def test_writes_in_the_background_hold_what_was_then(callback: str, tmp_path: Path) -> None:
    """Restates `test_async_checkpoint.py` and the asynchronous half of `test_checkpoint_io_plugin.py`."""
    counted = Counted()
    trainer = {"plugins": [LightningEnvironment(), AsyncCheckpointIO(counted)]}
    fit(callback, tmp_path, [3.0, 2.0, 1.0], trainer=trainer, monitor="metric", save_top_k=-1)
    assert {name: held(tmp_path / name) for name in names(tmp_path)} == {
        f"epoch={epoch}-step={epoch + 1}.ckpt": [epoch, epoch + 1] for epoch in range(3)
    }


# Steps before the validation that has the metric.


@pytest.mark.parametrize("batches_of, every, best", [(2, 2, 4), (4, 4, 4), (2, 4, 2)])
def test_a_step_waits_for_the_validation_after_it(
    callback: str, batches_of: int, every: int, best: int, tmp_path: Path
) -> None:
    """Restates `test_model_checkpoint_step_interval_val_metric.py` and its `…_additional_cases.py`."""
    trainer = {"max_epochs": best, "limit_train_batches": batches_of, "val_check_interval": batches_of}
    losses = [1 / (1 + step) for step in range(batches_of * best)]
    arguments: dict[str, Any] = {
        "monitor": "metric",
        "every_n_train_steps": every,
        "save_on_train_epoch_end": False,
    }
    trained = fit(callback, tmp_path, losses, trainer=trainer, **arguments)
    assert float(trained.callback.best_model_score) == pytest.approx(losses[-1])
    assert held(Path(trained.callback.best_model_path)) == [best - 1, batches_of * best]


@pytest.mark.parametrize("save_last", [True, "link"])
def test_a_step_that_waits_has_its_last(callback: str, save_last: Any, tmp_path: Path) -> None:
    """Restates `…_additional_cases.py`, where a link pointed to itself, and `…_edge_cases.py`."""
    trainer = {"max_epochs": 3, "limit_train_batches": 2, "val_check_interval": 2}
    arguments: dict[str, Any] = {
        "monitor": "metric",
        "save_on_train_epoch_end": False,
        "save_last": save_last,
    }
    fit(
        callback,
        tmp_path,
        [3.0, 3.0, 2.0, 2.0, 1.0, 1.0],
        trainer=trainer,
        every_n_train_steps=2,
        **arguments,
    )
    assert names(tmp_path) == ["epoch=2-step=6.ckpt", "last.ckpt"]
    assert held(tmp_path / "last.ckpt") == [2, 6]


def test_steps_optimized_by_hand(callback: str, tmp_path: Path) -> None:
    """Restates `test_model_checkpoint_manual_opt.py`: the weights before the step, where they are kept."""

    class ByHand(Scripted):
        def __init__(self, run: Run) -> None:
            super().__init__(run)
            self.automatic_optimization = False
            self.saved_models: dict[int, dict[str, torch.Tensor]] = {}

        def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
            optimizer = self.optimizers()
            loss = self.layer(batch[0]).square().mean()
            optimizer.zero_grad()
            self.manual_backward(loss)
            before = {name: tensor.detach().clone() for name, tensor in self.layer.state_dict().items()}
            self.saved_models[self.trainer.global_step] = before
            optimizer.step()
            return loss

    trainer = {"max_epochs": 1, "limit_train_batches": 4, "limit_val_batches": 0}
    run = run_of(
        callback, [1.0] * 4, trainer, {"save_top_k": -1, "every_n_train_steps": 2, "every_n_epochs": 0}
    )
    made, module = make(run, tmp_path), ByHand(run)
    trainer_of(run, tmp_path, made).fit(module, batches())
    assert names(tmp_path) == ["epoch=0-step=2.ckpt", "epoch=0-step=4.ckpt"]
    written = torch.load(tmp_path / "epoch=0-step=4.ckpt", weights_only=False)["state_dict"]
    assert torch.equal(written["layer.weight"], module.saved_models[3]["weight"])
    assert not torch.equal(written["layer.weight"], module.layer.weight)
