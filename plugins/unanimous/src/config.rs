//! What a site writes.

use ckpt_policy_sdk::keeping::KeepConfig;
use serde::{Deserialize, Serialize};

/// Configuration of `unanimous`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(
    not(target_family = "wasm"),
    derive(schemars::JsonSchema),
    schemars(extend("examples" = [
        { "monitor": "val_loss" },
        { "monitor": "val_acc", "mode": "max", "top-k": 3, "missing": "no" },
        { "monitor": "val_loss", "top-k": 2, "books": "per-rank" },
        { "top-k": 1 }
    ], "allOf" = [
        // Where nothing else ranks what is kept, nothing else can rank what goes.
        { "anyOf": [
            { "properties": { "evict-by": { "const": "score" } } },
            {
                "properties": { "monitor": { "type": "string" }, "books": { "const": "shared" } },
                "required": ["monitor"]
            }
        ] }
    ]))
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The metric that each rank compares; without it the newest checkpoints are kept.
    #[serde(default)]
    #[cfg_attr(not(target_family = "wasm"), schemars(length(min = 1)))]
    pub monitor: Option<String>,
    /// What a rank without the metric counts as.
    #[serde(default)]
    pub missing: Missing,
    /// Whose list of kept checkpoints a rank compares with.
    #[serde(default)]
    pub books: BookKeeping,
    /// What all built-in policies have.
    #[serde(flatten)]
    pub keep: KeepConfig,
}

/// What a rank without the metric counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// As one without an opinion: the others decide.
    #[default]
    LeaveOut,
    /// As one against.
    No,
}

/// Whose list of kept checkpoints a rank compares with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BookKeeping {
    /// One list for all ranks, with the host's ledger behind it.
    #[default]
    Shared,
    /// A list of its own for each rank, as PyTorch Lightning's callback has it.
    PerRank,
}
