//! A policy in plain Rust that says what an input's bytes say.
//!
//! It keeps to the contract: what it answers follows from its arguments alone. Its state is the
//! number of its decisions, which is its place in the script; its reason is a digest of all that it
//! was shown, so that whatever a host shows differently, once, is in the outcome.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU64;
use std::sync::Arc;

use arbitrary::{Result as Drawn, Unstructured};
use ckpt_policy_core::contract::{
    Ballot, CheckpointId, Description, Fault, Figure, Label, Observation, Plan, Policy, Prepared,
    Round, Verdict, View,
};
use ckpt_policy_core::{Mode, Moment, OnError, PolicySetup};

use crate::draw;

/// What one such policy is like.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    pub(crate) mode: Mode,
    pub(crate) on_error: OnError,
    pub(crate) plan: Plan,
    disable_after: Option<NonZeroU64>,
    script: Arc<[u8]>,
}

impl Scripted {
    pub(crate) fn draw(input: &mut Unstructured<'_>, ranks: u32) -> Drawn<Self> {
        let plan = draw::plan(input, ranks)?;
        let length = input.int_in_range(1..=LONGEST)?.min(input.len()).max(1);
        let mut script = vec![0; length];
        input.fill_buffer(&mut script)?;
        Ok(Self {
            mode: draw::mode(input)?,
            on_error: draw::on_error(input)?,
            disable_after: NonZeroU64::new(input.int_in_range(0..=3)?),
            plan,
            script: script.into(),
        })
    }

    /// One that saves at each validation.
    pub(crate) fn saver() -> Self {
        let plan = Plan {
            inputs: Vec::new(),
            features: 0,
            reductions: Vec::new(),
            view: View::All,
            moments: vec![Moment::ValidationEnd.name().to_owned()],
            every_steps: 0,
            passive: false,
        };
        let script = Arc::new([0; 8]);
        Self {
            mode: Mode::Enforce,
            on_error: OnError::Skip,
            disable_after: None,
            plan,
            script,
        }
    }

    /// What a host is told of the policy with this index.
    pub(crate) fn setup(&self, index: usize) -> PolicySetup {
        PolicySetup {
            name: format!("p{index}"),
            mode: self.mode,
            on_error: self.on_error,
            disable_after: self.disable_after,
            config: serde_json::json!({}),
            digest: "00".to_owned(),
            policy: Box::new(self.clone()),
        }
    }

    /// The byte of the script that a decision uses for one thing.
    fn byte(&self, decision: u64, use_: u64) -> u8 {
        let at = decision.wrapping_mul(STRIDE).wrapping_add(use_);
        self.script[(at % self.script.len() as u64) as usize]
    }

    fn wishes(&self, decision: u64, round: &Round) -> Verdict {
        let ids: Vec<CheckpointId> = round.checkpoints.iter().map(|it| it.id).collect();
        let odd = self.byte(decision, 1);
        let mut release = chosen(&ids, self.byte(decision, 2));
        if odd & 1 != 0 {
            release.push(round.candidate);
        }
        Verdict {
            ballot: match self.byte(decision, 0) % 8 {
                0..=3 => Ballot::Save,
                4 => Ballot::Skip,
                5 => Ballot::Veto,
                _ => Ballot::Abstain,
            },
            reason: format!("{:016x}", digest(round)),
            figures: figures(odd),
            tags: (odd & 4 != 0)
                .then(|| format!("t{}", odd >> 5))
                .into_iter()
                .collect(),
            labels: ids
                .last()
                .filter(|_| odd & 8 != 0)
                .map(|id| label(*id))
                .into_iter()
                .collect(),
            hold: chosen(&ids, self.byte(decision, 3)),
            release,
            stop: odd == 0x7f,
            not_before: (odd & 16 != 0).then(|| round.step + u64::from(odd >> 5)),
            state: (decision + 1).to_le_bytes().to_vec(),
        }
    }
}

impl Policy for Scripted {
    fn describe(&mut self) -> Result<Description, Fault> {
        Ok(Description {
            name: "scripted".to_owned(),
            version: "1.0.0".to_owned(),
            summary: "Says what its script says.".to_owned(),
            config_schema: "{}".to_owned(),
        })
    }

    fn prepare(&mut self, _: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        Ok(Prepared {
            plan: self.plan.clone(),
            settings: Vec::new(),
            state: previous.unwrap_or_default().to_vec(),
        })
    }

    fn observe(
        &mut self,
        _: &[u8],
        state: &[u8],
        seen: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        let own = self.byte(decision(state), 4 + u64::from(seen.rank));
        match own {
            250..=252 => return Err(Fault::Trap(format!("by rank {}", seen.rank))),
            253.. => return Err(Fault::Machine(format!("of rank {}", seen.rank))),
            _ => {}
        }
        let number = |index: u32| match own.wrapping_add((index * 7) as u8) % 16 {
            0 => None,
            1 => Some(f64::NAN),
            small => Some(f64::from(small) - 8.0),
        };
        Ok((0..self.plan.features).map(number).collect())
    }

    fn decide(&mut self, _: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        let decision = decision(state);
        match self.byte(decision, 0) {
            255 => Err(Fault::Failed("the script says so".to_owned())),
            _ => Ok(self.wishes(decision, round)),
        }
    }
}

/// The ids at the places whose bits are set, counted from the newest.
fn chosen(ids: &[CheckpointId], bits: u8) -> Vec<CheckpointId> {
    let newest = ids.iter().rev().zip(0..8);
    newest
        .filter(|(_, place)| bits & (1 << place) != 0)
        .map(|(id, _)| *id)
        .collect()
}

fn figures(odd: u8) -> Vec<Figure> {
    let value = if odd & 32 != 0 { f64::NAN } else { 0.5 };
    let name = "figure".to_owned();
    (odd & 2 != 0)
        .then_some(Figure { name, value })
        .into_iter()
        .collect()
}

fn label(checkpoint: CheckpointId) -> Label {
    Label {
        name: "newest".to_owned(),
        checkpoint,
    }
}

fn decision(state: &[u8]) -> u64 {
    state.try_into().map_or(0, u64::from_le_bytes)
}

fn digest(round: &Round) -> u64 {
    let mut hasher = DefaultHasher::new();
    // A NaN is not equal to itself; its text is.
    format!("{round:?}").hash(&mut hasher);
    hasher.finish()
}

/// Bytes of a script at most.
const LONGEST: usize = 64;

/// Bytes of the script that one decision and its observations use.
const STRIDE: u64 = 8;
