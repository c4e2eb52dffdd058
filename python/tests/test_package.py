"""What a user gets: types, a command line, a process that may fork."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from conftest import REPOSITORY, config

import ckpt_policy
from ckpt_policy import Event, Host, Solo

PACKAGE = Path(__file__).resolve().parents[1]


def tool(*arguments: str, folder: Path = PACKAGE) -> None:
    # Keras is imported, and would look for another backend.
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_are_checked() -> None:
    tool("mypy")


def test_the_stub_says_what_is_there() -> None:
    # From elsewhere, so that it is the installed package that is looked at.
    settings = str(PACKAGE / "pyproject.toml")
    tool("mypy.stubtest", "ckpt_policy", "--mypy-config-file", settings, folder=PACKAGE / "tests")


def test_what_is_public_is_documented() -> None:
    for name in ckpt_policy.__all__:
        thing = getattr(ckpt_policy, name)
        if not isinstance(thing, type):
            continue
        assert thing.__doc__, name
        for member, value in vars(thing).items():
            if member.startswith("_") or not (callable(value) or hasattr(value, "__get__")):
                continue
            inherited = [getattr(base, member, None) for base in (ckpt_policy.Engine, *thing.__mro__)]
            assert any(getattr(it, "__doc__", None) for it in inherited), f"{name}.{member}"


def test_the_version_is_that_of_the_wheel() -> None:
    assert ckpt_policy.__version__ == metadata.version("ckpt-policy")
    assert (Path(ckpt_policy.__file__).parent / "py.typed").exists()


def test_the_command_line_is_the_program() -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "ckpt_policy", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    code, out, _ = run("--version")
    assert (code, out) == (0, f"ckpt-policy {ckpt_policy.__version__}\n")
    code, out, _ = run("inspect", "builtin:aggregate")
    assert code == 0 and "val_loss" in out
    code, _, err = run("check", "--config", "none.toml")
    assert code == 2 and "cannot read the file" in err
    code, _, err = run("run", "--engine", "tarch")
    assert code == 2 and "invalid value" in err
    code, out, err = run("run", "--engine", "torch", "--config", "site.toml", "trace.jsonl")
    assert (code, out) == (4, "") and "torchrun --nproc-per-node" in err, err
    entry = Path(sys.executable).with_name("ckpt-policy")
    done = subprocess.run([entry, "--version"], capture_output=True, text=True, check=False)
    assert done.stdout == f"ckpt-policy {ckpt_policy.__version__}\n"


def test_a_policy_that_a_user_has_built_is_a_file(tmp_path: Path) -> None:
    """Another policy is another file: no part of the trainer changes."""
    probe = REPOSITORY / "plugins" / "dist" / "rank-zero.wasm"
    site = {"policy": [{"name": "own", "wasm": str(probe), "config": {"monitor": "val_loss"}}]}
    with Host(site).open(Solo()) as host:
        assert host.decide(Event("validation-end", 1, 0, {"val_loss": 1.0}), Solo()).save


def decide(host: Host, step: int) -> bool:
    event = Event("validation-end", step, 0, {"val_loss": 1.0 / step})
    return host.decide(event, Solo()).save


def child(host: Host, results: multiprocessing.SimpleQueue[object]) -> None:
    results.put(decide(host, 2))


def fresh(results: multiprocessing.SimpleQueue[object]) -> None:
    results.put(decide(Host(config()).open(Solo()), 1))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_a_host_of_its_own() -> None:
    """As the workers of a data loader, which inherit a host that they never close."""
    host = Host(config()).open(Solo())
    context = multiprocessing.get_context("fork")
    results: multiprocessing.SimpleQueue[object] = context.SimpleQueue()
    for work, arguments in ((child, (host, results)), (fresh, (results,))):
        forked = context.Process(target=work, args=arguments)
        forked.start()
        forked.join(30)
        assert forked.exitcode == 0
        assert results.get() is True
    assert decide(host, 2)


def test_a_spawned_process_has_one_too() -> None:
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.SimpleQueue[object] = context.SimpleQueue()
    spawned = context.Process(target=fresh, args=(results,))
    spawned.start()
    spawned.join(60)
    assert (spawned.exitcode, results.get()) == (0, True)


def test_a_keyboard_interrupt_is_heard_between_exchanges() -> None:
    script = """
import os, signal
from ckpt_policy import Event, Host, Solo
class Interrupted(Solo):
    def all_gather(self, message):
        os.kill(os.getpid(), signal.SIGINT)
        return message
host = Host({"policy": [{"name": "best", "wasm": "builtin:aggregate", "config": {"monitor": "x"}}]})
host.open(Solo())
# What a shell starts in the background ignores the signal.
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    host.decide(Event("validation-end", 1, 0, {"x": 1.0}), Interrupted())
except KeyboardInterrupt:
    print("heard")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


def test_signal_handlers_are_left_alone() -> None:
    script = """
import signal
before = {number: signal.getsignal(number) for number in signal.valid_signals()}
from ckpt_policy import Event, Host, Solo
host = Host({"policy": [{"name": "best", "wasm": "builtin:aggregate", "config": {"monitor": "x"}}]})
host.open(Solo())
host.decide(Event("validation-end", 1, 0, {"x": 1.0}), Solo())
assert before == {number: signal.getsignal(number) for number in signal.valid_signals()}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_interpreter_ends_with_a_host_open() -> None:
    script = "from test_package import *; host = Host(config()).open(Solo()); decide(host, 1)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=os.path.dirname(__file__)
    )
    assert (done.returncode, done.stderr) == (0, "")
