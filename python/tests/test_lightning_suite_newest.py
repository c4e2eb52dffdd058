"""The newest, and names that are taken. See `lightning_suite.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_suite import CLASSES, fit, held, names, run_of, state_in
from parity_trainings import Scripted, batches, make, trainer_of

pytestmark = pytest.mark.filterwarnings("ignore:::lightning")


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
