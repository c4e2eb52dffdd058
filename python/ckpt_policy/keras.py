"""A checkpoint callback for Keras 3 whose decisions are a policy's."""

from __future__ import annotations

import glob
import json
import os
import re
import time
from collections.abc import Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any, Optional, Union

import keras

from ckpt_policy._native import Event, Outcome, Resume
from ckpt_policy.books import Books, Kept, configuration, facts, from_rank_zero, opened, score
from ckpt_policy.engines import DEADLINE, Engine, Solo, torch_engine
from ckpt_policy.engines.jax import JaxProcesses
from ckpt_policy.host import Host

__all__ = ["PolicyCheckpoint", "newest"]

AnyPath = Union[str, "os.PathLike[str]"]
Logs = Optional[Mapping[str, Any]]

#: How checkpoints of weights alone end, and those of whole models.
WEIGHTS, MODEL = ".weights.h5", ".keras"
PLACEHOLDER = re.compile(r"\{[^}]*\}")
#: Bytes in which rank 0 tells the others what a checkpoint is called.
NAMES = 4096


class PolicyCheckpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves and deletes checkpoints as policies decide, in the place of ``ModelCheckpoint``.

    Args:
        filepath: The name of a checkpoint, with ``{epoch}``, ``{batch}`` and the names of metrics, as
            ``ModelCheckpoint`` has it. It ends with ``.keras``, or ``.weights.h5`` for weights alone. Where
            two would have one name the newer gets a number. Without placeholders it is a link to the best.
        monitor: The metric that decides; ``None`` keeps the newest.
        mode: ``"min"``, ``"max"``, or ``"auto"``, which knows losses only.
        save_top_k: How many to keep; -1 for all. 1 is ``save_best_only=True``.
        save_last: Saves and keeps the newest, too, whatever it is worth.
        save_weights_only: Saves the weights, not the whole model.
        save_freq: ``"epoch"``, or after how many batches to decide.
        resume: The checkpoint whose weights the run goes on with, see :func:`newest`.
        policy, settings, config, site: As ``ckpt_policy.lightning.PolicyCheckpoint`` has them.
        engine: What carries exchanges between processes, of which rank 0 writes. By default that of the
            backend: ``torch.distributed`` where it is initialized, or ``jax.distributed``.

    Raises:
        ValueError: An argument is wrong, or two exclude each other.
    """

    def __init__(
        self,
        filepath: AnyPath,
        monitor: Optional[str] = "val_loss",
        mode: str = "auto",
        save_top_k: int = 1,
        save_last: bool = False,
        save_weights_only: bool = False,
        save_freq: Union[str, int] = "epoch",
        *,
        resume: Optional[Kept] = None,
        policy: str = "builtin:aggregate",
        settings: Optional[Mapping[str, Any]] = None,
        config: Optional[Union[AnyPath, Mapping[str, Any]]] = None,
        site: Optional[AnyPath] = None,
        engine: Optional[Engine] = None,
    ) -> None:
        super().__init__()
        self.filepath, self.save_weights_only = os.fspath(filepath), save_weights_only
        end = WEIGHTS if save_weights_only else MODEL
        if not self.filepath.endswith(end):
            raise ValueError(f"`filepath` must end with `{end}`, found `{self.filepath}`")
        if save_freq != "epoch" and (not isinstance(save_freq, int) or save_freq < 1):
            raise ValueError(f'`save_freq` must be "epoch" or batches from 1, found {save_freq!r}')
        if config is not None and settings is not None:
            raise ValueError("`config` says which policies decide, and on what: leave out `settings`")
        if config is None:
            if mode == "auto" and monitor is not None and not monitor.endswith("loss"):
                raise ValueError(f'which way is `{monitor}` better? Say `mode="min"` or `mode="max"`')
            moment, every = ("epoch-end", 1) if save_freq == "epoch" else ("step-end", save_freq)
            config = configuration(
                policy,
                {"every-steps": every, **(settings or {})},
                monitor=monitor,
                mode="min" if mode == "auto" else mode,
                top_k=save_top_k,
                at=[moment],
                newest=[moment] if save_last else [],
            )
        self._config, self._site, self._given = config, site, engine
        self._engine: Engine = Solo()
        self._host: Optional[Host] = None
        self._books = Books()
        self._resume: Optional[Resume] = None
        self._started = time.monotonic()
        self._epoch = self._batch = self._epoch_began = 0
        self._step = 0 if resume is None else resume.step
        #: What the last decision came to, and the best checkpoint that is kept.
        self.outcome: Optional[Outcome] = None
        self.best: Optional[Kept] = None
        if resume is not None:
            state = json.loads(_beside(resume.path).read_text())
            on_disk = self._books.load(state["books"], lambda path: _size(Path(path)))
            self._resume = Resume(state["snapshot"], state["checkpoint"], on_disk=on_disk)

    @property
    def host(self) -> Host:
        """The host, while training goes on."""
        return opened(self._host)

    # Hooks become events.

    def on_train_begin(self, logs: Logs = None) -> None:
        self._started = time.monotonic()
        self._engine = self._given or _engine()
        rank, world_size = self._engine.rank, self._engine.world_size
        host = Host(self._config, rank, world_size, site=self._site, resume=self._resume)
        self._host = host.open(self._engine)
        self._decide("train-start", logs or {})

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch, self._epoch_began = epoch, self._step

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._batch, self._step = batch, self._epoch_began + batch + 1
        self._decide("step-end", logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if any(name.startswith("val_") for name in logs or {}):
            self._decide("validation-end", logs or {})
        self._decide("epoch-end", logs or {})

    def on_train_end(self, logs: Logs = None) -> None:
        self._decide("train-end", logs or {})
        self._follow(self.host.finish(self._engine), "")
        # For a `fit` that goes on with this object.
        self._resume = Resume(self.host.snapshot(self._engine))
        self.host.close()
        self._host = None

    def _decide(self, moment: str, logs: Mapping[str, Any]) -> None:
        # What no policy looks at need not come from the device.
        wanted = self.host.inputs if moment in self.host.moments else []
        metrics = {**{name: logs[name] for name in wanted if name in logs}, **facts(self._started)}
        outcome = self.host.decide(Event(moment, self._step, self._epoch, metrics), self._engine)
        if outcome.round is None:
            return
        self.outcome = outcome
        # An unknown placeholder is an error of the program, and no write that failed.
        self._follow(outcome, self._name(logs) if outcome.save else "")
        if outcome.interrupted:
            self._decide("interrupted", logs)
        if outcome.stop or outcome.interrupted:
            self.model.stop_training = True

    def _name(self, logs: Mapping[str, Any]) -> str:
        stem, end = _names(self.filepath)
        name = stem.format(**{"epoch": self._epoch + 1, "batch": self._batch + 1, **logs})
        taken = {kept.path for kept in self._books.kept.values()}
        versions = chain([""], (f"-v{version}" for version in count(1)))
        return next(path for path in (name + version + end for version in versions) if path not in taken)

    def _follow(self, outcome: Outcome, name: str) -> None:
        def save(checkpoint: int) -> int:
            snapshot = self.host.snapshot(self._engine)
            path = from_rank_zero(self._engine, name, NAMES)
            self._books.kept[checkpoint] = Kept(path, self._step, self._epoch, score(outcome))
            state = {"checkpoint": checkpoint, "snapshot": snapshot, "books": self._books.state()}
            return self._write(Path(path), state) if self._engine.rank == 0 else 0

        def delete(checkpoint: int) -> None:
            kept = self._books.kept.pop(checkpoint, None)
            if kept is not None and self._engine.rank == 0:
                Path(kept.path).unlink(missing_ok=True)
                _beside(kept.path).unlink(missing_ok=True)

        self.host.follow(outcome, self._engine, save=save, delete=delete)
        self.best = self._books.find("best", self.host)
        if self.best is not None and not PLACEHOLDER.search(self.filepath) and self._engine.rank == 0:
            link = Path(f"{self.filepath}.new")
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.basename(self.best.path))
            link.replace(self.filepath)

    def _write(self, path: Path, state: Mapping[str, Any]) -> int:
        """Writes a checkpoint, whole or not at all, and before that its snapshot; returns its bytes."""
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".new-{path.name}")
        (self.model.save_weights if self.save_weights_only else self.model.save)(new)
        _beside(path).write_text(json.dumps(state))
        new.replace(path)
        return path.stat().st_size


def newest(filepath: AnyPath) -> Optional[Kept]:
    """Returns the newest checkpoint that was saved under a ``filepath``, ``None`` where there is none.

    Load what is at its ``path``, give it as ``resume``, and go on with ``initial_epoch=kept.epoch + 1``.
    """
    stem, end = _names(os.fspath(filepath))
    paths = glob.glob(f"{PLACEHOLDER.sub('*', glob.escape(stem))}*{end}")
    paths = [path for path in paths if _beside(path).exists()]
    if not paths:
        return None
    state = json.loads(_beside(max(paths, key=os.path.getmtime)).read_text())
    return Kept(**state["books"][str(state["checkpoint"])])


def _names(filepath: str) -> tuple[str, str]:
    """Returns the template of the names of checkpoints without their ending, and the ending."""
    end = WEIGHTS if filepath.endswith(WEIGHTS) else MODEL
    stem = filepath.removesuffix(end)
    return stem if PLACEHOLDER.search(stem) else f"{stem}-{{epoch}}", end


def _beside(path: Union[str, Path]) -> Path:
    """Returns where the snapshot of a checkpoint is."""
    return Path(f"{path}.json")


def _size(path: Path) -> Optional[int]:
    return path.stat().st_size if path.exists() else None


def _engine() -> Engine:
    if keras.backend.backend() == "torch":
        return torch_engine(DEADLINE)
    if keras.backend.backend() == "jax":
        import jax

        return JaxProcesses() if jax.process_count() > 1 else Solo()
    return Solo()
