"""A run that goes on. See `lightning_suite.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lightning_suite import fit, held, names, run_of
from parity_trainings import Scripted, batches, make, trainer_of

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")


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
