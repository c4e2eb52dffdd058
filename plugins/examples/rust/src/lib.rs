//! `three-quarters`: saves when three quarters of the ranks improved on the checkpoint that is
//! kept, and the mean improved by half a percent; at most every ten minutes. Keeps one checkpoint.

use ckpt_policy_sdk::ranking::Direction;
use ckpt_policy_sdk::text::number;
use ckpt_policy_sdk::voting::feature;
use ckpt_policy_sdk::{
    Error, Input, Observation, Plan, Policy, Reduction, Round, Verdict, View, export,
};
use serde::{Deserialize, Serialize};

/// Configuration of `three-quarters`.
#[derive(Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[cfg_attr(
    not(target_family = "wasm"),
    schemars(extend("examples" = [
        { "monitor": "val_loss" },
        { "monitor": "val_acc", "mode": "max", "ranks": 0.5, "improvement": 0.0, "minutes": 0 }
    ]))
)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The metric that each rank compares.
    #[cfg_attr(not(target_family = "wasm"), schemars(length(min = 1)))]
    pub monitor: String,
    /// Whether a smaller or a larger number is better.
    #[serde(default)]
    pub mode: Direction,
    /// The share of all ranks that must have improved.
    #[serde(default = "ranks")]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 0, max = 1)))]
    pub ranks: f64,
    /// By which part of itself the mean must have improved.
    #[serde(default = "improvement")]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 0, max = 1)))]
    pub improvement: f64,
    /// At least so long between two saves, where the host has a clock.
    #[serde(default = "minutes")]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 0, max = 525600)))]
    pub minutes: f64,
}

fn ranks() -> f64 {
    0.75
}

fn improvement() -> f64 {
    0.005
}

fn minutes() -> f64 {
    10.0
}

// The one number that each rank has, the one that it makes of it, and what the host makes of both.
const VALUE: u32 = 0;
const VOTE: u32 = 0;
const VOTES: u32 = 0;
const MEAN: u32 = 1;

struct Rule;

impl Policy for Rule {
    const NAME: &'static str = "three-quarters";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Saves when enough ranks and their mean improved.";
    const SCHEMA: &'static str = include_str!("../schema.json");
    type Config = Config;
    type Settings = Config;
    /// What it compares with is in the list of checkpoints, so there is nothing to remember.
    type State = ();

    /// Once: what the host should ask for, reduce and show.
    fn prepare(config: Config) -> Result<(Plan, Config), Error> {
        let plan = Plan::at(["validation-end"])
            .reads(Input::required(&config.monitor))
            .makes(1)
            .reduces(Reduction::tally(VOTE))
            .reduces(Reduction::mean(VALUE))
            .shows(View::Mine);
        Ok((plan, config))
    }

    /// On each rank, with that rank's own numbers: a vote.
    fn observe(
        config: &Config,
        _: &(),
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Error> {
        let kept = observation.newest_mine().and_then(|kept| kept.value(VALUE));
        let vote = observation.value(VALUE).map(|value| match kept {
            Some(kept) => config.mode.better(value, kept),
            None => true,
        });
        Ok(vec![feature(vote)])
    }

    /// On all ranks, with the same numbers: the verdict.
    fn decide(config: &Config, _: &mut (), round: &Round) -> Result<Verdict, Error> {
        Ok(judge(config, round)?.keeping_one(round, "best"))
    }
}

export!(Rule);

fn judge(config: &Config, round: &Round) -> Result<Verdict, Error> {
    let (monitor, world) = (&config.monitor, round.world_size);
    let (votes, mean) = (round.tally(VOTES)?, round.statistic(MEAN)?);
    if mean.non_finite > 0 {
        let ranks = mean.non_finite;
        let reason = format!("{monitor} is not finite on {ranks} of {world} ranks");
        return Ok(Verdict::skip(reason));
    }
    let Some(mean) = mean.value else {
        return Ok(Verdict::abstain(format!("no rank has {monitor}")));
    };
    let kept = round.newest_mine();
    let passed = kept.and_then(|kept| round.minutes_since(kept));
    if let Some(passed) = passed.filter(|passed| *passed < config.minutes) {
        let (passed, minutes) = (number(passed), number(config.minutes));
        let reason = format!("{passed} minutes after the last save, sooner than {minutes}");
        return Ok(Verdict::skip(reason));
    }
    let Some(before) = kept.and_then(|kept| kept.value(MEAN)) else {
        let mean = number(mean);
        let reason = format!("mean {monitor} is {mean}, and nothing is kept to compare it with");
        return Ok(Verdict::save(reason));
    };
    let yes = votes.yes;
    if f64::from(yes) / f64::from(world) < config.ranks {
        let share = number(config.ranks);
        let reason = format!("{yes} of {world} ranks improved, a share below {share}");
        return Ok(Verdict::skip(reason));
    }
    let bar = config.mode.beyond(before, config.improvement);
    let (shown, bound) = (number(mean), number(bar));
    Ok(if config.mode.better(mean, bar) {
        let reason = format!("mean {monitor} {shown} is better than {bound}");
        Verdict::save(format!("{yes} of {world} ranks improved, and {reason}"))
    } else {
        let reason = format!("mean {monitor} {shown} is no better than {bound}");
        Verdict::skip(format!("{yes} of {world} ranks improved, but {reason}"))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// `BLESS=1 cargo test` writes the file anew.
    #[test]
    fn the_schema_is_that_of_the_configuration() -> Result<(), String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.json");
        ckpt_policy_sdk::schema::prove::<super::Config>(&path)
    }
}
