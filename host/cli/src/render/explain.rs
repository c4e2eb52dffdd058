//! The calls of a policy in a scenario, for its author: arguments above, the answer below them.
//!
//! Numbers carry the names that the plan gives them, so the plan of the last `prepare` is kept at hand.

use std::fmt::Write as _;

use bytesize::ByteSize;
use ckpt_policy_conformance::conform::Usage;
use ckpt_policy_conformance::{Call, Exchange, RoundReport};
use ckpt_policy_core::contract::{
    Checkpoint, Fault, Observation, Plan, Prepared, Reduced, Round, Verdict,
};
use ckpt_policy_core::reduction_labels;
use ckpt_policy_core::text::Printable;
use sha2::{Digest as _, Sha256};

use super::number::short;
use super::scenarios::title;
use crate::commands::test::Outcome;

/// Returns all calls of all scenarios that were played.
pub(crate) fn explained(outcome: &Outcome) -> String {
    let mut all = String::new();
    for tested in &outcome.tested {
        if let Ok(played) = &tested.played {
            all.push_str(&format!("\n{}\n", Printable(&title(tested))));
            let mut story = Story::default();
            for round in &played.written.rounds {
                story.round(round);
            }
            all.push_str(&story.text);
        }
    }
    all
}

#[derive(Default)]
struct Story {
    text: String,
    inputs: Vec<String>,
    reductions: Vec<String>,
    moments: Vec<String>,
    /// Calls of `observe` since the last other call.
    observed: usize,
}

impl Story {
    fn round(&mut self, round: &RoundReport) {
        let note = round.note.as_ref().map(|note| format!(": {note}"));
        let note = note.unwrap_or_default();
        match round.at {
            Some((moment, step)) => {
                let number = round.number;
                self.line(0, &format!("round {number} ({moment}, step {step}){note}"));
            }
            None => self.line(0, "the opening"),
        }
        let asked = round.calls.iter();
        if !asked.clone().any(|call| call.function() == "decide") && round.found.is_some() {
            self.line(1, "the policy was not asked for a decision");
        }
        for call in asked {
            self.call(call);
        }
        self.end_observing();
    }

    fn call(&mut self, call: &Call) {
        if let Exchange::Observe {
            observation,
            answer,
            ..
        } = &call.exchange
        {
            self.observe(observation, answer, call.usage);
            return;
        }
        self.end_observing();
        match &call.exchange {
            // What a policy is, `inspect` shows.
            Exchange::Describe { .. } | Exchange::Observe { .. } => {}
            Exchange::Prepare {
                config,
                previous,
                answer,
            } => {
                self.line(1, &format!("prepare {config}{}", cost(call.usage)));
                if let Some(previous) = previous {
                    self.line(2, &format!("from the state {}", bytes(previous)));
                }
                self.answer(answer, Self::prepared);
            }
            Exchange::Decide {
                state,
                round,
                answer,
            } => {
                self.decide(round, call.usage);
                self.line(2, &format!("state {}", bytes(state)));
                self.answer(answer, Self::verdict);
            }
        }
    }

    fn prepared(&mut self, prepared: &Prepared) {
        let plan = &prepared.plan;
        self.know(plan);
        let (features, view, every) = (plan.features, plan.view, plan.every_steps.max(1));
        self.line(3, &format!("inputs {}", listed(&self.inputs)));
        self.line(
            3,
            &format!(
                "features {features}, reductions {}",
                listed(&self.reductions)
            ),
        );
        self.line(
            3,
            &format!(
                "view {view}, every-steps {every}, moments {}",
                listed(&self.moments)
            ),
        );
        self.line(3, &format!("settings {}", bytes(&prepared.settings)));
        self.line(3, &format!("state {}", bytes(&prepared.state)));
    }

    fn know(&mut self, plan: &Plan) {
        self.inputs = plan.inputs.iter().map(|input| input.name.clone()).collect();
        self.reductions = reduction_labels(plan);
        self.moments.clone_from(&plan.moments);
    }

    fn observe(
        &mut self,
        observation: &Observation,
        answer: &Result<Vec<Option<f64>>, Fault>,
        usage: Usage,
    ) {
        self.observed += 1;
        if self.observed > MOST_RANKS {
            return;
        }
        let values = observation.values.iter().map(|value| number(*value));
        let values = named(&self.inputs, values);
        let answer = match answer {
            Ok(features) => {
                let features = features.iter().map(|feature| number(*feature));
                format!("[{}]", features.collect::<Vec<_>>().join(", "))
            }
            Err(fault) => fault.to_string(),
        };
        let (rank, seen) = (observation.rank, observation.checkpoints.len());
        let seen = match seen {
            0 => String::new(),
            1 => ", 1 checkpoint".to_owned(),
            seen => format!(", {seen} checkpoints"),
        };
        // What is stored with a checkpoint that settles; no decision follows.
        let asked = observation.moment.map_or(", not asked", |_| "");
        let cost = cost(usage);
        self.line(
            1,
            &format!("observe on rank {rank}{asked}: {values}{seen} → {answer}{cost}"),
        );
    }

    /// Says of how many ranks nothing was said.
    fn end_observing(&mut self) {
        let more = self.observed.saturating_sub(MOST_RANKS);
        self.observed = 0;
        if more > 0 {
            self.line(1, &format!("observe on {more} more ranks"));
        }
    }

    fn decide(&mut self, round: &Round, usage: Usage) {
        let moment = self.moments.get(round.moment as usize);
        let moment = moment.map_or("?", String::as_str);
        let (step, candidate) = (round.step, round.candidate);
        let line = format!(
            "decide at {moment}, step {step}; a save would be checkpoint {candidate}{}",
            cost(usage)
        );
        self.line(1, &line);
        let labels = self.reductions.clone();
        for (index, value) in round.values.iter().enumerate() {
            let label = labels.get(index).map_or("?", String::as_str);
            self.line(2, &format!("{label} = {}", reduced(value)));
        }
        for checkpoint in &round.checkpoints {
            let line = self.checkpoint(checkpoint);
            self.line(2, &line);
        }
    }

    fn checkpoint(&self, checkpoint: &Checkpoint) -> String {
        let Checkpoint { id, step, .. } = checkpoint;
        let mut text = format!("checkpoint {id} of step {step}");
        let marks = [
            ("in flight", !checkpoint.complete),
            ("mine", checkpoint.mine),
            ("pinned", checkpoint.pinned),
        ];
        for (mark, _) in marks.iter().filter(|(_, is)| *is) {
            let _ = write!(text, ", {mark}");
        }
        if !checkpoint.tags.is_empty() {
            let _ = write!(text, ", tags {}", checkpoint.tags.join(" "));
        }
        let values = checkpoint.values.iter().map(|value| number(*value));
        let values = named(&self.reductions, values);
        if !values.is_empty() {
            let _ = write!(text, ": {values}");
        }
        text
    }

    fn verdict(&mut self, verdict: &Verdict) {
        let Verdict { ballot, reason, .. } = verdict;
        self.line(3, &format!("{ballot}: {reason}"));
        let figures = verdict.figures.iter();
        let figures = figures.map(|figure| format!("{} = {}", figure.name, figure.value));
        let labels = verdict.labels.iter();
        let labels = labels.map(|label| format!("{} = {}", label.name, label.checkpoint));
        let ids = |ids: &[u64]| ids.iter().map(u64::to_string).collect::<Vec<_>>();
        let parts = [
            ("figures", figures.collect()),
            ("tags", verdict.tags.clone()),
            ("labels", labels.collect()),
            ("hold", ids(&verdict.hold)),
            ("release", ids(&verdict.release)),
        ];
        for (name, parts) in parts.iter().filter(|(_, parts)| !parts.is_empty()) {
            self.line(3, &format!("{name} {}", parts.join(", ")));
        }
        if verdict.stop {
            self.line(3, "stop");
        }
        if let Some(step) = verdict.not_before {
            self.line(3, &format!("not before step {step}"));
        }
        self.line(3, &format!("state {}", bytes(&verdict.state)));
    }

    fn answer<T>(&mut self, answer: &Result<T, Fault>, show: impl FnOnce(&mut Self, &T)) {
        self.line(2, "→");
        match answer {
            Ok(answer) => show(self, answer),
            Err(fault) => self.line(3, &format!("error: {fault}")),
        }
    }

    fn line(&mut self, depth: usize, line: &str) {
        let _ = writeln!(self.text, "{:1$}{2}", "", 2 * depth, Printable(line));
    }
}

/// Ranks whose `observe` is shown; a machine reads the others in the JSON document.
const MOST_RANKS: usize = 16;
/// Bytes of text that is shown whole.
const LONG_TEXT: usize = 256;
/// Bytes that are shown as digits.
const LONG_BYTES: usize = 32;

fn cost(usage: Usage) -> String {
    match usage.fuel {
        0 => String::new(),
        fuel => format!(" ({fuel} fuel, {})", ByteSize(usage.memory)),
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

fn named(names: &[String], values: impl Iterator<Item = String>) -> String {
    let values = values.enumerate().map(|(index, value)| {
        let name = names.get(index).map_or("?", String::as_str);
        format!("{name} = {value}")
    });
    values.collect::<Vec<_>>().join(", ")
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "missing".to_owned(), |value| value.to_string())
}

fn reduced(value: &Reduced) -> String {
    match value {
        Reduced::Statistic(statistic) => {
            let mut text = statistic
                .value
                .map_or_else(|| "none".to_owned(), |value| value.to_string());
            for (what, ranks) in [
                ("not finite", statistic.non_finite),
                ("missing", statistic.missing),
            ] {
                if ranks > 0 {
                    let of = statistic.finite + statistic.non_finite + statistic.missing;
                    let _ = write!(text, ", {what} on {ranks} of {of} ranks");
                }
            }
            text
        }
        Reduced::Tally(tally) => format!(
            "{} yes, {} no, {} abstaining",
            tally.yes, tally.no, tally.abstaining
        ),
        Reduced::EveryRank(values) => {
            let ranks: Vec<String> = values
                .iter()
                .take(MOST_RANKS)
                .map(|value| value.map_or_else(|| "missing".to_owned(), short))
                .collect();
            let more = values.len().saturating_sub(MOST_RANKS);
            let more = if more > 0 {
                format!(", {more} more")
            } else {
                String::new()
            };
            format!("[{}{more}]", ranks.join(", "))
        }
    }
}

/// Shows bytes as text where they are text, else as digits where they are few.
fn bytes(bytes: &[u8]) -> String {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let length = bytes.len();
    match str::from_utf8(bytes) {
        _ if bytes.is_empty() => "empty".to_owned(),
        Ok(text) if length <= LONG_TEXT && !text.chars().any(char::is_control) => {
            format!("of {length} bytes `{text}`")
        }
        _ if length <= LONG_BYTES => format!("of {length} bytes {}", hex(bytes)),
        _ => format!(
            "of {length} bytes, sha256 {}…",
            &hex(&Sha256::digest(bytes))[..16]
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn bytes_are_shown_as_what_they_are() {
        assert_eq!(bytes(b""), "empty");
        assert_eq!(bytes(b"{\"best\":1}"), "of 10 bytes `{\"best\":1}`");
        assert_eq!(bytes(&[0, 255]), "of 2 bytes 00ff");
        assert_eq!(bytes(&[0; 33]), "of 33 bytes, sha256 7f9c9e31ac8256ca…");
    }
}
