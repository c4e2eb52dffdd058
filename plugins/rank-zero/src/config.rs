//! What a site writes.

use ckpt_policy_sdk::keeping::KeepConfig;
use serde::Deserialize;

/// Configuration of `rank-zero`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(
    not(target_family = "wasm"),
    derive(schemars::JsonSchema),
    schemars(extend("examples" = [
        { "monitor": "val_loss" },
        { "monitor": "val_acc", "mode": "max", "top-k": 3, "rank": 1 }
    ]))
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The metric that decides.
    #[cfg_attr(not(target_family = "wasm"), schemars(length(min = 1)))]
    pub monitor: String,
    /// The rank whose number decides.
    #[serde(default)]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(max = 4_294_967_295_u32)))]
    pub rank: u32,
    /// What all built-in policies have.
    #[serde(flatten)]
    pub keep: KeepConfig,
}
