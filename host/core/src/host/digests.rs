//! The digests by which ranks confirm what they came to.

use crate::contract::Verdict;
use crate::digest::Digest;
use crate::outcome::Outcome;
use crate::reduction::canonical;

use super::Host;

impl Host {
    /// Returns the digest of an outcome and of the books that it leaves behind.
    pub(super) fn outcome_digest(&self, outcome: &Outcome, verdicts: &[u64]) -> u128 {
        let mut digest = Digest::new();
        digest
            .number(outcome.round.unwrap_or(0))
            .number(outcome.moment as u64);
        digest
            .flag(outcome.save)
            .option(outcome.checkpoint)
            .ids(&outcome.delete);
        digest
            .flag(outcome.stop)
            .flag(outcome.settle)
            .flag(outcome.interrupted);
        for disabled in &outcome.disabled {
            digest.number(disabled.policy as u64);
        }
        for ended in &outcome.ended {
            digest
                .number(ended.id)
                .number(ended.failed_ranks.len() as u64);
        }
        digest.ids(verdicts).wide(self.ledger.digest());
        for shadow in self.seats.iter().filter_map(|seat| seat.shadow.as_ref()) {
            digest.wide(shadow.digest());
        }
        digest.long()
    }
}

/// Returns the digest of all that a policy said.
pub(super) fn verdict_digest(verdict: &Verdict) -> u64 {
    let mut digest = Digest::new();
    digest
        .number(verdict.ballot as u64)
        .text(&verdict.reason)
        .bytes(&verdict.state);
    digest
        .ids(&verdict.hold)
        .ids(&verdict.release)
        .flag(verdict.stop)
        .option(verdict.not_before)
        .number(verdict.figures.len() as u64);
    for figure in &verdict.figures {
        let value = canonical(figure.value);
        digest.text(&figure.name).float(Some(value));
    }
    digest.number(verdict.tags.len() as u64);
    for tag in &verdict.tags {
        digest.text(tag);
    }
    digest.number(verdict.labels.len() as u64);
    for label in &verdict.labels {
        digest.text(&label.name).number(label.checkpoint);
    }
    // Zero stands for a policy that was not asked, one for an error.
    digest.short().max(2)
}
