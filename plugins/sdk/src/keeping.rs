//! What the built-in policies share: which checkpoints stay, which go, and the labels.
//!
//! A policy says whether the new checkpoint should be kept ([`Wish`]); [`Keeper::verdict`] makes
//! the verdict of it. What is kept is read from the host's list in each round, never remembered,
//! so that a save which failed has never counted, and never cost the checkpoint that it was to
//! replace. The remembered part, [`KeepState`], is bounded.
//!
//! Rules: equal is not better; a score that is not finite is never saved as one of the best; among
//! the equal worst the oldest goes; a kept checkpoint without a known score counts as the worst.

mod config;
mod judge;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::config::{EvictBy, KeepConfig, Moment, SaveLast, TopK};
pub use self::judge::{Bar, Subject};
use crate::ranking::{Direction, Ranking, Scored};
use crate::seal::{FNV_BASIS, fnv};
use crate::{Ballot, Checkpoint, CheckpointId, Figure, Round, Verdict};

/// The rules by which one policy keeps checkpoints; part of its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeper {
    /// Which way is better.
    pub direction: Direction,
    /// How many are kept.
    pub top_k: TopK,
    /// Whether the newest stays beside them.
    pub save_last: SaveLast,
}

/// What the rules remember: little, and never more than a few numbers for each kept checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeepState {
    /// What the scores below are scores of; see [`KeepState::start`].
    meaning: u64,
    /// The best save so far; only where all are kept, and no list is shown.
    best: Option<(CheckpointId, f64)>,
    /// Saved though they did not enter the top-k (`save-last = "always"`).
    aside: Vec<CheckpointId>,
    /// The scores of what entered, for those that the host's list does not know.
    notes: Vec<Note>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    id: CheckpointId,
    scores: Scores,
}

/// The numbers by which a policy ranks one checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The policy's own score, which decides what enters and which one is the best.
    pub own: Option<f64>,
    /// What decides which one goes; the same number unless `evict-by` says otherwise.
    pub evict: Option<f64>,
}

impl Scores {
    /// Returns one score for both.
    #[must_use]
    pub fn same(score: Option<f64>) -> Self {
        Self {
            own: score,
            evict: score,
        }
    }
}

impl KeepState {
    /// Takes over a previous state where its scores still mean the same.
    ///
    /// `meaning` is all of the configuration that the scores depend on, such as the metric and the
    /// direction. Under another one the scores are forgotten, and come from the host's list again.
    #[must_use]
    pub fn start(meaning: &[&str], previous: Option<Self>) -> Self {
        let previous = previous.unwrap_or_default();
        if previous.means(meaning) {
            return previous;
        }
        Self {
            meaning: digest(meaning),
            aside: previous.aside,
            ..Self::default()
        }
    }

    /// Whether the scores in it have this meaning.
    #[must_use]
    pub fn means(&self, meaning: &[&str]) -> bool {
        self.meaning == digest(meaning)
    }

    fn forget(&mut self, round: &Round) {
        forget_unlisted(&mut self.aside, |id| round.lists(*id));
        forget_unlisted(&mut self.notes, |note| round.lists(note.id));
    }

    /// Returns what was noted, in the order of the ids.
    fn notes(&self) -> Vec<&Note> {
        let mut notes: Vec<&Note> = self.notes.iter().collect();
        notes.sort_unstable_by_key(|note| note.id);
        notes
    }
}

/// The checkpoints that a policy holds, with what it ranks them by.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// In the order of the ids: a change of the configuration can leave thousands to let go of.
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    id: CheckpointId,
    complete: bool,
    aside: bool,
    scores: Scores,
}

impl Kept {
    /// Ranks by the policy's own scores those that entered the top-k.
    #[must_use]
    pub fn by_own(&self, direction: Direction) -> Ranking {
        self.ranking(direction, |scores| scores.own)
    }

    /// Ranks by `evict-by` those that entered the top-k.
    #[must_use]
    pub fn by_eviction(&self, direction: Direction) -> Ranking {
        self.ranking(direction, |scores| scores.evict)
    }

    /// Returns how many there are, the newest beside the top-k included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn ranking(&self, direction: Direction, score: impl Fn(Scores) -> Option<f64>) -> Ranking {
        let entered = self.entries.iter().filter(|entry| !entry.aside);
        Ranking::new(
            direction,
            entered.map(|entry| Scored {
                id: entry.id,
                score: score(entry.scores),
            }),
        )
    }

    fn newest_complete(&self) -> Option<CheckpointId> {
        self.entries
            .iter()
            .filter(|entry| entry.complete)
            .map(|entry| entry.id)
            .max()
    }

    /// Whether this one is among them and entered the top-k.
    #[must_use]
    pub fn entered(&self, id: CheckpointId) -> bool {
        let place = self.entries.binary_search_by_key(&id, |entry| entry.id);
        place.is_ok_and(|place| !self.entries[place].aside)
    }

    fn all_complete_but(&self, gone: &[CheckpointId]) -> bool {
        let mut gone = gone.to_vec();
        gone.sort_unstable();
        let is_gone = |entry: &Entry| gone.binary_search(&entry.id).is_ok();
        self.entries
            .iter()
            .all(|entry| entry.complete || is_gone(entry))
    }
}

/// What a policy wants of the new checkpoint, before the rules of keeping.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    ballot: Ballot,
    scores: Scores,
    reason: String,
    figures: Vec<Figure>,
}

impl Wish {
    /// It should be kept as one of the best.
    #[must_use]
    pub fn enter(scores: Scores, reason: impl Into<String>) -> Self {
        Self {
            ballot: Ballot::Save,
            scores,
            reason: reason.into(),
            figures: Vec::new(),
        }
    }

    /// It is not good enough.
    #[must_use]
    pub fn stay_out(reason: impl Into<String>) -> Self {
        Self {
            ballot: Ballot::Skip,
            ..Self::enter(Scores::default(), reason)
        }
    }

    /// There is nothing to judge it by.
    #[must_use]
    pub fn no_opinion(reason: impl Into<String>) -> Self {
        Self {
            ballot: Ballot::Abstain,
            ..Self::enter(Scores::default(), reason)
        }
    }

    /// Adds a figure.
    #[must_use]
    pub fn figure(mut self, name: &str, value: f64) -> Self {
        self.figures.push(Figure {
            name: name.to_owned(),
            value,
        });
        self
    }

    /// Adds to the reason.
    #[must_use]
    pub fn because(mut self, more: &str) -> Self {
        self.reason.push_str(more);
        self
    }

    /// Whether it should be kept as one of the best.
    #[must_use]
    pub fn enters(&self) -> bool {
        self.ballot == Ballot::Save
    }
}

impl Keeper {
    /// Returns what the policy holds, of the list that the host shows.
    ///
    /// `scores` reads the scores of a checkpoint from its `values`; where these are missing, as for
    /// `every-rank`, the scores are what was noted when it was saved.
    pub fn kept(
        &self,
        state: &KeepState,
        checkpoints: &[Checkpoint],
        scores: impl Fn(&Checkpoint) -> Scores,
    ) -> Kept {
        let notes = state.notes();
        let note = |id| {
            let place = notes.binary_search_by_key(&id, |note| note.id);
            place.map_or_else(|_| Scores::default(), |place| notes[place].scores)
        };
        let mine = checkpoints.iter().filter(|checkpoint| checkpoint.mine);
        let entries = mine.map(|checkpoint| {
            let noted = note(checkpoint.id);
            let listed = scores(checkpoint);
            Entry {
                id: checkpoint.id,
                complete: checkpoint.complete,
                aside: state.aside.contains(&checkpoint.id),
                scores: Scores {
                    own: noted.own.or(listed.own),
                    evict: noted.evict.or(listed.evict),
                },
            }
        });
        let mut entries: Vec<Entry> = entries.collect();
        entries.sort_unstable_by_key(|entry| entry.id);
        Kept { entries }
    }

    /// Makes the verdict: the ballot, what is released, tags and labels.
    pub fn verdict(
        &self,
        state: &mut KeepState,
        round: &Round,
        kept: &Kept,
        wish: Wish,
    ) -> Verdict {
        let candidate = round.candidate;
        let enters = wish.enters() && !kept.entered(candidate);
        let saves = enters || (self.save_last == SaveLast::Always && !kept.entered(candidate));
        let best = self.best(state, kept);
        let is_best = enters && self.beats(wish.scores.own, best);

        let mut verdict = Verdict::abstain(reason(&wish, saves));
        verdict.figures = wish.figures;
        verdict.ballot = match (saves, wish.ballot) {
            (true, _) => Ballot::Save,
            (false, Ballot::Save) => Ballot::Abstain,
            (false, other) => other,
        };
        verdict.release = self.release(
            state,
            kept,
            &Step {
                candidate,
                saves,
                enters,
            },
        );
        if is_best {
            verdict = verdict.tag("best");
        }
        if saves && self.save_last != SaveLast::No {
            verdict = verdict.tag("last");
        }
        let best = if is_best {
            Some(candidate)
        } else {
            best.map(|(id, _)| id)
        };
        let last = if saves {
            Some(candidate)
        } else {
            kept.newest_complete()
        };
        verdict = point(
            verdict,
            best,
            last.filter(|_| self.save_last != SaveLast::No),
        );
        self.remember(
            state,
            round,
            &Step {
                candidate,
                saves,
                enters,
            },
            wish.scores,
        );
        verdict
    }

    /// Returns the best that is kept, with its score.
    fn best(&self, state: &KeepState, kept: &Kept) -> Option<(CheckpointId, f64)> {
        match self.top_k {
            TopK::All => state.best,
            TopK::Best(_) => kept.by_own(self.direction).best(),
        }
    }

    fn beats(&self, score: Option<f64>, best: Option<(CheckpointId, f64)>) -> bool {
        score.is_some_and(|score| best.is_none_or(|(_, best)| self.direction.better(score, best)))
    }

    /// Returns what is no longer needed.
    fn release(&self, state: &KeepState, kept: &Kept, step: &Step) -> Vec<CheckpointId> {
        let TopK::Best(k) = self.top_k else {
            let gone = state
                .aside
                .iter()
                .copied()
                .filter(|id| step.saves && *id != step.candidate);
            return gone.collect();
        };
        let room = (k as usize).saturating_sub(usize::from(step.enters));
        let ranked = kept.by_eviction(self.direction);
        let beyond = ranked.beyond(room).iter().rev().map(|one| one.id);
        let aside = kept
            .entries
            .iter()
            .filter(|entry| entry.aside)
            .map(|entry| entry.id);
        let mut gone: Vec<_> = aside
            .chain(beyond)
            .filter(|id| *id != step.candidate)
            .collect();
        if step.saves {
            return gone;
        }
        if self.save_last != SaveLast::No {
            let newest = kept.newest_complete();
            gone.retain(|id| Some(*id) != newest);
        }
        // Nothing new replaces them: let go only where all that stay are durable already.
        if kept.all_complete_but(&gone) {
            gone
        } else {
            Vec::new()
        }
    }

    fn remember(&self, state: &mut KeepState, round: &Round, step: &Step, scores: Scores) {
        let is_best = step.enters && self.beats(scores.own, state.best);
        match self.top_k {
            TopK::All if is_best => state.best = scores.own.map(|own| (step.candidate, own)),
            TopK::All => {}
            TopK::Best(_) => state.best = None,
        }
        state.forget(round);
        if !step.saves {
            return;
        }
        state.aside.retain(|id| *id != step.candidate);
        if !step.enters {
            state.aside.push(step.candidate);
        } else if matches!(self.top_k, TopK::Best(_)) {
            state.notes.retain(|note| note.id != step.candidate);
            state.notes.push(Note {
                id: step.candidate,
                scores,
            });
        }
    }
}

/// What this round does with the candidate.
struct Step {
    candidate: CheckpointId,
    saves: bool,
    enters: bool,
}

fn reason(wish: &Wish, saves: bool) -> String {
    let more = match (wish.enters(), saves) {
        (true, false) => "; the checkpoint of this step is kept already",
        (false, true) => "; saved as the last one",
        (true, true) | (false, false) => "",
    };
    format!("{}{more}", wish.reason)
}

fn point(verdict: Verdict, best: Option<CheckpointId>, last: Option<CheckpointId>) -> Verdict {
    let labels = [("best", best), ("last", last)];
    labels
        .into_iter()
        .fold(verdict, |verdict, (name, id)| match id {
            Some(id) => verdict.label(name, id),
            None => verdict,
        })
}

fn digest(meaning: &[&str]) -> u64 {
    meaning.iter().fold(FNV_BASIS, |hash, part| {
        fnv(fnv(hash, part.as_bytes()), &[0])
    })
}

/// Forgets the oldest of those that the host does not list, but for the last few: one that waits
/// for its release is not listed, and comes back if the save that was to replace it fails.
fn forget_unlisted<T>(remembered: &mut Vec<T>, listed: impl Fn(&T) -> bool) {
    let unlisted = remembered.iter().filter(|one| !listed(one)).count();
    let mut surplus = unlisted.saturating_sub(UNLISTED);
    remembered.retain(|one| {
        let goes = surplus > 0 && !listed(one);
        surplus -= usize::from(goes);
        !goes
    });
}

const UNLISTED: usize = 8;
