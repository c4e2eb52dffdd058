"""A checkpoint callback for Lightning whose decisions are a policy's.

:class:`PolicyCheckpoint` takes the place of ``ModelCheckpoint``. It translates and decides nothing: hooks
become events with this rank's own ``callback_metrics``, and outcomes become calls of the trainer.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional, Union

import torch
import torch.distributed as dist

from ckpt_policy._native import Event, Outcome, Resume
from ckpt_policy.engines import DEADLINE, Engine, Solo, TorchDistributed
from ckpt_policy.host import Host

# There are two packages of the same classes; a trainer knows only those of its own.
if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer
    from lightning.pytorch.callbacks import ModelCheckpoint
elif "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules:
    from pytorch_lightning.callbacks import ModelCheckpoint
else:
    try:
        from lightning.pytorch.callbacks import ModelCheckpoint
    except ImportError:
        from pytorch_lightning.callbacks import ModelCheckpoint

__all__ = ["PolicyCheckpoint"]

logger = logging.getLogger("ckpt_policy")

#: Bytes in which rank 0 tells the others what a checkpoint is called.
NAMES = 2048


class PolicyCheckpoint(ModelCheckpoint):
    """Saves and deletes checkpoints as policies decide, the same on all ranks.

    Args:
        dirpath, filename, auto_insert_metric_name, enable_version_counter, save_weights_only: As
            ``ModelCheckpoint`` has them. A name is made once, of rank 0's metrics, for all ranks.
        monitor: The metric that decides. Log it on each rank, without ``sync_dist``: the policy wants each
            rank's own value.
        mode: ``"min"`` or ``"max"``.
        save_top_k: How many checkpoints to keep; -1 for all.
        save_last: Keeps the newest checkpoint, too, and a link ``last.ckpt`` to it (a copy where the
            storage has no links).
        every_n_train_steps: Decides after every so many optimizer steps.
        save_on_train_epoch_end: Decides at the end of an epoch and not after a validation; by default
            where there is no validation.
        policy: ``builtin:aggregate``, ``builtin:majority``, ``builtin:unanimous``, ``builtin:rank-zero``,
            or the path of a ``.wasm`` file, which takes the same settings.
        settings: More settings of the policy.
        config: A configuration in place of all these: the path of a file, or a mapping.
        site: The site's rules, see :class:`ckpt_policy.Host`.
        deadline: Seconds that a rank waits for the others.

    Raises:
        ValueError: A configuration and settings of a policy are given at once.
    """

    def __init__(
        self,
        dirpath: Optional[Union[str, os.PathLike[str]]] = None,
        filename: Optional[str] = None,
        monitor: Optional[str] = None,
        *,
        mode: str = "min",
        save_top_k: int = 1,
        save_last: Optional[bool] = None,
        save_weights_only: bool = False,
        auto_insert_metric_name: bool = True,
        enable_version_counter: bool = True,
        every_n_train_steps: Optional[int] = None,
        save_on_train_epoch_end: Optional[bool] = None,
        policy: str = "builtin:aggregate",
        settings: Optional[Mapping[str, Any]] = None,
        config: Optional[Union[str, os.PathLike[str], Mapping[str, Any]]] = None,
        site: Optional[Union[str, os.PathLike[str]]] = None,
        deadline: float = DEADLINE,
    ) -> None:
        if config is not None and (monitor is not None or settings is not None):
            raise ValueError("`config` says which policies decide, and on what: leave out `monitor` and `settings`")
        if config is None and monitor is None:
            raise ValueError("expected `monitor`, the metric that decides, or a `config`")
        super().__init__(
            dirpath=None if dirpath is None else os.fspath(dirpath),
            filename=filename,
            monitor=monitor,
            mode=mode,
            save_top_k=save_top_k if monitor else -1,
            save_last=save_last,
            save_weights_only=save_weights_only,
            auto_insert_metric_name=auto_insert_metric_name,
            enable_version_counter=enable_version_counter,
            every_n_train_steps=every_n_train_steps,
            save_on_train_epoch_end=save_on_train_epoch_end,
        )
        self.policy, self.settings, self.config = policy, dict(settings or {}), config
        self._site, self._deadline = site, deadline
        self._host: Optional[Host] = None
        self._engine: Engine = Solo()
        self._kept: dict[int, dict[str, Any]] = {}
        self._state: Optional[dict[str, Any]] = None
        self._saving: Optional[int] = None
        self._snapshot = ""
        self._started = 0.0
        self._step = -1

    @property
    def host(self) -> Host:
        """The host, once training has started."""
        if self._host is None:
            raise RuntimeError("the host is opened when training starts")
        return self._host

    @property
    def state_key(self) -> str:
        config = os.fspath(self.config) if isinstance(self.config, (str, os.PathLike)) else None
        return self._generate_state_key(policy=self.policy, monitor=self.monitor, mode=self.mode, config=config)

    # Hooks become events.

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if getattr(trainer, "fast_dev_run", False):
            return
        self._started = time.monotonic()
        self._step = trainer.global_step
        is_alone = not dist.is_available() or not dist.is_initialized()
        self._engine = Solo() if is_alone else TorchDistributed(deadline=self._deadline)
        config = self.config if self.config is not None else self._own_config(trainer)
        self._host = Host(
            config,
            self._engine.rank,
            self._engine.world_size,
            site=self._site,
            resume=self._resume(trainer),
        ).open(self._engine)
        self._happened("train-start", trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # An event is an optimizer step, which gradients may be accumulated for.
        if self._host is None or trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        if getattr(trainer, "received_sigterm", False):
            self._host.interrupt()
        self._happened("step-end", trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking and trainer.state.fn == "fit":
            self._happened("validation-end", trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._happened("epoch-end", trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._host is None:
            return
        self._happened("train-end", trainer)
        self._do(self._host.finish(self._engine), trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Nothing: one rank may have failed alone, and the others would be waited for in vain."""

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit" and self._host is not None:
            self._host.close()
            self._host = None

    def _happened(self, moment: str, trainer: Trainer) -> None:
        if self._host is None:
            return
        outcome = self._host.decide(self._event(moment, trainer), self._engine)
        self._do(outcome, trainer)
        if outcome.interrupted:
            self._do(self._host.decide(self._event("interrupted", trainer), self._engine), trainer)

    def _event(self, moment: str, trainer: Trainer) -> Event:
        metrics: dict[str, float] = {}
        # Reading them can be a collective, and takes long: only where somebody asks.
        if moment in self.host.moments:
            candidates: dict[str, Any] = {"epoch": trainer.current_epoch, "step": trainer.global_step}
            candidates.update(trainer.callback_metrics)
            metrics = {name: float(candidates[name]) for name in self.host.inputs if name in candidates}
        metrics["host.elapsed-seconds"] = time.monotonic() - self._started
        metrics["host.unix-seconds"] = time.time()
        if trainer.max_steps > 0:
            metrics["host.max-steps"] = trainer.max_steps
        return Event(moment, trainer.global_step, trainer.current_epoch, metrics)

    # Outcomes become calls of the trainer.

    def _do(self, outcome: Outcome, trainer: Trainer) -> None:
        last = self.host.follow(
            outcome,
            self._engine,
            save=lambda checkpoint: self._save(checkpoint, outcome, trainer),
            delete=lambda checkpoint: self._delete(checkpoint, trainer),
        )
        if outcome.save or outcome.delete or last is not outcome:
            self._look()
        if outcome.stop or last.stop:
            trainer.should_stop = True

    def _save(self, checkpoint: int, outcome: Outcome, trainer: Trainer) -> int:
        # All of these are exchanges, so all ranks do them, whatever then fails.
        path, link = self._names(trainer)
        self._kept[checkpoint] = {
            "path": path,
            "score": _score(outcome),
            "step": trainer.global_step,
            "epoch": trainer.current_epoch,
        }
        self._saving = checkpoint
        # Before the save, since it is part of the state.
        self.last_model_path = link or self.last_model_path
        self._snapshot = self.host.snapshot(self._engine)
        try:
            trainer.save_checkpoint(path, self.save_weights_only)
        except Exception:
            del self._kept[checkpoint]
            # Where the others are.
            trainer.strategy.barrier("Trainer.save_checkpoint")
            raise
        self._last_global_step_saved = trainer.global_step
        self._last_checkpoint_saved = path
        if not trainer.is_global_zero:
            return 0
        if link:
            self._link(path, link)
        for log in trainer.loggers:
            log.after_save_checkpoint(self)
        return int(self._fs.du(path))

    def _names(self, trainer: Trainer) -> tuple[str, str]:
        """Returns what a checkpoint and the link to the newest one are called: rank 0 says it to all."""
        told = b""
        if trainer.is_global_zero:
            candidates = self._monitor_candidates(trainer)
            path, link = self._free(candidates, None), ""
            if self.save_last:
                link = self._free(candidates, self.CHECKPOINT_NAME_LAST)
            told = f"{path}\n{link}".encode()
            if len(told) > NAMES:
                raise ValueError(f"the path of a checkpoint has more than {NAMES} bytes: {path}")
        everybody = self._engine.all_gather(told.ljust(NAMES, b"\0"))
        path, link = everybody[:NAMES].rstrip(b"\0").decode().split("\n")
        return path, link

    def _free(self, candidates: dict[str, torch.Tensor], name: Optional[str]) -> str:
        """Returns a path that no other file has, apart from the link to the newest checkpoint."""
        path = self.format_checkpoint_name(candidates, name)
        version = self.STARTING_VERSION
        while self._enable_version_counter and path != self.last_model_path and self._fs.exists(path):
            path = self.format_checkpoint_name(candidates, name, ver=version)
            version += 1
        return path

    def _link(self, path: str, link: str) -> None:
        new = link + ".new"
        try:
            os.symlink(os.path.relpath(path, os.path.dirname(link)), new)
            os.replace(new, link)
        except OSError:
            self._fs.copy(path, link, recursive=True)

    def _delete(self, checkpoint: int, trainer: Trainer) -> None:
        kept = self._kept.pop(checkpoint, None)
        if kept is not None:
            io = trainer.strategy.checkpoint_io
            # Writes that are still to come would bring back what is deleted now.
            executor = getattr(io, "_executor", None)
            if executor is not None:
                executor.submit(trainer.strategy.remove_checkpoint, kept["path"]).result()
            else:
                trainer.strategy.remove_checkpoint(kept["path"])

    def _look(self) -> None:
        """Says in ModelCheckpoint's words what is kept now."""
        held = {checkpoint.id for checkpoint in self.host.checkpoints}
        scores = {
            kept["path"]: torch.tensor(kept["score"])
            for checkpoint, kept in self._kept.items()
            if checkpoint in held and kept["score"] is not None
        }
        labels = {label: checkpoint for _, label, checkpoint in self.host.labels}
        best = self._kept.get(labels.get("best", -1))
        newest = self._kept[max(self._kept)] if self._kept else None
        self.best_k_models = scores
        chosen = best or newest
        self.best_model_path = chosen["path"] if chosen else ""
        self.best_model_score = scores.get(self.best_model_path)
        if scores:
            worst = max if self.mode == "min" else min
            self.kth_best_model_path = worst(scores, key=lambda path: float(scores[path]))
            self.kth_value = scores[self.kth_best_model_path]
        if newest is not None and newest["score"] is not None:
            self.current_score = torch.tensor(newest["score"])
        last = self._kept.get(labels.get("last", -1))
        if not self.save_last and last is not None:
            self.last_model_path = last["path"]

    # A run goes on.

    def state_dict(self) -> dict[str, Any]:
        return {
            "snapshot": self._snapshot,
            "checkpoint": self._saving,
            "kept": dict(self._kept),
            "dirpath": self.dirpath,
            "best_model_path": self.best_model_path,
            "best_model_score": self.best_model_score,
            "last_model_path": self.last_model_path,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if state_dict.get("snapshot"):
            self._state = state_dict

    def _resume(self, trainer: Trainer) -> Optional[Resume]:
        if self._state is None:
            return None
        state, self._state = self._state, None
        there = {
            checkpoint: int(self._fs.du(kept["path"]))
            for checkpoint, kept in state["kept"].items()
            if trainer.is_global_zero and self._fs.exists(kept["path"])
        }
        # What rank 0 finds is what there is.
        there = trainer.strategy.broadcast(there)
        self._kept = {checkpoint: kept for checkpoint, kept in state["kept"].items() if checkpoint in there}
        self.last_model_path = state["last_model_path"]
        on_disk = [
            (checkpoint, kept["step"], kept["epoch"], there[checkpoint]) for checkpoint, kept in self._kept.items()
        ]
        return Resume(state["snapshot"], state["checkpoint"], on_disk=on_disk)

    def _own_config(self, trainer: Trainer) -> dict[str, Any]:
        """Returns the configuration that the arguments amount to."""
        settings: dict[str, Any] = {"monitor": self.monitor, "mode": self.mode, "top-k": self.save_top_k}
        if self.save_last:
            settings["save-last"] = True
        if self._every_n_train_steps:
            settings.update({"at": ["step-end"], "every-steps": self._every_n_train_steps})
        elif self._save_on_train_epoch_end or (self._save_on_train_epoch_end is None and not trainer.enable_validation):
            settings["at"] = ["epoch-end"]
        settings.update(self.settings)
        return {"policy": [{"name": "checkpoint", "wasm": self.policy, "config": settings}]}


def _score(outcome: Outcome) -> Optional[float]:
    """The number that decided, of the first policy that asked for the save."""
    for opinion in outcome.opinions:
        if opinion["ballot"] == "save":
            score = opinion["figures"].get("score")
            return None if score is None else float(score)
    return None
