"""`PolicyCheckpoint` under Lightning's sharded strategies: two real ranks, which write a folder each time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import results, trainings
from parity_trainings import PARITY

TRAININGS = Path(__file__).with_name("sharded_trainings.py")

STRATEGIES = ("ModelParallelStrategy", "FSDPStrategy")

#: The mean of the fifth would be kept; the second rank compares it with its own second, and vetoes.
STREAM = [[0.5, 0.6], [0.3, 0.2], [0.9, 0.9], [0.1, 0.1], [0.05, 0.3], [0.2, 0.15]]

#: What each rank writes, and what rank 0 adds.
PARTS = [".metadata", "__0_0.distcp", "__1_0.distcp", "meta.pt"]

#: The runs of each strategy, in the order in which they are trained.
RUNS: dict[str, dict[str, Any]] = {
    "lightning": {"callback": "lightning"},
    "whole": {"callback": "policy"},
    "cut": {"callback": "policy", "epochs": 4},
    "from the last": {"callback": "policy", "ckpt_path": "last"},
    "from the best": {"callback": "policy", "epochs": 4, "goes_on": True},
}

Trained = Callable[[str, str], dict[str, Any]]


def name(epoch: int) -> str:
    return f"epoch={epoch}-step={2 * (epoch + 1)}.ckpt"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Returns what came of a run under a strategy; one world trains them all."""
    place = tmp_path_factory.mktemp("sharded")
    wanted = [(strategy, run) for strategy in STRATEGIES for run in RUNS]
    runs = []
    for strategy, run in wanted:
        folder = place / strategy / ("cut" if run == "from the last" else run) / "checkpoints"
        kept = {"save_top_k": 2, "save_last": True, **({} if run == "lightning" else PARITY)}
        runs.append(
            {"strategy": strategy, "folder": str(folder), "stream": STREAM, "arguments": kept, **RUNS[run]}
        )
    found = dict(zip(wanted, results(trainings(2, runs, place, TRAININGS))))
    return lambda strategy, run: found[strategy, run]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_folders_are_kept_and_removed_as_by_lightning(strategy: str, trained: Trained) -> None:
    theirs, ours = trained(strategy, "lightning"), trained(strategy, "whole")
    assert ours == theirs
    assert ours["seen"][-1] == [name(3), name(5), "last.ckpt"]
    assert ours["left"] == dict.fromkeys(ours["seen"][-1], PARTS)
    assert (ours["best"], ours["last"], ours["steps"]) == (name(3), "last.ckpt", 12)
    # Once, and by one rank alone.
    assert ours["removed"] == [[name(0), name(1)], []]
    assert ours["troubles"] == []


@pytest.mark.parametrize("which", ["from the last", "from the best"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_resumed_run_ends_as_the_whole_one(strategy: str, which: str, trained: Trained) -> None:
    """Both go on from the fourth epoch's, the newest and the best; each rank with its own scores."""
    whole, resumed = trained(strategy, "whole"), trained(strategy, which)
    for said in ("left", "steps", "best", "last", "scores", "troubles"):
        assert resumed[said] == whole[said], said
    removed = {"from the last": [name(1)], "from the best": [name(0), name(1)]}
    assert resumed["removed"] == [removed[which], []]
