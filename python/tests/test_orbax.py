"""`CheckpointPolicy` in the real `CheckpointManager`, beside Orbax's own policies; also on real processes.

Run as a script it is one of those processes: `test_orbax.py NAME PORT FOLDER`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from conftest import REPOSITORY, World, config
from orbax.checkpoint.checkpoint_managers import BestN, CheckpointManagerOptions, FixedIntervalPolicy

from ckpt_policy import ConfigError, EngineError
from ckpt_policy.orbax import CheckpointPolicy, JaxProcesses

sys.path.insert(0, str(REPOSITORY / "python" / "examples"))

LOSSES = [0.5, 0.9, 0.3, 0.7, 0.4, 0.2, 0.6, 0.1]


def manager(folder: Path, policy: CheckpointPolicy, **options: Any) -> ocp.CheckpointManager:
    both = CheckpointManagerOptions(save_decision_policy=policy, preservation_policy=policy, **options)
    return ocp.CheckpointManager(folder, options=both)


def weights(step: int) -> ocp.args.StandardSave:
    return ocp.args.StandardSave({"w": jnp.full(3, float(step))})


def train(
    folder: Path, losses: Sequence[float], *, finish: bool = True, is_async: bool = False, **arguments: Any
) -> tuple[list[bool], list[list[int]]]:
    """Goes on to the end of the losses, one a step; returns if each was saved, and what was kept then."""
    policy = CheckpointPolicy(folder, "val_loss", **arguments)
    saved, kept = [], []
    with manager(folder, policy, enable_async_checkpointing=is_async) as orbax:
        last = orbax.latest_step()
        for step in range(0 if last is None else last + 1, len(losses)):
            policy.log({"val_loss": losses[step]}, step)
            saved.append(orbax.save(step, args=weights(step)))
            kept.append(list(orbax.all_steps()))
            written = {checkpoint.step for checkpoint in policy.host.checkpoints if checkpoint.complete}
            assert written <= set(on_disk(folder)), "the host was told of a write that is still under way"
        if finish:
            policy.finish(orbax)
            kept.append(list(orbax.all_steps()))
    policy.host.close()
    return saved, kept


def on_disk(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())


def test_it_keeps_what_best_n_keeps(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    _, kept = train(ours, LOSSES, save_top_k=3)
    options = CheckpointManagerOptions(
        save_decision_policy=FixedIntervalPolicy(1),
        preservation_policy=BestN(get_metric_fn=lambda metrics: metrics["val_loss"], n=3, reverse=True),
        best_fn=lambda metrics: metrics["val_loss"],
        best_mode="min",
        enable_async_checkpointing=False,
    )
    with ocp.CheckpointManager(theirs, options=options) as orbax:
        for step, loss in enumerate(LOSSES):
            orbax.save(step, args=weights(step), metrics={"val_loss": loss})
            assert kept[step] == list(orbax.all_steps())
    assert on_disk(ours) == on_disk(theirs) == [2, 5, 7]
    assert sorted(path.stem for path in (ours / "ckpt_policy").iterdir()) == ["2", "5", "7"]


def test_nothing_goes_before_what_replaces_it_is_written(tmp_path: Path) -> None:
    _, wanted = train(tmp_path / "exact", LOSSES, save_top_k=2)
    _, kept = train(tmp_path / "async", LOSSES, save_top_k=2, is_async=True)
    for step, (steps, at_least) in enumerate(zip(kept, wanted)):
        assert set(at_least) <= set(steps), step
        assert len(steps) <= 4, step
    assert kept[-1] == wanted[-1] == on_disk(tmp_path / "async") == [5, 7]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("cut", [1, 4, 7])
def test_a_resumed_run_ends_as_the_whole_one(cut: int, is_async: bool, tmp_path: Path) -> None:
    drawn = random.Random(cut)
    losses = [drawn.random() for _ in range(10)]
    arguments: dict[str, Any] = {"save_top_k": 2, "save_last": cut == 4, "is_async": is_async}
    whole, kept = train(tmp_path / "whole", losses, **arguments)
    before, _ = train(tmp_path / "part", losses[:cut], finish=False, **arguments)
    assert before == whole[:cut]
    came_from = on_disk(tmp_path / "part")[-1]
    after, kept_after = train(tmp_path / "part", losses, **arguments)
    assert after == whole[came_from + 1 :]
    # What the weights came from is protected from then on; all else is as it would have been.
    assert set(kept[-1]) <= set(kept_after[-1]) <= {*kept[-1], came_from}


def test_the_best_can_be_restored_and_gone_on_from(tmp_path: Path) -> None:
    train(tmp_path, [0.5, 0.1, 0.3], save_top_k=3)
    policy = CheckpointPolicy(tmp_path, "val_loss", save_top_k=3, resume=1)
    assert policy.best_step == 1
    assert [checkpoint.step for checkpoint in policy.host.checkpoints if checkpoint.pinned] == [1]
    with manager(tmp_path, policy) as orbax:
        restored = orbax.restore(policy.best_step, args=ocp.args.StandardRestore({"w": jnp.zeros(3)}))
        assert restored["w"].tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(ValueError, match=r"no snapshot of step 9 .* expected one of \[0, 1, 2\]"):
        CheckpointPolicy(tmp_path, "val_loss", resume=9)


def test_without_a_metric_the_newest_are_kept(tmp_path: Path) -> None:
    names = ocp.path.step.standard_name_format(step_prefix="model", step_format_fixed_length=4)
    policy = CheckpointPolicy(tmp_path, every_n_steps=3, save_top_k=2, step_name_format=names)
    with manager(tmp_path, policy, step_name_format=names) as orbax:
        for step in range(1, 14):
            # Asked twice it decides once.
            wanted = orbax.should_save(step)
            assert wanted == (step % 3 == 0)
            assert orbax.save(step, args=weights(step)) == wanted
        # What the policies did not ask for is not theirs to delete.
        orbax.save(14, args=weights(14), force=True)
        orbax.save(15, args=weights(15))
        policy.finish(orbax)
        assert list(orbax.all_steps()) == [12, 14, 15]
    assert (tmp_path / "model_0015").is_dir()


def test_a_write_that_fails_replaces_nothing(tmp_path: Path) -> None:
    policy = CheckpointPolicy(tmp_path, "val_loss")
    with manager(tmp_path, policy, enable_async_checkpointing=False) as orbax:
        policy.log({"val_loss": 0.5})
        assert orbax.save(0, args=weights(0))
        policy.log({"val_loss": 0.4})
        with pytest.raises(ValueError):
            orbax.save(1, args=ocp.args.StandardSave({"w": object()}))
        policy.log({"val_loss": 0.9})
        assert not orbax.save(2, args=weights(2))
        assert on_disk(tmp_path) == [0]
        # Still the one to beat.
        policy.log({"val_loss": 0.45})
        assert orbax.save(3, args=weights(3))
        policy.finish(orbax)
        assert policy.best_step == 3
    assert on_disk(tmp_path) == [3]
    assert [checkpoint.step for checkpoint in policy.host.checkpoints] == [3]


def test_policies_end_the_training(tmp_path: Path) -> None:
    stops = config(config={"monitor": "val_loss", "patience-steps": 2})
    policy = CheckpointPolicy(tmp_path, config=stops)
    with pytest.raises(RuntimeError, match="nothing was decided"):
        policy.outcome
    with manager(tmp_path, policy) as orbax:
        for step, loss in enumerate([0.5, 0.6, 0.7]):
            policy.log({"val_loss": jnp.float32(loss)})
            orbax.save(step, args=weights(step))
            assert policy.outcome.stop == (step == 2)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"monitor": "loss", "config": {}}, ValueError, "leave out `monitor`"),
        ({"monitor": "loss", "every_n_steps": 2}, ValueError, "leave out `every_n_steps`"),
        ({"every_n_steps": 0}, ValueError, "1 or more, found 0"),
        ({"monitor": "loss", "mode": "best"}, ConfigError, "mode"),
        ({"monitor": "loss", "settings": {"min-dleta": 1}}, ConfigError, "min-delta"),
    ],
)
def test_what_is_wrong_is_told_at_once(
    arguments: dict[str, Any], error: type[Exception], text: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=text):
        CheckpointPolicy(tmp_path, **arguments)


def test_the_example_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from orbax_digits import run

    run(tmp_path / "whole", 14)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 15 and any("does not beat" in line for line in lines)
    run(tmp_path / "part", 8)
    capsys.readouterr()
    run(tmp_path / "part", 14)
    assert capsys.readouterr().out.splitlines()[:6] == lines[8:14]


def world(name: str, folder: Path) -> list[tuple[int, str, str]]:
    """Runs two processes of JAX; returns how each ended, and what it printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with World(2, name, port, folder, script=Path(__file__)) as processes:
        return processes.ends()


def test_two_processes_decide_as_one(tmp_path: Path) -> None:
    ends = world("decide", tmp_path)
    assert [code for code, _, _ in ends] == [0, 0], ends
    first, second = (json.loads(out.splitlines()[-1]) for _, out, _ in ends)
    assert first == second
    # The means are 3, 1.5, 4, 0.75 and 0.55; what either process would do by itself is another thing.
    assert first["saved"] == [True, True, False, True, True]
    assert first["best"] == 4
    # Only process 1 was told to leave, and both saved at the step that JAX made out.
    assert first["moment"] == "interrupted"
    assert first["kept"] == [3, 4, first["left"]] == on_disk(tmp_path)


def test_a_process_that_is_killed_is_an_engine_error(tmp_path: Path) -> None:
    (_, out, err), (code, _, _) = world("killed", tmp_path)
    assert code == -signal.SIGKILL
    assert "EngineError: in round 2: all_gather failed" in out, err
    assert "EngineError: in round 2: an earlier exchange failed" in out, err


def decide(rank: int, folder: str) -> None:
    """Five steps with other losses on each process, and then a notice to leave for one of them."""
    engine = JaxProcesses()
    assert engine.all_gather(bytes([rank])) == b"\0\1"
    sums, maxima = engine.all_reduce(np.int64([2**62, rank]).tobytes(), np.int64([-rank]).tobytes())
    assert np.frombuffer(sums, np.int64).tolist() == [-(2**63), 1]
    assert np.frombuffer(maxima, np.int64).tolist() == [0]
    assert engine.all_reduce(b"", b"") == (b"", b"")

    policy = CheckpointPolicy(folder, "val_loss", save_top_k=2)
    losses = [[3, 3], [2, 1], [4, 4], [0.5, 1], [1, 0.1]]
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("x",))
    shards = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x"))
    state = jax.make_array_from_process_local_data(shards, np.full(3, rank, np.float32), (6,))
    args = ocp.args.StandardSave({"w": state})
    with manager(Path(folder), policy) as orbax:
        saved = []
        for step, both in enumerate(losses):
            policy.log({"val_loss": both[rank]}, step)
            saved.append(orbax.save(step, args=args))
        best = policy.best_step
        if rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        left: Optional[int] = None
        for step in range(5, 100_000):
            if orbax.save(step, args=args):
                left = step
                break
        moment = policy.outcome.moment
        policy.finish(orbax)
        kept = list(orbax.all_steps())
    print(json.dumps({"saved": saved, "best": best, "left": left, "moment": moment, "kept": kept}))


def killed(rank: int, folder: str) -> None:
    """Process 1 is killed between two decisions; process 0 says what it knows of that, twice."""
    policy = CheckpointPolicy(folder, "val_loss")
    with manager(Path(folder), policy) as orbax:
        for step in range(3):
            policy.log({"val_loss": 1.0})
            try:
                orbax.should_save(step)
            except EngineError as error:
                print(f"EngineError: {error}", flush=True)
            if step == 0 and rank == 1:
                os.kill(os.getpid(), signal.SIGKILL)
    # Without a word to the other, as a process that gives up does.
    os._exit(0)


if __name__ == "__main__":
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    own = int(os.environ["RANK"])
    jax.distributed.initialize(f"127.0.0.1:{sys.argv[2]}", 2, own)
    {"decide": decide, "killed": killed}[sys.argv[1]](own, sys.argv[3])
    jax.distributed.shutdown()
