//! The four functions of the contract over bytes, for any [`Policy`].
//!
//! The WebAssembly exports and the native adapter both end here, so that a policy is the same
//! policy in a sandbox and outside of it; unit tests of a policy call these, too.

use serde_json::Value;

/// The contract's verdict, with the state in it.
pub use crate::bindings::exports::ckpt::policy::policy::Verdict as Answer;
use crate::seal::{seal, unseal};
use crate::{Description, Error, Observation, Policy, Prepared, Round, schema};

/// Says what a policy is.
#[must_use]
pub fn describe<P: Policy>() -> Description {
    Description {
        name: P::NAME.to_owned(),
        version: P::VERSION.to_owned(),
        summary: P::SUMMARY.to_owned(),
        config_schema: P::SCHEMA.to_owned(),
    }
}

/// Checks a configuration against the policy's schema, and prepares.
///
/// # Errors
///
/// [`Error::Config`] with the key, what was expected and what was found; [`Error::State`] where
/// `previous` is damaged, foreign, or of another version.
pub fn prepare<P: Policy>(config: &str, previous: Option<&[u8]>) -> Result<Prepared, Error> {
    let mut config: Value = serde_json::from_str(config)
        .map_err(|error| Error::Config(format!("the configuration is not JSON: {error}")))?;
    schema::check(P::SCHEMA, &config).map_err(Error::Config)?;
    schema::write_whole(&mut config);
    let config =
        serde_json::from_value(config).map_err(|error| Error::Config(error.to_string()))?;
    let (plan, settings) = P::prepare(config)?;
    let previous = previous
        .map(|bytes| unseal(P::NAME, P::STATE_VERSION, bytes))
        .transpose();
    let state = P::start(&settings, previous.map_err(Error::State)?)?;
    Ok(Prepared {
        plan,
        settings: seal(P::NAME, SETTINGS_VERSION, &settings).map_err(Error::Failed)?,
        state: seal(P::NAME, P::STATE_VERSION, &state).map_err(Error::Failed)?,
    })
}

/// Makes one rank's features.
///
/// # Errors
///
/// What the policy says, or that the settings or the state are not its own.
pub fn observe<P: Policy>(
    settings: &[u8],
    state: &[u8],
    observation: &Observation,
) -> Result<Vec<Option<f64>>, Error> {
    let (settings, state) = open::<P>(settings, state)?;
    P::observe(&settings, &state, observation)
}

/// Decides.
///
/// # Errors
///
/// What the policy says, or that the settings or the state are not its own.
pub fn decide<P: Policy>(settings: &[u8], state: &[u8], round: &Round) -> Result<Answer, Error> {
    let (settings, mut state) = open::<P>(settings, state)?;
    let verdict = P::decide(&settings, &mut state, round)?;
    Ok(Answer {
        ballot: verdict.ballot,
        reason: verdict.reason,
        figures: verdict.figures,
        tags: verdict.tags,
        labels: verdict.labels,
        hold: verdict.hold,
        release: verdict.release,
        stop: verdict.stop,
        not_before: verdict.not_before,
        state: seal(P::NAME, P::STATE_VERSION, &state).map_err(Error::Failed)?,
    })
}

fn open<P: Policy>(settings: &[u8], state: &[u8]) -> Result<(P::Settings, P::State), Error> {
    let settings = unseal(P::NAME, SETTINGS_VERSION, settings)
        .map_err(|what| Error::Failed(format!("the settings handed in cannot be used: {what}")))?;
    let state = unseal(P::NAME, P::STATE_VERSION, state).map_err(Error::State)?;
    Ok((settings, state))
}

/// Settings live no longer than the file that made them, so their form has no history.
const SETTINGS_VERSION: u8 = 0;
