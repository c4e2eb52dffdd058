"""`PolicyCallback` in the real `Trainer`, alone and with two real ranks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, results, trainings
from hf_trainings import STEPS, examples, train, trainer_of
from safetensors.torch import load_file
from transformers import TrainerCallback, TrainerControl

from ckpt_policy import ConfigError
from ckpt_policy.transformers import PolicyCallback, newest_checkpoint

TRAININGS = Path(__file__).with_name("hf_trainings.py")


def alone(*values: float) -> list[list[float]]:
    return [[value] for value in values]


def folders(*epochs: int) -> list[str]:
    """Returns the names of the checkpoints of these epochs, as they are sorted."""
    return sorted(f"checkpoint-{epoch * STEPS}" for epoch in epochs)


def test_the_best_are_kept_and_told(tmp_path: Path) -> None:
    stream = alone(0.5, 0.9, 0.3, 0.7, 0.4)
    result = train(str(tmp_path), stream, policy={"save_top_k": 2})
    assert result["seen"] == [folders(1), folders(1, 2), folders(1, 3), folders(1, 3), folders(3, 5)]
    assert (result["best"], result["score"]) == ("checkpoint-12", 0.3)
    state = json.loads((tmp_path / "checkpoint-20" / "trainer_state.json").read_text())
    assert state["best_model_checkpoint"] == str(tmp_path / "checkpoint-12")


def test_the_best_model_is_loaded_in_the_end(tmp_path: Path) -> None:
    whole = {"save_strategy": "epoch", "load_best_model_at_end": True}
    result = train(str(tmp_path), alone(0.5, 0.3, 0.7), policy={"save_last": True}, trainer=whole)
    assert result["seen"][-1] == folders(2, 3)
    weights = {name: load_file(tmp_path / name / "model.safetensors") for name in folders(2, 3)}
    best, last = (weights[name]["layer.weight"].tolist() for name in ("checkpoint-8", "checkpoint-12"))
    assert result["weight"] == best != last


def test_metrics_of_the_trainer_decide_and_its_arguments_say_which(tmp_path: Path) -> None:
    scores = iter([0.5, 0.9, 0.3])
    trainer = trainer_of(
        tmp_path,
        3,
        PolicyCallback(),
        metric_for_best_model="accuracy",
        compute_metrics=lambda _: {"accuracy": next(scores)},
    )
    trainer.train()
    assert trainer.state.best_model_checkpoint == str(tmp_path / "checkpoint-8")
    assert (trainer.state.best_metric, trainer.state.best_global_step) == (0.9, 8)
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-8"]


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_resumed_run_ends_as_the_whole_one(cut: int, tmp_path: Path) -> None:
    stream = alone(0.5, 0.9, 0.3, 0.7, 0.4, 0.35, 0.8, 0.2)
    whole, part = str(tmp_path / "whole"), str(tmp_path / "part")
    policy = {"save_top_k": 3, "save_last": True}
    complete = train(whole, stream, policy=policy)
    before = train(part, stream, policy=policy, epochs=cut)
    assert before["seen"] == complete["seen"][:cut]
    after = train(part, stream, policy=policy)
    # What the weights came from is protected from then on; all else is as it would have been.
    for found, expected in zip(after["seen"], complete["seen"][cut:]):
        assert set(found) == {*expected, *folders(cut)}
    assert len(after["seen"]) == len(stream) - cut
    for name in ("best", "score", "weight"):
        assert after[name] == complete[name]


def test_without_a_metric_the_newest_are_kept(tmp_path: Path) -> None:
    trainer_of(tmp_path, 3, PolicyCallback(save_top_k=2), eval_strategy="no").train()
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == folders(2, 3)


def test_each_of_several_data_sets_is_no_validation_of_its_own(tmp_path: Path) -> None:
    data = examples(1)
    callback = PolicyCallback("second_loss", save_top_k=-1)
    sets = {"first": data[:2], "second": data[2:4], "third": data[4:6]}
    trainer = trainer_of(tmp_path, 3, callback, eval_dataset=sets, learning_rate=0.1)
    rounds: list[int] = []

    class Counting(TrainerCallback):
        def on_epoch_begin(self, *_: Any, **__: Any) -> None:
            rounds.append(callback.host.rounds)

    trainer.add_callback(Counting())
    trainer.train()
    # A decision and what came of the save; each loss is better than the one before.
    assert rounds == [0, 2, 4]
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == folders(1, 2, 3)


def test_moments_of_one_step_share_a_checkpoint_and_go_on_from_it(tmp_path: Path) -> None:
    every = {"name": "steps", "wasm": "builtin:unanimous", "config": {"at": ["step-end"], "every-steps": 2}}
    best = {"name": "best", "wasm": "builtin:aggregate", "config": {"monitor": "eval_loss", "top-k": 1}}
    config = {"policy": [best, every]}
    arguments = {"learning_rate": 0.1, "save_strategy": "epoch", "load_best_model_at_end": True}
    trainer_of(tmp_path, 2, PolicyCallback(config=config), **arguments).train()
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == folders(2)
    kept = json.loads((tmp_path / "checkpoint-8" / "trainer_state.json").read_text())
    # The validation came after the step, and what it said is in there.
    assert kept["best_model_checkpoint"] == str(tmp_path / "checkpoint-8")
    again = trainer_of(tmp_path, 3, PolicyCallback(config=config), **arguments)
    again.train(resume_from_checkpoint=True)
    assert again.state.best_global_step == 12


def test_a_checkpoint_that_another_asks_for_is_left_alone(tmp_path: Path) -> None:
    class Asking(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: TrainerControl, **_: Any) -> None:
            control.should_save = control.should_save or state.global_step == 6

    asking = trainer_of(tmp_path, 2, Asking(), PolicyCallback("loss"), learning_rate=0.1)
    asking.train()
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == ["checkpoint-6", "checkpoint-8"]
    kept = json.loads((tmp_path / "checkpoint-6" / "trainer_state.json").read_text())
    assert kept["best_model_checkpoint"] == str(tmp_path / "checkpoint-4")
    again = trainer_of(tmp_path, 2, PolicyCallback("loss"), learning_rate=0.1)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-6"))
    assert again.state.best_metric == asking.state.best_metric


def test_a_write_that_fails_ends_the_training_unless_it_is_guarded(tmp_path: Path) -> None:
    stream = alone(0.5, 0.3, 0.4)
    # No folder can be made where a file is.
    (tmp_path / "checkpoint-8").write_text("in the way")
    result = train(str(tmp_path), stream, policy={}, guarded=True)
    assert result["seen"] == [folders(1), folders(1), folders(3)]
    assert (result["best"], result["score"]) == ("checkpoint-12", 0.4)
    other = tmp_path / "other"
    other.mkdir()
    (other / "checkpoint-8").write_text("in the way")
    with pytest.raises(OSError, match="checkpoint-8"):
        train(str(other), stream, policy={})


def test_a_policy_ends_the_training(tmp_path: Path) -> None:
    policy = {"settings": {"patience-steps": 2 * STEPS}, "save_last": True}
    result = train(str(tmp_path), alone(0.5, 0.3, 0.4, 0.6, 0.2), policy=policy)
    assert result["seen"] == [folders(1), folders(2), folders(2, 3), folders(2, 4)]
    assert result["best"] == "checkpoint-8"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"save_total_limit": 2}, "`save_total_limit` deletes beside the policy"),
        ({"save_strategy": "steps"}, "expected `save_strategy='no'`, found 'steps'"),
        (
            {"save_strategy": "best", "load_best_model_at_end": True},
            "expected `save_strategy='no' or 'epoch'`, found 'best'",
        ),
    ],
)
def test_arguments_that_contradict_are_refused(
    arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    trainer = trainer_of(tmp_path, 1, PolicyCallback("loss"), metric_for_best_model="loss", **arguments)
    with pytest.raises(ValueError, match=message):
        trainer.train()


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="min-dleta"):
        trainer_of(tmp_path, 1, PolicyCallback("loss", settings={"min-dleta": 1})).train()
    with pytest.raises(ValueError, match="leave out `monitor`"):
        PolicyCallback("loss", config={})
    with pytest.raises(ValueError, match="expected `eval_acuracy` of an evaluation, found .*eval_loss"):
        trainer_of(tmp_path, 2, PolicyCallback("acuracy")).train()


def test_the_example_trains_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(REPOSITORY / "python" / "examples")
    import transformers_digits

    for epochs in (1, 2):
        transformers_digits.run(tmp_path, epochs)
    assert f"the best: {tmp_path / 'checkpoint-44'}" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-22", "checkpoint-44"]


def test_a_training_that_is_killed_in_a_write_goes_on(tmp_path: Path) -> None:
    stream = alone(0.5, 0.9, 0.3, 0.7, 0.4)
    policy = {"save_top_k": 2, "save_last": True}
    folder = tmp_path / "killed"
    run = {"folder": str(folder), "stream": stream, "policy": policy, "kill_at": 12}
    with trainings(1, [run], tmp_path, TRAININGS) as killed:
        assert killed.ends()[0][0] == -9
    assert sorted(path.name for path in folder.iterdir()) == folders(1, 2, 3)
    assert newest_checkpoint(folder) == str(folder / "checkpoint-8")
    again = train(str(folder), stream, policy=policy)
    whole = train(str(tmp_path / "whole"), stream, policy=policy)
    assert again["seen"][-1] == sorted({*whole["seen"][-1], *folders(2)})
    for name in ("best", "score", "weight"):
        assert again[name] == whole[name]


def test_two_ranks(tmp_path: Path) -> None:
    def run(name: str, **arguments: Any) -> dict[str, Any]:
        return {"folder": str(tmp_path / name), "stream": stream, **arguments}

    # The second rank is worse where the mean is better.
    stream = [[1.0, 1.0], [0.2, 1.1], [0.3, 0.9], [0.1, 0.95]]
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "checkpoint-8").write_text("in the way")
    best = {"save_strategy": "epoch", "load_best_model_at_end": True}
    keeps = {"save_top_k": 2, "save_last": True, "policy": "builtin:unanimous"}
    runs = [
        run("mean", policy={}),
        run("every", policy={"policy": "builtin:unanimous"}),
        run("blocked", policy={}, guarded=True, trainer=best),
        run("whole", policy=keeps),
        run("part", policy=keeps, epochs=2),
        run("part", policy=keeps),
    ]
    with trainings(2, runs, tmp_path, TRAININGS) as ranks:
        mean, every, blocked, whole, before, after = results(ranks)

    assert mean["seen"] == [folders(1), folders(2), folders(3), folders(4)]
    assert mean["score"] == pytest.approx(0.525)
    assert every["seen"] == [folders(1), folders(1), folders(3), folders(3)]
    assert blocked["seen"] == [folders(1), folders(1), folders(3), folders(4)]
    assert (blocked["best"], blocked["score"]) == ("checkpoint-16", mean["score"])
    assert before["seen"] == whole["seen"][:2]
    assert after["seen"] == [sorted({*names, *folders(2)}) for names in whole["seen"][2:]]
    for name in ("best", "score", "weight"):
        assert after[name] == whole[name]
