"""What its arguments are, and where its files lie. See `lightning_suite.py`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Optional

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from lightning_suite import CLASSES, fit, names
from parity_trainings import PARITY

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")


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
