//! Whether the state stays bounded, however long a run lasts.

use ckpt_policy_core::contract::Fault;

use super::super::{Candidate, Finding, Passed, Trial, Way};
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
    let prepared = &candidate.prepared;
    let mut state = prepared.state.clone();
    let mut sketch = Sketch::new(&prepared.plan);
    let mut longest = Vec::with_capacity(QUARTERS);
    for quarter in quarters(rounds) {
        let mut most = 0;
        for _ in 0..quarter {
            let round = sketch.next();
            match policy.decide(&prepared.settings, &state, &round) {
                Ok(verdict) => {
                    sketch.follow(&round, &verdict);
                    state = verdict.state;
                }
                Err(fault) if blames_state(trial, &fault, &state) => {
                    let (length, at) = (state.len(), round.candidate);
                    return Err(trouble(
                        candidate,
                        format!(
                            "its state has {length} bytes after {at} rounds, and the next verdict is refused: {fault}"
                        ),
                    ));
                }
                // A call that fails leaves the state as it was; whether it may fail is judged elsewhere.
                Err(_) => {}
            }
            most = most.max(state.len());
        }
        longest.push(most);
    }
    let grows = longest
        .windows(2)
        .skip(1)
        .all(|pair| pair[1] >= pair[0] + STEADY);
    if grows && longest.len() == QUARTERS {
        let lengths: Vec<String> = longest.iter().map(usize::to_string).collect();
        let lengths = lengths.join(", ");
        return Err(trouble(
            candidate,
            format!(
                "its state grows without end: in four quarters of {rounds} rounds the longest had {lengths} bytes, with never more than {MOST_KEPT} checkpoints to remember"
            ),
        ));
    }
    Ok(longest.into_iter().max().unwrap_or(0))
}

/// Whether it may be the state that a call failed for. What else is too large, such as a reason, is judged
/// elsewhere.
fn blames_state(trial: &Trial<'_>, fault: &Fault, state: &[u8]) -> bool {
    match fault {
        Fault::Answer(_) => state.len() as u64 >= trial.subject.budget().state / 2,
        Fault::Fuel { .. } => true,
        _ => false,
    }
}

fn trouble(candidate: &Candidate, what: String) -> Trouble {
    Trouble {
        what,
        config: candidate.config.clone(),
        run: None,
    }
}

/// Splits rounds in four parts of one length.
fn quarters(rounds: u32) -> [u32; QUARTERS] {
    [(rounds / 4).max(1); QUARTERS]
}

const QUARTERS: usize = 4;
/// Bytes by which a state may become longer from one quarter to the next, as numbers get longer.
const STEADY: usize = 64;
/// Configurations after the first see this part of the rounds.
const PART: u32 = 16;
/// And at least so many.
const LEAST: u32 = 200;
