//! One policy at the table: what it is, its state, and what it is shown.
//!
//! Translates between the host's channels and the policy's positions. Does not decide what a
//! verdict brings about.
//!
//! It also counts the rounds in a row in which the policy failed, and so knows when it is not asked
//! any more. What is counted is agreed, so all ranks come to that in the same round.

use crate::contract::{
    Checkpoint, CheckpointId, Description, Fault, Label, Observation, Plan, Policy, Prepared,
    Reduced, Round, Verdict, View,
};
use crate::digest::Digest;
use crate::event::Moment;
use crate::layout::{Layout, Places};
use crate::ledger::{Entry, Facts, Inputs, Ledger};
use crate::outcome::{Disabled, Mode};
use crate::setup::{Place, PolicyInfo, PolicySetup};

/// A prepared policy.
pub(crate) struct Seat {
    /// Its position in the configuration.
    pub(crate) index: usize,
    pub(crate) info: PolicyInfo,
    pub(crate) config: serde_json::Value,
    pub(crate) settings: Vec<u8>,
    pub(crate) memory: Memory,
    /// What `memory` becomes when the round completes.
    pub(crate) draft: Option<Memory>,
    /// What it failed with last in the round under way.
    failure: Option<String>,
    /// The ledger of a shadow.
    pub(crate) shadow: Option<Ledger>,
    policy: Box<dyn Policy>,
}

/// What a policy is remembered by between rounds; the same on all ranks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Memory {
    pub(crate) state: Vec<u8>,
    pub(crate) not_before: Option<u64>,
    /// Sorted by name, each name once.
    pub(crate) labels: Vec<Label>,
    /// Rounds in a row in which it failed; counted where there is a limit to them.
    pub(crate) failures: u64,
}

/// Where and when a round takes place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Instant {
    pub(crate) moment: Moment,
    pub(crate) step: u64,
    pub(crate) epoch: u64,
}

/// What a rank knows of a round before it has met the others.
pub(crate) struct Glance<'a> {
    pub(crate) at: Instant,
    pub(crate) place: Place,
    pub(crate) numbers: &'a [Option<f64>],
    pub(crate) layout: &'a Layout,
    /// This policy is asked in the round.
    pub(crate) asked: bool,
}

/// What all ranks know of a round once they have met.
pub(crate) struct Meeting<'a> {
    pub(crate) at: Instant,
    pub(crate) world_size: u32,
    pub(crate) elapsed: Option<f64>,
    /// In the order of the layout's reductions.
    pub(crate) values: &'a [Reduced],
    pub(crate) inputs: &'a Inputs,
    pub(crate) layout: &'a Layout,
}

impl Meeting<'_> {
    /// Describes a checkpoint that is saved now.
    pub(crate) fn facts(&self, id: CheckpointId) -> Facts {
        let value = |reduced: &Reduced| match reduced {
            Reduced::Statistic(statistic) => statistic.value,
            Reduced::Tally(_) | Reduced::EveryRank(_) => None,
        };
        Facts {
            id,
            step: self.at.step,
            epoch: self.at.epoch,
            elapsed: self.elapsed,
            values: self.values.iter().map(value).collect(),
            inputs: self.inputs.clone(),
            ..Facts::default()
        }
    }
}

impl Seat {
    /// Asks the policy what it is and what it needs.
    pub(crate) fn new(
        index: usize,
        setup: PolicySetup,
        memory: Option<Memory>,
    ) -> Result<Self, Fault> {
        let PolicySetup {
            name,
            mode,
            on_error,
            disable_after,
            config,
            digest,
            mut policy,
        } = setup;
        let description: Description = policy.describe()?;
        let previous = memory.as_ref().map(|memory| memory.state.as_slice());
        let Prepared {
            plan,
            settings,
            state,
        } = policy.prepare(&config.to_string(), previous)?;
        let reductions = Vec::new();
        let info = PolicyInfo {
            name,
            mode,
            on_error,
            disable_after,
            digest,
            description,
            plan,
            reductions,
        };
        let memory = Memory {
            state,
            ..memory.unwrap_or_default()
        };
        let shadow = (mode == Mode::Shadow).then(Ledger::default);
        Ok(Self {
            index,
            info,
            config,
            settings,
            memory,
            draft: None,
            failure: None,
            shadow,
            policy,
        })
    }

    /// Keeps what the round brought.
    pub(crate) fn commit(&mut self) {
        if let Some(draft) = self.draft.take() {
            self.memory = draft;
        }
        self.failure = None;
        if let Some(ledger) = &mut self.shadow {
            ledger.commit();
        }
    }

    /// Takes back what the round brought.
    pub(crate) fn rollback(&mut self) {
        self.draft = None;
        self.failure = None;
        if let Some(ledger) = &mut self.shadow {
            ledger.rollback();
        }
    }

    /// Lets `not-before` lapse when the round completes.
    pub(crate) fn lapse(&mut self) {
        self.drafted().not_before = None;
    }

    /// Counts a failure that is the policy's own doing.
    pub(crate) fn fail(&mut self, text: String) {
        if self.info.disable_after.is_some() {
            let draft = self.drafted();
            draft.failures = draft.failures.saturating_add(1);
            self.failure = Some(text);
        }
    }

    /// Whether it has failed so often in a row that it takes part in nothing any more.
    pub(crate) fn is_disabled(&self) -> bool {
        self.is_too_much(&self.memory)
    }

    /// Whether it will have failed too often once the round completes.
    pub(crate) fn trips(&self) -> bool {
        self.is_too_much(self.draft.as_ref().unwrap_or(&self.memory))
    }

    /// Returns what is told of a policy that was still asked in this round and is so no more.
    pub(crate) fn tripped(&self) -> Option<Disabled> {
        let draft = self.draft.as_ref()?;
        let error = self.failure.clone()?;
        (self.trips() && !self.is_disabled()).then_some(Disabled {
            policy: self.index,
            failures: draft.failures,
            error,
        })
    }

    /// Whether it brings about rounds, or is only asked in those of others.
    pub(crate) fn is_active(&self) -> bool {
        self.is_enforced() && !self.info.plan.passive && !self.is_disabled()
    }

    pub(crate) fn is_enforced(&self) -> bool {
        self.info.mode == Mode::Enforce
    }

    /// Whether plan and last verdict want this event. `multiple` says whether a multiple of a
    /// number of steps was reached since the `step-end` before.
    pub(crate) fn wants(
        &self,
        at: Instant,
        places: &Places,
        multiple: impl Fn(u64) -> bool,
    ) -> bool {
        if self.is_disabled() || !places.moments.contains(&at.moment) {
            return false;
        }
        if at.moment == Moment::StepEnd && !multiple(self.info.plan.every_steps.max(1)) {
            return false;
        }
        !at.moment.may_wait() || self.memory.not_before.is_none_or(|step| at.step >= step)
    }

    /// Drafts what a verdict leaves behind, for when the round completes.
    pub(crate) fn take_down(&mut self, verdict: &Verdict) {
        let mut labels = verdict.labels.clone();
        // By name, the last of one name: as a snapshot writes them down.
        labels.reverse();
        labels.sort_by(|one, other| one.name.cmp(&other.name));
        labels.dedup_by(|other, one| one.name == other.name);
        self.draft = Some(Memory {
            state: verdict.state.clone(),
            not_before: verdict.not_before,
            labels,
            failures: 0,
        });
    }

    /// Makes this rank's features; a shadow looks into its own ledger.
    pub(crate) fn observe(
        &mut self,
        real: &Ledger,
        glance: &Glance<'_>,
    ) -> Result<Vec<Option<f64>>, Fault> {
        let ledger = self.shadow.as_ref().unwrap_or(real);
        let places = &glance.layout.policies[self.index];
        let rank = glance.place.rank;
        let inputs = glance.layout.inputs.len();
        let values = |entry: &Entry| {
            let own = entry.facts.inputs.own(rank, inputs);
            places
                .inputs
                .iter()
                .map(|channel| own.get(*channel).copied().flatten())
                .collect()
        };
        let moment = glance
            .asked
            .then(|| position(places, glance.at.moment))
            .flatten();
        let observation = Observation {
            moment,
            step: glance.at.step,
            epoch: glance.at.epoch,
            rank: glance.place.rank,
            world_size: glance.place.world_size,
            values: places
                .inputs
                .iter()
                .map(|channel| glance.numbers[*channel])
                .collect(),
            checkpoints: checkpoints(self.index, self.info.plan.view, ledger, values),
        };
        let features = self
            .policy
            .observe(&self.settings, &self.memory.state, &observation)?;
        if features.len() != self.info.plan.features as usize {
            return Err(Fault::Answer(format!(
                "`observe` returned {} features, the plan has {}",
                features.len(),
                self.info.plan.features
            )));
        }
        Ok(features
            .into_iter()
            .map(|value| value.map(crate::reduction::canonical))
            .collect())
    }

    /// Asks for a verdict on the numbers of all ranks.
    pub(crate) fn decide(
        &mut self,
        ledger: &Ledger,
        candidate: CheckpointId,
        meeting: &Meeting<'_>,
    ) -> Result<Verdict, Fault> {
        let places = &meeting.layout.policies[self.index];
        let Some(moment) = position(places, meeting.at.moment) else {
            return Err(Fault::Answer(
                "it was asked at a moment that it did not name".to_owned(),
            ));
        };
        let values = |entry: &Entry| {
            let then = &entry.facts.values;
            places
                .reductions
                .iter()
                .map(|place| then.get(*place).copied().flatten())
                .collect()
        };
        let round = Round {
            moment,
            step: meeting.at.step,
            epoch: meeting.at.epoch,
            world_size: meeting.world_size,
            elapsed_seconds: meeting.elapsed,
            candidate,
            values: self.own_values(meeting),
            checkpoints: checkpoints(self.index, self.info.plan.view, ledger, values),
        };
        let state = &self.draft.as_ref().unwrap_or(&self.memory).state;
        self.policy.decide(&self.settings, state, &round)
    }

    /// Returns the reduced numbers in the order of the plan.
    pub(crate) fn own_values(&self, meeting: &Meeting<'_>) -> Vec<Reduced> {
        let places = &meeting.layout.policies[self.index].reductions;
        places
            .iter()
            .map(|place| meeting.values[*place].clone())
            .collect()
    }

    fn drafted(&mut self) -> &mut Memory {
        self.draft.get_or_insert_with(|| self.memory.clone())
    }

    fn is_too_much(&self, memory: &Memory) -> bool {
        let most = self.info.disable_after;
        most.is_some_and(|most| memory.failures >= most.get())
    }
}

impl Memory {
    /// Returns the digest by which ranks compare what a policy remembers.
    pub(crate) fn digest(&self, shadow: Option<&Ledger>) -> u64 {
        let mut digest = Digest::new();
        digest.bytes(&self.state).option(self.not_before);
        digest.number(self.failures);
        digest.number(self.labels.len() as u64);
        for label in &self.labels {
            digest.text(&label.name).number(label.checkpoint);
        }
        if let Some(ledger) = shadow {
            digest.wide(ledger.digest());
        }
        digest.short()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a plan has at most seven moments"
)]
fn position(places: &Places, moment: Moment) -> Option<u32> {
    places
        .moments
        .iter()
        .position(|named| *named == moment)
        .map(|position| position as u32)
}

/// Lists the checkpoints that a plan's view shows.
fn checkpoints(
    policy: usize,
    view: View,
    ledger: &Ledger,
    values: impl Fn(&Entry) -> Vec<Option<f64>>,
) -> Vec<Checkpoint> {
    let show = |entry: &Entry| Checkpoint {
        id: entry.id(),
        step: entry.facts.step,
        epoch: entry.facts.epoch,
        elapsed_seconds: entry.facts.elapsed,
        complete: entry.complete,
        mine: ledger.is_mine(policy, entry),
        pinned: entry.pinned,
        bytes: entry.bytes,
        tags: entry.tags.clone(),
        values: values(entry),
    };
    match view {
        View::None => Vec::new(),
        View::Mine => ledger.mine(policy).map(show).collect(),
        View::All => ledger.listed().map(show).collect(),
    }
}

/// Whether any input that the plan requires is missing on all ranks; its name.
pub(crate) fn missing_input<'a>(
    plan: &'a Plan,
    places: &Places,
    known: impl Fn(usize) -> bool,
) -> Option<&'a str> {
    plan.inputs
        .iter()
        .zip(&places.inputs)
        .find(|(input, channel)| input.required && !known(**channel))
        .map(|(input, _)| input.name.as_str())
}
