//! A policy with as many reductions as it is told, for the benchmarks.
//!
//! What it decides is plain, the lowest mean so far is saved, so that what is measured is the way
//! there: reading the round, a little arithmetic over all reductions, one small state, a verdict.

use ckpt_policy_sdk::{Error, Input, Plan, Policy, Reduction, Round, Verdict, View, export};
use serde::{Deserialize, Serialize};

/// The policy.
#[derive(Debug)]
pub struct Probe;

/// How many numbers it wants.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Means over the ranks of the metrics `m0`, `m1`, and so on.
    pub reductions: u32,
    /// Whether it ever asks for a save.
    pub quiet: bool,
}

/// What it remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    lowest: Option<f64>,
}

impl Policy for Probe {
    const NAME: &'static str = "probe";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Saves when the sum of all means is the lowest so far.";
    const SCHEMA: &'static str = r#"{
        "type": "object",
        "properties": {
            "reductions": { "type": "integer", "minimum": 1, "maximum": 4096 },
            "quiet": { "type": "boolean" }
        },
        "required": ["reductions", "quiet"],
        "additionalProperties": false,
        "examples": [{ "reductions": 8, "quiet": true }]
    }"#;
    type Config = Config;
    type Settings = Config;
    type State = State;

    fn prepare(config: Config) -> Result<(Plan, Config), Error> {
        let mut plan = Plan::at(["step-end"]);
        for index in 0..config.reductions {
            let input = Input::optional(&format!("m{index}"));
            plan = plan.reads(input).reduces(Reduction::mean(index));
        }
        plan.view = View::None;
        Ok((plan, config))
    }

    fn decide(settings: &Config, state: &mut State, round: &Round) -> Result<Verdict, Error> {
        let mut sum = 0.0;
        for index in 0..settings.reductions {
            sum += round.statistic(index)?.value.unwrap_or(0.0);
        }
        let lower = state.lowest.is_none_or(|lowest| sum < lowest);
        if lower {
            state.lowest = Some(sum);
        }
        if lower && !settings.quiet {
            return Ok(Verdict::save("the lowest so far"));
        }
        Ok(Verdict::skip("not lower, or told to be quiet"))
    }
}

export!(Probe);
