//! One rank of a replay: a session, and the trainer's part around it.

use std::sync::Arc;

use ckpt_policy_core::contract::CheckpointId;
use ckpt_policy_core::{Event, Mode, Moment, Opinion, Outcome, Saved};
use ckpt_policy_runtime::{Engine, Session, SessionError};

use super::{Decision, Ended, ReplayError, Step, Told};
use crate::trace::Row;

/// Plays a trace on one rank.
pub struct Player<E> {
    session: Session<E>,
    rank: u32,
    /// The newest event, which waits for the end of the run: a deletion that `finish` brings about
    /// belongs to it.
    newest: Option<Step>,
    /// Exchanges that the opening took.
    opening: u64,
    /// What policies failed with on this rank at the newest event.
    faults: Vec<(usize, String)>,
}

/// Where a replay begins and ends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    /// Events at the start that were played before.
    pub(super) skip: u64,
    /// Play no event after this step.
    pub(super) until: Option<u64>,
    /// Take a snapshot at the end.
    pub(super) snapshot: bool,
}

impl<E: Engine> Player<E> {
    /// Plays on an open session.
    #[must_use]
    pub fn new(session: Session<E>) -> Self {
        let rank = session.host().place().rank;
        let opening = session.exchanges();
        Self {
            session,
            rank,
            newest: None,
            opening,
            faults: Vec::new(),
        }
    }

    /// Plays events up to the end of the trace, of the part, or of the run.
    ///
    /// # Errors
    ///
    /// Whatever ends the run on all ranks, and the trace's own end by an error.
    pub(super) fn play(
        mut self,
        rows: impl Iterator<Item = Option<Arc<Row>>>,
        part: Part,
        mut tell: impl FnMut(Told) -> Result<(), ReplayError>,
    ) -> Result<Ended, ReplayError> {
        let host = self.session.host();
        tell(Told::Opened {
            policies: host.policies().to_vec(),
            disabled: host.disabled().collect(),
        })?;
        let (mut events, mut step, mut stopped, mut cut) = (0, None, false, false);
        for row in rows {
            let Some(row) = row else {
                self.tell_newest(&mut tell)?;
                return Err(ReplayError::Broken);
            };
            if events < part.skip {
                (events, step) = (events + 1, Some(row.step));
                continue;
            }
            if part.until.is_some_and(|until| row.step > until) {
                cut = true;
                break;
            }
            (events, step) = (events + 1, Some(row.step));
            self.tell_newest(&mut tell)?;
            let decided = self.event(&row);
            for (policy, text) in std::mem::take(&mut self.faults) {
                tell(Told::Failed { policy, text })?;
            }
            let decision = decided?;
            stopped = decision.stop;
            self.newest = Some(Step { row, decision });
            if stopped {
                break;
            }
        }
        if events < part.skip {
            return Err(ReplayError::Short {
                events,
                played: part.skip,
            });
        }
        let rounds = self.session.exchanges();
        let snapshot = part.snapshot.then(|| self.session.snapshot()).transpose()?;
        let snapshots = self.session.exchanges() - rounds;
        if !cut {
            self.finish()?;
        }
        self.tell_newest(&mut tell)?;
        // Only what the events took, so that the parts of a cut run add up.
        let exchanges = self.session.exchanges() - snapshots - self.opening;
        Ok(Ended {
            events,
            stopped,
            step,
            snapshot,
            exchanges,
            shadows: self.shadows(),
        })
    }

    /// Plays one event: the question, the save, its settling, and an interruption that it shows.
    ///
    /// # Errors
    ///
    /// Whatever ends the run on all ranks.
    pub fn event(&mut self, row: &Row) -> Result<Decision, SessionError> {
        let mut decision = Decision::default();
        let event = row.event(self.rank);
        self.pass_on(&event);
        let outcome = self.drive(|session| session.decide(&event))?;
        let leave = outcome.interrupted && event.moment != Moment::Interrupted;
        decision.absorb(&outcome);
        decision.opinions = self.act(outcome, row, &mut decision)?;
        if leave {
            // The numbers are still those of this step, so that a last save carries them.
            let event = Event {
                moment: Moment::Interrupted,
                ..event
            };
            let outcome = self.drive(|session| session.decide(&event))?;
            decision.absorb(&outcome);
            decision.interrupted = Some(self.act(outcome, row, &mut decision)?);
        }
        Ok(decision)
    }

    /// Tells the host what happened to this rank from outside, as a live trainer would by a call.
    fn pass_on(&mut self, event: &Event) {
        let is_set = |name| event.metrics.get(name).is_some_and(|flag| flag != 0.0);
        if is_set("host.interrupted") {
            self.session.host_mut().interrupt();
        }
        if is_set("host.save-requested") {
            self.session.host_mut().request_save();
        }
    }

    /// Runs one round, and notes what failed on this rank, whether or not the round came to its end.
    fn drive(
        &mut self,
        round: impl FnOnce(&mut Session<E>) -> Result<Outcome, SessionError>,
    ) -> Result<Outcome, SessionError> {
        let outcome = round(&mut self.session);
        let faults = self.session.host().faults();
        self.faults
            .extend(faults.map(|(policy, text)| (policy, text.to_owned())));
        outcome
    }

    /// Does what the outcome says, and settles it; returns the outcome's opinions.
    fn act(
        &mut self,
        mut outcome: Outcome,
        row: &Row,
        decision: &mut Decision,
    ) -> Result<Vec<Opinion>, SessionError> {
        let opinions = std::mem::take(&mut outcome.opinions);
        self.delete(&outcome.delete)?;
        while outcome.save || outcome.settle {
            if let (true, Some(id)) = (outcome.save, outcome.checkpoint) {
                self.write(id, row)?;
            }
            outcome = self.drive(Session::settle)?;
            decision.absorb(&outcome);
            self.delete(&outcome.delete)?;
            decision.settled.append(&mut outcome.opinions);
        }
        Ok(opinions)
    }

    /// Pretends to write this rank's part: rank 0 has all of it, and the others have none.
    fn write(&mut self, id: CheckpointId, row: &Row) -> Result<(), SessionError> {
        let host = self.session.host_mut();
        if row.fails(self.rank) {
            host.failed(id)?;
            return Ok(());
        }
        let bytes = if self.rank == 0 { row.cost.bytes } else { 0 };
        let seconds = row.cost.seconds;
        host.saved(
            id,
            Saved {
                bytes,
                seconds,
                stall_seconds: seconds,
            },
        )?;
        Ok(())
    }

    fn delete(&mut self, ids: &[CheckpointId]) -> Result<(), SessionError> {
        for id in ids {
            self.session.host_mut().deleted(*id)?;
        }
        Ok(())
    }

    /// Settles what is left; what comes of it belongs to the newest event.
    fn finish(&mut self) -> Result<(), SessionError> {
        let mut outcome = self.session.finish()?;
        loop {
            self.delete(&outcome.delete)?;
            if let Some(Step { decision, .. }) = &mut self.newest {
                decision.absorb(&outcome);
                decision.settled.append(&mut outcome.opinions);
            }
            if outcome.delete.is_empty() {
                return Ok(());
            }
            outcome = self.session.finish()?;
        }
    }

    fn tell_newest(
        &mut self,
        tell: &mut impl FnMut(Told) -> Result<(), ReplayError>,
    ) -> Result<(), ReplayError> {
        match self.newest.take() {
            Some(step) => tell(Told::Played(Box::new(step))),
            None => Ok(()),
        }
    }

    fn shadows(&self) -> Vec<Vec<CheckpointId>> {
        let host = self.session.host();
        let kept = |index, mode| match mode {
            Mode::Shadow => host.shadow_checkpoints(index).collect(),
            Mode::Enforce => Vec::new(),
        };
        host.policies()
            .iter()
            .enumerate()
            .map(|(index, info)| kept(index, info.mode))
            .collect()
    }
}
