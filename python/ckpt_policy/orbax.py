"""When Orbax's ``CheckpointManager`` saves, and what it keeps, as policies decide.

:class:`CheckpointPolicy` is both of the objects that Orbax asks, a ``SaveDecisionPolicy`` and a
``PreservationPolicy``. It writes no checkpoints and deletes none while training goes on: Orbax does, in its
own order, which deletes nothing before what replaces it is committed.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional, Union

from ckpt_policy._native import Event, Outcome, Resume
from ckpt_policy.books import Books, Kept, configuration, facts, score
from ckpt_policy.engines import Engine, Solo
from ckpt_policy.engines.jax import JaxProcesses
from ckpt_policy.host import Host

__all__ = ["CheckpointPolicy", "JaxProcesses"]

logger = logging.getLogger("ckpt_policy")

Path = Union[str, "os.PathLike[str]"]

#: The folder, beside those of the steps, that holds a snapshot for each of them.
SNAPSHOTS = "ckpt_policy"


class CheckpointPolicy:
    """Decides for a ``CheckpointManager`` when to save and what to keep, the same on all processes.

    Give the one object as both options, and log what it is to decide on before each ``save``::

        policy = CheckpointPolicy(directory, "val_loss", save_top_k=3)
        options = CheckpointManagerOptions(save_decision_policy=policy, preservation_policy=policy)
        with CheckpointManager(directory, options=options) as manager:
            ...
                policy.log({"val_loss": loss}, epoch)
                manager.save(step, args=...)
            policy.finish(manager)

    A step that was logged for is a ``validation-end``, any other a ``step-end``, and one at which Orbax has
    learnt that the job is preempted an ``interrupted``, which is saved unless a configuration says otherwise.
    All processes make the object, before the manager, and go through the same calls.

    Args:
        directory: The manager's directory. Where it has checkpoints, the run goes on.
        monitor: The metric that decides; log each process's own. Without one the newest are kept.
        mode: ``"min"`` or ``"max"``: which way the metric is better.
        save_top_k: How many to keep; -1 for all.
        save_last: Saves and keeps the newest, too, whatever it is worth.
        every_n_steps: Without ``monitor``: which steps to save.
        policy: ``builtin:aggregate``, ``builtin:majority``, ``builtin:unanimous``, ``builtin:rank-zero``,
            or the path of a ``.wasm`` file, which takes the same settings.
        settings: More settings of the policy.
        config: A configuration in place of all these: the path of a file, or a mapping.
        site: The site's rules, see :class:`ckpt_policy.Host`.
        resume: The step whose weights the run goes on with. By default the newest, as ``latest_step()``.
        engine: What carries exchanges between processes. By default :class:`JaxProcesses`.
        step_name_format: The same as the manager's, where it has one.

    Raises:
        ValueError: Arguments exclude each other, or there is no snapshot of the step to resume.
        ConfigError, PolicyError, AgreementError, EngineError: As :meth:`ckpt_policy.Host.open`.
    """

    def __init__(
        self,
        directory: Path,
        monitor: Optional[str] = None,
        mode: str = "min",
        save_top_k: int = 1,
        save_last: bool = False,
        *,
        every_n_steps: Optional[int] = None,
        policy: str = "builtin:aggregate",
        settings: Optional[Mapping[str, Any]] = None,
        config: Optional[Union[Path, Mapping[str, Any]]] = None,
        site: Optional[Path] = None,
        resume: Optional[int] = None,
        engine: Optional[Engine] = None,
        step_name_format: Optional[Any] = None,
    ) -> None:
        import jax
        from etils import epath
        from orbax.checkpoint.path import step as steps

        if config is not None and (monitor is not None or settings is not None or every_n_steps is not None):
            raise ValueError(
                "`config` says which policies decide, on what and when:"
                " leave out `monitor`, `settings` and `every_n_steps`"
            )
        if monitor is not None and every_n_steps is not None:
            raise ValueError("`monitor` decides where it is logged: leave out `every_n_steps`, or `monitor`")
        if every_n_steps is not None and every_n_steps < 1:
            raise ValueError(f"`every_n_steps` must be 1 or more, found {every_n_steps}")
        if config is None:
            at = "step-end" if monitor is None else "validation-end"
            config = configuration(
                policy,
                {"every-steps": 1 if every_n_steps is None else every_n_steps, **(settings or {})},
                monitor=monitor,
                mode=mode,
                top_k=save_top_k,
                at=[at],
                newest=[at, "interrupted"] if save_last else ["interrupted"],
            )
        self._directory: Any = epath.Path(directory)
        self._names: Any = step_name_format or steps.standard_name_format()
        self._engine = engine or (JaxProcesses() if jax.process_count() > 1 else Solo())
        self._books = Books()
        #: The steps of checkpoints that are not known to be written, and of those to delete, by number.
        self._pending: dict[int, int] = {}
        self._going: dict[int, int] = {}
        self._logged: Optional[tuple[str, Mapping[str, Any]]] = None
        self._epoch = 0
        #: The step that was asked about last, and the answer.
        self._answer = (-1, False)
        self._outcome: Optional[Outcome] = None
        self._started = time.monotonic()
        self.host = Host(
            config, self._engine.rank, self._engine.world_size, site=site, resume=self._resume(resume)
        ).open(self._engine)

    @property
    def outcome(self) -> Outcome:
        """What the last decision came to: reasons, ``stop``."""
        if self._outcome is None:
            raise RuntimeError("nothing was decided yet")
        return self._outcome

    @property
    def best_step(self) -> Optional[int]:
        """The step of the best checkpoint, for ``manager.restore``."""
        best = self._books.find("best", self.host)
        return None if best is None else best.step

    def log(self, metrics: Mapping[str, Any], epoch: int = 0, *, moment: str = "validation-end") -> None:
        """Keeps what the next decision is made on.

        Args:
            metrics: This process's own numbers; they are reduced over the processes as policies say.
            epoch: The epoch, from 0.
            moment: What the next decision follows, the same on all processes.
        """
        self._logged, self._epoch = (moment, metrics), epoch

    # What Orbax asks.

    def should_save(self, step: Any, previous_steps: Sequence[Any], *, context: Any) -> bool:
        """Brings the step to the policies. Asked again about a step, it gives the same answer."""
        asked, answer = self._answer
        if step.step == asked and (answer or self._logged is None):
            return answer
        if self._report_writes((earlier.step for earlier in previous_steps), context.is_saving_in_progress):
            self._report_deletions()
        moment, metrics = self._logged or ("step-end", {})
        if context.reached_preemption:
            moment = "interrupted"
        known = {name: metrics[name] for name in self.host.inputs if name in metrics}
        known.update(facts(self._started))
        outcome = self.host.decide(Event(moment, step.step, self._epoch, known), self._engine)
        self._logged, self._outcome, self._answer = None, outcome, (step.step, outcome.save)
        self._follow(outcome)
        if outcome.save and outcome.checkpoint is not None:
            self._pending[outcome.checkpoint] = step.step
            kept = Kept(str(step.step), step.step, self._epoch, score(outcome))
            self._books.kept[outcome.checkpoint] = kept
            self._keep(outcome.checkpoint)
        return outcome.save

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
        """Tells which checkpoints somebody holds. What the host does not know stays.

        Asked when a save is on its way or, where Orbax saves synchronously, done.
        """
        self._report_writes(checkpoint.step for checkpoint in checkpoints)
        self._report_deletions()
        self._follow(self.host.settle(self._engine))
        return [checkpoint.step not in self._going.values() for checkpoint in checkpoints]

    # What Orbax does not ask.

    def collect(self, manager: Any) -> None:
        """Waits for a save that is under way, and deletes what nobody holds any more.

        After an asynchronous save that is else done with the next one. All processes call it.
        """
        manager.wait_until_finished()
        self._report_writes(manager.all_steps())
        self._follow(self.host.settle(self._engine))
        for step in sorted(set(self._going.values()).intersection(manager.all_steps())):
            manager.delete(step)
        self._report_deletions()

    def finish(self, manager: Any) -> None:
        """Ends the run, once the last step is saved. All processes call it before the manager is closed."""
        self.collect(manager)
        self._follow(self.host.finish(self._engine))

    def _follow(self, outcome: Outcome) -> None:
        """Goes on until the host knows what may go."""
        self._release(outcome)
        while outcome.settle:
            outcome = self.host.settle(self._engine)
            self._release(outcome)

    def _release(self, outcome: Outcome) -> None:
        """Takes note of what is to be deleted. A write that failed is among it, of which nothing is there."""
        for number in outcome.delete:
            kept = self._books.kept.get(number)
            if kept is None:
                # Gone already, which not all processes know.
                self.host.deleted(number)
            else:
                self._going[number] = kept.step

    def _report_writes(self, listed: Iterable[int], is_saving: bool = False) -> bool:
        """Tells the host which writes have come to their end; returns whether one has.

        Args:
            listed: The steps that the manager counts; it forgets one whose write failed.
            is_saving: A write is under way, so that storage need not be asked.
        """
        steps, before = set(listed), len(self._pending)
        for number, step in list(self._pending.items()):
            if step not in steps:
                self.host.failed(number)
            elif is_saving or self._folder(step) is None:
                continue
            else:
                self.host.saved(number, self._size(step) or 0 if self._engine.rank == 0 else 0)
            del self._pending[number]
        return len(self._pending) < before

    def _report_deletions(self) -> None:
        for number, step in list(self._going.items()):
            if self._folder(step) is None:
                self.host.deleted(number)
                del self._going[number], self._books.kept[number]
                if self._engine.rank == 0:
                    self._file(step).unlink(missing_ok=True)

    def _folder(self, step: int) -> Optional[Any]:
        """Returns where a step is that is committed, ``None`` of any other."""
        try:
            return self._names.find_step(self._directory, step).path
        except ValueError:
            return None

    def _size(self, step: int) -> Optional[int]:
        """Returns the bytes of a step that is committed, ``None`` of any other."""
        folder = self._folder(step)
        if folder is None:
            return None
        files = (where / name for where, _, names in folder.walk() for name in names)
        return sum(int(file.stat().length) for file in files)

    # Snapshots: one file a step, beside the folders of the steps.

    def _file(self, step: int) -> Any:
        return self._directory / SNAPSHOTS / f"{step}.json"

    def _keep(self, number: int) -> None:
        """Keeps what a run that goes on from this checkpoint needs. It is there before the checkpoint is."""
        snapshot = self.host.snapshot(self._engine)
        if self._engine.rank != 0:
            return
        kept = {"checkpoint": number, "snapshot": snapshot, "books": self._books.state()}
        file = self._file(self._books.kept[number].step)
        new = file.with_suffix(".new")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(kept))
            new.replace(file)
        except OSError:
            # The checkpoint is still worth having, and the other processes are about to write it.
            logger.exception("no run can go on from step %d", self._books.kept[number].step)

    def _resume(self, step: Optional[int]) -> Optional[Resume]:
        """Returns from where the run goes on: a committed step that a snapshot was kept for."""
        committed = self._names.find_all(self._directory) if self._directory.exists() else ()
        steps = sorted(found.step for found in committed if self._file(found.step).exists())
        if step is not None and step not in steps:
            raise ValueError(f"no snapshot of step {step} in {self._directory}, expected one of {steps}")
        if not steps:
            return None
        kept = json.loads(self._file(steps[-1] if step is None else step).read_text())
        on_disk = self._books.load(kept["books"], lambda path: self._size(int(path)))
        return Resume(kept["snapshot"], kept["checkpoint"], on_disk=on_disk)
