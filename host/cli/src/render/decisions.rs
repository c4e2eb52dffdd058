//! The table of decisions, in pages, so that a long run needs no more memory than a short one.

use ckpt_policy_core::contract::Reduced;
use ckpt_policy_core::{Mode, Opinion, PolicyInfo};

use super::number::short;
use super::tables::{self, Page};
use crate::replay::{Decision, Step};
use crate::summary::{Tally, Watch};

/// Rows of one page.
const ROWS: usize = 500;

/// Characters of one policy's reason; the journal has all of it.
const REASON: usize = 160;

/// How many checkpoints a cell names.
const NAMED: usize = 6;

/// Collects rows until a page is full.
pub(crate) struct Decisions {
    page: Page,
    value: Value,
    rows: Vec<Vec<String>>,
}

/// What the column `value` shows.
enum Value {
    /// The mean of what a policy watches.
    Mean { head: String, watch: Watch },
    /// A number that a policy was given.
    Reduction {
        head: String,
        policy: usize,
        index: usize,
    },
}

impl Decisions {
    pub(crate) fn new(page: Page, policies: &[PolicyInfo], watches: &[Watch]) -> Self {
        Self {
            page,
            value: Value::of(policies, watches),
            rows: Vec::new(),
        }
    }

    /// Adds an event at which the ranks met; returns a page where one is full.
    pub(crate) fn add(
        &mut self,
        step: &Step,
        policies: &[PolicyInfo],
        tally: &Tally,
    ) -> Option<String> {
        if !step.decision.met {
            return None;
        }
        let Step { row, decision } = step;
        let kept: Vec<u64> = tally.kept.iter().copied().collect();
        self.rows.push(vec![
            row.step.to_string(),
            row.epoch.to_string(),
            self.value.show(step),
            votes(decision, policies),
            verdict(decision),
            reasons(decision, policies),
            ids(&kept),
            ids(&decision.delete),
        ]);
        (self.rows.len() == ROWS).then(|| self.page())
    }

    /// Returns the rows since the last page; nothing where there are none.
    pub(crate) fn page(&mut self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let value = self.value.head();
        let heads = [
            "step", "epoch", value, "votes", "verdict", "reason", "kept", "deleted",
        ];
        let mut table = self.page.table(&heads, &[0, 1, 2]);
        for row in self.rows.drain(..) {
            tables::add_row(&mut table, row);
        }
        tables::lines(&table)
    }
}

impl Value {
    /// The first number that an enforced policy is given, or the mean of what it watches.
    fn of(policies: &[PolicyInfo], watches: &[Watch]) -> Self {
        let enforced = |info: &PolicyInfo| info.mode == Mode::Enforce;
        let policy = policies.iter().position(enforced).unwrap_or(0);
        let number =
            |label: &&String| !(label.starts_with("tally(") || label.starts_with("every-rank("));
        let labels = policies
            .get(policy)
            .map_or(&[][..], |info| &info.reductions);
        if let Some(head) = labels.iter().find(number) {
            let index = labels.iter().position(|label| label == head).unwrap_or(0);
            return Self::Reduction {
                head: head.clone(),
                policy,
                index,
            };
        }
        let watch = watches.get(policy).cloned().unwrap_or(Watch {
            monitor: None,
            higher: false,
        });
        let head = watch
            .monitor
            .as_ref()
            .map_or_else(|| "value".to_owned(), |monitor| format!("mean({monitor})"));
        Self::Mean { head, watch }
    }

    fn head(&self) -> &str {
        match self {
            Self::Mean { head, .. } | Self::Reduction { head, .. } => head,
        }
    }

    fn show(&self, step: &Step) -> String {
        let statistic = match self {
            Self::Mean { watch, .. } => watch.score(&step.row),
            Self::Reduction { policy, index, .. } => {
                let mut opinions = step.decision.opinions.iter();
                let opinion = opinions.find(|opinion| opinion.policy == *policy);
                match opinion.and_then(|opinion| opinion.values.get(*index)) {
                    Some(Reduced::Statistic(statistic)) => Some(*statistic),
                    _ => None,
                }
            }
        };
        match statistic {
            None => String::new(),
            Some(statistic) => {
                let value = statistic.value.map_or_else(|| "none".to_owned(), short);
                match statistic.non_finite {
                    0 => value,
                    ranks => format!("{value} ({ranks} not finite)"),
                }
            }
        }
    }
}

/// What each policy said; with `*` a shadow, and with the ranks' votes where it counts them.
fn votes(decision: &Decision, policies: &[PolicyInfo]) -> String {
    let vote = |opinion: &Opinion| {
        let info = policies.get(opinion.policy)?;
        let shadow = if info.mode == Mode::Shadow { "*" } else { "" };
        let ballot = match opinion.ballot {
            Some(ballot) => ballot.to_string(),
            None => "error".to_owned(),
        };
        let tally = opinion.values.iter().find_map(|value| match value {
            Reduced::Tally(tally) => Some(format!(" {}:{}", tally.yes, tally.no)),
            _ => None,
        });
        Some(format!(
            "{}{shadow} {ballot}{}",
            info.name,
            tally.unwrap_or_default()
        ))
    };
    let asked = decision
        .opinions
        .iter()
        .chain(decision.interrupted.iter().flatten());
    asked.filter_map(vote).collect::<Vec<_>>().join(", ")
}

fn verdict(decision: &Decision) -> String {
    let id = decision
        .checkpoint
        .map_or_else(String::new, |id| format!(" #{id}"));
    let mut text = match (decision.save, &decision.refused) {
        (true, _) if !decision.failed.is_empty() => {
            let ranks: Vec<_> = decision.failed.iter().map(ToString::to_string).collect();
            format!("save{id} failed on rank {}", ranks.join(", "))
        }
        (true, _) => format!("save{id}"),
        (false, Some(why)) => format!("refused: {why}"),
        (false, None) if decision.checkpoint.is_some() => format!("keep{id}"),
        (false, None) => "-".to_owned(),
    };
    if decision.stop {
        text.push_str(", stop");
    }
    text
}

/// Why, in the words of the policies that count; all of them where none does.
fn reasons(decision: &Decision, policies: &[PolicyInfo]) -> String {
    let enforced = |opinion: &&Opinion| {
        policies
            .get(opinion.policy)
            .is_some_and(|info| info.mode == Mode::Enforce)
    };
    let asked = || {
        decision
            .opinions
            .iter()
            .chain(decision.interrupted.iter().flatten())
    };
    let counted: Vec<&Opinion> = asked().filter(enforced).collect();
    let reason = |opinion: &Opinion| match &opinion.error {
        Some(error) => format!("error: {}", cut(error)),
        None => cut(&opinion.reason),
    };
    match counted.as_slice() {
        [one] => reason(one),
        several => several
            .iter()
            .filter_map(|opinion| {
                Some(format!(
                    "{}: {}",
                    policies.get(opinion.policy)?.name,
                    reason(opinion)
                ))
            })
            .collect::<Vec<_>>()
            .join("; "),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(REASON) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn ids(ids: &[u64]) -> String {
    let hidden = ids.len().saturating_sub(NAMED);
    let named = ids[hidden..].iter().map(|id| format!("#{id}"));
    let more = (hidden > 0).then(|| format!("{hidden} more"));
    more.into_iter().chain(named).collect::<Vec<_>>().join(" ")
}
