//! Judges plans, and whether `observe` keeps to them.

use std::collections::BTreeSet;

use ckpt_policy_core::contract::{Operation, Plan, Source};
use ckpt_policy_core::{FACTS, Moment, nearest};

use super::FEATURES;
use super::configuration::Configured;
use crate::conform::calls::{Answer, Call, Shape};
use crate::conform::property::{Broken, Property};
use crate::conform::{Candidate, Finding, Passed, notation};

/// Judges the plans, and leaves the candidates whose plan a host can use.
pub(super) fn sound(candidates: &mut Vec<Candidate>) -> Result<Passed, Finding> {
    let cases = candidates.len() as u64;
    let mut first = None;
    candidates.retain(|candidate| {
        let wrong = mistakes(&candidate.prepared.plan);
        if !wrong.is_empty() && first.is_none() {
            let plan = notation::plan(&candidate.prepared.plan);
            first = Some(Finding {
                input: notation::text(&plan),
                ..Finding::of(wrong.join("; ")).under(&candidate.config)
            });
        }
        wrong.is_empty()
    });
    match first {
        None => Ok(Passed::tried(cases)),
        Some(finding) => Err(finding),
    }
}

/// Judges how many numbers `observe` returns, and leaves the candidates for which that is right.
pub(super) fn features(
    configured: &Configured<'_>,
    candidates: &mut Vec<Candidate>,
) -> Result<Passed, Finding> {
    if candidates.iter().all(|one| one.prepared.plan.features == 0) {
        return Ok(Passed::nothing("the plan has no features"));
    }
    let property = Property::new(FEATURES.id, configured.request);
    let parts = candidates.len();
    let (mut cases, mut part, mut first) = (0, 0, None);
    candidates.retain(|candidate| {
        part += 1;
        let held = counted(configured, candidate, property.part(part, parts));
        match held {
            Ok(tried) => cases += tried,
            Err(finding) => {
                first.get_or_insert_with(|| finding.under(&candidate.config));
                return false;
            }
        }
        true
    });
    match first {
        None => Ok(Passed::tried(cases)),
        Some(finding) => Err(finding),
    }
}

fn counted(
    configured: &Configured<'_>,
    candidate: &Candidate,
    property: Property<'_>,
) -> Result<u64, Finding> {
    let plan = &candidate.prepared.plan;
    if plan.features == 0 {
        return Ok(0);
    }
    property.holds(&Shape::any(plan).runs(), |run| {
        let scene = run.scene(plan, 0);
        for rank in scene.ranks() {
            let call = Call::Observe {
                state: candidate.prepared.state.clone(),
                observation: scene.observation(rank),
            };
            let answer = call.of(candidate, configured.policy.borrow_mut().as_mut());
            match answer {
                Ok(Answer::Features(features)) if features.len() != plan.features as usize => {
                    let what = format!(
                        "`observe` returned {} numbers, the plan has {} features",
                        features.len(),
                        plan.features
                    );
                    return Err(Broken {
                        what,
                        input: call.text(),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    })
}

fn mistakes(plan: &Plan) -> Vec<String> {
    let mut wrong = Vec::new();
    if plan.moments.is_empty() {
        wrong.push("it names no moment, so it would never be asked".to_owned());
    }
    wrong.extend(plan.moments.iter().filter_map(|name| moment(name)));
    wrong.extend(twice("moment", plan.moments.iter()));
    wrong.extend(plan.inputs.iter().enumerate().filter_map(|(index, input)| {
        match input.name.as_str() {
            "" => Some(format!("input {index} has no name")),
            name if input.required => fact(name),
            _ => None,
        }
    }));
    wrong.extend(twice("input", plan.inputs.iter().map(|input| &input.name)));
    wrong.extend(sizes(plan));
    for (index, reduction) in plan.reductions.iter().enumerate() {
        wrong.extend(source(plan, index, reduction.source));
        if let Operation::WeightedMean(weight) = reduction.operation {
            wrong.extend(source(plan, index, weight));
        }
    }
    wrong
}

fn moment(name: &str) -> Option<String> {
    let known = Moment::ALL.map(Moment::name);
    if known.contains(&name) {
        return None;
    }
    let hint = nearest(name, known.into_iter());
    let hint = hint.map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
    Some(format!("the moment `{name}` is unknown{hint}"))
}

fn fact(name: &str) -> Option<String> {
    if !name.starts_with("host.") || FACTS.contains(&name) {
        return None;
    }
    Some(format!(
        "the input `{name}` is required, but no fact of the host has that name"
    ))
}

fn twice<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    let mut seen = BTreeSet::new();
    let again = names.into_iter().find(|name| !seen.insert(*name))?;
    Some(format!("it names the {what} `{again}` twice"))
}

fn sizes(plan: &Plan) -> impl Iterator<Item = String> {
    let counts = [
        ("inputs", plan.inputs.len()),
        ("features", plan.features as usize),
        ("reductions", plan.reductions.len()),
    ];
    let large = counts.into_iter().filter(|(_, count)| *count > MOST);
    large.map(|(what, count)| format!("it has {count} {what}, at most {MOST} are allowed"))
}

fn source(plan: &Plan, index: usize, source: Source) -> Option<String> {
    let (what, at, count) = match source {
        Source::Input(at) => ("input", at, plan.inputs.len()),
        Source::Feature(at) => ("feature", at, plan.features as usize),
    };
    let inside = (at as usize) < count;
    (!inside).then(|| format!("reduction {index} reads {what} {at}, but the plan has {count}"))
}

/// What a host allows of each.
const MOST: usize = 4096;
