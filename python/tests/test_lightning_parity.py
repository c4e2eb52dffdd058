"""`PolicyCheckpoint` does what `ModelCheckpoint` does, by the recorded cases and by drawn ones.

Both run in the real trainer, in real processes: one world of them for each number of ranks, which trains all
cases one after the other. `CKPT_POLICY_DRAWN` is how many runs are drawn for each number of ranks, and
`CKPT_POLICY_PARITY_CALLBACK=lightning` holds the installed Lightning against what was recorded.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Optional

import pytest
from conftest import REPOSITORY
from parity_trainings import Run, world

#: The recorded groups and how many cases each has; fewer would be a file that was cut.
GROUPS = {
    "topk": 56,
    "nonfinite": 40,
    "ties": 32,
    "special-k": 24,
    "train-steps": 24,
    "cadence": 16,
    "float32": 8,
}

#: How many drawn runs there are for each number of ranks.
DRAWN = {
    ranks: int(os.environ.get("CKPT_POLICY_DRAWN", share)) for ranks, share in {2: 48, 3: 32, 4: 16}.items()
}

#: Names that two checkpoints of a run may share. Where ranks then disagree, Lightning hangs.
SHARED_NAMES = ("model", "{epoch}", "{metric:.1f}")

#: Both ways to the same callback.
OURS = ("policy", "converted")

Case = dict[str, Any]
Results = list[dict[str, Any]]


def recorded() -> Iterator[Case]:
    for group, count in GROUPS.items():
        cases = json.loads((REPOSITORY / f"tests/parity/lightning-{group}.json").read_text())["cases"]
        assert len(cases) == count
        yield from cases


CASES = sorted(recorded(), key=lambda case: int(case["ranks"]))


def trainings(ranks: int, runs: list[Run], folder: Path) -> Results:
    """Trains all runs in one world of processes; returns what rank 0 found of each."""
    results = world(ranks, runs, folder)
    told = "".join((folder / f"rank-{rank}.txt").read_text()[-4000:] for rank in range(ranks))
    assert [len(of_rank) for of_rank in results] == [len(runs)] * ranks, told
    return results[0]


def validations(case: Case) -> dict[str, list[Optional[float]]]:
    """Returns what each rank logs, by step.

    A validation that no event sees is one whose value nobody asks for.
    """
    values = {}
    for event in case["events"]:
        if event["hook"] in ("validation_end", "train_epoch_end") and event["metrics"]:
            values[str(event["step"])] = [
                None if value is None else float(value) for value in event["metrics"]
            ]
    return values


def run_of(case: Case, callback: str) -> Run:
    config = dict(case["config"])
    schedule = config.pop("schedule")
    trainer = {
        "max_epochs": schedule["epochs"],
        "limit_train_batches": schedule["batches"],
        "val_check_interval": schedule["val_check_interval"],
        "check_val_every_n_epoch": schedule["check_val_every_n_epoch"],
    }
    return Run(callback, config, trainer, validations(case))


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], dict[str, Any]]:
    """Returns what a recorded case comes to; the first of a number of ranks runs all of that number."""
    callback = os.environ.get("CKPT_POLICY_PARITY_CALLBACK", "policy")
    found: dict[str, dict[str, Any]] = {}

    def result(case: Case) -> dict[str, Any]:
        if case["id"] not in found:
            alike = [other for other in CASES if other["ranks"] == case["ranks"]]
            runs = [run_of(other, callback) for other in alike]
            results = trainings(case["ranks"], runs, tmp_path_factory.mktemp("world"))
            found.update(zip((other["id"] for other in alike), results))
        return found[case["id"]]

    return result


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_recorded(case: Case, replay: Callable[[Case], dict[str, Any]]) -> None:
    """After each event the same checkpoints are on disk, and `last.ckpt` holds the same state.

    What is on disk says what was saved and removed. The best is the first rank's.
    """
    result = replay(case)
    seen = {(hook, epoch, step): (files, best) for hook, epoch, step, files, best in result["seen"]}
    names = [f"epoch={event['epoch']}-step={event['step']}.ckpt" for event in case["events"]]
    for event, expected in zip(case["events"], case["expected"]):
        files, best = seen[event["hook"], event["epoch"], event["step"]]
        last = files.pop("last.ckpt", None)
        moment = f"{event['hook']} of epoch {event['epoch']}, step {event['step']}"
        assert sorted(files) == sorted(names[saved] for saved in expected["disk"]), moment
        assert best == ("" if expected["best"] is None else names[expected["best"]]), moment
        written = None if expected["last"] is None else case["events"][expected["last"]]
        assert last == (written and [written["epoch"], written["step"]]), moment


def draw(ranks: int, seed: int) -> Run:
    """Returns a run whose configuration and values are drawn, of those in which Lightning does not hang."""
    drawn = random.Random(f"{ranks} {seed}")
    epochs, batches = drawn.randint(3, 8), drawn.choice([1, 1, 2, 3, 4])
    logged = drawn.choice(["validation"] * 4 + ["epoch"])
    monitor = drawn.choice(["metric"] * 6 + [None, "step"])
    filename = drawn.choice([None, None, None, None, "{step}-{epoch}-{metric:.2f}", *SHARED_NAMES])
    has_counter = drawn.random() < 0.7
    top_k = drawn.choice([-1, 0, 1, 1] if monitor is None else [-1, 0, 1, 1, 2, 2, 3, 3])
    if filename in SHARED_NAMES and (monitor is None or not has_counter):
        # More would be written over each other, which `PolicyCheckpoint` never does.
        top_k = drawn.choice([0, 1])
    arguments = {
        "monitor": monitor,
        "mode": drawn.choice(["min", "max"]),
        "save_top_k": top_k,
        "save_last": drawn.choice([None, True, "link"]),
        "filename": filename,
        "enable_version_counter": has_counter,
        "save_on_train_epoch_end": drawn.choice([None, None, None, True, False]),
        **drawn.choice([{}, {}, {"every_n_epochs": drawn.randint(1, 3)}, *triggers(drawn)]),
    }
    trainer = {
        "max_epochs": epochs,
        "limit_train_batches": batches,
        "accumulate_grad_batches": drawn.choice([1, 1, 1, 2]),
        **drawn.choice(
            [{}, {}, {"check_val_every_n_epoch": drawn.randint(2, 3)}, *intervals(drawn, batches)]
        ),
    }
    if logged == "epoch":
        trainer["limit_val_batches"] = 0
    agree = filename in SHARED_NAMES or drawn.random() < 0.2
    missing = drawn.choice([0, 0, 0, 0, drawn.randint(1, 2 * batches)])
    value = values(drawn)
    told: dict[str, Optional[list[Optional[float]]]] = {}
    for step in range(missing, epochs * batches + 1):
        told[str(step)] = [value()] * ranks if agree else [value() for _ in range(ranks)]
    return Run("lightning", arguments, trainer, told, logged)


def triggers(drawn: random.Random) -> list[dict[str, Any]]:
    return [{"every_n_train_steps": drawn.randint(1, 5)}] * 2 + [
        {"train_time_interval": drawn.choice([0, 1e6])}
    ]


def intervals(drawn: random.Random, batches: int) -> list[dict[str, Any]]:
    inside = {"val_check_interval": drawn.randint(1, batches)}
    across = {"val_check_interval": drawn.randint(1, 2 * batches), "check_val_every_n_epoch": None}
    return [inside, inside, {**inside, "check_val_every_n_epoch": 2}, across]


def values(drawn: random.Random) -> Callable[[], float]:
    """Returns what draws values: fine ones or many ties, with or without some that are not finite."""
    digits = drawn.choice([1, 6])
    odd = drawn.choice([0.0, 0.0, 0.15, 0.5])
    specials = [float("nan"), float("inf"), float("-inf")]
    return lambda: drawn.choice(specials) if drawn.random() < odd else round(drawn.random(), digits)


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[int, int], tuple[dict[str, Any], dict[str, Any]]]:
    """Returns what both callbacks make of a drawn run."""
    found: dict[int, list[tuple[dict[str, Any], dict[str, Any]]]] = {}

    def results(ranks: int, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
        if ranks not in found:
            drawn = [draw(ranks, seed) for seed in range(DRAWN[ranks])]
            ours = [replace(theirs, callback=OURS[seed % len(OURS)]) for seed, theirs in enumerate(drawn)]
            runs = [run for both in zip(drawn, ours) for run in both]
            both = trainings(ranks, runs, tmp_path_factory.mktemp("drawn"))
            found[ranks] = list(zip(both[::2], both[1::2]))
        return found[ranks][seed]

    return results


@pytest.mark.parametrize(
    "ranks, seed", [(ranks, seed) for ranks, count in DRAWN.items() for seed in range(count)]
)
def test_drawn(
    ranks: int, seed: int, pair: Callable[[int, int], tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    """After each hook both callbacks have the same files, which hold the same states, and one best."""
    theirs, ours = pair(ranks, seed)
    case = json.dumps(asdict(draw(ranks, seed)))
    for expected, found in zip(theirs["seen"], ours["seen"]):
        assert found == expected, case
    assert len(ours["seen"]) == len(theirs["seen"]), case
    assert ours["last"] == theirs["last"], case
    assert (ours["error"] is None) == (theirs["error"] is None), case
