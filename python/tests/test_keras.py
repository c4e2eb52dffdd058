"""`PolicyCheckpoint` in the real Keras `fit`, beside the real `ModelCheckpoint`; also on real processes.

Run as a script it is one of those processes: `test_keras.py FOLDER`.
"""

from __future__ import annotations

import json
import logging
import os
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import pytest
import torch
import torch.distributed as dist
from conftest import REPOSITORY, World, config

from ckpt_policy import ConfigError
from ckpt_policy.keras import PolicyCheckpoint, newest

EXAMPLES = REPOSITORY / "python" / "examples"
sys.path.insert(0, str(EXAMPLES))

# Threads that wait for a busy processor make a small model slow.
torch.set_num_threads(1)

LOSSES = [0.5, 0.9, 0.3, 0.7, 0.4]


class Says(keras.callbacks.Callback):
    """Puts the losses that a test wants in the place of those that were measured, one an epoch."""

    def __init__(self, losses: Sequence[float]) -> None:
        super().__init__()
        self.losses = losses

    def on_epoch_end(self, epoch: int, logs: Optional[dict[str, Any]] = None) -> None:
        assert logs is not None
        logs["val_loss"] = self.losses[epoch]


class Sees(keras.callbacks.Callback):
    """Notes after each epoch which checkpoints there are."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.seen: list[list[str]] = []

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.seen.append(files(self.folder))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".json")


def made() -> keras.Model:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def train(
    folder: Path, losses: Sequence[float], *callbacks: keras.callbacks.Callback, first: int = 0
) -> list[list[str]]:
    """Trains an epoch of four batches for each loss; returns which checkpoints were there after each."""
    folder.mkdir(exist_ok=True)
    sees = Sees(folder)
    data = np.ones((8, 2), np.float32), np.ones((8, 1), np.float32)
    run = {"batch_size": 2, "epochs": len(losses), "initial_epoch": first, "verbose": 0}
    made().fit(*data, callbacks=[Says(losses), *callbacks, sees], **run)
    return sees.seen


def test_the_best_are_kept_and_named(tmp_path: Path) -> None:
    callback = PolicyCheckpoint(tmp_path / "{epoch:02d}-{val_loss:.1f}.keras", save_top_k=2, save_last=True)
    assert train(tmp_path, LOSSES, callback) == [
        ["01-0.5.keras"],
        ["01-0.5.keras", "02-0.9.keras"],
        ["01-0.5.keras", "03-0.3.keras"],
        ["01-0.5.keras", "03-0.3.keras", "04-0.7.keras"],
        ["03-0.3.keras", "05-0.4.keras"],
    ]
    assert callback.best is not None
    assert (Path(callback.best.path).name, callback.best.score) == ("03-0.3.keras", 0.3)
    assert keras.models.load_model(callback.best.path).predict(np.ones((1, 2)), verbose=0).shape == (1, 1)
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_it_finds_the_best_that_model_checkpoint_finds(tmp_path: Path) -> None:
    theirs = keras.callbacks.ModelCheckpoint(tmp_path / "theirs-{epoch}.keras", save_best_only=True)
    ours = PolicyCheckpoint(tmp_path / "ours-{epoch}.keras")
    drawn = random.Random(1)
    seen = train(tmp_path, [drawn.random() for _ in range(12)], theirs, ours)
    for names in seen:
        (own,) = (name for name in names if name.startswith("ours"))
        saved = [int(name[7:-6]) for name in names if name.startswith("theirs")]
        assert own == f"ours-{max(saved)}.keras"


@pytest.mark.parametrize("cut", [1, 4, 7])
def test_a_resumed_run_ends_as_the_whole_one(cut: int, tmp_path: Path) -> None:
    drawn = random.Random(cut)
    losses = [drawn.random() for _ in range(9)]

    def callback(folder: Path, **arguments: Any) -> PolicyCheckpoint:
        return PolicyCheckpoint(folder / "{epoch}.keras", save_top_k=2, save_last=True, **arguments)

    whole, part = tmp_path / "whole", tmp_path / "part"
    seen = train(whole, losses, callback(whole))
    assert newest(part / "{epoch}.keras") is None
    assert train(part, losses[:cut], callback(part)) == seen[:cut]
    kept = newest(part / "{epoch}.keras")
    assert kept is not None and kept.epoch == cut - 1 and kept.step == 4 * cut
    again = callback(part, resume=kept)
    # What the weights came from is protected from then on; all else is as it would have been.
    came_from = Path(kept.path).name
    for names, expected in zip(train(part, losses, again, first=cut), seen[cut:]):
        assert set(expected) <= set(names) <= {*expected, came_from}
    assert again.best is not None and again.best.score == pytest.approx(min(losses))


def test_a_fit_that_goes_on_with_the_same_callback_knows_the_best(tmp_path: Path) -> None:
    callback = PolicyCheckpoint(tmp_path / "{epoch}.keras")
    train(tmp_path, [0.3], callback)
    assert train(tmp_path, [0.3, 0.5, 0.2], callback, first=1) == [["1.keras"], ["3.keras"]]


def test_a_name_without_placeholders_is_a_link_to_the_best(tmp_path: Path) -> None:
    best = tmp_path / "best.weights.h5"
    callback = PolicyCheckpoint(best, save_weights_only=True)
    seen = train(tmp_path, LOSSES, callback)
    assert seen[1] == ["best-1.weights.h5", "best.weights.h5"]
    assert seen[-1] == ["best-3.weights.h5", "best.weights.h5"]
    assert best.resolve().name == "best-3.weights.h5"
    made().load_weights(best)
    kept = newest(best)
    assert kept is not None and kept.epoch == 2


def test_a_checkpoint_that_is_kept_is_never_overwritten(tmp_path: Path) -> None:
    callback = PolicyCheckpoint(tmp_path / "{val_loss:.1f}.keras", save_top_k=3)
    train(tmp_path, [0.51, 0.5, 0.49], callback)
    assert files(tmp_path) == ["0.5-v1.keras", "0.5-v2.keras", "0.5.keras"]


def test_every_few_batches_without_a_metric(tmp_path: Path) -> None:
    callback = PolicyCheckpoint(tmp_path / "{epoch}-{batch}.keras", monitor=None, save_freq=3, save_top_k=2)
    assert train(tmp_path, [1, 1, 1], callback)[-1] == ["3-1.keras", "3-4.keras"]


def test_a_write_that_fails_replaces_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / ".new-3.keras").mkdir()
    callback = PolicyCheckpoint(tmp_path / "{epoch}.keras")
    with caplog.at_level(logging.ERROR, "ckpt_policy"):
        seen = train(tmp_path, LOSSES, callback)
    assert [names[-1] for names in seen] == ["1.keras", "1.keras", "1.keras", "1.keras", "5.keras"]
    assert re.search(r"checkpoint \d+ could not be written", caplog.text)


def test_policies_end_the_training(tmp_path: Path) -> None:
    callback = PolicyCheckpoint(tmp_path / "{epoch}.keras", settings={"patience-steps": 8})
    assert len(train(tmp_path, [0.1, 0.5, 0.5, 0.5, 0.5], callback)) == 3
    assert callback.outcome is not None and callback.best is not None and callback.best.epoch == 0
    with pytest.raises(RuntimeError, match="open from the start"):
        callback.host


def test_a_rank_that_is_told_to_leave_saves_first(tmp_path: Path) -> None:
    leaves = config(wasm="builtin:unanimous", config={"at": ["interrupted"]})
    leaves["signals"] = {"every-steps": 1}
    callback = PolicyCheckpoint(tmp_path / "{epoch}-{batch}.keras", config=leaves)

    def interrupt(batch: int, logs: object) -> None:
        if batch == 1:
            callback.host.interrupt()

    told = keras.callbacks.LambdaCallback(on_train_batch_begin=interrupt)
    train(tmp_path, LOSSES, told, callback)
    assert files(tmp_path) == ["1-2.keras"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"filepath": "c.h5"}, "must end with `.keras`"),
        ({"filepath": "c.keras", "save_weights_only": True}, "must end with `.weights.h5`"),
        ({"filepath": "c.keras", "monitor": "val_accuracy"}, "which way is `val_accuracy` better"),
        ({"filepath": "c.keras", "save_freq": 0}, "batches from 1, found 0"),
        ({"filepath": "c.keras", "config": {}, "settings": {}}, "leave out `settings`"),
    ],
)
def test_what_is_wrong_is_told_at_once(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        PolicyCheckpoint(**arguments)


def test_what_the_policy_refuses_is_told_when_training_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="min-delta"):
        train(tmp_path, LOSSES, PolicyCheckpoint(tmp_path / "c.keras", settings={"min-dleta": 1}))
    with pytest.raises(KeyError, match="val_los"):
        train(tmp_path, LOSSES, PolicyCheckpoint(tmp_path / "{val_los}.keras"))


def test_two_processes_decide_as_one(tmp_path: Path) -> None:
    with World(2, tmp_path, script=Path(__file__)) as world:
        first, second = (json.loads(out.splitlines()[-1]) for out in world.outputs())
    # By the means 0.5, 0.45 and 0.9; the name is of rank 0's own loss, for both.
    first_best, second_best = [["1-0.10.keras"], "1-0.10.keras"], [["2-0.70.keras"], "2-0.70.keras"]
    assert first == second == [first_best, second_best, second_best]


def test_the_example_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from keras_digits import run

    run(tmp_path / "whole", 10)
    lines = capsys.readouterr().out.splitlines()
    assert any("does not beat" in line for line in lines)
    run(tmp_path / "part", 5)
    capsys.readouterr()
    run(tmp_path / "part", 10)
    assert capsys.readouterr().out.splitlines()[:5] == lines[5:10]


def test_the_example_on_jax(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "keras_digits.py"), str(tmp_path), "--epochs", "3"]
    done = subprocess.run(
        command, env={**os.environ, "KERAS_BACKEND": "jax"}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    said = [line.split(":")[0] for line in done.stdout.splitlines()]
    assert said == ["epoch 0", "epoch 1", "epoch 2", "best"]


class Agrees(keras.callbacks.Callback):
    """Notes after each epoch what is kept, and what this rank holds to be the best."""

    def __init__(self, folder: Path, checkpoint: PolicyCheckpoint) -> None:
        super().__init__()
        self.folder, self.checkpoint = folder, checkpoint
        self.seen: list[tuple[list[str], str]] = []

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        # Rank 0 has deleted and written, and goes on when both have looked.
        dist.barrier()
        assert self.checkpoint.best is not None
        self.seen.append((files(self.folder), Path(self.checkpoint.best.path).name))
        dist.barrier()


if __name__ == "__main__":
    dist.init_process_group("gloo")
    place = Path(sys.argv[1])
    own = [[0.1, 0.7, 0.9], [0.9, 0.2, 0.9]][dist.get_rank()]
    checkpoint = PolicyCheckpoint(place / "{epoch}-{val_loss:.2f}.keras")
    agrees = Agrees(place, checkpoint)
    train(place, own, checkpoint, agrees)
    print(json.dumps(agrees.seen))
    dist.destroy_process_group()
