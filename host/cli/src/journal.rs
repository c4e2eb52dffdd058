//! The journal: the trace's lines with what was decided, and why.
//!
//! Responsible for the format of `FORMATS.md`. It holds no time, engine, path or host name of the
//! replay, so the same trace under the same configuration gives the same bytes anywhere. It
//! decides nothing, and it knows nothing of files: it writes to whatever it is given.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::num::NonZeroU64;

use ckpt_policy_core::contract::{Ballot, CheckpointId, Figure, Reduced};
use ckpt_policy_core::{Combine, Disabled, Mode, Number, OnError, Opinion, PolicyInfo};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::json;
use crate::replay::{Decision, Step};
use crate::trace::Header;

/// The version of the format that this program writes.
pub const VERSION: u64 = 1;

/// Who decided: what the header says of the configuration.
#[derive(Debug)]
pub struct DecidedBy<'a> {
    /// How wishes were combined.
    pub combine: Combine,
    /// The policies, in the order of the configuration.
    pub policies: &'a [PolicyInfo],
    /// Their configurations, in the same order.
    pub configs: Vec<&'a serde_json::Value>,
}

/// Writes the header: the trace's, with the journal's version and who decided.
///
/// # Errors
///
/// The writer's.
pub fn write_header(to: &mut dyn Write, header: &Header, by: &DecidedBy<'_>) -> io::Result<()> {
    json::write_line(to, &HeaderLine { header, by })
}

/// Writes one event with its decision.
///
/// # Errors
///
/// The writer's.
pub fn write_step(to: &mut dyn Write, step: &Step, policies: &[PolicyInfo]) -> io::Result<()> {
    json::write_line(to, &StepLine { step, policies })
}

/// Returns what policies said as the journal writes it: a JSON list.
#[must_use]
pub fn opinions_json(opinions: &[Opinion], policies: &[PolicyInfo]) -> String {
    serde_json::to_string(&lines(opinions, policies)).unwrap_or_default()
}

struct HeaderLine<'a> {
    header: &'a Header,
    by: &'a DecidedBy<'a>,
}

impl Serialize for HeaderLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let policies: Vec<_> = self
            .by
            .policies
            .iter()
            .zip(&self.by.configs)
            .map(|(info, config)| PolicyLine {
                name: &info.name,
                mode: info.mode,
                on_error: info.on_error,
                disable_after: info.disable_after,
                sha256: &info.digest,
                config,
            })
            .collect();
        let mut map = serializer.serialize_map(None)?;
        self.header.line.write_into(&mut map)?;
        map.serialize_entry("journal", &VERSION)?;
        let combine = self.by.combine;
        map.serialize_entry("decided-by", &DecidedByLine { combine, policies })?;
        map.end()
    }
}

#[derive(Serialize)]
struct DecidedByLine<'a> {
    combine: Combine,
    policies: Vec<PolicyLine<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct PolicyLine<'a> {
    name: &'a str,
    mode: Mode,
    on_error: OnError,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_after: Option<NonZeroU64>,
    sha256: &'a str,
    config: &'a serde_json::Value,
}

struct StepLine<'a> {
    step: &'a Step,
    policies: &'a [PolicyInfo],
}

fn lines<'a>(opinions: &'a [Opinion], policies: &'a [PolicyInfo]) -> Vec<OpinionLine<'a>> {
    let line =
        |opinion: &'a Opinion| Some(OpinionLine::new(opinion, policies.get(opinion.policy)?));
    opinions.iter().filter_map(line).collect()
}

impl Serialize for StepLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let decision = &self.step.decision;
        let mut map = serializer.serialize_map(None)?;
        self.step.row.line.write_into(&mut map)?;
        map.serialize_entry("outcome", &OutcomeLine::new(decision, self.policies))?;
        map.serialize_entry("policies", &lines(&decision.opinions, self.policies))?;
        map.serialize_entry("settled", &lines(&decision.settled, self.policies))?;
        if let Some(interrupted) = &decision.interrupted {
            map.serialize_entry("interrupted", &lines(interrupted, self.policies))?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct OutcomeLine<'a> {
    save: bool,
    checkpoint: Option<CheckpointId>,
    tags: &'a [String],
    delete: &'a [CheckpointId],
    stop: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    failed: &'a [u32],
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    disabled: Vec<DisabledLine<'a>>,
}

#[derive(Serialize)]
struct DisabledLine<'a> {
    name: &'a str,
    failures: u64,
    error: &'a str,
}

impl<'a> OutcomeLine<'a> {
    fn new(decision: &'a Decision, policies: &'a [PolicyInfo]) -> Self {
        let disabled = |disabled: &'a Disabled| {
            Some(DisabledLine {
                name: &policies.get(disabled.policy)?.name,
                failures: disabled.failures,
                error: &disabled.error,
            })
        };
        Self {
            save: decision.save,
            checkpoint: decision.checkpoint,
            tags: &decision.tags,
            delete: &decision.delete,
            stop: decision.stop,
            failed: &decision.failed,
            refused: decision.refused.as_deref(),
            disabled: decision.disabled.iter().filter_map(disabled).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct OpinionLine<'a> {
    name: &'a str,
    mode: Mode,
    ballot: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    against: bool,
    reason: &'a str,
    values: Named<'a, ReducedLine<'a>>,
    /// Only for values behind which not every rank stood with a finite number.
    #[serde(skip_serializing_if = "Named::is_empty")]
    ranks: Named<'a, RanksLine>,
    figures: Named<'a, Number>,
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "Named::is_empty")]
    labels: Named<'a, CheckpointId>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    hold: &'a [CheckpointId],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    release: &'a [CheckpointId],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stop: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<ShadowLine<'a>>,
}

impl<'a> OpinionLine<'a> {
    fn new(opinion: &'a Opinion, info: &'a PolicyInfo) -> Self {
        let labelled = || {
            info.reductions
                .iter()
                .map(String::as_str)
                .zip(&opinion.values)
        };
        let figures = |figure: &'a Figure| (figure.name.as_str(), Number(figure.value));
        Self {
            name: &info.name,
            mode: info.mode,
            ballot: opinion.ballot.map(|ballot| counted(ballot).to_string()),
            against: opinion.ballot == Some(Ballot::Skip),
            reason: &opinion.reason,
            values: labelled()
                .map(|(label, value)| (label, ReducedLine(value)))
                .collect(),
            ranks: labelled()
                .filter_map(|(label, value)| Some((label, RanksLine::of(value)?)))
                .collect(),
            figures: opinion.figures.iter().map(figures).collect(),
            error: opinion.error.as_deref(),
            tags: &opinion.tags,
            labels: opinion
                .labels
                .iter()
                .map(|label| (label.name.as_str(), label.checkpoint))
                .collect(),
            hold: &opinion.hold,
            release: &opinion.release,
            stop: opinion.stop,
            not_before: opinion.not_before,
            shadow: opinion.shadow.as_ref().map(|shadow| ShadowLine {
                save: shadow.save,
                checkpoint: shadow.checkpoint,
                delete: &shadow.delete,
            }),
        }
    }
}

/// To be against a save is to abstain from it, and to say so.
fn counted(ballot: Ballot) -> Ballot {
    match ballot {
        Ballot::Skip => Ballot::Abstain,
        ballot => ballot,
    }
}

#[derive(Serialize)]
struct ShadowLine<'a> {
    save: bool,
    checkpoint: Option<CheckpointId>,
    delete: &'a [CheckpointId],
}

/// An object in the order of its making; of two equal names the first one counts.
struct Named<'a, T>(Vec<(&'a str, T)>);

impl<T> Named<'_, T> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a, T> FromIterator<(&'a str, T)> for Named<'a, T> {
    fn from_iter<I: IntoIterator<Item = (&'a str, T)>>(entries: I) -> Self {
        let mut seen = BTreeMap::new();
        let is_new = |(name, _): &(&'a str, T)| seen.insert(*name, ()).is_none();
        Self(entries.into_iter().filter(is_new).collect())
    }
}

impl<T: Serialize> Serialize for Named<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

struct ReducedLine<'a>(&'a Reduced);

impl Serialize for ReducedLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Reduced::Statistic(statistic) => statistic.value.map(Number).serialize(serializer),
            Reduced::EveryRank(numbers) => {
                serializer.collect_seq(numbers.iter().map(|number| number.map(Number)))
            }
            Reduced::Tally(tally) => {
                let mut map = serializer.serialize_map(Some(3))?;
                map.serialize_entry("yes", &tally.yes)?;
                map.serialize_entry("no", &tally.no)?;
                map.serialize_entry("abstaining", &tally.abstaining)?;
                map.end()
            }
        }
    }
}

/// How many ranks stood behind a number.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct RanksLine {
    finite: u32,
    non_finite: u32,
    missing: u32,
}

impl RanksLine {
    fn of(value: &Reduced) -> Option<Self> {
        match value {
            Reduced::Statistic(counts) if counts.non_finite + counts.missing > 0 => Some(Self {
                finite: counts.finite,
                non_finite: counts.non_finite,
                missing: counts.missing,
            }),
            _ => None,
        }
    }
}
