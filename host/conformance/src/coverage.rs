//! What of a policy its scenarios reached: moments, ballots, the parts of a verdict, situations of a
//! run, and configuration keys.
//!
//! Counts what was recorded ([`run_recorded`](crate::run_recorded)) and demands nothing: a policy that
//! never vetoes has a veto that nobody reached.

use std::collections::{BTreeMap, BTreeSet};

use ckpt_policy_core::contract::{Fault, Plan, Round as Asked, Verdict};

use crate::record::{Call, Exchange};
use crate::report::{Report, RoundReport};
use crate::scenario::{Plot, Round, Scenario};

/// What scenarios reached, policy by policy.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    policies: BTreeMap<String, PolicyCoverage>,
}

/// What the scenarios of one policy reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyCoverage {
    /// The policy, as a scenario names it.
    pub policy: String,
    /// Scenarios that were played to it.
    pub scenarios: usize,
    /// Times that it was asked for a decision.
    pub decisions: usize,
    /// What can be reached, by kind.
    pub groups: Vec<Group>,
}

/// What can be reached, of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The kind, such as `moments`.
    pub name: &'static str,
    /// Each thing.
    pub items: Vec<Item>,
}

/// One thing that can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is, such as `validation-end`.
    pub name: String,
    /// How often: decisions of that kind, rounds in that situation, scenarios with that key.
    pub count: usize,
}

impl Coverage {
    /// Counts a scenario that was played and recorded.
    pub fn add(&mut self, scenario: &Scenario, report: &Report) {
        let name = scenario.policy.to_string();
        let policy = self
            .policies
            .entry(name)
            .or_insert_with_key(|name| PolicyCoverage::new(name));
        policy.add(scenario, report);
    }

    /// Returns what was counted, in the order of the policies' names.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyCoverage> {
        self.policies.values()
    }
}

impl PolicyCoverage {
    fn new(policy: &str) -> Self {
        let group = |name, items: &[&str]| Group {
            name,
            items: items.iter().map(|name| Item::new(name)).collect(),
        };
        Self {
            policy: policy.to_owned(),
            scenarios: 0,
            decisions: 0,
            groups: vec![
                group(MOMENTS, &[]),
                group(BALLOTS, &["save", "skip", "abstain", "veto"]),
                group(VERDICTS, &PARTS),
                group(SITUATIONS, &ALL_SITUATIONS),
                group(KEYS, &[]),
            ],
        }
    }

    /// Returns what was reached of one kind.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    fn add(&mut self, scenario: &Scenario, report: &Report) {
        self.scenarios += 1;
        let mut plan = None;
        let mut keys = BTreeSet::new();
        let mut ranks = scenario.ranks;
        for (index, round) in report.rounds.iter().enumerate() {
            for call in &round.calls {
                self.call(call, &mut plan, &mut keys);
            }
            let Plot::Rounds(rounds) = &scenario.plot else {
                continue;
            };
            if let (Some(written), Some(plan)) = (rounds.get(index), &plan) {
                self.situations(written, round, plan, &mut ranks);
            }
        }
        for key in keys {
            self.reach(KEYS, &key);
        }
    }

    fn call(&mut self, call: &Call, plan: &mut Option<Plan>, keys: &mut BTreeSet<String>) {
        match &call.exchange {
            Exchange::Describe { answer: Ok(said) } => self.know_keys(&said.config_schema),
            Exchange::Prepare { config, answer, .. } => {
                keys.extend(keys_of(config));
                match answer {
                    Ok(prepared) => {
                        for moment in &prepared.plan.moments {
                            self.entry(MOMENTS, moment);
                        }
                        *plan = Some(prepared.plan.clone());
                    }
                    Err(Fault::Config(_)) => self.reach(VERDICTS, "configuration refused"),
                    Err(_) => self.reach(VERDICTS, "error"),
                }
            }
            Exchange::Decide { round, answer, .. } => self.decision(plan.as_ref(), round, answer),
            Exchange::Observe { answer: Err(_), .. } => self.reach(VERDICTS, "error"),
            Exchange::Describe { answer: Err(_) } | Exchange::Observe { .. } => {}
        }
    }

    fn decision(&mut self, plan: Option<&Plan>, round: &Asked, answer: &Result<Verdict, Fault>) {
        self.decisions += 1;
        let moment = plan.and_then(|plan| plan.moments.get(round.moment as usize));
        if let Some(moment) = moment {
            self.reach(MOMENTS, moment);
        }
        match answer {
            Ok(verdict) => self.verdict(verdict),
            Err(_) => self.reach(VERDICTS, "error"),
        }
    }

    fn verdict(&mut self, verdict: &Verdict) {
        self.reach(BALLOTS, &verdict.ballot.to_string());
        let said = [
            ("hold", !verdict.hold.is_empty()),
            ("release", !verdict.release.is_empty()),
            ("labels", !verdict.labels.is_empty()),
            ("tags", !verdict.tags.is_empty()),
            ("figures", !verdict.figures.is_empty()),
            ("stop", verdict.stop),
            ("not-before", verdict.not_before.is_some()),
        ];
        for (part, _) in said.iter().filter(|(_, said)| *said) {
            self.reach(VERDICTS, part);
        }
    }

    fn situations(&mut self, written: &Round, round: &RoundReport, plan: &Plan, ranks: &mut u32) {
        let Some(found) = &round.found else { return };
        let inputs = plan.inputs.iter().map(|input| input.name.as_str());
        let metrics: Vec<&str> = inputs.filter(|name| !name.starts_with("host.")).collect();
        let with = |name: &str| {
            let has = |metrics: &&ckpt_policy_core::Metrics| metrics.get(name).is_some();
            written.metrics.iter().filter(has).count()
        };
        let world = written.metrics.len();
        let not_finite = |metrics: &ckpt_policy_core::Metrics| {
            let values = values(metrics, plan);
            values.into_iter().any(|value| !value.is_finite())
        };
        let any = |is: fn(usize, usize) -> bool| metrics.iter().any(|name| is(with(name), world));
        let resumed = written.resume.as_ref();
        let reached = [
            (
                "not finite",
                found.asked && written.metrics.iter().any(not_finite),
            ),
            (
                "missing on some",
                found.asked && any(|with, of| with > 0 && with < of),
            ),
            ("missing on all", found.asked && any(|with, _| with == 0)),
            ("one rank", world == 1),
            ("save fails", found.save && !written.save.fails.is_empty()),
            ("save in flight", found.save && written.save.takes > 0),
            ("resume", resumed.is_some()),
            (
                "other world size",
                resumed.is_some_and(|cut| cut.ranks != *ranks),
            ),
            ("interrupted", found.interrupted),
        ];
        *ranks = resumed.map_or(*ranks, |cut| cut.ranks);
        for (situation, _) in reached.iter().filter(|(_, came)| *came) {
            self.reach(SITUATIONS, situation);
        }
    }

    fn know_keys(&mut self, schema: &str) {
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap_or_default();
        let properties = schema.get("properties").and_then(|keys| keys.as_object());
        for key in properties.into_iter().flat_map(serde_json::Map::keys) {
            self.entry(KEYS, key);
        }
    }

    fn reach(&mut self, group: &'static str, name: &str) {
        self.entry(group, name).count += 1;
    }

    /// Returns the item of this name, which may be new.
    fn entry(&mut self, group: &'static str, name: &str) -> &mut Item {
        let at = self.groups.iter().position(|known| known.name == group);
        let items = &mut self.groups[at.expect("each group is there from the start")].items;
        let at = items.iter().position(|item| item.name == name);
        let at = at.unwrap_or_else(|| {
            items.push(Item::new(name));
            items.len() - 1
        });
        &mut items[at]
    }
}

impl Group {
    /// Returns the names of what nothing reached.
    pub fn never(&self) -> impl Iterator<Item = &str> {
        let never = self.items.iter().filter(|item| item.count == 0);
        never.map(|item| item.name.as_str())
    }
}

impl Item {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            count: 0,
        }
    }
}

const MOMENTS: &str = "moments";
const BALLOTS: &str = "ballots";
const VERDICTS: &str = "verdicts";
const SITUATIONS: &str = "situations";
const KEYS: &str = "keys";

const PARTS: [&str; 9] = [
    "hold",
    "release",
    "labels",
    "tags",
    "figures",
    "stop",
    "not-before",
    "error",
    "configuration refused",
];

const ALL_SITUATIONS: [&str; 9] = [
    "not finite",
    "missing on some",
    "missing on all",
    "one rank",
    "save fails",
    "save in flight",
    "resume",
    "other world size",
    "interrupted",
];

/// Returns what a rank has of the plan's inputs.
fn values(metrics: &ckpt_policy_core::Metrics, plan: &Plan) -> Vec<f64> {
    let inputs = plan.inputs.iter();
    inputs
        .filter_map(|input| metrics.get(&input.name))
        .collect()
}

fn keys_of(config: &str) -> Vec<String> {
    let config: serde_json::Value = serde_json::from_str(config).unwrap_or_default();
    let keys = config
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::keys);
    keys.cloned().collect()
}
