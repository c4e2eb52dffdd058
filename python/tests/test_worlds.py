"""Real process groups: gloo, and MPI by mpi4py."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import REPOSITORY, World, config

#: How often a run is killed; `CKPT_POLICY_KILLS=100` for a long one.
KILLS = int(os.environ.get("CKPT_POLICY_KILLS", "4"))

TRACE = REPOSITORY / "tests" / "traces" / "digits-mlp-ddp4.jsonl"
FOUR = REPOSITORY / "tests" / "sites" / "four.toml"


def site(folder: Path, name: str = "site.json", **more: object) -> Path:
    path = folder / name
    path.write_text(json.dumps({**config(config={"monitor": "val_loss", "top-k": 3}), **more}))
    return path


@pytest.mark.parametrize("size", [2, 3, 4])
def test_all_ranks_come_to_the_same_under_both_encodings(size: int, tmp_path: Path) -> None:
    said = []
    for encoding in ("gather", "reduce"):
        path = site(tmp_path, f"{encoding}.json", exchange={"encoding": encoding})
        with World(size, "events", path, 40) as world:
            outputs = world.outputs()
        assert len(set(outputs)) == 1, encoding
        *outcomes, used, snapshot = outputs[0].splitlines()
        assert used == encoding
        assert sum("save checkpoint" in outcome for outcome in outcomes) > 5
        ledger = json.loads(snapshot)["body"]["ledger"]["checkpoints"]
        said.append((outcomes, [(entry["id"], entry["bytes"], entry["values"]) for entry in ledger]))
    assert said[0] == said[1]


def test_tensors_are_numbers_and_an_exchange_is_started_and_waited_for(tmp_path: Path) -> None:
    with World(2, "tensors", site(tmp_path)) as world:
        outputs = world.outputs()
    assert len(set(outputs)) == 1
    mean, exchanges = outputs[0].split()
    assert 0 < float(mean) < 2
    assert int(exchanges) >= 1


def test_a_part_of_the_ranks_may_decide_alone(tmp_path: Path) -> None:
    with World(3, "part", site(tmp_path)) as world:
        outside, *inside = world.outputs()
    assert "this process is not in the group" in outside
    assert len(set(inside)) == 1
    assert "save checkpoint 1" in inside[0]
    assert '"world-size":2' in inside[0]


def test_who_makes_no_engine_is_named_within_the_deadline(tmp_path: Path) -> None:
    with World(3, "absent", site(tmp_path), 2) as world:
        *others, _ = world.outputs(timeout=60)
    for out in others:
        assert re.search(r"EngineError: no gloo group .*rank 2 of 3 did not come", out), out


def test_ranks_that_differ_learn_in_what(tmp_path: Path) -> None:
    other = site(tmp_path, "other.json", combine="all")
    with World(3, "differ", site(tmp_path), other) as world:
        outputs = world.outputs()
    assert len(set(outputs)) == 1
    assert re.search(r"AgreementError: .*rank 1 has `combine` `all`", outputs[0]), outputs[0]


@pytest.mark.parametrize("encoding", ["gather", "reduce"])
@pytest.mark.parametrize("phase", ["before", "amid", "after"])
@pytest.mark.parametrize("how", ["killed", "stopped", "late"])
def test_who_is_lost_is_named_and_nothing_has_changed(
    how: str, phase: str, encoding: str, tmp_path: Path
) -> None:
    deadline, gone = 2, 0 if encoding == "reduce" and phase != "amid" else 2
    path = site(tmp_path, exchange={"encoding": encoding})
    with World(3, "lost", path, how, phase, gone, deadline) as world:
        start = time.monotonic()
        ends = []
        for rank, process in enumerate(world.ranks):
            if rank != gone:
                out, err = process.communicate(timeout=60)
                ends.append((process.returncode, out, err))
        took = time.monotonic() - start
        world.kill()
    for code, out, err in ends:
        assert code == 1, f"{out}\n{err}"
        # In the fifth round: two decisions before it, and each of them was settled.
        assert re.search(rf"EngineError: in round \d: .* rank {gone} of 3 (is gone|did not come)", out), out
        held, known = re.search(r"held (\[.*\]) of (\[.*\])", out).groups()  # type: ignore[union-attr]
        assert held == known, out
    assert took < 3 * deadline + 20, took


def test_a_run_that_is_killed_at_random_loses_nothing(tmp_path: Path) -> None:
    path, whole, killed = site(tmp_path), tmp_path / "whole", tmp_path / "killed"
    count = 30 + 20 * KILLS
    with World(2, "run", path, whole, count) as world:
        world.outputs()
    drawn = random.Random(20261128)
    kills = 0
    while kills < KILLS:
        with World(2, "run", path, killed, count) as world:
            # The run has to get on between the kills, or it would be killed at its start for ever.
            before = progress(killed)
            until = time.monotonic() + 60
            while progress(killed) <= before and all(rank.poll() is None for rank in world.ranks):
                assert time.monotonic() < until, "the run does not get on"
                time.sleep(0.01)
            time.sleep(drawn.random() * 0.1)
            victim = drawn.choice(world.ranks)
            assert victim.poll() is None, f"only {kills} kills before the run was over"
            victim.send_signal(drawn.choice([signal.SIGKILL, signal.SIGTERM]))
            kills += 1
            for rank in world.ranks:
                rank.wait(timeout=90)
    with World(2, "run", path, killed, count) as world:
        world.outputs()
    assert (killed / "decisions.jsonl").read_text() == (whole / "decisions.jsonl").read_text()
    assert files(killed / "checkpoints") == files(whole / "checkpoints")


def progress(folder: Path) -> int:
    log = folder / "decisions.jsonl"
    return log.read_text().count("\n") if log.exists() else 0


def files(folder: Path) -> dict[str, str]:
    whole = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".new")
    return {str(path.relative_to(folder)): path.read_text() for path in whole}


def program(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ckpt_policy", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("engine", ["torch", "mpi"])
def test_processes_write_the_journal_of_threads(engine: str, size: int) -> None:
    threads = program("run", "--config", FOUR, "--format", "json", "--ranks", size, TRACE)
    assert threads.returncode == 0, threads.stderr
    launcher = {
        "torch": [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(size)]
        + ["--master-port", str(random.randrange(20000, 30000))],
        "mpi": ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(size), sys.executable],
    }[engine]
    if engine == "mpi":
        assert shutil.which("mpirun"), "there is no MPI; `tests/setup` installs it"
    arguments = ["run", "--engine", engine, "--config", str(FOUR), "--format", "json", str(TRACE)]
    command = [*launcher, "-m", "ckpt_policy", *arguments]
    processes = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert processes.returncode == 0, processes.stderr
    assert processes.stdout == threads.stdout
