"""`Checkpointer` with the real Accelerate, and with functions of one's own; alone and with two real ranks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration
from accelerate_trainings import STEPS, train
from conftest import REPOSITORY, results, trainings

from ckpt_policy import ConfigError, accelerate, loop

TRAININGS = Path(__file__).with_name("accelerate_trainings.py")


def alone(*values: float) -> list[list[float]]:
    return [[value] for value in values]


def folders(*epochs: int) -> list[str]:
    """Returns the names of the checkpoints of these epochs, as they are sorted."""
    return sorted(f"checkpoint-{epoch * STEPS}" for epoch in epochs)


def test_the_best_are_kept_and_told(tmp_path: Path) -> None:
    policy = {"monitor": "value", "save_top_k": 2}
    result = train(str(tmp_path), alone(0.5, 0.9, 0.3, 0.7, 0.4), policy=policy)
    assert result["seen"] == [folders(1), folders(1, 2), folders(1, 3), folders(1, 3), folders(3, 5)]
    assert (result["best"], result["score"], result["steps"]) == ("checkpoint-12", 0.3, 20)


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_run_that_goes_on_ends_as_the_whole_one(cut: int, tmp_path: Path) -> None:
    stream = alone(0.5, 0.9, 0.3, 0.7, 0.4, 0.35, 0.8, 0.2)
    whole, part = str(tmp_path / "whole"), str(tmp_path / "part")
    policy = {"monitor": "value", "save_top_k": 3, "save_last": True}
    complete = train(whole, stream, policy=policy)
    before = train(part, stream, policy=policy, epochs=cut)
    assert before["seen"] == complete["seen"][:cut]
    # Half of a write and half of a deletion are no checkpoints.
    (tmp_path / "part" / "checkpoint-999.new").mkdir()
    (tmp_path / "part" / "checkpoint-1.deleted").mkdir()
    after = train(part, stream, policy=policy)
    # What the weights came from is protected from then on; all else is as it would have been.
    for found, expected in zip(after["seen"], complete["seen"][cut:]):
        assert set(found) == {*expected, *folders(cut)}
    assert len(after["seen"]) == len(stream) - cut
    for name in ("best", "score", "steps", "weight"):
        assert after[name] == complete[name]


def test_a_policy_ends_the_training(tmp_path: Path) -> None:
    policy = {"monitor": "value", "settings": {"patience-steps": 2 * STEPS}}
    result = train(str(tmp_path), alone(0.5, 0.3, 0.4, 0.6, 0.2), policy=policy)
    assert (result["steps"], result["best"]) == (4 * STEPS, "checkpoint-8")


def test_steps_are_optimizer_steps(tmp_path: Path) -> None:
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=3)
    checkpoints = accelerate.Checkpointer(accelerator, tmp_path)
    told = []
    for _ in range(6):
        with accelerator.accumulate():
            told.append(checkpoints.step() is not None)
    assert told == [False, False, True] * 2
    assert checkpoints.steps == 2


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    accelerator = Accelerator(cpu=True)
    with pytest.raises(ConfigError, match="min-dleta"):
        accelerate.Checkpointer(accelerator, tmp_path, monitor="value", settings={"min-dleta": 1})
    with pytest.raises(ValueError, match="leave out `monitor`"):
        accelerate.Checkpointer(accelerator, tmp_path, monitor="value", config={})
    naming = ProjectConfiguration(str(tmp_path), automatic_checkpoint_naming=True)
    with pytest.raises(ValueError, match="leave out `automatic_checkpoint_naming`"):
        accelerate.Checkpointer(Accelerator(cpu=True, project_config=naming), tmp_path)


class Numbers:
    """A training of one number, which is written into a file by plain Python."""

    def __init__(self) -> None:
        self.value = 0
        self.writes = 0

    def save(self, folder: str) -> None:
        self.writes += 1
        (Path(folder) / "value").write_text(str(self.value))

    def load(self, folder: str) -> None:
        self.value = int((Path(folder) / "value").read_text())


def test_moments_of_one_step_share_a_checkpoint_and_go_on_from_it(tmp_path: Path) -> None:
    every = {"name": "steps", "wasm": "builtin:unanimous", "config": {"at": ["step-end"]}}
    best = {"name": "best", "wasm": "builtin:aggregate", "config": {"monitor": "loss"}}
    config = {"policy": [best, every]}
    numbers = Numbers()
    checkpoints = loop.Checkpointer(tmp_path, save=numbers.save, load=numbers.load, config=config)
    for loss in (0.5, 0.4):
        numbers.value += 1
        assert checkpoints.step().save
        # It joins what the step has written.
        assert not checkpoints.validated({"loss": loss}).save
    assert numbers.writes == 2
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-2"]

    again = Numbers()
    resumed = loop.Checkpointer(tmp_path, save=again.save, load=again.load, config=config)
    assert (again.value, resumed.steps, resumed.epoch_steps, resumed.epochs) == (2, 2, 2, 0)
    assert resumed.host.labels == checkpoints.host.labels
    assert resumed.best == checkpoints.best


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    others = [tmp_path / "checkpoint-2" / "weights", tmp_path / "checkpoint-9" / "weights"]
    for path in others:
        path.parent.mkdir()
        path.write_text("not ours")
    numbers = Numbers()
    checkpoints = loop.Checkpointer(tmp_path, save=numbers.save, load=numbers.load, monitor="loss")
    for loss in (0.3, 0.2, 0.1):
        checkpoints.step()
        checkpoints.validated({"loss": loss})
    # The second one was not written, so the first stayed until there was a third.
    assert [kept.step for kept in checkpoints.kept] == [3]
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["checkpoint-2", "checkpoint-3", "checkpoint-9"]
    assert [path.read_text() for path in others] == ["not ours"] * 2
    assert loop.Checkpointer(tmp_path, save=numbers.save, load=numbers.load, monitor="loss").steps == 3


def test_the_newest_are_kept_without_a_metric(tmp_path: Path) -> None:
    numbers = Numbers()
    checkpoints = loop.Checkpointer(tmp_path, save=numbers.save, load=numbers.load, save_top_k=2)
    for _ in range(4):
        checkpoints.step()
        checkpoints.epoch_end()
    checkpoints.end()
    assert [kept.step for kept in checkpoints.kept] == [3, 4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-3", "checkpoint-4"]


def test_the_example_trains_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = REPOSITORY / "python" / "examples"
    monkeypatch.syspath_prepend(examples)
    import accelerate_digits

    for epochs in (2, 4):
        accelerate_digits.run(tmp_path, examples / "digits.toml", epochs)
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == [f"epoch {epoch}" for epoch in (1, 2, 3, 4)]
    # Two are kept, and what the weights came from.
    assert [kept.name for kept in sorted(tmp_path.iterdir())].count("checkpoint-44") == 1


def test_a_training_that_is_killed_in_a_write_goes_on(tmp_path: Path) -> None:
    stream = alone(0.5, 0.9, 0.3, 0.7, 0.4)
    policy = {"monitor": "value", "save_top_k": 2}
    run = {"folder": str(tmp_path / "killed"), "stream": stream, "policy": policy}
    trouble = {"how": "kill", "epoch": 3, "rank": 0}
    with trainings(1, [{**run, "trouble": trouble}], tmp_path, TRAININGS) as killed:
        assert killed.ends()[0][0] == -9
    left = sorted(path.name for path in (tmp_path / "killed").iterdir())
    assert left == sorted([*folders(1, 2), "checkpoint-12.new"])
    again = train(**run)
    whole = train(**{**run, "folder": str(tmp_path / "whole")})
    assert len(again["seen"]) == 3
    assert again["seen"][-1] == sorted({*whole["seen"][-1], *folders(2)})
    for name in ("best", "score", "steps", "weight"):
        assert again[name] == whole[name]


def test_two_ranks(tmp_path: Path) -> None:
    def run(name: str, **arguments: Any) -> dict[str, Any]:
        policy = {"monitor": "value", **arguments.pop("policy", {})}
        return {"folder": str(tmp_path / name), "stream": stream, "policy": policy, **arguments}

    # The second rank is worse where the mean is better.
    stream = [[1.0, 1.0], [0.2, 1.1], [0.3, 0.9], [0.1, 0.95]]
    keeps = {"save_top_k": 2, "save_last": True, "policy": "builtin:unanimous"}
    runs = [
        run("mean"),
        run("every", policy={"policy": "builtin:unanimous"}),
        run("failed", trouble={"how": "fail", "epoch": 2, "rank": 1}),
        run("whole", policy=keeps),
        run("part", policy=keeps, epochs=2),
        run("part", policy=keeps),
    ]
    with trainings(2, runs, tmp_path, TRAININGS) as ranks:
        mean, every, failed, whole, before, after = results(ranks)

    assert mean["seen"] == [folders(1), folders(2), folders(3), folders(4)]
    assert mean["score"] == pytest.approx(0.525)
    assert every["seen"] == [folders(1), folders(1), folders(3), folders(3)]
    # What the failed one would have replaced stays, and nothing of it is left.
    assert failed["seen"] == [folders(1), folders(1), folders(3), folders(4)]
    assert before["seen"] == whole["seen"][:2]
    assert after["seen"] == [sorted({*names, *folders(2)}) for names in whole["seen"][2:]]
    for name in ("best", "score", "steps", "weight"):
        assert after[name] == whole[name]
