//! What a site writes.

use std::fmt;

use ckpt_policy_sdk::keeping::KeepConfig;
use ckpt_policy_sdk::{Error, schema};
use serde::{Deserialize, Serialize};

/// Configuration of `majority`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(
    not(target_family = "wasm"),
    derive(schemars::JsonSchema),
    schemars(extend("examples" = [
        { "monitor": "val_loss" },
        { "monitor": "val_acc", "mode": "max", "top-k": 3, "ties": "rank-zero" },
        { "monitor": "val_loss", "quorum": 0.75, "missing": "leave-out" }
    ]))
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The metric that each rank compares.
    #[cfg_attr(not(target_family = "wasm"), schemars(length(min = 1)))]
    pub monitor: String,
    /// How many ranks must have voted: below 1 a fraction of all ranks, else a number of ranks.
    #[serde(default = "one_rank")]
    #[cfg_attr(not(target_family = "wasm"), schemars(schema_with = "quorum_schema"))]
    pub quorum: f64,
    /// What comes of as many votes for as against.
    #[serde(default)]
    pub ties: Ties,
    /// What a rank without the metric counts as.
    #[serde(default)]
    pub missing: Missing,
    /// What all built-in policies have.
    #[serde(flatten)]
    pub keep: KeepConfig,
}

fn one_rank() -> f64 {
    1.0
}

#[cfg(not(target_family = "wasm"))]
fn quorum_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "anyOf": [
        { "type": "integer", "minimum": 1, "maximum": u32::MAX },
        { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 }
    ] })
}

/// What comes of as many votes for as against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Ties {
    /// It is not saved: half is no majority.
    #[default]
    No,
    /// It is saved.
    Yes,
    /// What rank 0 voted; without its vote it is not saved.
    RankZero,
}

/// What a rank without the metric counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// As one that did not vote.
    #[default]
    LeaveOut,
    /// As one that voted against.
    No,
}

/// How many ranks must have voted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Quorum {
    /// At least this fraction of all ranks, below 1.
    Fraction(f64),
    /// At least so many ranks.
    Ranks(u32),
}

impl Quorum {
    /// Reads the number that a site wrote.
    pub(crate) fn parse(number: f64) -> Result<Self, Error> {
        let is_count = number >= 1.0 && number.fract() == 0.0 && number <= f64::from(u32::MAX);
        match number {
            _ if is_count => Ok(Self::Ranks(number as u32)),
            _ if number > 0.0 && number < 1.0 => Ok(Self::Fraction(number)),
            _ => {
                let expected = "a fraction between 0 and 1, or a whole number of ranks";
                Err(schema::refuse("quorum", expected, &number.to_string()))
            }
        }
    }

    /// Whether so many ranks of `world` are enough.
    pub(crate) fn is_reached(self, voted: u32, world: u32) -> bool {
        match self {
            // A quotient is rounded as the fraction was when it was read, so 3 of 10 are 0.3.
            Self::Fraction(fraction) => f64::from(voted) / f64::from(world) >= fraction,
            Self::Ranks(ranks) => voted >= ranks,
        }
    }
}

impl fmt::Display for Quorum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fraction(fraction) => write!(formatter, "{fraction} of all ranks"),
            Self::Ranks(ranks) => write!(formatter, "{ranks}"),
        }
    }
}
