//! What a checkpoint policy written in Rust depends on.
//!
//! A policy is a type with the four functions of the contract, over typed data: its configuration
//! ([`Policy::Config`]) and its memory ([`Policy::State`]) are plain `serde` types, the rest are
//! the contract's own records. [`export!`] makes the WebAssembly exports of it.
//!
//! ```text
//!                 JSON                  bytes                     bytes
//!   site.toml ───────────► Config ───────────► Settings ┐  ┌──────────► State
//!              schema.json          (prepare)           ▼  ▼
//!                                                observe, decide ───► features, Verdict
//! ```
//!
//! What it does not do: read a clock, a file or a random number, print, or call the host. A policy
//! that follows the contract has no use for them, and a component that imports them is refused.
//!
//! | module | what a policy takes from it |
//! |---|---|
//! | [`keeping`] | the configuration that the built-in policies share, and its rules: top-k, `last` |
//! | [`ranking`] | which of two numbers is better, which kept checkpoint is the worst |
//! | [`voting`] | features that are votes, and what a tally says |
//! | [`text`] | numbers as people read them |
//! | [`schema`] | what is refused, and how it is said |
//! | [`call`] | the four functions over bytes, for tests without a sandbox |
//!
//! # Examples
//!
//! A policy that saves when a loss is below a bound:
//!
//! ```
//! use ckpt_policy_sdk::{Error, Input, Plan, Policy, Reduction, Round, Verdict};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Config {
//!     monitor: String,
//!     below: f64,
//! }
//!
//! struct Below;
//!
//! impl Policy for Below {
//!     const NAME: &'static str = "below";
//!     const VERSION: &'static str = "1.0.0";
//!     const SUMMARY: &'static str = "Saves when the mean over the ranks is below a bound.";
//!     const SCHEMA: &'static str = r#"{
//!         "type": "object",
//!         "properties": { "monitor": { "type": "string" }, "below": { "type": "number" } },
//!         "required": ["monitor", "below"],
//!         "additionalProperties": false
//!     }"#;
//!     type Config = Config;
//!     type Settings = Config;
//!     type State = ();
//!
//!     fn prepare(config: Config) -> Result<(Plan, Config), Error> {
//!         let plan = Plan::at(["validation-end"])
//!             .reads(Input::required(&config.monitor))
//!             .reduces(Reduction::mean(0));
//!         Ok((plan, config))
//!     }
//!
//!     fn decide(settings: &Config, _: &mut (), round: &Round) -> Result<Verdict, Error> {
//!         Ok(match round.statistic(0)?.value {
//!             Some(mean) if mean < settings.below => Verdict::save(format!("{mean} is enough")),
//!             Some(mean) => Verdict::skip(format!("{mean} is not below {}", settings.below)),
//!             None => Verdict::abstain("no rank has a finite number"),
//!         })
//!     }
//! }
//!
//! ckpt_policy_sdk::export!(Below);
//! ```
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `native` | `native::Native`, which runs a policy in the host's core without a sandbox |

#[doc(hidden)]
pub mod bindings;
pub mod call;
mod guest;
pub mod keeping;
#[cfg(feature = "native")]
pub mod native;
mod policy;
pub mod ranking;
mod records;
pub mod schema;
mod seal;
pub mod text;
mod verdict;
pub mod voting;

pub use crate::bindings::exports::ckpt::policy::policy::{
    Ballot, Checkpoint, CheckpointId, Description, Error, Figure, Input, Label, Observation,
    Operation, Plan, Prepared, Reduced, Reduction, Round, Source, Statistic, Tally, View,
};
pub use crate::policy::Policy;
pub use crate::verdict::Verdict;
/// For the derive on a configuration, where a schema is made.
#[cfg(not(target_family = "wasm"))]
pub use schemars;

#[doc(hidden)]
pub use crate::guest::Guest;

/// Makes the WebAssembly exports of a [`Policy`]; the last line of a policy's crate.
///
/// Does nothing where the crate is compiled for anything else, so that the same crate is also an
/// ordinary library, with unit tests that need no sandbox.
#[macro_export]
macro_rules! export {
    ($policy:ty) => {
        const _: () = {
            #[cfg(target_family = "wasm")]
            type Exported = $crate::Guest<$policy>;
            #[cfg(target_family = "wasm")]
    $crate::bindings::export!(Exported with_types_in $crate::bindings);
            // Elsewhere the policy is in use all the same.
            #[cfg(not(target_family = "wasm"))]
            const _: fn() -> $crate::Description = $crate::call::describe::<$policy>;
        };
    };
}
