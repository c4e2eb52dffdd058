"""What Lightning's own tests ask of `ModelCheckpoint`, asked of it and of `PolicyCheckpoint`.

Each test names the tests of Lightning's suite that it restates, by their names in its
`checkpointing/test_model_checkpoint.py` unless another file is named. Left out are, and why:

- `…_no_extraneous_invocations`, `test_top_k_ddp`, `test_model_checkpoint_ddp_monitor_none`: of several
  ranks; `test_lightning_parity.py` holds more of them.
- `test_ddp_sigterm_handling.py`, `test_signal_connector.py`: see `test_lightning_failures.py`.
- `test_trainer.py`'s `hpc` files, `test_callback_connector.py`'s order of other callbacks: the trainer's, no
  checkpoint callback takes part.
- `sync_dist` and `test_early_stopping.py`: how a metric comes to be, and another callback.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, Optional

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, model_checkpoint
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.plugins.io import AsyncCheckpointIO, TorchCheckpointIO
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from parity_trainings import PARITY, Disk, Failure, Run, Scripted, batches, make, trainer_of, watch

from ckpt_policy.lightning import PolicyCheckpoint

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")

CLASSES: dict[str, Any] = {"lightning": ModelCheckpoint, "policy": PolicyCheckpoint}


class Trained(NamedTuple):
    trainer: pl.Trainer
    callback: ModelCheckpoint
    seen: list[list[Any]]

    def files(self, hook: str = "train_epoch_end") -> list[list[str]]:
        """The names of the files after each call of a hook."""
        return [sorted(files) for name, _, _, files, _ in self.seen if name == hook]


@pytest.fixture(params=CLASSES)
def callback(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run_of(callback: str, losses: Sequence[float], trainer: dict[str, Any], arguments: dict[str, Any]) -> Run:
    """A training with a loss for each optimizer step, one an epoch unless the trainer is told else."""
    values = {str(step + 1): [loss] for step, loss in enumerate(losses)}
    return Run(callback, arguments, {"max_epochs": len(losses), "limit_train_batches": 1, **trainer}, values)


def fit(
    callback: str,
    folder: Path,
    losses: Sequence[float],
    *others: pl.Callback,
    trainer: Optional[dict[str, Any]] = None,
    made: Optional[ModelCheckpoint] = None,
    module: Optional[type[Scripted]] = None,
    ckpt_path: Optional[str] = None,
    **arguments: Any,
) -> Trained:
    """Trains with a callback of these arguments, or with the one that is `made`."""
    run = run_of(callback, losses, trainer or {}, arguments)
    checkpoint = made or make(run, folder)
    seen = watch(checkpoint, folder)
    fitter = trainer_of(run, folder, *others, checkpoint)
    fitter.fit((module or Scripted)(run), batches(), batches(), ckpt_path=ckpt_path)
    return Trained(fitter, checkpoint, seen)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.ckpt"))


def held(path: Path) -> Optional[list[int]]:
    """The epoch and the step in a file."""
    return Disk(path.parent).state(path)


def state_in(path: Path, callback: ModelCheckpoint) -> dict[str, Any]:
    """A callback's state in a file."""
    return dict(torch.load(path, weights_only=False)["callbacks"][callback.state_key])


# Arguments.


def test_the_arguments_make_the_key_of_the_state(callback: str) -> None:
    """Restates `test_model_checkpoint_state_key`."""
    made = CLASSES[callback](monitor="loss", mode="max", every_n_epochs=3)
    triggers = {"every_n_train_steps": 0, "every_n_epochs": 3, "train_time_interval": None}
    assert (
        made.state_key
        == f"{CLASSES[callback].__qualname__}{ {'monitor': 'loss', 'mode': 'max', **triggers} }"
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"save_top_k": -3}, "Must be >= -1"),
        ({"monitor": None, "save_top_k": 3}, "No quantity for top_k"),
        ({"every_n_epochs": -3}, "every_n_epochs=-3"),
        ({"every_n_train_steps": -1}, "every_n_train_steps=-1"),
        ({"every_n_train_steps": 2, "every_n_epochs": 1}, "mutually exclusive"),
        ({"every_n_train_steps": 2, "train_time_interval": timedelta(1)}, "mutually exclusive"),
        ({"mode": "middle"}, "`mode` can be"),
    ],
)
def test_wrong_arguments_are_refused(callback: str, arguments: dict[str, Any], message: str) -> None:
    """Restates `test_invalid_top_k`, `test_none_monitor_top_k`, `test_invalid_every_n_epochs`,
    `test_invalid_every_n_train_steps`, `test_invalid_trigger_combination`."""
    with pytest.raises(MisconfigurationException, match=message):
        CLASSES[callback](**{"monitor": "loss", **arguments})


@pytest.mark.parametrize(
    "arguments, epochs, steps",
    [
        ({}, 1, 0),
        ({"every_n_epochs": 0}, 0, 0),
        ({"every_n_epochs": 4}, 4, 0),
        ({"every_n_train_steps": 4}, 0, 4),
        ({"every_n_train_steps": 0, "every_n_epochs": 2}, 2, 0),
        ({"train_time_interval": timedelta(1)}, 0, 0),
    ],
)
def test_one_trigger_turns_the_others_off(
    callback: str, arguments: dict[str, Any], epochs: int, steps: int
) -> None:
    """Restates `test_none_every_n_train_steps_val_epochs`."""
    made = CLASSES[callback](monitor="loss", **arguments)
    assert (made.every_n_epochs, made._every_n_train_steps) == (epochs, steps)


@pytest.mark.parametrize("top_k", [-1, 0, 1])
def test_without_a_metric_some_numbers_are_allowed(callback: str, top_k: int) -> None:
    """Restates `test_none_monitor_top_k`."""
    assert CLASSES[callback](save_top_k=top_k).save_top_k == top_k


@pytest.mark.parametrize(
    "template, metrics, arguments, name",
    [
        (None, {"epoch": 2, "step": 9}, {}, "epoch=2-step=9"),
        ("{epoch:03d}", {"epoch": 7}, {}, "epoch=007"),
        ("{epoch}-{acc:.3f}", {"epoch": 7, "acc": 0.25}, {}, "epoch=7-acc=0.250"),
        ("{nothing:d}", {}, {}, "nothing=0"),
        ("{a.b}", {"a.b": 2}, {}, "a.b=2"),
        ("{val/loss:.1f}", {"val/loss": 0.5}, {}, "val/loss=0.5"),
        ("{val/loss:.1f}", {"val/loss": 0.5}, {"auto_insert_metric_name": False}, "0.5"),
        ("{epoch}-{epoch_x}", {"epoch": 1, "epoch_x": 2}, {}, "epoch=1-epoch_x=2"),
        ("e{epoch}_{acc:.1f}", {"epoch": 1, "acc": 0.5}, {"auto_insert_metric_name": False}, "e1_0.5"),
    ],
)
def test_templates(
    callback: str,
    template: Optional[str],
    metrics: dict[str, float],
    arguments: dict[str, Any],
    name: str,
    tmp_path: Path,
) -> None:
    """Restates `test_model_checkpoint_format_checkpoint_name`."""
    made = CLASSES[callback](tmp_path, template, "loss", **arguments)
    tensors = {key: torch.tensor(value) for key, value in metrics.items()}
    assert made.format_checkpoint_name(dict(tensors)) == str(tmp_path / f"{name}.ckpt")
    assert made.format_checkpoint_name(dict(tensors), ver=3) == str(tmp_path / f"{name}-v3.ckpt")


# Where.


@pytest.mark.parametrize("top_k", [-1, 0, 1, 2])
def test_without_a_folder_the_root_has_one(callback: str, top_k: int, tmp_path: Path) -> None:
    """Restates `test_model_checkpoint_with_non_string_input`."""
    made = CLASSES[callback](monitor="metric", save_top_k=top_k, **(PARITY if callback == "policy" else {}))
    fit(callback, tmp_path / "x", [1.0, 0.5], made=made)
    assert made.dirpath == str(tmp_path / "checkpoints")
    assert len(names(tmp_path / "checkpoints")) == (2 if top_k == -1 else top_k)


def test_the_first_logger_has_a_folder(callback: str, tmp_path: Path) -> None:
    """Restates `test_model_checkpoint_path`."""
    made = CLASSES[callback](monitor="metric", **(PARITY if callback == "policy" else {}))
    logger = CSVLogger(tmp_path, name="runs", version="seventh")
    fit(callback, tmp_path / "x", [1.0], made=made, trainer={"logger": logger})
    assert names(tmp_path / "runs/seventh/checkpoints") == ["epoch=0-step=1.ckpt"]


# The best.


@pytest.mark.parametrize("inside", [False, True])
def test_all_are_kept_with_what_was_true_then(callback: str, inside: bool, tmp_path: Path) -> None:
    """Restates `test_model_checkpoint_score_and_ckpt` and its `…_val_check_interval`."""
    losses = [0.9, 0.4, 0.7, 0.5] if not inside else [0.0, 0.9, 0.0, 0.4, 0.0, 0.7, 0.0, 0.5]
    trainer = {"max_epochs": 2, "limit_train_batches": 4, "val_check_interval": 2} if inside else {}
    trained = fit(callback, tmp_path, losses, trainer=trainer, monitor="metric", save_top_k=-1)
    best = [0.9, 0.4, 0.4, 0.4]
    for number in range(4):
        epoch, step = (number // 2, 2 * number + 2) if inside else (number, number + 1)
        path = tmp_path / f"epoch={epoch}-step={step}.ckpt"
        assert held(path) == [epoch, step]
        kept = state_in(path, trained.callback)
        assert float(kept["best_model_score"]) == pytest.approx(best[number])
    assert len(names(tmp_path)) == 4
    assert float(trained.callback.best_model_score) == pytest.approx(0.4)


def test_all_are_kept_and_the_best_is_known(callback: str, tmp_path: Path) -> None:
    """Restates `test_model_checkpoint_topk_all`: a count of epochs is a metric, too."""
    trained = fit(callback, tmp_path, [1.0] * 3, monitor="epoch", mode="max", save_top_k=-1)
    made = trained.callback
    assert {Path(path).name for path in made.best_k_models} == set(names(tmp_path))
    assert len(names(tmp_path)) == 3
    assert (Path(made.best_model_path).name, float(made.best_model_score)) == ("epoch=2-step=3.ckpt", 2)
    assert (Path(made.kth_best_model_path).name, float(made.kth_value)) == ("epoch=0-step=1.ckpt", 0)


def test_the_list_of_the_best_is_written(callback: str, tmp_path: Path) -> None:
    """Restates `test_model_checkpoint_to_yaml`."""
    trained = fit(callback, tmp_path, [0.9, 0.4, 0.7], monitor="metric", save_top_k=2)
    trained.callback.to_yaml(tmp_path / "best.yaml")
    lines = (tmp_path / "best.yaml").read_text().splitlines()
    told = {Path(name).name: float(score) for name, score in (line.rsplit(": ", 1) for line in lines)}
    assert told == {"epoch=1-step=2.ckpt": pytest.approx(0.4), "epoch=2-step=3.ckpt": pytest.approx(0.7)}


@pytest.mark.parametrize("mode, best", [("min", 2), ("max", 3)])
def test_nan_is_the_worst(callback: str, mode: str, best: int, tmp_path: Path) -> None:
    """Restates `test_checkpointing_with_nan_as_first`: it is saved, and anything is better."""
    losses = [float("nan"), 0.5, 0.2, 0.8]
    trained = fit(callback, tmp_path, losses, monitor="metric", mode=mode)
    assert trained.files()[0] == ["epoch=0-step=1.ckpt"]
    assert trained.files()[1] == ["epoch=1-step=2.ckpt"]
    assert trained.files()[3] == [f"epoch={best}-step={best + 1}.ckpt"]


@pytest.mark.parametrize("mode, kept", [("min", float("inf")), ("max", float("-inf"))])
def test_the_score_of_nan(callback: str, mode: str, kept: float, tmp_path: Path) -> None:
    """Restates `test_current_score_when_nan`."""
    trained = fit(callback, tmp_path, [float("nan")], monitor="metric", mode=mode)
    assert float(trained.callback.best_model_score) == kept
    assert float(trained.callback.current_score) == kept


def test_the_newest_score(callback: str, tmp_path: Path) -> None:
    """Restates `test_current_score`: of what was saved, not of what was refused."""
    trained = fit(callback, tmp_path, [0.5, 0.25, 0.375], monitor="metric", save_top_k=2)
    assert float(trained.callback.current_score) == 0.375
    trained = fit(callback, tmp_path / "one", [0.5, 0.25, 0.75], monitor="metric")
    assert float(trained.callback.current_score) == 0.25


def test_without_a_metric_the_newest_is_kept(callback: str, tmp_path: Path) -> None:
    """Restates `test_default_checkpoint_behavior`."""
    trained = fit(callback, tmp_path, [1.0] * 3)
    assert trained.files() == [[f"epoch={epoch}-step={epoch + 1}.ckpt"] for epoch in range(3)]
    assert trained.callback.best_model_path == str(tmp_path / "epoch=2-step=3.ckpt")


def test_without_a_metric_the_name_does_not_alternate(callback: str, tmp_path: Path) -> None:
    """Restates `test_none_monitor_not_alternating`."""
    trained = fit(callback, tmp_path, [1.0] * 3, filename="model")
    assert trained.files() == [["model.ckpt"]] * 3
    assert held(tmp_path / "model.ckpt") == [2, 3]


def test_without_a_metric_the_best_is_in_its_own_state(callback: str, tmp_path: Path) -> None:
    """Restates `test_none_monitor_saves_correct_best_model_path`."""
    trained = fit(callback, tmp_path, [1.0] * 2)
    path = tmp_path / "epoch=1-step=2.ckpt"
    assert state_in(path, trained.callback)["best_model_path"] == str(path)


def test_without_a_metric_there_are_no_scores(callback: str, tmp_path: Path) -> None:
    """Restates `test_model_checkpoint_save_last_none_monitor`."""
    trained = fit(callback, tmp_path, [1.0] * 2, save_top_k=-1, save_last=True)
    made = trained.callback
    assert names(tmp_path) == ["epoch=0-step=1.ckpt", "epoch=1-step=2.ckpt", "last.ckpt"]
    assert made.best_model_path == str(tmp_path / "epoch=1-step=2.ckpt")
    assert made.last_model_path == str(tmp_path / "last.ckpt")
    assert (made.best_model_score, made.best_k_models, made.kth_best_model_path) == (None, {}, "")


@pytest.mark.parametrize("mode, losses, writes", [("min", [5, 4, 3, 3, 2], 4), ("max", [5, 4, 3, 3, 2], 1)])
def test_equals_are_no_better(
    callback: str, mode: str, losses: list[float], writes: int, tmp_path: Path
) -> None:
    """Restates `test_top_k_ddp` of `test_checkpoint_callback_frequency.py`, for one rank."""
    trained = fit(callback, tmp_path, losses, monitor="metric", mode=mode)
    kept = trained.files()
    assert 1 + sum(before != after for before, after in zip(kept, kept[1:])) == writes


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


# The newest.


@pytest.mark.parametrize("save_last", [True, "link"])
def test_the_newest_has_a_name_of_its_own(
    callback: str, save_last: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restates `test_model_checkpoint_save_last` and `test_model_checkpoint_file_extension`."""
    monkeypatch.setattr(CLASSES[callback], "CHECKPOINT_NAME_LAST", "newest-{epoch}")
    monkeypatch.setattr(CLASSES[callback], "FILE_EXTENSION", ".ckpt.tpkc.ckpt")
    # All are kept, since Lightning leaves links to what is deleted.
    arguments: dict[str, Any] = {"monitor": "metric", "filename": "{epoch}", "save_top_k": -1}
    fit(callback, tmp_path, [3.0, 2.0], save_last=save_last, **arguments)
    assert names(tmp_path) == [f"{name}.ckpt.tpkc.ckpt" for name in ("epoch=0", "epoch=1", "newest-epoch=1")]
    assert (tmp_path / "newest-epoch=1.ckpt.tpkc.ckpt").is_symlink() or save_last is True


@pytest.mark.parametrize("before", ["file", "folder", "link", "nothing"])
def test_a_link_to_the_newest(callback: str, before: str, tmp_path: Path) -> None:
    """Restates `test_model_checkpoint_link_checkpoint` and its `…_relative_path`."""
    last = tmp_path / "last.ckpt"
    if before == "file":
        torch.save({"epoch": -1, "global_step": -1}, last)
    elif before == "folder":
        last.mkdir()
        (last / "shard").write_text("old")
    elif before == "link":
        torch.save({"epoch": -1, "global_step": -1}, tmp_path / "old")
        last.symlink_to(tmp_path / "old")
    arguments: dict[str, Any] = {"save_last": "link", "enable_version_counter": False}
    fit(callback, tmp_path, [3.0, 2.0], monitor="metric", **arguments)
    assert last.is_symlink()
    assert Path(last.readlink()) == Path("epoch=1-step=2.ckpt")
    assert held(last) == [1, 2]
    assert before != "link" or held(tmp_path / "old") == [-1, -1]


def test_a_link_needs_a_file_system(callback: str, tmp_path: Path) -> None:
    """Restates `test_model_checkpoint_save_last_as_link_not_local`."""
    made = CLASSES[callback]("memory://checkpoints", monitor="metric", save_last="link")
    with pytest.raises(ValueError, match="save_last='link'"):
        fit(callback, tmp_path, [1.0], made=made)


def test_the_newest_alone(callback: str, tmp_path: Path) -> None:
    """Restates `test_model_checkpoint_topk_zero`."""
    trained = fit(callback, tmp_path, [1.0] * 2, save_top_k=0, save_last=True)
    assert names(tmp_path) == ["last.ckpt"]
    assert not (tmp_path / "last.ckpt").is_symlink()
    assert trained.callback.last_model_path == str(tmp_path / "last.ckpt")
    assert trained.callback.best_model_path == ""


def test_the_newest_holds_the_state_of_the_newest(callback: str, tmp_path: Path) -> None:
    """Restates `test_model_checkpoint_save_last_checkpoint_contents`."""
    trained = fit(callback, tmp_path, [3.0, 2.0, 1.0], monitor="metric", save_last=True)
    newest, last = tmp_path / "epoch=2-step=3.ckpt", tmp_path / "last.ckpt"
    both = [state_in(path, trained.callback) for path in (newest, last)]
    same = ("best_model_path", "best_model_score", "dirpath")
    assert [both[0][key] for key in same] == [both[1][key] for key in same]
    weights = [torch.load(path, weights_only=False)["state_dict"]["layer.weight"] for path in (newest, last)]
    assert torch.equal(*weights)


def test_the_newest_is_in_its_own_state(callback: str, tmp_path: Path) -> None:
    """Restates `test_save_last_saves_correct_last_model_path`."""
    trained = fit(callback, tmp_path, [1.0], save_last=True)
    assert state_in(tmp_path / "last.ckpt", trained.callback)["last_model_path"] == str(
        tmp_path / "last.ckpt"
    )


def test_the_newest_of_another_run_stays(callback: str, tmp_path: Path) -> None:
    """Restates `test_save_last_versioning`."""
    for run in range(2):
        fit(callback, tmp_path, [1.0] * 2, save_last=True)
    assert {"last.ckpt", "last-v1.ckpt"} <= set(names(tmp_path))


def test_the_newest_is_written_where_one_was_saved(callback: str, tmp_path: Path) -> None:
    """Restates `test_save_last_only_when_checkpoint_saved`."""
    fit(callback, tmp_path, [1.0, 0.5, 0.9, 0.95], monitor="metric", save_last=True)
    assert held(tmp_path / "last.ckpt") == [1, 2]


@pytest.mark.parametrize("every, written", [(1, [2, 3]), (2, [1, 2]), (5, [3, 3])])
def test_the_newest_follows_the_epochs(callback: str, every: int, written: list[int], tmp_path: Path) -> None:
    """Restates `test_save_last_every_n_epochs_interaction`: the end of training writes what is missing."""
    fit(callback, tmp_path, [1.0] * 3, save_last=True, every_n_epochs=every, save_top_k=-1)
    assert held(tmp_path / "last.ckpt") == written


def test_the_newest_at_the_end_of_training(callback: str, tmp_path: Path) -> None:
    """Restates `test_save_last_without_save_on_train_epoch_and_without_val`."""
    arguments: dict[str, Any] = {"save_last": True, "save_on_train_epoch_end": False}
    fit(callback, tmp_path, [1.0], trainer={"limit_val_batches": 0}, **arguments)
    assert names(tmp_path) == ["last.ckpt"]


def test_which_files_are_the_newest(callback: str, tmp_path: Path) -> None:
    """Restates `test_find_last_checkpoints`."""
    for name in ("last.ckpt", "last-v1.ckpt", "last-3.ckpt", "lost.ckpt", "epoch=0.ckpt", "last.txt"):
        (tmp_path / name).touch()
    run = run_of(callback, [1.0], {}, {})
    made = make(run, tmp_path)
    found = made._find_last_checkpoints(trainer_of(run, tmp_path, made))
    assert {Path(path).name for path in found} == {"last.ckpt", "last-v1.ckpt", "last-3.ckpt"}


# Names that are taken.


def test_another_run_has_other_names(callback: str, tmp_path: Path) -> None:
    """Restates `test_ckpt_version_after_rerun_new_trainer`."""
    for run in range(3):
        trained = fit(callback, tmp_path, [2.0, 1.0], monitor="metric", filename="{epoch}")
    assert names(tmp_path) == ["epoch=1-v1.ckpt", "epoch=1-v2.ckpt", "epoch=1.ckpt"]
    assert Path(trained.callback.best_model_path).name == "epoch=1-v2.ckpt"


def test_the_same_trainer_goes_on(callback: str, tmp_path: Path) -> None:
    """Restates `test_ckpt_version_after_rerun_same_trainer`."""
    run = run_of(
        callback, [3.0, 2.0, 2.5, 1.0], {"max_epochs": 2}, {"monitor": "metric", "filename": "{metric:.0f}"}
    )
    made, module = make(run, tmp_path), Scripted(run)
    trainer = trainer_of(run, tmp_path, made)
    trainer.fit(module, batches(), batches())
    assert names(tmp_path) == ["metric=2.ckpt"]
    trainer.fit_loop.max_epochs = 4
    trainer.fit(module, batches(), batches())
    assert names(tmp_path) == ["metric=1.ckpt"]


def test_without_versions_another_run_writes_over(callback: str, tmp_path: Path) -> None:
    """Restates `test_ckpt_version_counter_disabled_after_rerun_new_trainer`."""
    for run in range(2):
        arguments: dict[str, Any] = {
            "filename": "{epoch}",
            "save_last": True,
            "enable_version_counter": False,
        }
        fit(callback, tmp_path, [2.0, 1.0], monitor="metric", **arguments)
    assert names(tmp_path) == ["epoch=1.ckpt", "last.ckpt"]


# A run that goes on.


def test_nothing_is_saved_twice(callback: str, tmp_path: Path) -> None:
    """Restates `test_checkpoint_repeated_strategy` and its `…_extended`: validation and test save nothing."""
    trained = fit(callback, tmp_path, [2.0, 1.0], monitor="metric", save_top_k=-1)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in names(tmp_path)}
    module = Scripted(run_of(callback, [2.0, 1.0], {}, {}))
    trained.trainer.validate(module, batches(), verbose=False)
    trained.trainer.fit(module, batches(), batches())
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in names(tmp_path)} == before
    again = fit(
        callback,
        tmp_path,
        [2.0, 1.0],
        ckpt_path=trained.callback.best_model_path,
        monitor="metric",
        save_top_k=-1,
    )
    assert again.trainer.global_step == 2
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in names(tmp_path)} == before


def test_a_save_at_no_step_counts_none(callback: str, tmp_path: Path) -> None:
    """Restates `test_last_global_step_saved`."""
    trained = fit(callback, tmp_path, [2.0], monitor="metric", save_top_k=0)
    assert trained.callback._last_global_step_saved == 0


@pytest.mark.parametrize("is_same", [True, False])
def test_a_run_goes_on_with_its_scores(callback: str, is_same: bool, tmp_path: Path) -> None:
    """Restates `test_model_checkpoint_saveload_ckpt`. In another folder ours goes on, too."""
    first, second = tmp_path / "first", tmp_path / ("first" if is_same else "second")
    arguments: dict[str, Any] = {"monitor": "metric", "save_top_k": 2}
    before = fit(callback, first, [1.0, 2.0], **arguments)
    path = str(first / "epoch=1-step=2.ckpt")
    after = fit(callback, second, [1.0, 2.0, 3.0, 1.5], ckpt_path=path, **arguments)
    if is_same:
        assert names(first) == ["epoch=0-step=1.ckpt", "epoch=1-step=2.ckpt", "epoch=3-step=4.ckpt"]
        assert after.callback.best_model_path == before.callback.best_model_path
    else:
        # Lightning forgets the scores and begins anew.
        anew = ["epoch=2-step=3.ckpt"] if callback == "lightning" else []
        assert names(second) == [*anew, "epoch=3-step=4.ckpt"]
        assert names(first) == ["epoch=0-step=1.ckpt", "epoch=1-step=2.ckpt"]


def test_what_a_run_came_from_stays(callback: str, tmp_path: Path) -> None:
    """Restates `test_resume_training_preserves_old_ckpt_last` and `test_resume_and_old_…_files_remain`."""
    first, second = tmp_path / "first", tmp_path / "second"
    fit(callback, first, [3.0, 2.0], monitor="metric", save_last=True)
    old = names(first)
    fit(
        callback,
        second,
        [3.0, 2.0, 1.0],
        monitor="metric",
        save_last=True,
        ckpt_path=str(first / "last.ckpt"),
    )
    assert names(first) == old
    assert names(second) == ["epoch=2-step=3.ckpt", "last.ckpt"]
    fit(callback, first, [3.0, 2.0, 1.0], monitor="metric", ckpt_path=str(first / "epoch=1-step=2.ckpt"))
    assert {"epoch=1-step=2.ckpt", "epoch=2-step=3.ckpt"} <= set(names(first))


@pytest.mark.parametrize("which, expected", [("best", [1, 2]), ("last", [2, 3])])
def test_the_trainer_finds_the_best_and_the_newest(
    callback: str, which: str, expected: list[int], tmp_path: Path
) -> None:
    """Restates the tests of `ckpt_path` in `test_trainer.py`."""
    trained = fit(callback, tmp_path, [2.0, 1.0, 1.5], monitor="metric", save_top_k=2, save_last=True)
    module = Scripted(run_of(callback, [1.0] * 3, {}, {}))
    trained.trainer.validate(module, batches(), ckpt_path=which, verbose=False)
    assert held(Path(str(trained.trainer.ckpt_path))) == expected
    again = fit(callback, tmp_path, [2.0, 1.0, 1.5, 4.0], ckpt_path="last", monitor="metric", save_last=True)
    assert again.trainer.global_step == 4


def test_several_in_one_trainer(callback: str, tmp_path: Path) -> None:
    """Restates `test_configure_model_checkpoint` and the keys of `test_callback_connector.py`."""
    run = run_of(callback, [2.0, 1.0, 3.0], {}, {})
    small = make(run_of(callback, [], {}, {"monitor": "metric"}), tmp_path / "small")
    large = make(run_of(callback, [], {}, {"monitor": "metric", "mode": "max"}), tmp_path / "large")
    trainer = trainer_of(run, tmp_path, small, large)
    assert trainer.checkpoint_callback is small
    assert trainer.checkpoint_callbacks == [small, large]
    trainer.fit(Scripted(run), batches(), batches())
    assert names(tmp_path / "small") == ["epoch=1-step=2.ckpt"]
    assert names(tmp_path / "large") == ["epoch=2-step=3.ckpt"]
    alike = make(run_of(callback, [], {}, {"monitor": "metric"}), tmp_path / "alike")
    with pytest.raises(RuntimeError, match="state_key"):
        trainer_of(run, tmp_path, small, alike)


# Exceptions.

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
