"""Which are kept as the best. See `lightning_suite.py`."""

from __future__ import annotations

from pathlib import Path

import pytest
from lightning_suite import fit, held, names, state_in

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")


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
