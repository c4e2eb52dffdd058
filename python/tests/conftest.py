"""What the tests share: configurations, and worlds of real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
WORKERS = Path(__file__).with_name("workers.py")
RANK = Path(__file__).with_name("rank.py")


def config(**policy: object) -> dict[str, object]:
    """A configuration with one built-in policy, the mean of `val_loss`."""
    given = {"name": "best", "wasm": "builtin:aggregate", "config": {"monitor": "val_loss"}, **policy}
    return {"policy": [given]}


class World:
    """Processes of one group, one a rank: `workers.py NAME …`, or another script."""

    def __init__(
        self,
        size: int,
        *arguments: object,
        environment: Optional[dict[str, str]] = None,
        inside: Optional[list[list[str]]] = None,
        script: Path = WORKERS,
    ) -> None:
        import torch.distributed as dist

        # As torchrun does it, the store is nobody's who may be killed.
        self._store = dist.TCPStore("0.0.0.0", 0, is_master=True, wait_for_workers=False)
        shared = {
            **os.environ,
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(self._store.port),
            "TORCHELASTIC_USE_AGENT_STORE": "True",
            "TORCHELASTIC_RUN_ID": "tests",
            "WORLD_SIZE": str(size),
            "LOCAL_WORLD_SIZE": str(size),
            "GROUP_RANK": "0",
            "OMP_NUM_THREADS": "1",
            **(environment or {}),
        }
        command = [sys.executable, str(RANK), str(script), *map(str, arguments)]
        self.ranks = [
            subprocess.Popen(
                [*(inside[rank] if inside else []), *command],
                env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(size)
        ]

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """Ends what is left, also what was stopped."""
        for rank in self.ranks:
            if rank.poll() is None:
                rank.send_signal(signal.SIGKILL)
        for rank in self.ranks:
            rank.wait()

    def ends(self, timeout: float = 120) -> list[tuple[int, str, str]]:
        """Waits for all ranks; returns exit code, standard output and standard error of each."""
        ends = []
        for rank in self.ranks:
            out, err = rank.communicate(timeout=timeout)
            ends.append((rank.returncode, out, err))
        return ends

    def outputs(self, timeout: float = 120) -> list[str]:
        """Waits for all ranks, which are to succeed; returns what each printed."""
        ends = self.ends(timeout)
        for rank, (code, out, err) in enumerate(ends):
            assert code == 0, f"rank {rank} ended with {code}:\n{out}\n{err}"
        return [out for _, out, _ in ends]


def trainings(size: int, runs: list[dict[str, Any]], folder: Path, script: Path) -> World:
    """Starts real ranks, which train one run after the other, and print `RESULT` and JSON for each."""
    given = folder / "runs.json"
    given.write_text(json.dumps(runs))
    return World(size, given, script=script)


def results(world: World) -> list[dict[str, Any]]:
    """Waits for trainings; returns what rank 0 said of each run."""
    with world:
        lines = world.outputs(timeout=180)[0].splitlines()
    return [json.loads(line.removeprefix("RESULT")) for line in lines if line.startswith("RESULT")]


@pytest.fixture(autouse=True, scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compiles each policy once, and leaves the user's cache alone."""
    os.environ["CKPT_POLICY_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test hears of the site rules of the machine that it runs on."""
    monkeypatch.delenv("CKPT_POLICY_SITE", raising=False)


@pytest.fixture(params=["lightning", "policy"])
def callback(request: pytest.FixtureRequest) -> str:
    """Which of two callbacks a test of Lightning's suite is for, its own or ours."""
    return str(request.param)
