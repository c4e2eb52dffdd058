//! The good policy: saves when the mean is better than that of the checkpoint that is kept, and keeps one.

use ckpt_policy_sdk::ranking::Direction;
use ckpt_policy_sdk::{
    Checkpoint, Error, Input, Observation, Operation, Plan, Reduction, Round, Verdict, View,
};
use serde::{Deserialize, Serialize};

/// What a site may write.
pub const SCHEMA: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "monitor": { "type": "string", "minLength": 1, "description": "The metric." },
        "mode": { "enum": ["min", "max"], "default": "min", "description": "Which way is better." },
        "min-delta": { "type": "number", "minimum": 0, "default": 0, "description": "By how much." }
    },
    "required": ["monitor"],
    "additionalProperties": false,
    "examples": [
        { "monitor": "val_loss" },
        { "monitor": "val_acc", "mode": "max", "min-delta": 0.25 }
    ]
}"#;

/// The mean among the reduced numbers.
pub const MEAN: u32 = 0;
/// The votes among the reduced numbers.
pub const VOTES: u32 = 1;

/// The configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Config {
    /// The metric.
    pub monitor: String,
    /// Which way is better.
    #[serde(default)]
    pub mode: Direction,
    /// By how much it must be better.
    #[serde(default)]
    pub min_delta: f64,
}

/// What the policy remembers. It decides with the first alone; the others are room for faults.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Rounds since it last asked for a save.
    pub quiet: u32,
    /// A number.
    pub number: Option<f64>,
    /// Some ids.
    pub ids: Vec<u64>,
}

/// What the policy needs.
#[must_use]
pub fn plan(config: &Config) -> Plan {
    let mut plan = Plan::at(["validation-end", "train-end"])
        .reads(Input::required(&config.monitor))
        .reduces(Reduction::mean(0))
        .reduces(Reduction::of_feature(0, Operation::Tally));
    plan.features = 1;
    plan.view = View::Mine;
    plan
}

/// Votes for a save where this rank's own number is better than it was at the kept checkpoint.
#[must_use]
pub fn vote(config: &Config, observation: &Observation) -> Vec<Option<f64>> {
    let own = observation.values.first().copied().flatten();
    let before = kept(&observation.checkpoints).and_then(|kept| number(kept, 0));
    let better = own.filter(|own| own.is_finite()).map(|own| {
        let better = before.is_none_or(|before| config.mode.better(own, before));
        f64::from(u8::from(better))
    });
    vec![better]
}

/// Decides.
///
/// # Errors
///
/// Where the round does not fit the plan.
pub fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
    let mean = round.statistic(MEAN)?;
    let score = mean
        .value
        .filter(|value| value.is_finite() && mean.non_finite == 0);
    let before = kept(&round.checkpoints).and_then(|kept| number(kept, MEAN));
    let votes = round.tally(VOTES)?.yes;
    Ok(match (score, before) {
        (None, _) => quiet(memory, round, "no finite mean of all ranks"),
        (Some(score), Some(before)) if !better(config, score, before) => quiet(
            memory,
            round,
            &format!("{score} is no better than {before}, {votes} votes"),
        ),
        (Some(score), _) if is_kept(round) => quiet(
            memory,
            round,
            &format!("{score} is better, and saved already"),
        ),
        (Some(score), _) => save(memory, round, &format!("{score} is better, {votes} votes")),
    })
}

/// Whether a score is better than that of the checkpoint that is kept.
#[must_use]
pub fn better(config: &Config, score: f64, before: f64) -> bool {
    config.mode.gain(score, before) > config.min_delta
}

/// Asks for a save, in whose place the others may go.
pub fn save(memory: &mut Memory, round: &Round, why: &str) -> Verdict {
    let others = round
        .checkpoints
        .iter()
        .filter(|one| one.mine && one.id != round.candidate);
    let release = others.map(|one| one.id).collect();
    let mut verdict = Verdict::save(format!("{why}, after {} quiet rounds", memory.quiet))
        .label("best", round.candidate)
        .tag("best");
    verdict.release = release;
    memory.quiet = 0;
    verdict
}

/// Leaves everything as it is.
pub fn quiet(memory: &mut Memory, round: &Round, why: &str) -> Verdict {
    memory.quiet = memory.quiet.saturating_add(1);
    let verdict = Verdict::skip(format!("{why}, quiet for {} rounds", memory.quiet));
    match kept(&round.checkpoints) {
        Some(kept) => verdict.label("best", kept.id),
        None => verdict,
    }
}

/// The checkpoint that the policy keeps: the newest of its own, durable or on its way.
#[must_use]
pub fn kept(checkpoints: &[Checkpoint]) -> Option<&Checkpoint> {
    checkpoints.iter().rev().find(|one| one.mine)
}

/// A number of then, by its index.
#[must_use]
pub fn number(checkpoint: &Checkpoint, index: u32) -> Option<f64> {
    checkpoint.values.get(index as usize).copied().flatten()
}

fn is_kept(round: &Round) -> bool {
    round
        .checkpoints
        .iter()
        .any(|one| one.mine && one.id == round.candidate)
}
