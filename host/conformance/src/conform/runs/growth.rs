//! Whether the state stays bounded, however long a run lasts.

use ckpt_policy_core::contract::{Fault, Prepared, Round};

use super::super::{Candidate, Finding, Measured, Passed, Trial, Way};
use super::play::Trouble;
use super::sketch::{MOST_KEPT, Sketch};

/// The first configuration sees all rounds that the request names, each further one a part.
pub(super) fn growth(trial: &Trial<'_>) -> Result<Passed, Finding> {
    let rounds = trial.request.depth.rounds;
    let mut passed = Passed::default();
    for (index, candidate) in trial.candidates.iter().enumerate() {
        let rounds = if index == 0 {
            rounds
        } else {
            (rounds / PART).max(rounds.min(LEAST))
        };
        let longest = grow(trial, candidate, rounds).map_err(Trouble::into_finding)?;
        passed.cases += u64::from(rounds);
        if index == 0 {
            let figure = format!("{longest} bytes in {rounds} rounds");
            passed.figures.push(("longest state".to_owned(), figure));
        }
    }
    Ok(passed)
}

/// Returns the length of the longest state.
fn grow(trial: &Trial<'_>, candidate: &Candidate, rounds: u32) -> Result<usize, Trouble> {
    let mut policy = trial.subject.policy(Way::Fresh).map_err(Trouble::alone)?;
    let mut run = Run {
        policy: &mut *policy,
        candidate,
        sketch: Sketch::new(&candidate.prepared.plan),
        state: candidate.prepared.state.clone(),
        most: trial.subject.budget().state,
    };
    let mut longest = [0; QUARTERS];
    for quarter in &mut longest {
        *quarter = run.longest_of((rounds / 4).max(1))?;
    }
    let mut pairs = longest.windows(2).skip(1);
    if pairs.all(|pair| pair[1] >= pair[0] + STEADY) {
        let lengths = longest.map(|length| length.to_string()).join(", ");
        return Err(trouble(
            candidate,
            format!(
                "its state grows without end: in four quarters of {rounds} rounds the longest had {lengths} bytes, with never more than {MOST_KEPT} checkpoints to remember"
            ),
        ));
    }
    Ok(longest.into_iter().max().unwrap_or(0))
}

/// A long run of one policy.
struct Run<'a> {
    policy: &'a mut dyn Measured,
    candidate: &'a Candidate,
    sketch: Sketch<'a>,
    state: Vec<u8>,
    /// Bytes that a site allows.
    most: u64,
}

impl Run<'_> {
    /// Plays so many rounds, and returns the length of the longest state in them.
    fn longest_of(&mut self, rounds: u32) -> Result<usize, Trouble> {
        let prepared = &self.candidate.prepared;
        let mut longest = 0;
        for _ in 0..rounds {
            let round = self.sketch.next();
            match self.policy.decide(&prepared.settings, &self.state, &round) {
                Ok(verdict) => {
                    self.sketch.follow(&round, &verdict);
                    self.state = verdict.state;
                }
                Err(fault) if self.blames_state(&fault, &round) => {
                    let (length, at) = (self.state.len(), round.candidate);
                    return Err(trouble(
                        self.candidate,
                        format!(
                            "its state has {length} bytes after {at} rounds, and the next call fails for it: {fault}"
                        ),
                    ));
                }
                // A call that fails leaves the state as it was; whether it may fail is judged elsewhere.
                Err(_) => {}
            }
            longest = longest.max(self.state.len());
        }
        Ok(longest)
    }

    /// Whether a call failed for the size of the state. What else is too large, such as a reason, or
    /// takes too long whatever the state is, is judged elsewhere.
    fn blames_state(&mut self, fault: &Fault, round: &Round) -> bool {
        let Prepared {
            settings, state, ..
        } = &self.candidate.prepared;
        match fault {
            Fault::Answer(_) => self.state.len() as u64 >= self.most / 2,
            Fault::Fuel { .. } => self.policy.decide(settings, state, round).is_ok(),
            _ => false,
        }
    }
}

fn trouble(candidate: &Candidate, what: String) -> Trouble {
    Trouble {
        what,
        config: candidate.config.clone(),
        run: None,
    }
}

const QUARTERS: usize = 4;
/// Bytes by which a state may become longer from one quarter to the next, as numbers get longer.
const STEADY: usize = 64;
/// Configurations after the first see this part of the rounds.
const PART: u32 = 16;
/// And at least so many.
const LEAST: u32 = 200;
