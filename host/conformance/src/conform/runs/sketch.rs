//! Rounds made by hand: what a host would show a policy, at the cost of a call alone.
//!
//! A host proves much in each round, which takes longer than the policy. Where a hundred thousand
//! rounds are wanted, this stands in: it makes numbers for a plan and keeps a short ledger. It is no
//! second host: holds of others, saves in flight and settling rounds are left out.

use ckpt_policy_core::contract::{
    Ballot, Checkpoint, CheckpointId, Operation, Plan, Reduced, Round, Statistic, Tally, Verdict,
};

/// A run in the making.
pub(super) struct Sketch<'a> {
    plan: &'a Plan,
    ledger: Vec<Checkpoint>,
    index: u64,
    step: u64,
}

impl<'a> Sketch<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            ledger: Vec::new(),
            index: 0,
            step: 0,
        }
    }

    /// Returns the next round. Its id is never offered again.
    pub(super) fn next(&mut self) -> Round {
        self.index += 1;
        self.step += STEPS;
        let moments = self.plan.moments.len().max(1) as u64;
        let shown = |one: &&Checkpoint| self.plan.view.shows(one.mine);
        Round {
            moment: (self.index % moments) as u32,
            step: self.step,
            epoch: self.step / 1_000,
            world_size: RANKS,
            elapsed_seconds: Some(self.step as f64),
            candidate: self.index,
            values: (0_u64..)
                .zip(&self.plan.reductions)
                .map(|(place, reduction)| self.reduced(place, reduction.operation))
                .collect(),
            checkpoints: self.ledger.iter().filter(shown).cloned().collect(),
        }
    }

    /// Does what a host would do with the verdict; every seventh save fails.
    pub(super) fn follow(&mut self, round: &Round, verdict: &Verdict) {
        let named = self.plan.moments.get(round.moment as usize);
        let counts = named.is_none_or(|name| name != "settled");
        let asks = verdict.ballot == Ballot::Save && counts;
        let fails = asks && self.index.is_multiple_of(7);
        if !fails {
            self.release(verdict);
        }
        if asks && !fails && !verdict.release.contains(&round.candidate) {
            self.ledger.push(saved(round, verdict));
        }
        // As an operator does who makes room: a list that only grows would hide what the state does.
        let most = self.ledger.len().saturating_sub(MOST_KEPT);
        self.ledger.drain(..most);
        if let Some(step) = verdict.not_before {
            self.step = self.step.max(step.min(self.step + LONGEST_WAIT));
        }
    }

    fn release(&mut self, verdict: &Verdict) {
        let goes = |id: &CheckpointId| verdict.release.contains(id) && !verdict.hold.contains(id);
        self.ledger.retain(|one| !goes(&one.id));
    }

    fn reduced(&self, place: u64, operation: Operation) -> Reduced {
        let number = |rank| self.number(place, rank);
        match operation {
            Operation::Tally => {
                let yes = (self.noise(place, 0) % u64::from(RANKS + 1)) as u32;
                Reduced::Tally(Tally {
                    yes,
                    no: RANKS - yes,
                    abstaining: 0,
                })
            }
            Operation::EveryRank => Reduced::EveryRank((0..RANKS).map(number).collect()),
            _ => {
                let value = number(0);
                let finite = if value.is_some() { RANKS } else { 0 };
                Reduced::Statistic(Statistic {
                    value,
                    finite,
                    non_finite: RANKS - finite,
                    missing: 0,
                })
            }
        }
    }

    /// Returns a number that swings ever wider, so that there is always something better to come,
    /// whichever way is better; now and then there is none.
    fn number(&self, place: u64, rank: u32) -> Option<f64> {
        let noise = self.noise(place, rank);
        if noise.is_multiple_of(19) {
            return None;
        }
        let swing =
            (self.index as f64 / 6.0).sin() * 1.0005_f64.powf(self.index.min(100_000) as f64);
        Some(swing + (noise % 1_000) as f64 / 10_000.0)
    }

    /// Returns a number that looks random and is the same in each run.
    fn noise(&self, place: u64, rank: u32) -> u64 {
        let mut mixed = self.index ^ (place << 40) ^ (u64::from(rank) << 52);
        for _ in 0..2 {
            mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
        mixed >> 16
    }
}

fn saved(round: &Round, verdict: &Verdict) -> Checkpoint {
    let value = |reduced: &Reduced| match reduced {
        Reduced::Statistic(statistic) => statistic.value,
        Reduced::Tally(_) | Reduced::EveryRank(_) => None,
    };
    Checkpoint {
        id: round.candidate,
        step: round.step,
        epoch: round.epoch,
        elapsed_seconds: round.elapsed_seconds,
        complete: true,
        mine: true,
        pinned: false,
        bytes: 1 << 30,
        tags: verdict.tags.clone(),
        values: round.values.iter().map(value).collect(),
    }
}

const RANKS: u32 = 4;
const STEPS: u64 = 10;
/// Checkpoints that stay; so few that a state which lists them is soon as long as it gets.
pub(super) const MOST_KEPT: usize = 8;
/// Steps that a policy may ask to be left alone.
const LONGEST_WAIT: u64 = 1_000_000;
