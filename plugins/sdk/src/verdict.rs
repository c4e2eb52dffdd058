//! A policy's answer in a round, without the state, which is returned in its own way.

use crate::{Ballot, CheckpointId, Figure, Label, Round};

/// What a policy answers in a round.
///
/// Made by [`save`](Self::save), [`skip`](Self::skip), [`abstain`](Self::abstain) or
/// [`veto`](Self::veto); the rest is added.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The wish for this moment.
    pub ballot: Ballot,
    /// For people: why, with the numbers that decided.
    pub reason: String,
    /// For plots and the journal: figures behind the decision.
    pub figures: Vec<Figure>,
    /// For the trainer; stored with the checkpoint where this policy asks for one.
    pub tags: Vec<String>,
    /// Where all of this policy's labels point from now on; one left out is gone.
    pub labels: Vec<Label>,
    /// Checkpoints that this policy wants kept from now on. Who asks for a save holds it.
    pub hold: Vec<CheckpointId>,
    /// Checkpoints that this policy no longer needs. Beside a save it waits until that is complete.
    pub release: Vec<CheckpointId>,
    /// End the training after this moment.
    pub stop: bool,
    /// No need to ask again before this step.
    pub not_before: Option<u64>,
}

impl Verdict {
    /// Asks for a save.
    #[must_use]
    pub fn save(reason: impl Into<String>) -> Self {
        Self::new(Ballot::Save, reason.into())
    }

    /// Is against a save, without forbidding it.
    #[must_use]
    pub fn skip(reason: impl Into<String>) -> Self {
        Self::new(Ballot::Skip, reason.into())
    }

    /// Has no opinion.
    #[must_use]
    pub fn abstain(reason: impl Into<String>) -> Self {
        Self::new(Ballot::Abstain, reason.into())
    }

    /// Forbids a save that another policy asks for.
    #[must_use]
    pub fn veto(reason: impl Into<String>) -> Self {
        Self::new(Ballot::Veto, reason.into())
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

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        self.tags.push(tag.to_owned());
        self
    }

    /// Points a label at a checkpoint.
    #[must_use]
    pub fn label(mut self, name: &str, checkpoint: CheckpointId) -> Self {
        self.labels.push(Label {
            name: name.to_owned(),
            checkpoint,
        });
        self
    }

    /// Keeps one checkpoint: a save releases all others that the policy holds, and takes over the
    /// label from the newest of them.
    ///
    /// Nothing can be lost by it. The release waits until the new checkpoint is complete, and is
    /// void if it never becomes so.
    #[must_use]
    pub fn keeping_one(mut self, round: &Round, label: &str) -> Self {
        let mine = round.checkpoints.iter().filter(|one| one.mine);
        let newest = if self.ballot == Ballot::Save {
            let others = mine.filter(|one| one.id != round.candidate);
            self.release.extend(others.map(|one| one.id));
            Some(round.candidate)
        } else {
            round.newest_mine().map(|newest| newest.id)
        };
        match newest {
            Some(newest) => self.label(label, newest),
            None => self,
        }
    }

    fn new(ballot: Ballot, reason: String) -> Self {
        Self {
            ballot,
            reason,
            figures: Vec::new(),
            tags: Vec::new(),
            labels: Vec::new(),
            hold: Vec::new(),
            release: Vec::new(),
            stop: false,
            not_before: None,
        }
    }
}
