"""A callback for the ``Trainer`` of Hugging Face's transformers whose decisions are a policy's.

:class:`PolicyCallback` translates and decides nothing: hooks become events, a save becomes
``control.should_save``, and ``Trainer`` writes. What the host needs to go on is in ``trainer_state.json``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Mapping
from numbers import Real
from typing import Any, Optional, Union

from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME

from ckpt_policy._native import CkptPolicyError, Event, Outcome
from ckpt_policy.books import Kept, configuration, facts, opened, score
from ckpt_policy.engines import DEADLINE, Engine, Solo, torch_engine
from ckpt_policy.folders import Folders, joins, open_host, refuse_both, size
from ckpt_policy.host import Host

__all__ = ["PolicyCallback", "newest_checkpoint"]

logger = logging.getLogger("ckpt_policy")

# Where the host's state is among those of callbacks in a trainer's.
KEY = "ckpt_policy"


class PolicyCallback(TrainerCallback):
    """Saves and deletes ``checkpoint-N`` as policies decide, the same on all ranks.

    Put it last in the list of callbacks, and leave saving to it: ``save_strategy="no"`` without
    ``save_total_limit``. With ``load_best_model_at_end=True``, for which ``Trainer`` wants
    ``save_strategy`` to be ``eval_strategy``, that is allowed, and its rhythm is not followed.

    ``state.best_model_checkpoint``, ``best_metric`` and ``best_global_step`` are what the policy calls
    the best. ``trainer.train(resume_from_checkpoint=True)`` goes on as the run that was not cut; where it
    may have been killed in a write, ``resume_from_checkpoint=newest_checkpoint(output_dir)`` does.

    ``Trainer`` gathers predictions and losses of an evaluation, so all that it and ``compute_metrics``
    report, and the logged ``loss``, is the same on all ranks. A rank's own numbers are given by :meth:`log`.

    Args:
        monitor: The metric of evaluations that decides, with or without ``eval_``. By default
            ``metric_for_best_model``, and without that the newest checkpoints are kept.
        mode: ``"min"`` or ``"max"``; by default ``"min"``, or as ``greater_is_better`` says.
        config: A configuration in place of all these, a path or a mapping, with the names of ``Trainer``.
        save_top_k, save_last, policy, settings, site, deadline: As
            :class:`ckpt_policy.loop.Checkpointer` has them.

    Raises:
        ValueError: Arguments exclude each other; those of the trainer are looked at when training starts.
    """

    def __init__(
        self,
        monitor: Optional[str] = None,
        *,
        mode: Optional[str] = None,
        save_top_k: int = 1,
        save_last: bool = False,
        policy: str = "builtin:aggregate",
        settings: Optional[Mapping[str, Any]] = None,
        config: Optional[Union[str, os.PathLike[str], Mapping[str, Any]]] = None,
        site: Optional[Union[str, os.PathLike[str]]] = None,
        deadline: float = DEADLINE,
    ) -> None:
        refuse_both(config, monitor, settings)
        self.monitor, self.mode, self.save_top_k, self.save_last = monitor, mode, save_top_k, save_last
        self.policy, self.settings, self.config = policy, dict(settings or {}), config
        self._site, self._deadline = site, deadline
        self._engine: Engine = Solo()
        self._host: Optional[Host] = None
        #: Numbers that `Trainer` has told, this rank's own, and the names of what came since a validation.
        self._told: dict[str, Any] = {}
        self._own: dict[str, float] = {}
        self._new: set[str] = set()
        #: What evaluations tell that no policy asked for, as long as none has told anything else.
        self._unasked: Optional[list[str]] = []
        #: The save that `Trainer` is to write, and why it could not.
        self._pending: Optional[Outcome] = None
        self._error: Optional[Exception] = None

    @property
    def host(self) -> Host:
        """The host, while training goes on."""
        return opened(self._host)

    def log(self, metrics: Mapping[str, float]) -> None:
        """Gives this rank's own numbers, also in the place of those of an evaluation that has not ended yet."""
        self._own.update(metrics)
        self._new.update(metrics)

    def guard(self, trainer: Trainer) -> None:
        """Lets a training go on where a checkpoint cannot be written: all ranks are told that it failed.

        Without it the exception ends the training. For data-parallel training: where ranks write together,
        as with FSDP, those that did not fail would wait for the one that did.
        """
        write = trainer._save_checkpoint

        def guarded(*arguments: Any, **named: Any) -> None:
            # With a best step `Trainer` lets the ranks meet in the midst of a write.
            trainer.state.best_global_step = None
            try:
                write(*arguments, **named)
            except Exception as error:
                if self._pending is None or isinstance(error, CkptPolicyError):
                    raise
                self._error = error

        trainer._save_checkpoint = guarded  # type: ignore[method-assign]

    # Hooks become events.

    def on_train_begin(self, args: Any, state: Any, control: TrainerControl, **_: Any) -> None:
        _refuse(args, state)
        self._close()
        self._args, self._state, self._began = args, state, time.monotonic()
        self._can_save = self._is_due = self._validated = self._is_epoch_over = False
        self._told, self._new, self._unasked = {}, set(), []
        self._pending = self._error = None
        self._engine = torch_engine(self._deadline)
        self._folders = Folders(str(args.output_dir), self._engine, is_writer=args.should_save)
        config = self._configuration(args) if self.config is None else self.config
        kept = state.stateful_callbacks.get(KEY)
        self._host = open_host(config, self._folders, kept, site=self._site)
        self._wanted = {name for name in self._host.inputs if name.startswith("eval_")}
        if kept:
            self._tell()
        else:
            self._happened("train-start", control)

    def on_log(self, args: Any, state: Any, control: TrainerControl, **known: Any) -> None:
        self._told.update({name: value for name, value in known["logs"].items() if isinstance(value, Real)})

    def on_step_end(self, args: Any, state: Any, control: TrainerControl, **_: Any) -> None:
        self._check_names()
        # `Trainer` does, from the first step to the end of the last epoch.
        self._can_save, self._validated, self._is_epoch_over = True, False, False
        self._happened("step-end", control)

    def on_epoch_end(self, args: Any, state: Any, control: TrainerControl, **_: Any) -> None:
        self._validated, self._is_epoch_over = False, True
        self._happened("epoch-end", control)
        if control.should_training_stop and not control.should_evaluate:
            self._happened("train-end", control)

    def on_evaluate(self, args: Any, state: Any, control: TrainerControl, **known: Any) -> None:
        if self._host is None or not self._can_save:
            return
        if self._is_validation(known["metrics"]):
            self._happened("validation-end", control)
            if self._is_epoch_over and control.should_training_stop:
                self._happened("train-end", control)

    def on_save(self, args: Any, state: Any, control: TrainerControl, **_: Any) -> None:
        """Tells all ranks how the write of ``Trainer`` ended, and deletes what it replaces."""
        outcome, self._pending, self._is_due = self._pending, None, False
        if outcome is not None:
            self._follow(outcome, control)

    def on_train_end(self, args: Any, state: Any, control: TrainerControl, **_: Any) -> None:
        if self._host is None:
            return
        self._can_save = False
        self._check_names()
        self._follow(self._host.finish(self._engine), control)
        if args.load_best_model_at_end and state.best_model_checkpoint is None:
            logger.warning("no policy calls a checkpoint the best: the model is the last one")
        self._close()

    def _is_validation(self, metrics: Mapping[str, Any]) -> bool:
        """Whether an evaluation is one that policies ask for, the same on all ranks; once for each of them.

        Of several data sets each is evaluated for itself, and callbacks evaluate what they like.
        """
        self._new.update(metrics)
        if not self._wanted:
            is_first, self._validated = not self._validated, True
            return is_first
        is_wanted = any(self._engine.all_gather(bytes([not self._wanted.isdisjoint(self._new)])))
        if is_wanted:
            self._new, self._unasked = set(), None
        elif self._unasked is not None:
            self._unasked.extend(metrics)
        return is_wanted

    def _check_names(self) -> None:
        """Raises ValueError where evaluations have told much, and nothing that the policy asks for."""
        if self._unasked and self.config is None:
            found = ", ".join(sorted(set(self._unasked)))
            raise ValueError(f"expected `{' and '.join(self._wanted)}` of an evaluation, found {found}")

    def _happened(self, moment: str, control: TrainerControl) -> None:
        state = self._state
        metrics = {**self._told, **self._own, **facts(self._began), "host.max-steps": state.max_steps}
        event = Event(moment, state.global_step, int(state.epoch or 0), metrics)
        outcome = self.host.decide(event, self._engine)
        control.should_training_stop = control.should_training_stop or outcome.stop
        if outcome.save and self._can_save:
            self._pending = outcome
        else:
            self._follow(outcome, control)
        # Without a rhythm of `Trainer`'s own it is somebody else who wants a checkpoint.
        is_asked = control.should_save and self._args.save_strategy == "no"
        # What joins a checkpoint that is written already is to be found in it, where training goes on.
        is_joined = joins(outcome) and moment != "train-end"
        self._is_due = self._is_due or is_joined or self._pending is not None
        control.should_save = is_asked or self._is_due
        if control.should_save:
            self._keep()
        if outcome.interrupted:
            self._happened("interrupted", control)

    # Outcomes become what `Trainer` writes, and deletions.

    def _keep(self) -> None:
        """Puts what the host needs to go on into the state of the trainer, which is about to be written."""
        state, books = self._state, self._folders.books
        if self._pending is not None and self._pending.checkpoint is not None:
            path, epoch = self._folders.path(state.global_step), int(state.epoch or 0)
            books.kept[self._pending.checkpoint] = Kept(path, state.global_step, epoch, score(self._pending))
            self._tell()
        state.stateful_callbacks[KEY] = {
            "snapshot": self.host.snapshot(self._engine),
            "checkpoint": self._folders.at(state.global_step),
            "kept": books.state(),
        }
        if self._args.should_save:
            # One that is half written over is not to be taken for whole.
            with contextlib.suppress(OSError):
                os.remove(os.path.join(self._folders.path(state.global_step), TRAINER_STATE_NAME))

    def _follow(self, outcome: Outcome, control: TrainerControl) -> None:
        last = self._folders.follow(self.host, outcome, self._written)
        control.should_training_stop = control.should_training_stop or last.stop
        self._tell()

    def _written(self, checkpoint: int) -> int:
        """Returns how many bytes `Trainer` wrote, or raises why it did not."""
        error, self._error = self._error, None
        if checkpoint not in self._folders.books.kept:
            raise OSError("`Trainer` does not save before the first step, and after the last")
        if error is not None:
            raise error
        return size(self._folders.path(self._state.global_step)) if self._args.should_save else 0

    def _tell(self) -> None:
        """Says in the trainer's words which checkpoint is the best."""
        state, best = self._state, self._folders.books.find("best", self.host)
        state.best_model_checkpoint = best.path if best else None
        if best is not None:
            state.best_global_step, state.best_metric = best.step, best.score

    def _close(self) -> None:
        if self._host is not None:
            self._host.close()
            self._host = None

    def _configuration(self, args: TrainingArguments) -> dict[str, Any]:
        """Returns the configuration that the arguments amount to."""
        monitor = self.monitor or args.metric_for_best_model
        is_greater = self.monitor is None and args.greater_is_better
        at = ["epoch-end" if args.eval_strategy == "no" else "validation-end"]
        return configuration(
            self.policy,
            self.settings,
            monitor=monitor and f"eval_{monitor.removeprefix('eval_')}",
            mode=self.mode or ("max" if is_greater else "min"),
            top_k=self.save_top_k,
            at=at,
            newest=[*at, "train-end"] if self.save_last else [],
        )


def newest_checkpoint(output_dir: Union[str, os.PathLike[str]]) -> Optional[str]:
    """Returns the newest checkpoint of a run that is whole, for ``resume_from_checkpoint``; or ``None``.

    ``Trainer`` itself takes the newest folder, also where the run was killed before its state was written.
    """
    return Folders(output_dir, Solo(), is_writer=False).newest(TRAINER_STATE_NAME)


def _refuse(args: Any, state: TrainerState) -> None:
    """Raises ValueError where the trainer would save or delete by itself, or elsewhere."""
    if args.save_total_limit:
        raise ValueError("`save_total_limit` deletes beside the policy: leave it out, and give `save_top_k`")
    allowed = ["no", str(args.eval_strategy.value)] if args.load_best_model_at_end else ["no"]
    if args.save_strategy not in allowed:
        found = f"`save_strategy={' or '.join(map(repr, allowed))}`, found {args.save_strategy.value!r}"
        raise ValueError(f"the policy decides when to save: expected {found}")
    if state.is_hyper_param_search:
        raise ValueError("a search for hyperparameters has folders that the callback does not know")
