//! What a site writes.

use std::fmt;

use ckpt_policy_sdk::keeping::KeepConfig;
use ckpt_policy_sdk::text;
use serde::Deserialize;

/// Configuration of `aggregate`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(
    not(target_family = "wasm"),
    derive(schemars::JsonSchema),
    schemars(extend("examples" = [
        { "monitor": "val_loss" },
        { "monitor": "val_acc", "mode": "max", "top-k": 3, "save-last": true },
        {
            "monitor": "val_loss",
            "reduce": { "weighted-mean-by": "samples" },
            "min-delta": 0.001,
            "patience-steps": 5000
        }
    ]))
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The metric that decides.
    #[cfg_attr(not(target_family = "wasm"), schemars(length(min = 1)))]
    pub monitor: String,
    /// How the ranks' numbers become one.
    #[serde(default)]
    pub reduce: Reduce,
    /// An improvement must be larger than this to be one.
    #[serde(default)]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 0.0)))]
    pub min_delta: f64,
    /// Save only what is at least this good.
    #[serde(default)]
    pub threshold: Option<f64>,
    /// End the training after this many steps without an improvement.
    #[serde(default)]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 1)))]
    pub patience_steps: Option<u64>,
    /// What all built-in policies have.
    #[serde(flatten)]
    pub keep: KeepConfig,
}

/// How the ranks' numbers become one. Only finite numbers count.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Reduce {
    /// Their mean.
    #[default]
    Mean,
    /// Their smallest.
    Min,
    /// Their largest.
    Max,
    /// The middle one, or the mean of the two in the middle.
    Median,
    /// Their mean, each weighted by another metric of the same rank, such as a number of samples.
    WeightedMeanBy(#[cfg_attr(not(target_family = "wasm"), schemars(length(min = 1)))] String),
    /// Their mean without this fraction of the smallest, and as many of the largest.
    TrimmedMean(
        #[cfg_attr(
            not(target_family = "wasm"),
            schemars(range(min = 0.0), extend("exclusiveMaximum" = 0.5))
        )]
        f64,
    ),
}

impl fmt::Display for Reduce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => formatter.write_str("mean"),
            Self::Min => formatter.write_str("smallest"),
            Self::Max => formatter.write_str("largest"),
            Self::Median => formatter.write_str("median"),
            Self::WeightedMeanBy(weight) => write!(formatter, "mean (by {weight})"),
            Self::TrimmedMean(fraction) => {
                write!(formatter, "trimmed mean ({})", text::number(*fraction))
            }
        }
    }
}
