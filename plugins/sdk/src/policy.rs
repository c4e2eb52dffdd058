//! The trait that a policy implements: the contract's four functions over typed data.
//!
//! Invariant: no method has anything to look at but its arguments, so the same arguments give the
//! same answer, on every rank and again on replay.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Observation, Plan, Round, Verdict};

/// A decision policy.
///
/// [`export!`](crate::export) makes a component of a type that implements it.
///
/// # Examples
///
/// A policy that remembers: it ends the training where the mean has not improved for some
/// validations. What it knows is in [`State`](Self::State), never in a variable of its own, so a
/// resumed run counts on.
///
/// ```
/// use ckpt_policy_sdk::{Error, Input, Plan, Policy, Reduction, Round, Verdict};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Config {
///     monitor: String,
///     patience: u32,
/// }
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Memory {
///     best: Option<f64>,
///     since: u32,
/// }
///
/// struct Patience;
///
/// impl Policy for Patience {
///     const NAME: &'static str = "patience";
///     const VERSION: &'static str = "1.0.0";
///     const SUMMARY: &'static str = "Ends the training where the mean no longer improves.";
///     const SCHEMA: &'static str = r#"{
///         "type": "object",
///         "properties": {
///             "monitor": { "type": "string" },
///             "patience": { "type": "integer", "minimum": 1 }
///         },
///         "required": ["monitor", "patience"],
///         "additionalProperties": false,
///         "examples": [{ "monitor": "val_loss", "patience": 3 }]
///     }"#;
///     type Config = Config;
///     type Settings = Config;
///     type State = Memory;
///
///     fn prepare(config: Config) -> Result<(Plan, Config), Error> {
///         let plan = Plan::at(["validation-end"])
///             .reads(Input::required(&config.monitor))
///             .reduces(Reduction::mean(0));
///         Ok((plan, config))
///     }
///
///     fn decide(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
///         let Some(mean) = round.statistic(0)?.value else {
///             return Ok(Verdict::abstain("no rank has a finite number"));
///         };
///         if memory.best.is_none_or(|best| mean < best) {
///             (memory.best, memory.since) = (Some(mean), 0);
///             return Ok(Verdict::abstain(format!("{mean} is the best so far")));
///         }
///         memory.since += 1;
///         let mut verdict = Verdict::abstain(format!("no better for {} times", memory.since));
///         verdict.stop = memory.since >= config.patience;
///         Ok(verdict)
///     }
/// }
///
/// ckpt_policy_sdk::export!(Patience);
/// ```
pub trait Policy: 'static {
    /// The policy's own name, such as `aggregate`.
    const NAME: &'static str;

    /// Semantic version of the policy, mostly `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;

    /// What it does, in one sentence.
    const SUMMARY: &'static str;

    /// JSON Schema (draft 2020-12) of the configuration, mostly `include_str!("../schema.json")`.
    ///
    /// What it refuses never reaches [`prepare`](Self::prepare); [`schema`](crate::schema) says
    /// which keywords may be used, and how to make the text of [`Config`](Self::Config).
    const SCHEMA: &'static str;

    /// Version of the form of [`State`](Self::State); raise it when that form changes.
    ///
    /// Bytes of another version are refused with [`Error::State`].
    const STATE_VERSION: u8 = 1;

    /// What a site writes.
    type Config: DeserializeOwned;

    /// What each call reads: the configuration after [`prepare`](Self::prepare). May be the
    /// configuration itself.
    ///
    /// It travels as `postcard`, so attributes that need a self-describing format (`flatten`,
    /// `untagged`, `skip_serializing_if`) do not work in it.
    type Settings: Serialize + DeserializeOwned;

    /// All that the policy remembers, the same on every rank; `()` where that is nothing.
    ///
    /// It travels as [`Settings`](Self::Settings) do, under a checksum.
    type State: Serialize + DeserializeOwned + Default;

    /// Says what the policy needs under a configuration, and how it will read it.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for what a schema cannot say; see [`schema::refuse`](crate::schema::refuse).
    fn prepare(config: Self::Config) -> Result<(Plan, Self::Settings), Error>;

    /// Makes the first state under these settings. `previous` comes from before a resume, or from
    /// another configuration.
    ///
    /// By default the previous state goes on.
    ///
    /// # Errors
    ///
    /// [`Error::State`] where the previous state cannot be used.
    fn start(
        settings: &Self::Settings,
        previous: Option<Self::State>,
    ) -> Result<Self::State, Error> {
        let _ = settings;
        Ok(previous.unwrap_or_default())
    }

    /// Makes this rank's features of its own numbers, as many as the plan says.
    ///
    /// By default there are none.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] where it cannot answer.
    fn observe(
        settings: &Self::Settings,
        state: &Self::State,
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Error> {
        let _ = (settings, state, observation);
        Ok(Vec::new())
    }

    /// Decides, on numbers that are the same on every rank. What it leaves in `state` is handed to
    /// the next call.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] where it cannot answer; the state is then as it was.
    fn decide(
        settings: &Self::Settings,
        state: &mut Self::State,
        round: &Round,
    ) -> Result<Verdict, Error>;
}
