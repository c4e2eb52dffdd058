"""A checkpoint callback for Lightning whose decisions are a policy's.

:class:`PolicyCheckpoint` takes the place of ``ModelCheckpoint``, whose hooks say when to decide. It
translates and decides nothing: hooks become events with this rank's own ``callback_metrics``, and outcomes
become calls of the trainer.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, Optional, Union

import torch

from ckpt_policy._native import CkptPolicyError, Event, Outcome, Resume
from ckpt_policy.books import facts, opened
from ckpt_policy.engines import DEADLINE, Engine, Solo, torch_engine
from ckpt_policy.host import Background, Host
from ckpt_policy.lightning.arguments import TEMPLATES, arguments_of, configuration_of
from ckpt_policy.lightning.files import Files
from ckpt_policy.lightning.leaving import Leaving
from ckpt_policy.lightning.package import LightningModule, MisconfigurationException, ModelCheckpoint, Trainer

__all__ = ["PolicyCheckpoint"]

logger = logging.getLogger("ckpt_policy")


class PolicyCheckpoint(ModelCheckpoint):
    """Saves and deletes checkpoints as policies decide, the same on all ranks.

    Args:
        dirpath, filename, verbose, save_top_k, save_weights_only, mode, auto_insert_metric_name,
        every_n_train_steps, train_time_interval, every_n_epochs, save_on_train_epoch_end,
        enable_version_counter: As ``ModelCheckpoint`` has them. A name is made once, of rank 0's metrics,
            for all ranks, and never overwrites a checkpoint that is kept.
        monitor: The metric that decides. Log it on each rank, without ``sync_dist``: the policy wants each
            rank's own value.
        save_last: Keeps ``last.ckpt``, too: a link to the newest checkpoint, or (with triggers of steps or
            time, where the policy refused) one of its own.
        save_on_exception: Saves when all ranks end by an exception, or one of them is told to (SIGTERM).
        policy: ``builtin:aggregate``, ``builtin:majority``, ``builtin:unanimous``, ``builtin:rank-zero``,
            or the path of a ``.wasm`` file, which takes the same settings.
        settings: More settings of the policy. ``books = "per-rank"`` of ``unanimous`` is
            ``ModelCheckpoint`` in everything: also when it decides is then left to its code.
        config: A configuration in place of all these: the path of a file, or a mapping.
        site: The site's rules, see :class:`ckpt_policy.Host`.
        deadline: Seconds that a rank waits for the others.
        name: Tells callbacks of one trainer apart that are else alike.

    Raises:
        ValueError: A configuration and settings of a policy are given at once.
    """

    def __init__(
        self,
        dirpath: Optional[Union[str, os.PathLike[str]]] = None,
        filename: Optional[str] = None,
        monitor: Optional[str] = None,
        verbose: bool = False,
        save_last: Optional[Union[bool, Literal["link"]]] = None,
        save_top_k: int = 1,
        save_on_exception: bool = False,
        save_weights_only: bool = False,
        mode: str = "min",
        auto_insert_metric_name: bool = True,
        every_n_train_steps: Optional[int] = None,
        train_time_interval: Optional[timedelta] = None,
        every_n_epochs: Optional[int] = None,
        save_on_train_epoch_end: Optional[bool] = None,
        enable_version_counter: bool = True,
        *,
        policy: str = "builtin:aggregate",
        settings: Optional[Mapping[str, Any]] = None,
        config: Optional[Union[str, os.PathLike[str], Mapping[str, Any]]] = None,
        site: Optional[Union[str, os.PathLike[str]]] = None,
        deadline: float = DEADLINE,
        name: str = "",
    ) -> None:
        triggers = every_n_train_steps, train_time_interval, every_n_epochs, save_on_train_epoch_end
        if config is not None and (monitor is not None or settings is not None or any(triggers)):
            raise ValueError(
                "`config` says which policies decide, on what and when: "
                "leave out `monitor`, `settings` and the triggers"
            )
        super().__init__(
            dirpath=None if dirpath is None else os.fspath(dirpath),
            filename=filename,
            monitor=monitor,
            verbose=verbose,
            save_last=save_last,
            save_top_k=save_top_k,
            save_weights_only=save_weights_only,
            mode=mode,
            auto_insert_metric_name=auto_insert_metric_name,
            every_n_train_steps=every_n_train_steps,
            train_time_interval=train_time_interval,
            every_n_epochs=every_n_epochs,
            save_on_train_epoch_end=save_on_train_epoch_end,
            enable_version_counter=enable_version_counter,
        )
        self.save_on_exception = save_on_exception
        self.policy, self.settings, self.config, self.name = policy, dict(settings or {}), config, name
        self._is_exact = self.settings.get("books") == "per-rank"
        self._site, self._deadline = site, deadline
        self._host: Optional[Host] = None
        self._engine: Engine = Solo()
        self._files = Files(self)
        self._leaving = Leaving()
        self._state: dict[str, Any] = {}
        self._saving: Optional[int] = None
        self._moment = "step-end"
        self._started = 0.0
        self._asked = self._step = -1
        self._waits_for_validation = False

    @classmethod
    def from_model_checkpoint(cls, callback: ModelCheckpoint, **arguments: Any) -> PolicyCheckpoint:
        """Returns one with the arguments of a ``ModelCheckpoint``.

        Args:
            callback: Its class must be ``ModelCheckpoint`` itself.
            arguments: What is to be another, such as ``policy="builtin:majority"``. Without a policy it is
                ``unanimous`` with books for each rank, which decides as ``ModelCheckpoint``.

        Raises:
            ValueError: There is no equal, and why.
        """
        given = arguments_of(callback)
        if "policy" not in arguments:
            given.update(policy="builtin:unanimous", settings={"books": "per-rank"})
        made = cls(**{**given, **arguments})
        for name in TEMPLATES:
            setattr(made, name, getattr(callback, name))
        return made

    @property
    def host(self) -> Host:
        """The host, while training goes on."""
        return opened(self._host)

    @property
    def state_key(self) -> str:
        config = os.fspath(self.config) if isinstance(self.config, (str, os.PathLike)) else None
        return f"{super().state_key}{(config, self.name) if config or self.name else ''}"

    # Hooks become events.

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        if getattr(trainer, "fast_dev_run", False):
            return
        self._started = time.monotonic()
        self._asked = self._step = trainer.global_step
        self._engine = torch_engine(self._deadline)
        self._host = Host(
            configuration_of(self) if self.config is None else self.config,
            self._engine.rank,
            self._engine.world_size,
            site=self._site,
            resume=self._resume(trainer),
        ).open(self._engine)
        self._leaving = Leaving()
        self._leaving.start(trainer, self._engine, self._deadline if self.save_on_exception else None)
        self._decide("train-start", trainer)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if self._leaving.requeue.is_due:
            # Lightning goes on exactly from here: from the end of a step it may leave out a validation.
            self._leaving.requeue.follow()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._host is None:
            return
        self._files.report(self._host, wait=False)
        # An event is an optimizer step, which gradients may be accumulated for.
        is_step, self._step = trainer.global_step != self._step, trainer.global_step
        self._moment = "step-end"
        if self._is_exact:
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        elif is_step and self.config is not None:
            self._decide("step-end", trainer)
        elif is_step and self._is_due(trainer) and not self._should_skip_saving_checkpoint(trainer):
            # What validation is about to say is what the policy wants.
            self._waits_for_validation = self.monitor is not None and _validates_now(trainer)
            if not self._waits_for_validation:
                self._decide("step-end", trainer)
        if is_step and self._leaving.is_told(trainer):
            self._decide("interrupted", trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._host is None or trainer.sanity_checking:
            return
        if self._waits_for_validation:
            self._waits_for_validation = False
            self._decide("validation-end", trainer)
        elif self.config is not None:
            self._decide("validation-end", trainer)
        else:
            self._moment = "validation-end"
            super().on_validation_end(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._host is None:
            return
        if self.config is not None:
            self._decide("epoch-end", trainer)
        else:
            self._moment = "epoch-end"
            super().on_train_epoch_end(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._host is None:
            return
        # Without a configuration, for `last.ckpt` where nothing else was saved.
        if self.config is not None or not self._last_checkpoint_saved:
            self._decide("train-end", trainer)
        self._files.report(self._host, wait=True)
        with self._leaving.requeue.put_off():
            self._do(self.host.finish(self._engine), trainer)
        # For a `fit` that goes on with this object.
        self._state = self.state_dict()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if self._host is None or not self.save_on_exception or trainer.sanity_checking:
            return
        if self._last_global_step_saved == trainer.global_step:
            return
        try:
            self._leaving.meet()
            self._decide("interrupted", trainer)
        except CkptPolicyError as error:
            # What matters is the exception that led here.
            logger.error("not saved after %s: %s", type(exception).__name__, error)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit" and self._host is not None:
            self._host.close()
            self._host = None

    # Called by the hooks of ModelCheckpoint when it would decide.

    def _save_topk_checkpoint(self, trainer: Trainer, monitor_candidates: dict[str, torch.Tensor]) -> None:
        # In a step that gradients are accumulated for, ModelCheckpoint asks with each batch.
        if self._host is not None and not (self._moment == "step-end" and self._asked == trainer.global_step):
            self._asked = trainer.global_step
            self._decide(self._moment, trainer)

    def _save_last_checkpoint(self, trainer: Trainer, monitor_candidates: dict[str, torch.Tensor]) -> None:
        # The link is made with the save that it points to. Without any, `last` is a checkpoint of its own.
        is_refreshed = self.save_last == "link" and self.save_top_k == 0 and self._moment != "step-end"
        if self._host is not None and is_refreshed and self._last_global_step_saved != trainer.global_step:
            self._decide(self._moment, trainer)

    def _is_due(self, trainer: Trainer) -> bool:
        """Whether a trigger of steps or of time wants a decision after this step."""
        is_due = self._every_n_train_steps >= 1 and trainer.global_step % self._every_n_train_steps == 0
        if self._train_time_interval is not None:
            now, since = time.monotonic(), self._last_time_checked or self._started
            is_late = now - since >= self._train_time_interval.total_seconds()
            # Rank 0's clock counts.
            is_due = bool(self._engine.all_gather(bytes([is_late]))[0])
            if is_due:
                self._last_time_checked = now
        return is_due

    def _decide(self, moment: str, trainer: Trainer) -> None:
        metrics: dict[str, Any] = facts(self._started)
        # Reading them can be a collective, and takes long: only where somebody asks.
        if moment in self.host.moments:
            candidates = self._monitor_candidates(trainer)
            metrics.update({name: candidates[name] for name in self.host.inputs if name in candidates})
        if trainer.max_steps > 0:
            metrics["host.max-steps"] = trainer.max_steps
        event = Event(moment, trainer.global_step, trainer.current_epoch, metrics)
        with self._leaving.requeue.put_off():
            outcome = self.host.decide(event, self._engine)
            if outcome.round is not None:
                self._tell(outcome, trainer)
            self._do(outcome, trainer)

    def _tell(self, outcome: Outcome, trainer: Trainer) -> None:
        """Says what policies said, and that nobody has the metric."""
        missing = [error for _, error in outcome.errors if error.startswith("no rank supplies")]
        if missing and self.config is None and self.save_top_k != 0:
            logged = ", ".join(sorted(trainer.callback_metrics)) or "nothing"
            is_validated = trainer.fit_loop.epoch_loop.val_loop._has_run
            if outcome.moment != "step-end" and is_validated and (self._is_exact or self._every_n_epochs >= 1):
                raise MisconfigurationException(f"{missing[0]}; this rank has logged {logged}")
            # With triggers of steps or time it may still come, such as a mean over the epoch.
            self._waits_for_validation = self._every_n_epochs == 0 and not self._is_exact
            if is_validated:
                logger.warning("%s; this rank has logged %s", missing[0], logged)
        if self.verbose and trainer.is_global_zero:
            for opinion in outcome.opinions:
                said = trainer.current_epoch, trainer.global_step, opinion["name"], opinion["error"] or opinion["reason"]
                logger.info("epoch %d, step %d: %s: %s", *said)

    # Outcomes become calls of the trainer.

    def _do(self, outcome: Outcome, trainer: Trainer) -> None:
        last = self.host.follow(
            outcome,
            self._engine,
            save=lambda checkpoint: self._save(checkpoint, outcome, trainer),
            delete=lambda checkpoint: self._files.delete(checkpoint, trainer),
        )
        if outcome.save or outcome.delete or last is not outcome:
            self._files.show(self.host)
        if outcome.save and trainer.is_global_zero and self._last_global_step_saved == trainer.global_step:
            for log in trainer.loggers:
                log.after_save_checkpoint(self)
        if outcome.stop or last.stop:
            trainer.should_stop = True

    def _save(self, checkpoint: int, outcome: Outcome, trainer: Trainer) -> Union[int, Background]:
        self._saving = checkpoint
        try:
            written = self._files.save(checkpoint, outcome, self.host, self._engine, trainer)
        finally:
            # What the trainer saves of its own accord, as for SLURM, is none of the host's checkpoints.
            self._saving = None
        self._last_global_step_saved = trainer.global_step
        self._last_checkpoint_saved = self._files.books.kept[checkpoint].path
        return written

    # A run goes on.

    def state_dict(self) -> dict[str, Any]:
        """Returns what a run needs to go on; an exchange while training goes on, as saving is."""
        if self._host is None:
            return self._state
        with self._leaving.requeue.put_off():
            snapshot = self._host.snapshot(self._engine)
        return {
            "snapshot": snapshot,
            "checkpoint": self._saving,
            "kept": self._files.books.state(),
            "dirpath": self.dirpath,
            "best_model_path": self.best_model_path,
            "best_model_score": self.best_model_score,
            "last_model_path": self.last_model_path,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._state = state_dict
        for name in ("best_model_path", "best_model_score", "last_model_path"):
            setattr(self, name, state_dict.get(name, getattr(self, name)))

    def _resume(self, trainer: Trainer) -> Optional[Resume]:
        if not self._state.get("snapshot"):
            return None
        on_disk = self._files.resume(self._state, trainer)
        return Resume(self._state["snapshot"], self._state["checkpoint"], on_disk=on_disk)


def _validates_now(trainer: Trainer) -> bool:
    """Whether a validation follows on this batch. One by the clock is another on each rank, and is not asked."""
    if getattr(trainer, "_val_check_time_interval", None) is not None or not trainer.enable_validation:
        return False
    loop = trainer.fit_loop
    return loop._data_fetcher is not None and loop.epoch_loop._should_check_val_fx(loop._data_fetcher)
