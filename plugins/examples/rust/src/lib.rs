//! A site's own policy, with nothing but the contract and its bindings.
//!
//! Saves when three quarters of the ranks improved on the checkpoint that is kept, and the mean
//! improved by half a percent. Keeps one checkpoint. Change the constants and build it again.

wit_bindgen::generate!({ path: "../../../wit", world: "decision-policy" });

use exports::ckpt::policy::policy::{
    Ballot, Checkpoint, Description, Error, Guest, Input, Label, Observation, Operation, Plan,
    Prepared, Reduced, Reduction, Round, Source, Verdict, View,
};

/// The metric, as the trainer logs it; smaller is better.
const METRIC: &str = "val_loss";
/// Of four ranks, so many must have improved.
const OF_FOUR: u32 = 3;
/// What the mean must have come down to, as a part of what it was.
const PART: f64 = 0.995;

struct ThreeQuarters;

impl Guest for ThreeQuarters {
    fn describe() -> Description {
        Description {
            name: "three-quarters".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Saves when three quarters of the ranks and the mean improved.".to_owned(),
            config_schema: r#"{ "type": "object", "maxProperties": 0, "examples": [{}] }"#
                .to_owned(),
        }
    }

    /// Says what the policy wants to see, and when. It remembers nothing.
    fn prepare(config: String, _previous: Option<Vec<u8>>) -> Result<Prepared, Error> {
        if config.split_whitespace().collect::<String>() != "{}" {
            return Err(Error::Config(format!("expected no keys, found `{config}`")));
        }
        let plan = Plan {
            inputs: vec![Input {
                name: METRIC.to_owned(),
                required: true,
            }],
            features: 1,
            reductions: vec![
                Reduction {
                    source: Source::Feature(0),
                    operation: Operation::Tally,
                },
                Reduction {
                    source: Source::Input(0),
                    operation: Operation::Mean,
                },
            ],
            view: View::Mine,
            moments: vec!["validation-end".to_owned()],
            every_steps: 0,
            passive: false,
        };
        Ok(Prepared {
            plan,
            settings: Vec::new(),
            state: Vec::new(),
        })
    }

    /// On each rank: a vote, made of that rank's own numbers.
    fn observe(
        _settings: Vec<u8>,
        _state: Vec<u8>,
        observation: Observation,
    ) -> Result<Vec<Option<f64>>, Error> {
        let own = observation.values.first().copied().flatten();
        let before = newest(&observation.checkpoints).and_then(|kept| number(kept, 0));
        let vote = own.map(|own| own.is_finite() && before.is_none_or(|before| own < before));
        Ok(vec![vote.map(f64::from)])
    }

    /// On all ranks, with the same numbers: the verdict.
    fn decide(_settings: Vec<u8>, _state: Vec<u8>, round: Round) -> Result<Verdict, Error> {
        let [Reduced::Tally(votes), Reduced::Statistic(mean)] = round.values.as_slice() else {
            return Err(Error::Failed("expected a tally and a mean".to_owned()));
        };
        let kept = newest(&round.checkpoints);
        let kept_mean = kept.and_then(|kept| number(kept, 1));
        let Some(mean) = mean.value else {
            return Ok(verdict(
                Ballot::Abstain,
                format!("no rank has a finite {METRIC}"),
                kept,
                &round,
            ));
        };
        let Some(kept_mean) = kept_mean else {
            let reason = format!("mean {mean}: nothing to compare with is kept yet");
            return Ok(verdict(Ballot::Save, reason, kept, &round));
        };
        let enough_ranks = 4 * votes.yes >= OF_FOUR * round.world_size;
        let saves = enough_ranks && mean <= PART * kept_mean;
        let ballot = if saves { Ballot::Save } else { Ballot::Skip };
        let (yes, all) = (votes.yes, round.world_size);
        let reason = format!("{yes} of {all} ranks improved, mean {mean} after {kept_mean}");
        Ok(verdict(ballot, reason, kept, &round))
    }
}

export!(ThreeQuarters);

/// The checkpoint that this policy keeps.
fn newest(checkpoints: &[Checkpoint]) -> Option<&Checkpoint> {
    checkpoints.iter().rev().find(|checkpoint| checkpoint.mine)
}

/// A number of then: this rank's inputs in `observe`, the reduced ones in `decide`.
fn number(checkpoint: &Checkpoint, index: usize) -> Option<f64> {
    checkpoint.values.get(index).copied().flatten()
}

/// With a save the one before is released; the host waits until the new one is complete.
fn verdict(ballot: Ballot, reason: String, kept: Option<&Checkpoint>, round: &Round) -> Verdict {
    let saves = ballot == Ballot::Save;
    let others = round
        .checkpoints
        .iter()
        .filter(|one| one.mine && one.id != round.candidate);
    let best = if saves {
        Some(round.candidate)
    } else {
        kept.map(|kept| kept.id)
    };
    Verdict {
        ballot,
        reason,
        figures: Vec::new(),
        tags: Vec::new(),
        labels: best
            .map(|checkpoint| Label {
                name: "best".to_owned(),
                checkpoint,
            })
            .into_iter()
            .collect(),
        hold: Vec::new(),
        release: if saves {
            others.map(|one| one.id).collect()
        } else {
            Vec::new()
        },
        stop: false,
        not_before: None,
        state: Vec::new(),
    }
}
