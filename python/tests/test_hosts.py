"""Several hosts on this machine: network namespaces, each with an interface and an address of its own.

Needs root and Debian's `iproute2`; delay and loss are added where the kernel has `netem`.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import REPOSITORY, World, config
from test_worlds import FOUR, TRACE, files, progress, program

_numbers = itertools.count()


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"


class Hosts:
    """A bridge, and hosts that are plugged into it; this process is plugged in, too."""

    def __init__(self, count: int) -> None:
        assert os.geteuid() == 0 and shutil.which("ip"), "needs root and iproute2; `tests/setup` installs it"
        name = f"cp{os.getpid() % 10000}{next(_numbers)}"
        self.bridge, self.net = f"{name}b", f"10.{os.getpid() % 200 + 20}.{next(_numbers)}"
        self.address = f"{self.net}.254"
        self.names = [f"{name}h{index}" for index in range(count)]
        self.has_netem = True

    def __enter__(self) -> Hosts:
        ip("link", "add", "name", self.bridge, "type", "bridge")
        ip("address", "add", f"{self.address}/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")
        for index, host in enumerate(self.names):
            ip("netns", "add", host)
            ip("link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", host)
            ip("link", "set", host, "master", self.bridge, "up")
            ip("-n", host, "address", "add", f"{self.net}.{index + 1}/24", "dev", "eth0")
            ip("-n", host, "link", "set", "eth0", "up")
            ip("-n", host, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_: object) -> None:
        for host in self.names:
            subprocess.run(["ip", "netns", "delete", host], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", self.bridge], check=False, capture_output=True)

    def disturb(self) -> None:
        """Adds 2 ms of delay and 1 % of loss to every host, where the kernel can."""
        for host in self.names:
            command = ["tc", "-n", host, "qdisc", "add", "dev", "eth0", "root", "netem"]
            done = subprocess.run([*command, "delay", "2ms", "loss", "1%"], capture_output=True, check=False)
            if done.returncode != 0:
                warnings.warn("this kernel has no netem: delay and loss are not tried", stacklevel=2)
                return

    def cut(self, host: int, is_cut: bool = True) -> None:
        """Takes a host's cable out, or puts it in again."""
        ip("link", "set", self.names[host], "down" if is_cut else "up")

    def world(self, places: list[int], *arguments: object) -> World:
        """Starts a rank on each of these hosts."""
        inside = [["ip", "netns", "exec", self.names[place]] for place in places]
        environment = {"GLOO_SOCKET_IFNAME": "eth0", "MASTER_ADDR": self.address}
        return World(len(places), *arguments, environment=environment, inside=inside)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    with Hosts(2) as two:
        yield two


def site(folder: Path) -> Path:
    path = folder / "site.json"
    path.write_text(json.dumps(config(config={"monitor": "val_loss", "top-k": 3})))
    return path


def test_torch_decides_across_hosts(hosts: Hosts, tmp_path: Path) -> None:
    path = site(tmp_path)
    with World(3, "events", path, 20) as world:
        alone = world.outputs()
    hosts.disturb()
    with hosts.world([0, 1, 1], "events", path, 20) as world:
        assert world.outputs() == alone


def test_a_host_that_is_cut_off_ends_the_run_within_the_deadline(hosts: Hosts, tmp_path: Path) -> None:
    path, whole, cut, count, deadline = site(tmp_path), tmp_path / "whole", tmp_path / "cut", 40, 3
    with World(3, "run", path, whole, count) as world:
        world.outputs()
    with hosts.world([0, 1, 1], "run", path, cut, count, deadline) as world:
        until = time.monotonic() + 60
        while progress(cut) < 5:
            assert time.monotonic() < until and world.ranks[0].poll() is None
            time.sleep(0.01)
        hosts.cut(1)
        start = time.monotonic()
        ends = world.ends(timeout=60)
        assert time.monotonic() - start < deadline + 20
    for code, _, err in ends:
        assert code != 0
        assert "EngineError: in round" in err, err
    assert "ranks 1 and 2 of 3 did not come" in ends[0][2], ends[0][2]
    hosts.cut(1, False)
    with hosts.world([0, 1, 1], "run", path, cut, count) as world:
        world.outputs()
    assert (cut / "decisions.jsonl").read_text() == (whole / "decisions.jsonl").read_text()
    assert files(cut / "checkpoints") == files(whole / "checkpoints")


def test_mpi_decides_across_hosts(hosts: Hosts, tmp_path: Path) -> None:
    threads = program("run", "--config", FOUR, "--format", "json", "--ranks", 4, TRACE)
    hosts.disturb()
    # In place of ssh. Each host has a name, or MPI would take them for one.
    agent = tmp_path / "agent"
    names = "".join(f'[ "$1" = {hosts.net}.{index + 1} ] && host={host}\n' for index, host in enumerate(hosts.names))
    agent.write_text(f'#!/bin/sh\n{names}shift\nexec ip netns exec $host unshare --uts sh -c "hostname $host; $*"\n')
    agent.chmod(agent.stat().st_mode | stat.S_IXUSR)
    options = ["--allow-run-as-root", "--oversubscribe", "-n", "4", "--map-by", "node"]
    options += ["--host", ",".join(f"{hosts.net}.{index + 1}:2" for index in range(2))]
    for key, value in {
        "plm_rsh_agent": str(agent),
        "btl": "tcp,self",
        "btl_tcp_if_include": "eth0",
        "oob_tcp_if_include": "eth0",
        "orte_keep_fqdn_hostnames": "1",
    }.items():
        options += ["--mca", key, value]
    inside = ["ip", "netns", "exec", hosts.names[0], "unshare", "--uts", "sh", "-c"]
    run = [sys.executable, "-m", "ckpt_policy", "run", "--engine", "mpi", "--config", str(FOUR)]
    command = " ".join(["mpirun", *options, *run, "--format", "json", str(TRACE)])
    done = subprocess.run(
        [*inside, f"hostname {hosts.names[0]}; {command}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == threads.stdout
