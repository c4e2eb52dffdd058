"""A host in a world of one rank, and worlds whose exchanges this process carries by hand."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, config

import ckpt_policy
from ckpt_policy import (
    AgreementError,
    ConfigError,
    Event,
    Exchange,
    Host,
    Outcome,
    Resume,
    Solo,
    UsageError,
)

SOLO = Solo()


def validated(step: int, loss: float) -> Event:
    return Event("validation-end", step, step // 10, {"val_loss": loss})


def play(host: Host, losses: list[float], start: int = 1) -> list[str]:
    """Plays one validation for each loss; returns what was saved and deleted."""
    said = []
    for step, loss in enumerate(losses, start):
        outcome = host.decide(validated(step, loss), SOLO)
        host.follow(
            outcome,
            SOLO,
            save=lambda id: said.append(f"save {id} at {step}"),
            delete=lambda id: said.append(f"delete {id} at {step}"),
        )
    return said


def carry(hosts: list[Host], progress: list[object]) -> list[object]:
    """Carries exchanges of all ranks until there are results."""
    while isinstance(progress[0], Exchange):
        exchanges = [exchange for exchange in progress if isinstance(exchange, Exchange)]
        assert len({exchange.kind for exchange in exchanges}) == 1
        progress = list(step(hosts, exchanges))
    return progress


def fold(of_ranks: list[bytes], how: object) -> bytes:
    import sys

    import numpy

    integers = numpy.array([numpy.frombuffer(it, dtype=numpy.int64) for it in of_ranks])
    assert sys.byteorder in ("little", "big")
    with numpy.errstate(over="ignore"):
        folded = integers.sum(0) if how is sum else integers.max(0, initial=-(2**63))
    return folded.astype(numpy.int64).tobytes()


def test_the_best_is_kept() -> None:
    with Host(config()).open(SOLO) as host:
        assert host.policies == ["best"]
        assert (host.inputs, host.moments, host.encoding) == (["val_loss"], ["validation-end"], "gather")
        said = play(host, [3.0, 2.0, 4.0, math.nan, 1.0])
        assert said == [
            "save 1 at 1",
            "save 2 at 2",
            "delete 1 at 2",
            "save 5 at 5",
            "delete 2 at 5",
        ]
        (kept,) = host.checkpoints
        assert (kept.id, kept.step, kept.complete, kept.holders) == (5, 5, True, ["best"])
        assert ("best", "best", 5) in host.labels
        opinion = host.decide(validated(6, 0.5), SOLO).opinions[0]
        assert (opinion["ballot"], opinion["values"]) == ("save", {"mean(val_loss)": 0.5})


def test_nobody_is_asked_where_nobody_is_due() -> None:
    host = Host(config()).open(SOLO)
    outcome = host.decide(Event("step-end", 1), SOLO)
    assert (outcome.round, outcome.save, outcome.stop) == (None, False, False)


@pytest.mark.parametrize("encoding", ["gather", "reduce"])
@pytest.mark.parametrize("size", [2, 3, 5])
def test_any_transport_carries_a_world(size: int, encoding: str) -> None:
    site = {**config(), "exchange": {"encoding": encoding}}
    hosts = [Host(site, rank, size) for rank in range(size)]
    assert carry(hosts, [host.begin_open() for host in hosts]) == [None] * size
    assert {host.encoding for host in hosts} == {encoding}
    best = math.inf
    for step in range(1, 20):
        losses = [math.sin(step * (rank + 3)) for rank in range(size)]
        begun = [host.begin(validated(step, loss)) for host, loss in zip(hosts, losses)]
        outcomes = carry(hosts, list(begun))
        assert all(isinstance(outcome, Outcome) for outcome in outcomes)
        first = outcomes[0]
        assert isinstance(first, Outcome)
        mean = math.fsum(losses) / size
        assert first.save == (mean < best), (step, first)
        assert {repr(outcome) for outcome in outcomes} == {repr(first)}
        if first.save:
            best = mean
            assert first.checkpoint is not None
            for host in hosts:
                host.saved(first.checkpoint, bytes=7)
            settled = carry(hosts, [host.begin_settle() for host in hosts])[0]
            assert isinstance(settled, Outcome)
            for gone in settled.delete:
                for host in hosts:
                    host.deleted(gone)
    assert {checkpoint.bytes for checkpoint in hosts[0].checkpoints} == {7 * size}
    snapshots = carry(hosts, [host.begin_snapshot() for host in hosts])
    assert len(set(map(str, snapshots))) == 1


def test_ranks_that_differ_are_named() -> None:
    hosts = [Host(config(), 0, 2), Host(config(mode="shadow"), 1, 2)]
    progress = [host.begin_open() for host in hosts]
    messages: bytes = b"".join(exchange.message for exchange in progress)
    more = [host.complete(messages) for host in hosts]
    messages = b"".join(exchange.message for exchange in more)
    for host in hosts:
        with pytest.raises(AgreementError, match="(?s)at the opening.*rank 0.*enforce.*rank 1.*shadow"):
            host.complete(messages)
        with pytest.raises(UsageError, match="closed"):
            host.begin_open()


def test_a_run_goes_on_as_if_it_had_never_stopped() -> None:
    losses = [math.sin(step * 1.7) - step / 50 for step in range(1, 40)]
    whole = play(Host(config()).open(SOLO), losses)
    for cut in (1, 7, 20):
        first = Host(config()).open(SOLO)
        said = play(first, losses[:cut])
        snapshot = first.snapshot(SOLO)
        again = Host(config(), resume=Resume(snapshot)).open(SOLO)
        assert again.snapshot(SOLO) == snapshot
        assert said + play(again, losses[cut:], cut + 1) == whole


def test_a_run_goes_on_from_a_checkpoint() -> None:
    host = Host(config(config={"monitor": "val_loss", "top-k": 2})).open(SOLO)
    play(host, [3.0, 2.0, 1.0])
    resume = Resume(host.snapshot(SOLO), 2, on_disk=[(2, 2, 0, 10)])
    assert (resume.checkpoint, repr(resume)) == (2, "<Resume from checkpoint 2>")
    again = Host(config(config={"monitor": "val_loss", "top-k": 2}), resume=resume).open(SOLO)
    (kept,) = again.checkpoints
    assert (kept.id, kept.pinned) == (2, True)


def test_a_checkpoint_that_was_written_after_its_snapshot_has_its_size() -> None:
    host = Host(config()).open(SOLO)
    assert host.decide(Event("validation-end", 1, 0, {"val_loss": 1.0}), SOLO).checkpoint == 1
    resume = Resume(host.snapshot(SOLO), 1, on_disk=[(1, 1, 0, 200)])
    (kept,) = Host(config(), resume=resume).open(SOLO).checkpoints
    assert (kept.id, kept.complete, kept.bytes) == (1, True, 200)


def test_a_snapshot_that_was_edited_is_refused() -> None:
    host = Host(config()).open(SOLO)
    play(host, [3.0])
    edited = host.snapshot(SOLO).replace('"step":1', '"step":2')
    with pytest.raises(ConfigError, match="(?s)checksum.*Host.snapshot"):
        Host(config(), resume=Resume(edited)).open(SOLO)


def test_a_failed_save_is_told_to_all_and_the_run_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    host = Host(config()).open(SOLO)

    def fails(_: int) -> None:
        raise OSError("no space left on device")

    outcome = host.decide(validated(1, 1.0), SOLO)
    settled = host.follow(outcome, SOLO, save=fails, delete=lambda _: None)
    assert settled.ended == [(1, [0])]
    assert "no space left on device" in caplog.text
    assert host.decide(validated(2, 1.0), SOLO).save


def test_a_deletion_that_failed_is_asked_for_again() -> None:
    host = Host(config()).open(SOLO)
    gone: list[int] = []

    def delete(checkpoint: int) -> None:
        gone.append(checkpoint)
        if len(gone) == 1:
            raise PermissionError("not now")

    for step, loss in enumerate([3.0, 2.0, 5.0], 1):
        outcome = host.decide(validated(step, loss), SOLO)
        host.follow(outcome, SOLO, save=lambda _: 1, delete=delete)
    assert gone == [1, 1]


def test_what_is_not_there_any_more_is_deleted() -> None:
    host = Host(config()).open(SOLO)
    asked: list[int] = []

    def delete(checkpoint: int) -> None:
        asked.append(checkpoint)
        raise FileNotFoundError(checkpoint)

    for step, loss in enumerate([3.0, 2.0, 5.0], 1):
        host.follow(host.decide(validated(step, loss), SOLO), SOLO, save=lambda _: 1, delete=delete)
    assert asked == [1]


@pytest.mark.parametrize("returned", [1024.0, -1, "12"])
def test_a_save_that_returns_no_size_has_failed(returned: object, caplog: pytest.LogCaptureFixture) -> None:
    host = Host(config()).open(SOLO)
    outcome = host.decide(validated(1, 1.0), SOLO)

    def save(_: int) -> Any:
        return returned

    settled = host.follow(outcome, SOLO, save=save, delete=lambda _: None)
    assert settled.ended == [(1, [0])]
    assert f"the save returned {returned!r}; expected the number of bytes" in caplog.text


def test_a_policy_that_cannot_answer_is_logged_once_until_it_is_given_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wrong = {"wasm": "builtin:rank-zero", "config": {"monitor": "val_loss", "rank": 7}, "disable-after": 3}
    host = Host(config(**wrong)).open(SOLO)
    with caplog.at_level(logging.WARNING, logger="ckpt_policy"):
        for step in range(1, 5):
            host.decide(validated(step, 1.0), SOLO)
    first, second = [record.getMessage() for record in caplog.records]
    assert first.startswith("policy `best` at `validation-end`: ")
    assert "`rank` is 7" in first
    assert "`best` has failed too often" in second


def test_that_nobody_has_the_metric_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    host = Host(config(config={"monitor": "val_los"})).open(SOLO)
    with caplog.at_level(logging.WARNING, logger="ckpt_policy"):
        for step in range(1, 4):
            host.decide(validated(step, 1.0), SOLO)
    [only] = [record.getMessage() for record in caplog.records]
    assert "no rank supplies `val_los`" in only
    assert "nearest logged name is `val_loss`" in only


def test_a_configuration_of_python_may_hold_paths_and_says_what_else_it_may_not() -> None:
    wasm = REPOSITORY / "plugins" / "dist" / "aggregate.wasm"
    assert Host(config(wasm=wasm)).open(SOLO).policies == ["best"]
    with pytest.raises(TypeError, match=r"holds \{1\}, a set; expected what JSON has, or a path"):
        Host(config(config={"monitor": {1}}))
    with pytest.raises(TypeError, match="config is a list; expected a configuration's path, or a mapping"):
        Host([])  # type: ignore[arg-type]


def test_calls_out_of_order_say_what_is_expected() -> None:
    host = Host(config())
    with pytest.raises(UsageError, match="call `open` with an engine first"):
        host.decide(validated(1, 1.0), SOLO)
    host.open(SOLO)
    with pytest.raises(UsageError, match="open already"):
        host.begin_open()
    with pytest.raises(UsageError, match="without a round under way"):
        host.complete(b"")
    host.begin(validated(1, 1.0))
    with pytest.raises(UsageError, match="call `complete` first"):
        host.begin_snapshot()
    with pytest.raises(UsageError, match="checkpoint 9 was reported as saved"):
        host.saved(9)
    with pytest.raises(TypeError, match="found str"):
        host.complete("text")  # type: ignore[arg-type]
    host.close()
    with pytest.raises(UsageError, match="closed"):
        host.begin_settle()
    assert repr(host) == "<Host of rank 0 of 1: closed>"


def test_numbers_of_all_kinds_are_numbers() -> None:
    import numpy
    import torch

    numbers = {
        "int": 1,
        "bool": True,
        "float": 0.5,
        "zero": -0.0,
        "missing": None,
        "numpy": numpy.float32(0.25),
        "tensor": torch.tensor([2.0]),
        "scalar": torch.tensor(3, dtype=torch.int64),
    }
    metrics = Event("train-start", 0, 0, numbers).metrics
    assert metrics == {
        "bool": 1.0,
        "float": 0.5,
        "int": 1.0,
        "numpy": 0.25,
        "scalar": 3.0,
        "tensor": 2.0,
        "zero": 0.0,
    }
    assert str(metrics["zero"]) == "0.0"


def test_what_is_no_event_is_said() -> None:
    with pytest.raises(ValueError, match="(?s)`validation` is no moment.*did you mean `validation-end`") as unknown:
        Event("validation", 1)
    assert "settled" not in str(unknown.value)
    with pytest.raises(TypeError, match="metric `x`: expected one number, found str"):
        Event("step-end", 1, 0, {"x": "1.5"})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="a metric's name is a text, found int"):
        Event("step-end", 1, 0, {1: 1.0})  # type: ignore[dict-item]
    with pytest.raises(OverflowError):
        Event("step-end", -1)
    event = Event("step-end", 1, 2, {"x": 1.0})
    assert repr(event) == "Event('step-end', step=1, epoch=2, metrics={'x': 1.0})"
    assert event == Event("step-end", 1, 2, {"x": 1.0}) != Event("step-end", 2)


def test_a_wrong_configuration_is_told_at_the_opening(tmp_path: Path) -> None:
    host = Host({"policy": [{"name": "a", "wasm": "builtin:agregate", "config": {}}], "sgnals": {}})
    with pytest.raises(ConfigError) as wrong:
        host.open(SOLO)
    text = str(wrong.value)
    for expected in ("`sgnals`: unknown key", "did you mean `signals`", "builtin:aggregate", "policy.a.wasm"):
        assert expected in text
    with pytest.raises(ConfigError, match="cannot read the file"):
        Host(tmp_path / "none.toml").open(SOLO)
    with pytest.raises(ValueError, match="rank 2 of 2"):
        Host(config(), 2, 2)
    assert issubclass(ConfigError, ckpt_policy.CkptPolicyError)


@pytest.mark.parametrize("size", [2, 3])
def test_rank_zero_reads_the_files_for_all(size: int, tmp_path: Path) -> None:
    policy = (REPOSITORY / "plugins" / "dist" / "aggregate.wasm").read_bytes()

    def site(rank: int) -> Path:
        folder = tmp_path / str(rank)
        folder.mkdir(exist_ok=True)
        path = folder / "site.json"
        path.write_text(json.dumps({**config(wasm="policy.wasm"), "exchange": {"files": "rank-zero"}}))
        return path

    sites = [site(rank) for rank in range(size)]
    # Nobody else has the file.
    (tmp_path / "0" / "policy.wasm").write_bytes(policy)
    hosts = [Host(path, rank, size) for rank, path in enumerate(sites)]
    assert carry(hosts, [host.begin_open() for host in hosts]) == [None] * size
    begun = [host.begin(validated(1, 1.0)) for host in hosts]
    assert all(outcome.save for outcome in carry(hosts, list(begun)))  # type: ignore[attr-defined]

    (tmp_path / "0" / "policy.wasm").unlink()
    for path in sites[1:]:
        path.with_name("policy.wasm").write_bytes(policy)
    hosts = [Host(path, rank, size) for rank, path in enumerate(sites)]
    progress = [host.begin_open() for host in hosts]
    while True:
        try:
            progress = step(hosts, progress)
        except ConfigError as error:
            assert "there is no such file on rank 0" in str(error)
            break

    # A rank that is told otherwise, or cannot be told, does not leave the others waiting.
    for other in ({**config(), "exchange": {"files": "each"}}, {"polcy": []}):
        hosts = [Host(sites[0], 0, 2), Host(other, 1, 2)]
        progress = [host.begin_open() for host in hosts]
        with pytest.raises(AgreementError, match="rank 1"):
            while True:
                progress = step(hosts, progress)


def step(hosts: list[Host], exchanges: list[Exchange]) -> list[Exchange]:
    """Carries one exchange of all ranks; the first rank's error is raised."""
    if exchanges[0].kind == "gather":
        carried: object = b"".join(exchange.message for exchange in exchanges)
    else:
        carried = fold([e.sums for e in exchanges], sum), fold([e.maxima for e in exchanges], max)
    return [host.complete(carried) for host in hosts]  # type: ignore[arg-type]


def test_another_rank_learns_why_one_could_not_open() -> None:
    hosts = [Host(config(), 0, 2), Host({"policy": []}, 1, 2)]
    messages = b"".join(host.begin_open().message for host in hosts)
    more = [host.complete(messages) for host in hosts]
    messages = b"".join(exchange.message for exchange in more)
    with pytest.raises(AgreementError, match="rank 1 could not open the host.*there is no policy"):
        hosts[0].complete(messages)
    with pytest.raises(ConfigError, match="(?s)there is no policy.*add a table"):
        hosts[1].complete(messages)


def test_files_and_rules_of_a_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules, job = tmp_path / "rules.toml", tmp_path / "job.json"
    rules.write_text("[checkpoints]\nkeep-at-least = 2\n")
    job.write_text(json.dumps({**config(), "checkpoints": {"keep-at-least": 1}}))
    with pytest.raises(ConfigError, match="keep-at-least"):
        Host(job, site=rules).open(SOLO)
    monkeypatch.setenv("CKPT_POLICY_SITE", str(rules))
    with pytest.raises(ConfigError, match="keep-at-least"):
        Host(str(job)).open(SOLO)
    job.write_text(json.dumps(config()))
    assert Host(job).open(SOLO).policies == ["best"]
    four = REPOSITORY / "tests" / "sites" / "four.toml"
    assert len(Host(four).open(SOLO).policies) == 4


def test_warnings_go_to_the_log_and_nothing_is_printed(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.WARNING, logger="ckpt_policy"):
        Host(config(mode="shadow")).open(SOLO)
    assert "nobody is ever asked" in caplog.text
    assert capfd.readouterr() == ("", "")


def test_other_threads_run_while_policies_are_compiled() -> None:
    """The longest pause of a thread that counts is far below the time that loading takes."""
    pauses, stop = [0.0], threading.Event()

    def count() -> None:
        last = time.perf_counter()
        while not stop.is_set():
            time.sleep(0)
            now = time.perf_counter()
            pauses.append(now - last)
            last = now

    site = {**config(), "cache": {"enabled": False}}
    counting = threading.Thread(target=count)
    counting.start()
    start = time.perf_counter()
    Host(site).open(SOLO)
    took = time.perf_counter() - start
    stop.set()
    counting.join()
    assert max(pauses) < took / 2, (max(pauses), took)
