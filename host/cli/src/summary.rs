//! What a run came to under each policy of a configuration, counted while it is played.
//!
//! Responsible for the numbers of the summary; [`render`](crate::render) shows them. It sees only
//! what a journal holds, so the same numbers follow from a journal. Its size grows with the
//! checkpoints that are kept, not with the events.

use std::collections::{BTreeMap, BTreeSet};

use ckpt_policy_core::contract::{CheckpointId, Operation, Reduced, Statistic};
use ckpt_policy_core::{Mode, Number, Opinion, PolicyInfo, Shadow};
use serde::{Deserialize, Serialize};

use crate::replay::{Decision, Step};
use crate::trace::Row;

/// What was counted so far; a replay that is cut keeps it in its snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tally {
    /// Events that were played.
    pub(crate) events: u64,
    /// Events at which the ranks met.
    pub(crate) rounds: u64,
    /// Exchanges between the ranks, those of the opening apart.
    pub(crate) exchanges: u64,
    /// Saves that failed on some rank.
    pub(crate) failed_saves: u64,
    /// The checkpoints that exist.
    pub(crate) kept: BTreeSet<CheckpointId>,
    /// The run ended at an agreed stop.
    pub(crate) stopped: bool,
    /// By the names of the policies.
    pub(crate) policies: BTreeMap<String, Count>,
}

/// One policy's numbers. An enforced policy's ledger is the real one, a shadow's is its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Count {
    /// Events at which it was asked.
    pub(crate) asked: u64,
    /// Events at which it could not answer.
    pub(crate) errors: u64,
    /// The step at which it had failed too often; it was not asked any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) disabled: Option<u64>,
    /// Checkpoints that were written.
    pub(crate) saves: u64,
    /// Checkpoints that were deleted.
    pub(crate) deletions: u64,
    /// Events that were better than all before, and at which nothing was saved.
    pub(crate) missed: u64,
    /// The best score so far, saved or not.
    best: Option<Number>,
    /// The checkpoints in its ledger.
    kept: BTreeMap<CheckpointId, Mark>,
}

/// A kept checkpoint and its score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    step: u64,
    score: Option<Number>,
    /// Ranks whose number was NaN or infinite.
    non_finite: u32,
}

/// What a policy watches, for the columns that compare policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    /// The metric; `None` where the policy has none.
    pub(crate) monitor: Option<String>,
    /// Higher is better.
    pub(crate) higher: bool,
}

impl Watch {
    /// Reads it from the keys `monitor` and `mode` of a configuration, as all built-in policies
    /// have them; for others it is the first metric that the plan requires, and lower is better.
    pub(crate) fn of(info: &PolicyInfo, config: &serde_json::Value) -> Self {
        let named = config.get("monitor").and_then(serde_json::Value::as_str);
        let is_metric = |name: &str| !name.contains(':') && !name.starts_with("host.");
        let planned = || {
            let mut inputs = info.plan.inputs.iter();
            inputs.find(|input| input.required && is_metric(&input.name))
        };
        let monitor = named.or_else(|| planned().map(|input| input.name.as_str()));
        let higher = config.get("mode").and_then(serde_json::Value::as_str) == Some("max");
        Self {
            monitor: monitor.map(str::to_owned),
            higher,
        }
    }

    /// Returns the mean over the ranks, with the ranks behind it.
    pub(crate) fn score(&self, row: &Row) -> Option<Statistic> {
        let numbers = row.numbers(self.monitor.as_deref()?);
        match ckpt_policy_core::reduction::reduce(Operation::Mean, numbers, std::iter::empty()) {
            Reduced::Statistic(statistic) => Some(statistic),
            Reduced::EveryRank(_) | Reduced::Tally(_) => None,
        }
    }

    fn is_better(&self, score: f64, than: f64) -> bool {
        if self.higher {
            score > than
        } else {
            score < than
        }
    }
}

impl Tally {
    /// Adds one event. `watches` belong to `policies`, in the same order.
    pub(crate) fn add(&mut self, step: &Step, policies: &[PolicyInfo], watches: &[Watch]) {
        let Step { row, decision } = step;
        self.events += 1;
        self.rounds += u64::from(decision.met);
        self.stopped |= decision.stop;
        self.failed_saves += u64::from(decision.save && !decision.failed.is_empty());
        keep(decision, |id| _ = self.kept.insert(id));
        decision
            .delete
            .iter()
            .for_each(|id| _ = self.kept.remove(id));
        for (index, (info, watch)) in policies.iter().zip(watches).enumerate() {
            let count = self.policies.entry(info.name.clone()).or_default();
            let asked = decision
                .opinions
                .iter()
                .chain(decision.interrupted.iter().flatten());
            let own: Vec<&Opinion> = asked.filter(|opinion| opinion.policy == index).collect();
            let all = || {
                decision
                    .all_opinions()
                    .filter(|opinion| opinion.policy == index)
            };
            count.asked += u64::from(!own.is_empty());
            count.errors += u64::from(all().any(|opinion| opinion.error.is_some()));
            if decision.disabled.iter().any(|it| it.policy == index) {
                count.disabled = Some(row.step);
            }
            let mark = Mark::of(row, watch);
            let saved = match info.mode {
                Mode::Enforce => count.follow(decision, &mark),
                Mode::Shadow => {
                    let mut saved = false;
                    for shadow in own.iter().filter_map(|opinion| opinion.shadow.as_ref()) {
                        saved |= count.imagine(shadow, &mark);
                    }
                    saved
                }
            };
            let moments = &info.plan.moments;
            if moments.iter().any(|moment| moment == row.moment.name()) {
                count.compare(watch, &mark, saved);
            }
        }
    }

    /// Returns a policy's numbers.
    pub(crate) fn of(&self, name: &str) -> Count {
        self.policies.get(name).cloned().unwrap_or_default()
    }
}

impl Count {
    /// Follows the real ledger; returns whether this step is saved.
    fn follow(&mut self, decision: &Decision, mark: &Mark) -> bool {
        keep(decision, |id| {
            self.saves += 1;
            self.kept.insert(id, mark.clone());
        });
        self.drop_all(&decision.delete);
        decision.checkpoint.is_some() && decision.failed.is_empty()
    }

    /// Follows the policy's own ledger; returns whether this step is saved in it.
    fn imagine(&mut self, shadow: &Shadow, mark: &Mark) -> bool {
        if let (true, Some(id)) = (shadow.save, shadow.checkpoint) {
            self.saves += 1;
            self.kept.insert(id, mark.clone());
        }
        self.drop_all(&shadow.delete);
        shadow.checkpoint.is_some()
    }

    fn drop_all(&mut self, ids: &[CheckpointId]) {
        self.deletions += ids.len() as u64;
        ids.iter().for_each(|id| _ = self.kept.remove(id));
    }

    /// Notes an improvement, and whether it was missed.
    fn compare(&mut self, watch: &Watch, mark: &Mark, saved: bool) {
        let Some(score) = mark.trusted() else { return };
        if self.best.is_none_or(|best| watch.is_better(score, best.0)) {
            self.best = Some(Number(score));
            self.missed += u64::from(!saved);
        }
    }

    /// Returns how many checkpoints are kept.
    pub(crate) fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Returns how many of the kept ones were saved while some rank had a NaN or an infinity.
    pub(crate) fn kept_non_finite(&self) -> usize {
        self.kept
            .values()
            .filter(|mark| mark.non_finite > 0)
            .count()
    }

    /// Returns the best score that is kept, and its step; of equals the oldest.
    pub(crate) fn best_kept(&self, watch: &Watch) -> Option<(f64, u64)> {
        let scored = self
            .kept
            .values()
            .filter_map(|mark| Some((mark.trusted()?, mark.step)));
        scored.reduce(|best, other| {
            if watch.is_better(other.0, best.0) {
                other
            } else {
                best
            }
        })
    }
}

impl Mark {
    fn of(row: &Row, watch: &Watch) -> Self {
        let score = watch.score(row);
        Self {
            step: row.step,
            score: score.and_then(|score| score.value).map(Number),
            non_finite: score.map_or(0, |score| score.non_finite),
        }
    }

    /// A mean is to be trusted only where no rank has diverged.
    fn trusted(&self) -> Option<f64> {
        let score = self.score.filter(|_| self.non_finite == 0)?.0;
        score.is_finite().then_some(score)
    }
}

/// Calls `with` for a checkpoint that was written on all ranks.
fn keep(decision: &Decision, with: impl FnOnce(CheckpointId)) {
    if let (true, true, Some(id)) = (
        decision.save,
        decision.failed.is_empty(),
        decision.checkpoint,
    ) {
        with(id);
    }
}
