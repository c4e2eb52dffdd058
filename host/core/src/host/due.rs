//! Who is asked at an event, and whether there is a round at all.
//!
//! A function of the plans, the policies' own last verdicts and the agreed course of the run, so
//! every rank knows it without asking anybody, and no policy's neighbour changes it.

use crate::event::Moment;
use crate::seat::Instant;

use super::Host;

impl Host {
    /// Which policies this moment's round asks, should there be one.
    pub(super) fn asked(&self, at: Instant) -> Vec<bool> {
        let before = self.course.step_end;
        let multiple = |steps: u64| at.step / steps > before / steps;
        self.seats
            .iter()
            .zip(&self.layout.policies)
            .map(|(seat, places)| {
                // A shadow's saves settle in its own ledger, not in the real one's rounds.
                let real = at.moment != Moment::Settled || seat.is_enforced();
                real && seat.wants(at, places, multiple)
            })
            .collect()
    }

    pub(super) fn is_round_wanted(&self, at: Instant, asked: &[bool]) -> bool {
        let due = self
            .seats
            .iter()
            .zip(asked)
            .any(|(seat, asked)| *asked && seat.is_active());
        let passed = at.step.saturating_sub(self.course.round_step);
        let settles = self.ledger.in_flight_count() > 0 && passed >= self.rules.settle_steps;
        let listens = self.listens_for_signals() && passed >= self.rules.signal_steps;
        due || settles || listens
    }

    /// Whether any policy cares that a rank was told to leave, or asked for a save.
    fn listens_for_signals(&self) -> bool {
        self.seats
            .iter()
            .filter(|seat| seat.is_active())
            .any(|seat| {
                let plan = &seat.info.plan;
                plan.moments
                    .iter()
                    .any(|name| name == Moment::Interrupted.name())
                    || plan.inputs.iter().any(|input| {
                        input.name == "host.interrupted" || input.name == "host.save-requested"
                    })
            })
    }
}
