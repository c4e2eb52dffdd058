//! Judges what a policy has answered: its sizes and characters, not its sense, which is the host's
//! to judge.
//!
//! Text for people leaves here with all escaped that a terminal could obey. Names are compared, and
//! so never changed: one with such a character makes the answer refused.
//!
//! A NaN leaves here as the canonical one, so that two machines that made it differently agree.

use ckpt_policy_core::contract::{Description, Fault, Plan, Prepared, Verdict};
use ckpt_policy_core::text::{excerpt, unprintable};

use crate::bindings::{Answer, PolicyError};
use crate::error::NAME;
use crate::limits::{Limits, saturate};

/// Takes what the policy answered, or what it refused with.
pub(super) fn accepted<T>(answer: Answer<T>, limits: &Limits) -> Result<T, Fault> {
    let shown = |text: String| excerpt(text, saturate(limits.reason));
    answer.map_err(|error| match error {
        PolicyError::Config(text) => Fault::Config(shown(text)),
        PolicyError::State(text) => Fault::State(shown(text)),
        PolicyError::Failed(text) => Fault::Failed(shown(text)),
    })
}

pub(super) fn description(mut from: Description, limits: &Limits) -> Result<Description, Fault> {
    name("`name`", &from.name, limits)?;
    name("`version`", &from.version, limits)?;
    bounded("`summary`", from.summary.len(), ("reason", limits.reason))?;
    from.summary = excerpt(from.summary, saturate(limits.reason));
    Ok(from)
}

pub(super) fn prepared(from: Prepared, limits: &Limits) -> Result<Prepared, Fault> {
    bounded(
        "`settings`",
        from.settings.len(),
        ("settings", limits.settings),
    )?;
    bounded("`state`", from.state.len(), ("state", limits.state))?;
    plan(&from.plan, limits)?;
    Ok(from)
}

pub(super) fn features(
    mut from: Vec<Option<f64>>,
    limits: &Limits,
) -> Result<Vec<Option<f64>>, Fault> {
    counted("features", from.len(), ("plan", limits.plan))?;
    from.iter_mut().flatten().for_each(canonicalize);
    Ok(from)
}

pub(super) fn verdict(mut from: Verdict, limits: &Limits) -> Result<Verdict, Fault> {
    bounded("`reason`", from.reason.len(), ("reason", limits.reason))?;
    bounded("`state`", from.state.len(), ("state", limits.state))?;
    counted("figures", from.figures.len(), ("figures", limits.figures))?;
    counted("tags", from.tags.len(), ("tags", limits.tags))?;
    counted("labels", from.labels.len(), ("labels", limits.labels))?;
    counted(
        "checkpoints in `hold`",
        from.hold.len(),
        ("checkpoints", limits.checkpoints),
    )?;
    counted(
        "checkpoints in `release`",
        from.release.len(),
        ("checkpoints", limits.checkpoints),
    )?;
    for figure in &from.figures {
        name("the name of a figure", &figure.name, limits)?;
    }
    for tag in &from.tags {
        name("a tag", tag, limits)?;
    }
    for label in &from.labels {
        name("the name of a label", &label.name, limits)?;
    }
    from.reason = excerpt(from.reason, saturate(limits.reason));
    from.figures
        .iter_mut()
        .for_each(|figure| canonicalize(&mut figure.value));
    Ok(from)
}

fn plan(plan: &Plan, limits: &Limits) -> Result<(), Fault> {
    let most = ("plan", limits.plan);
    counted("inputs", plan.inputs.len(), most)?;
    counted("features", plan.features as usize, most)?;
    counted("reductions", plan.reductions.len(), most)?;
    counted("moments", plan.moments.len(), most)?;
    for input in &plan.inputs {
        name("the name of an input", &input.name, limits)?;
    }
    let mut moments = plan.moments.iter();
    moments.try_for_each(|moment| name("the name of a moment", moment, limits))
}

fn name(what: &str, name: &str, limits: &Limits) -> Result<(), Fault> {
    bounded(what, name.len(), ("name", limits.name))?;
    match unprintable(name) {
        None => Ok(()),
        Some(character) => Err(Fault::Answer(format!(
            "{what} is `{}`; a name cannot have the character U+{:04X}, which is not one to see",
            excerpt(name, NAME),
            u32::from(character)
        ))),
    }
}

fn bounded(what: &str, bytes: usize, (limit, most): (&str, u64)) -> Result<(), Fault> {
    match bytes as u64 > most {
        true => Err(Fault::Answer(format!(
            "{what} has {bytes} bytes, more than `{limit}` in `[limits]` allows ({most})"
        ))),
        false => Ok(()),
    }
}

fn counted(what: &str, count: usize, (limit, most): (&str, u32)) -> Result<(), Fault> {
    match count as u64 > u64::from(most) {
        true => Err(Fault::Answer(format!(
            "it has {count} {what}, more than `{limit}` in `[limits]` allows ({most})"
        ))),
        false => Ok(()),
    }
}

fn canonicalize(value: &mut f64) {
    if value.is_nan() {
        *value = f64::from_bits(CANONICAL_NAN);
    }
}

const CANONICAL_NAN: u64 = 0x7ff8_0000_0000_0000;
