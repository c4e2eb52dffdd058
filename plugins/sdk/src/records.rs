//! Conveniences on the contract's records: making a plan, reading a round.
//!
//! Reading never panics: an answer of the host that does not fit the plan is an [`Error::Failed`].

use crate::{
    Checkpoint, CheckpointId, Error, Input, Observation, Operation, Plan, Reduced, Reduction,
    Round, Source, Statistic, Tally, View,
};

impl Plan {
    /// Returns a plan that asks at these moments and needs nothing else yet.
    #[must_use]
    pub fn at<M: Into<String>>(moments: impl IntoIterator<Item = M>) -> Self {
        Self {
            inputs: Vec::new(),
            features: 0,
            reductions: Vec::new(),
            view: View::None,
            moments: moments.into_iter().map(Into::into).collect(),
            every_steps: 0,
            passive: false,
        }
    }

    /// Adds an input; the first has index 0. One that is there already is not added again.
    #[must_use]
    pub fn reads(mut self, input: Input) -> Self {
        self.place_input(input);
        self
    }

    /// Adds an input unless it is there already, and returns its index. Required by one is required.
    pub fn place_input(&mut self, input: Input) -> u32 {
        let found = self
            .inputs
            .iter()
            .position(|known| known.name == input.name);
        let index = match found {
            Some(index) => {
                self.inputs[index].required |= input.required;
                index
            }
            None => {
                self.inputs.push(input);
                self.inputs.len() - 1
            }
        };
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// Adds a reduction; the first has index 0. One that is there already is not added again.
    #[must_use]
    pub fn reduces(mut self, reduction: Reduction) -> Self {
        self.place(reduction);
        self
    }

    /// Says how many numbers `observe` makes on each rank.
    #[must_use]
    pub fn makes(mut self, features: u32) -> Self {
        self.features = features;
        self
    }

    /// Says which checkpoints the policy is shown; by default none.
    #[must_use]
    pub fn shows(mut self, view: View) -> Self {
        self.view = view;
        self
    }

    /// Adds a reduction unless it is there already, and returns its index.
    pub fn place(&mut self, reduction: Reduction) -> u32 {
        let found = self.reductions.iter().position(|known| *known == reduction);
        let index = found.unwrap_or_else(|| {
            self.reductions.push(reduction);
            self.reductions.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }
}

impl Input {
    /// Returns an input without which the policy cannot be asked.
    #[must_use]
    pub fn required(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            required: true,
        }
    }

    /// Returns an input that may be missing on all ranks.
    #[must_use]
    pub fn optional(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            required: false,
        }
    }
}

impl Reduction {
    /// Returns a reduction of the input with this index.
    #[must_use]
    pub fn of_input(input: u32, operation: Operation) -> Self {
        Self {
            source: Source::Input(input),
            operation,
        }
    }

    /// Returns a reduction of the feature with this index.
    #[must_use]
    pub fn of_feature(feature: u32, operation: Operation) -> Self {
        Self {
            source: Source::Feature(feature),
            operation,
        }
    }

    /// Returns the mean of the input with this index.
    #[must_use]
    pub fn mean(input: u32) -> Self {
        Self::of_input(input, Operation::Mean)
    }

    /// Returns the tally of the feature with this index: yes, no and abstaining.
    #[must_use]
    pub fn tally(feature: u32) -> Self {
        Self::of_feature(feature, Operation::Tally)
    }
}

impl Checkpoint {
    /// Returns a number of when it was saved: this rank's input with this index in `observe`, the
    /// reduction with this index in `decide`. `None` where it is not known, or not finite.
    #[must_use]
    pub fn value(&self, index: u32) -> Option<f64> {
        finite(&self.values, index)
    }
}

impl Observation {
    /// Returns this rank's input with this index; `None` where it is missing, or not finite.
    #[must_use]
    pub fn value(&self, index: u32) -> Option<f64> {
        finite(&self.values, index)
    }

    /// Returns the newest checkpoint that the policy holds, complete or still being written.
    #[must_use]
    pub fn newest_mine(&self) -> Option<&Checkpoint> {
        newest_mine(&self.checkpoints)
    }
}

impl Round {
    /// Returns the reduced number with this index.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] where the host answered with something else.
    pub fn statistic(&self, index: u32) -> Result<&Statistic, Error> {
        match self.reduced(index)? {
            Reduced::Statistic(statistic) => Ok(statistic),
            Reduced::Tally(_) | Reduced::EveryRank(_) => Err(unfit(index, "a statistic")),
        }
    }

    /// Returns the tally with this index.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] where the host answered with something else.
    pub fn tally(&self, index: u32) -> Result<&Tally, Error> {
        match self.reduced(index)? {
            Reduced::Tally(tally) => Ok(tally),
            Reduced::Statistic(_) | Reduced::EveryRank(_) => Err(unfit(index, "a tally")),
        }
    }

    /// Returns every rank's number under this index, in the order of the ranks.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] where the host answered with something else.
    pub fn every_rank(&self, index: u32) -> Result<&[Option<f64>], Error> {
        match self.reduced(index)? {
            Reduced::EveryRank(numbers) => Ok(numbers),
            Reduced::Statistic(_) | Reduced::Tally(_) => Err(unfit(index, "every rank's number")),
        }
    }

    /// Whether the host lists this checkpoint: it is there, or being written.
    #[must_use]
    pub fn lists(&self, id: CheckpointId) -> bool {
        // Oldest first, and ids rise with time.
        self.checkpoints
            .binary_search_by_key(&id, |checkpoint| checkpoint.id)
            .is_ok()
    }

    /// Returns the newest checkpoint that the policy holds, complete or still being written.
    #[must_use]
    pub fn newest_mine(&self) -> Option<&Checkpoint> {
        newest_mine(&self.checkpoints)
    }

    /// Returns the minutes since a checkpoint was saved; `None` where the host has no clock, now or
    /// then.
    #[must_use]
    pub fn minutes_since(&self, checkpoint: &Checkpoint) -> Option<f64> {
        Some((self.elapsed_seconds? - checkpoint.elapsed_seconds?) / 60.0)
    }

    fn reduced(&self, index: u32) -> Result<&Reduced, Error> {
        self.values
            .get(index as usize)
            .ok_or_else(|| unfit(index, "an answer"))
    }
}

fn finite(values: &[Option<f64>], index: u32) -> Option<f64> {
    let value = values.get(index as usize).copied().flatten();
    value.filter(|number| number.is_finite())
}

/// The host lists the oldest first.
fn newest_mine(checkpoints: &[Checkpoint]) -> Option<&Checkpoint> {
    checkpoints.iter().rev().find(|checkpoint| checkpoint.mine)
}

fn unfit(index: u32, wanted: &str) -> Error {
    Error::Failed(format!(
        "reduction {index} of the plan: expected {wanted}, found something else"
    ))
}
