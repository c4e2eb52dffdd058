//! What a policy alone would have done: its wishes come true in a ledger of its own.
//!
//! A save that it asks for is complete at once, on all ranks, and is settled with it at once. Costs
//! no exchange and touches nothing that exists.

use crate::contract::{Ballot, CheckpointId, Fault, Verdict};
use crate::event::Moment;
use crate::ledger::Ledger;
use crate::outcome::Shadow;
use crate::seat::{Instant, Meeting, Seat};
use crate::setup::OnError;
use crate::wishes::{self, Candidate, Decided, Wish};

impl Seat {
    /// Lets the wishes of a shadow come true. `verdict` is `None` after an error.
    ///
    /// # Errors
    ///
    /// What the policy failed with at the moment `settled`, where only this machine is to blame.
    pub(crate) fn imagine(
        &mut self,
        verdict: Option<&Verdict>,
        rules: &Imagined,
        meeting: &Meeting<'_>,
    ) -> Result<Shadow, Fault> {
        let Some(mut ledger) = self.shadow.take() else {
            return Ok(Shadow::default());
        };
        let result = self.play(verdict, rules, meeting, &mut ledger);
        self.shadow = Some(ledger);
        result
    }

    fn play(
        &mut self,
        verdict: Option<&Verdict>,
        rules: &Imagined,
        meeting: &Meeting<'_>,
        ledger: &mut Ledger,
    ) -> Result<Shadow, Fault> {
        let ballot = match verdict {
            Some(verdict) => verdict.ballot,
            None if self.info.on_error == OnError::Save => Ballot::Save,
            None => Ballot::Abstain,
        };
        let asks = ballot == Ballot::Save;
        let decided = if asks { Decided::Save } else { Decided::Quiet };
        let id = ledger.at_step(meeting.at.step).unwrap_or(rules.next_id);
        let wish = Wish {
            policy: self.index,
            ballot,
            verdict,
        };
        let save = wishes::apply(ledger, &[wish], decided, Candidate { id, meeting });
        if save {
            ledger.complete(id, 0);
            if rules.able && !self.trips() {
                self.settle_alone(meeting, ledger)?;
            }
        }
        let delete = ledger.sweep(rules.keep_at_least);
        delete.iter().for_each(|id| ledger.deletion_done(*id));
        Ok(Shadow {
            save,
            checkpoint: asks.then_some(id),
            delete,
        })
    }

    /// Asks at `settled`, as the real ledger would after a save of its own.
    fn settle_alone(&mut self, meeting: &Meeting<'_>, ledger: &mut Ledger) -> Result<(), Fault> {
        let places = &meeting.layout.policies[self.index];
        if !places.moments.contains(&Moment::Settled) {
            return Ok(());
        }
        let moment = Moment::Settled;
        let at = Instant {
            moment,
            ..meeting.at
        };
        let meeting = Meeting { at, ..*meeting };
        let id = ledger.at_step(at.step).unwrap_or_default();
        let verdict = match self.decide(ledger, id, &meeting) {
            Ok(verdict) => verdict,
            Err(fault @ Fault::Machine(_)) => return Err(fault),
            // As in the real ledger: what a policy causes leaves everything as it is.
            Err(fault) => {
                self.fail(fault.to_string());
                return Ok(());
            }
        };
        self.take_down(&verdict);
        let wish = Wish {
            policy: self.index,
            ballot: Ballot::Abstain,
            verdict: Some(&verdict),
        };
        let candidate = Candidate {
            id,
            meeting: &meeting,
        };
        wishes::apply(ledger, &[wish], Decided::Quiet, candidate);
        Ok(())
    }
}

/// What a shadow's ledger needs to know of the host.
pub(crate) struct Imagined {
    /// What a new checkpoint would be called.
    pub(crate) next_id: CheckpointId,
    /// The policy could be asked in this round, and so can be when its save settles.
    pub(crate) able: bool,
    pub(crate) keep_at_least: u32,
}
