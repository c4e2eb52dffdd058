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
        let (longest, played) = grow(trial, candidate, rounds).map_err(Trouble::into_finding)?;
        passed.cases += u64::from(played);
        if index == 0 {
            let figure = format!("{longest} bytes in {played} rounds");
            passed.figures.push(("longest state".to_owned(), figure));
        }
    }
    Ok(passed)
}

/// Returns the length of the longest state, and the rounds that were played.
///
/// What fills up grows too, until it is full, and may be slow at it: notes on the last few saves of
/// a policy that hardly ever saves, a window of the last thousand numbers. So a state that grows is
/// watched for some times the rounds before it is said to have no end.
fn grow(trial: &Trial<'_>, candidate: &Candidate, rounds: u32) -> Result<(usize, u32), Trouble> {
    let mut policy = trial.subject.policy(Way::Fresh).map_err(Trouble::alone)?;
    let mut run = Run {
        policy: &mut *policy,
        candidate,
        sketch: Sketch::new(&candidate.prepared.plan),
        state: candidate.prepared.state.clone(),
        most: trial.subject.budget().state,
    };
    let quarter = (rounds / 4).max(1);
    let mut longest = Vec::new();
    for _ in 0..MOST_TIMES {
        for _ in 0..QUARTERS {
            longest.push(run.longest_of(quarter)?);
        }
        if !grows(&longest) {
            let most = longest.iter().max().copied().unwrap_or(0);
            return Ok((most, quarter * longest.len() as u32));
        }
    }
    let ends = longest.chunks(QUARTERS).filter_map(<[usize]>::last);
    let ends: Vec<String> = ends.map(usize::to_string).collect();
    let (ends, rounds) = (ends.join(", "), quarter * QUARTERS as u32);
    Err(trouble(
        candidate,
        format!(
            "its state grows without end: at the ends of {MOST_TIMES} times {rounds} rounds it had {ends} bytes, with never more than {MOST_KEPT} checkpoints to remember"
        ),
    ))
}

/// Whether the longest state became longer in each of the last quarters.
fn grows(longest: &[usize]) -> bool {
    let last = &longest[longest.len() + 1 - QUARTERS..];
    last.windows(2).all(|pair| pair[1] >= pair[0] + STEADY)
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
/// How many times the rounds a state that grows is watched.
const MOST_TIMES: u32 = 4;
/// Bytes by which a state may become longer from one quarter to the next, as numbers get longer.
const STEADY: usize = 64;
/// Configurations after the first see this part of the rounds.
const PART: u32 = 16;
/// And at least so many.
const LEAST: u32 = 200;
