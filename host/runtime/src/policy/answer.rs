//! Judges what a policy has answered: its sizes, not its sense, which is the host's to judge.
//!
//! A NaN leaves here as the canonical one, so that two machines that made it differently agree.

use ckpt_policy_core::contract::{Description, Fault, Plan, Prepared, Verdict};

use crate::bindings::{Answer, PolicyError};
use crate::fault;
use crate::limits::{Limits, saturate};

/// Takes what the policy answered, or what it refused with.
pub(super) fn accepted<T>(answer: Answer<T>, limits: &Limits) -> Result<T, Fault> {
    let cut = |text| fault::cut(text, saturate(limits.reason));
    answer.map_err(|error| match error {
        PolicyError::Config(text) => Fault::Config(cut(text)),
        PolicyError::State(text) => Fault::State(cut(text)),
        PolicyError::Failed(text) => Fault::Failed(cut(text)),
    })
}

pub(super) fn description(from: Description, limits: &Limits) -> Result<Description, Fault> {
    bounded("`name`", from.name.len(), ("name", limits.name))?;
    bounded("`version`", from.version.len(), ("name", limits.name))?;
    bounded("`summary`", from.summary.len(), ("reason", limits.reason))?;
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
    let name = ("name", limits.name);
    names(
        "the name of a figure",
        from.figures.iter().map(|figure| &figure.name),
        name,
    )?;
    names("a tag", from.tags.iter(), name)?;
    names(
        "the name of a label",
        from.labels.iter().map(|label| &label.name),
        name,
    )?;
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
    let name = ("name", limits.name);
    names(
        "the name of an input",
        plan.inputs.iter().map(|input| &input.name),
        name,
    )?;
    names("the name of a moment", plan.moments.iter(), name)
}

fn names<'a>(
    what: &str,
    mut names: impl Iterator<Item = &'a String>,
    limit: (&str, u64),
) -> Result<(), Fault> {
    names.try_for_each(|name| bounded(what, name.len(), limit))
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
