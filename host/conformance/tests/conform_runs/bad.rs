//! A good policy in plain Rust, and what it becomes with one flaw.
//!
//! The good one keeps the checkpoint with the lowest mean of `loss`, as a careful author would write
//! it: it reads what is kept from the list, and believes a number only where all ranks have one.

use ckpt_policy_conformance::conform::{Budget, Measured, Subject, Usage, Way};
use ckpt_policy_core::contract::{
    Ballot, Checkpoint, Description, Fault, Input, Label, Observation, Operation, Plan, Policy,
    Prepared, Reduced, Reduction, Round, Source, Verdict, View,
};

/// What is wrong with a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Nothing,
    /// Ranks with an odd number add a tag.
    OddRanksDiffer,
    /// Ranks beyond the fifth add a tag.
    HighRanksDiffer,
    ReleasesForeign,
    /// Keeps the label of a checkpoint that was let go.
    StaleLabel,
    /// Lets everything go when the loss explodes.
    ReleasesAll,
    /// Does not wait for a save to be done before it lets the old one go.
    Impatient,
    /// Remembers the best number instead of looking at what is there.
    RemembersBest,
    LongReason,
    StateGrows,
    /// A state that fills up, slowly, and is full: nothing is wrong with it.
    StateFillsUp,
    /// A comparison that NaN passes.
    SavesNan,
    /// Never recovers from a number that is none.
    BlindedByNan,
    /// `prepare` begins anew.
    ForgetsOnResume,
    /// Counts in the instance, not in the state.
    HiddenCounter,
    RefusesOwnState,
    /// Traps on a state of another configuration.
    TrapsOnOtherConfiguration,
    /// Refuses a state of another world.
    BoundToWorld,
    Hungry,
}

/// A flawed policy as a subject of the suite.
pub(crate) struct Native(pub(crate) Flaw);

impl Subject for Native {
    fn policy(&self, _: Way) -> Result<Box<dyn Measured>, String> {
        Ok(Box::new(Best::new(self.0)))
    }

    fn budget(&self) -> Budget {
        Budget {
            fuel: 1_000,
            memory: 1_000,
            state: 512 * 1024,
        }
    }
}

/// Keeps the lowest mean.
pub(crate) struct Best {
    flaw: Flaw,
    rank: u32,
    calls: u64,
}

impl Best {
    pub(crate) fn new(flaw: Flaw) -> Self {
        Self {
            flaw,
            rank: 0,
            calls: 0,
        }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }
}

impl Measured for Best {
    fn usage(&self) -> Usage {
        match self.flaw {
            Flaw::Hungry => Usage {
                fuel: 300,
                start_fuel: 10,
                memory: 100,
            },
            _ => Usage::default(),
        }
    }
}

/// What the good policy remembers, and what flaws put beside it.
struct Memory {
    rounds: u64,
    best: f64,
    previous: u64,
    world: u32,
    blinded: bool,
    config: u8,
    rest: Vec<u8>,
}

impl Memory {
    fn read(state: &[u8]) -> Self {
        let number = |at: usize| {
            let bytes = state
                .get(at..at + 8)
                .and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u64::from_le_bytes)
        };
        Self {
            rounds: number(0),
            best: f64::from_bits(number(8)),
            previous: number(16),
            world: number(24) as u32,
            blinded: number(32) == 1,
            config: number(40) as u8,
            rest: state.get(48..).unwrap_or_default().to_vec(),
        }
    }

    fn start(config: u8) -> Self {
        Self {
            rounds: 0,
            best: f64::INFINITY,
            previous: 0,
            world: 0,
            blinded: false,
            config,
            rest: Vec::new(),
        }
    }

    fn written(&self) -> Vec<u8> {
        let numbers = [
            self.rounds,
            self.best.to_bits(),
            self.previous,
            self.world.into(),
            self.blinded.into(),
            self.config.into(),
        ];
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|one| one.to_le_bytes()).collect();
        bytes.extend(&self.rest);
        bytes
    }
}

impl Policy for Best {
    fn describe(&mut self) -> Result<Description, Fault> {
        Ok(Description {
            name: "best".to_owned(),
            version: "1.0.0".to_owned(),
            summary: "Keeps the lowest mean.".to_owned(),
            config_schema: r#"{ "type": "object", "examples": [{}] }"#.to_owned(),
        })
    }

    fn prepare(&mut self, config: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        let kind = u8::from(config.contains("other"));
        let fresh = Memory::start(kind);
        let state = match previous {
            _ if self.has(Flaw::ForgetsOnResume) => fresh.written(),
            Some(state) if self.has(Flaw::RefusesOwnState) && Memory::read(state).rounds > 1 => {
                return Err(Fault::State("it is of another version".to_owned()));
            }
            Some(state)
                if self.has(Flaw::TrapsOnOtherConfiguration)
                    && Memory::read(state).config != kind =>
            {
                return Err(Fault::Trap("unreachable".to_owned()));
            }
            Some(state) => state.to_vec(),
            None => fresh.written(),
        };
        Ok(Prepared {
            plan: plan(),
            settings: Vec::new(),
            state,
        })
    }

    fn observe(
        &mut self,
        _: &[u8],
        _: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        self.rank = observation.rank;
        Ok(vec![observation.values.first().copied().flatten()])
    }

    fn decide(&mut self, _: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        self.calls += 1;
        let mut memory = Memory::read(state);
        if self.has(Flaw::BoundToWorld) && ![0, round.world_size].contains(&memory.world) {
            return Err(Fault::Failed("the state is of another world".to_owned()));
        }
        memory.world = round.world_size;
        memory.rounds += 1;
        let mut verdict = self.wish(&mut memory, round)?;
        self.spoil(&mut verdict, &mut memory, round);
        verdict.state = memory.written();
        Ok(verdict)
    }
}

impl Best {
    fn wish(&self, memory: &mut Memory, round: &Round) -> Result<Verdict, Fault> {
        let [Reduced::Statistic(mean), _] = &round.values[..] else {
            return Err(Fault::Failed("the host broke the plan".to_owned()));
        };
        let value = mean.value.filter(|_| mean.finite == round.world_size);
        let best = best(&round.checkpoints);
        let saves = match (value, best) {
            _ if is_listed(round) => false,
            (Some(value), _) if self.has(Flaw::RemembersBest) => value < memory.best,
            (Some(value), Some((_, Some(best)))) => value < best,
            (Some(_), _) => true,
            // As whoever writes "unless it is worse" and forgets that there may be no number.
            (None, Some(_)) => self.has(Flaw::SavesNan),
            (None, None) => false,
        };
        let saves = saves && !memory.blinded;
        let none = mean.value.is_none() && mean.non_finite > 0;
        memory.blinded |= self.has(Flaw::BlindedByNan) && none;
        if saves {
            memory.best = value.unwrap_or(f64::NAN);
        }
        let label = if saves {
            Some(round.candidate)
        } else {
            best.map(|(id, _)| id)
        };
        Ok(Verdict {
            ballot: if saves { Ballot::Save } else { Ballot::Skip },
            reason: format!("{value:?} in round {}", memory.rounds),
            labels: label.into_iter().map(|id| named("best", id)).collect(),
            release: if saves { mine(round) } else { Vec::new() },
            ..Verdict::default()
        })
    }

    /// Adds what is wrong.
    fn spoil(&self, verdict: &mut Verdict, memory: &mut Memory, round: &Round) {
        let saves = verdict.ballot == Ballot::Save;
        let newest = mine(round).pop();
        match self.flaw {
            Flaw::OddRanksDiffer if self.rank % 2 == 1 => verdict.tags.push("odd".to_owned()),
            Flaw::HighRanksDiffer if self.rank > 5 => verdict.tags.push("high".to_owned()),
            Flaw::ReleasesForeign if saves => {
                verdict.release.push(round.candidate.saturating_add(1_000))
            }
            Flaw::StaleLabel => {
                if saves && let Some(newest) = newest {
                    memory.previous = newest;
                }
                if memory.previous > 0 {
                    verdict.labels.push(named("previous", memory.previous));
                }
            }
            Flaw::ReleasesAll if explodes(round) => verdict.release = mine(round),
            Flaw::Impatient => {
                verdict.release = mine(round);
                verdict.release.retain(|id| !saves && Some(*id) != newest);
            }
            Flaw::LongReason => verdict.reason = "long ".repeat(1_000),
            Flaw::StateGrows => memory.rest.extend([0; 8]),
            Flaw::StateFillsUp => {
                memory.rest.extend([0; 8]);
                memory.rest.truncate(8 * WINDOW);
            }
            Flaw::HiddenCounter => verdict.reason = format!("call {}", self.calls),
            _ => {}
        }
    }
}

fn plan() -> Plan {
    let reduction = |source| Reduction {
        source,
        operation: Operation::Mean,
    };
    Plan {
        inputs: vec![Input {
            name: "loss".to_owned(),
            required: false,
        }],
        features: 1,
        reductions: vec![reduction(Source::Input(0)), reduction(Source::Feature(0))],
        view: View::Mine,
        moments: vec!["validation-end".to_owned()],
        every_steps: 0,
        passive: false,
    }
}

/// Returns the best that is kept, with its number.
fn best(checkpoints: &[Checkpoint]) -> Option<(u64, Option<f64>)> {
    let numbered = checkpoints
        .iter()
        .map(|one| (one.id, one.values.first().copied().flatten()));
    let worth = |number: Option<f64>| number.unwrap_or(f64::INFINITY);
    numbered.min_by(|one, other| worth(one.1).total_cmp(&worth(other.1)))
}

fn mine(round: &Round) -> Vec<u64> {
    let mine = round.checkpoints.iter().map(|one| one.id);
    mine.filter(|id| *id != round.candidate).collect()
}

fn is_listed(round: &Round) -> bool {
    round
        .checkpoints
        .iter()
        .any(|one| one.id == round.candidate)
}

fn explodes(round: &Round) -> bool {
    let best = best(&round.checkpoints).and_then(|(_, number)| number);
    match (&round.values[0], best) {
        (Reduced::Statistic(mean), Some(best)) => mean.value.is_some_and(|now| now > best + 1.0),
        _ => false,
    }
}

fn named(name: &str, checkpoint: u64) -> Label {
    Label {
        name: name.to_owned(),
        checkpoint,
    }
}

/// Entries that fill a state: more than the shorter runs have rounds, less than a state is watched.
const WINDOW: usize = 1_500;
