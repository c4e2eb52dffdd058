//! Plays the recorded runs of `tests/traces/` to the four compiled policies: what each decides alone,
//! and that it decides the same as a shadow beside any other.

#[path = "simulated/components.rs"]
mod components;
#[path = "simulated/stage.rs"]
mod stage;
#[path = "simulated/trace.rs"]
mod trace;

use std::collections::BTreeMap;

use ckpt_policy_conformance::world::{Played, Write};
use ckpt_policy_core::contract::{Ballot, CheckpointId, Label};
use ckpt_policy_core::{Mode, Opinion, Shadow};
use serde_json::{Value, json};

use stage::{Seat, open};
use trace::Trace;

const POLICIES: [&str; 4] = ["aggregate", "majority", "rank-zero", "unanimous"];

/// What one policy did at each event.
type Story = Vec<Decision>;

/// What one policy did at one event, or as a shadow would have done. Checkpoints are named by the
/// event at which they were saved, since a shadow's ids are its own.
#[derive(Debug, PartialEq)]
struct Decision {
    ballot: Option<Ballot>,
    reason: String,
    saved: bool,
    deleted: Vec<usize>,
    labels: BTreeMap<String, usize>,
    error: Option<String>,
}

#[test]
fn a_shadow_decides_as_it_does_alone_cancer_acc_ddp4_ceiling() {
    shadows_decide_as_alone("cancer-acc-ddp4-ceiling", &at_validation("val_acc", "max"));
}

#[test]
fn a_shadow_decides_as_it_does_alone_diabetes_reg_ddp3_trainsteps() {
    let config = json!({
        "monitor": "train_loss", "mode": "min", "top-k": 3, "at": ["step-end"], "every-steps": 4,
    });
    shadows_decide_as_alone("diabetes-reg-ddp3-trainsteps", &config);
}

#[test]
fn a_shadow_decides_as_it_does_alone_digits_acc_ddp4_ties() {
    shadows_decide_as_alone("digits-acc-ddp4-ties", &at_validation("val_acc", "max"));
}

#[test]
fn a_shadow_decides_as_it_does_alone_digits_cnn_ddp8_steps() {
    shadows_decide_as_alone("digits-cnn-ddp8-steps", &at_validation("val_loss", "min"));
}

#[test]
fn a_shadow_decides_as_it_does_alone_digits_mlp_ddp2_nan() {
    shadows_decide_as_alone("digits-mlp-ddp2-nan", &at_validation("val_loss", "min"));
}

#[test]
fn a_shadow_decides_as_it_does_alone_digits_mlp_ddp4() {
    shadows_decide_as_alone("digits-mlp-ddp4", &at_validation("val_loss", "min"));
}

#[test]
fn at_the_ceiling_only_the_mean_goes_on() {
    let trace = Trace::read("cancer-acc-ddp4-ceiling");
    let stories = each_alone(&trace, &at_validation("val_acc", "max"));
    for policy in ["unanimous", "rank-zero", "majority"] {
        assert_eq!(saves(&stories[policy]), [0, 1, 2], "{policy}");
    }
    let last = saves(&stories["aggregate"]).last().copied();
    assert!(last > Some(50), "aggregate saves last at event {last:?}");
}

#[test]
fn on_noisy_ranks_unanimity_saves_least_and_the_majority_most() {
    let trace = Trace::read("digits-mlp-ddp4");
    let stories = each_alone(&trace, &at_validation("val_loss", "min"));
    let count = |policy: &str| saves(&stories[policy]).len();
    for other in ["aggregate", "rank-zero"] {
        assert!(
            count("unanimous") < count(other),
            "{other} saves {} times",
            count(other)
        );
        assert!(
            count("majority") > count(other),
            "{other} saves {} times",
            count(other)
        );
    }
}

#[test]
fn nobody_keeps_a_nan_as_best() {
    let trace = Trace::read("digits-mlp-ddp2-nan");
    for (policy, story) in each_alone(&trace, &at_validation("val_loss", "min")) {
        assert!(!saves(&story).is_empty(), "{policy} never saves");
        for (event, decision) in story.iter().enumerate() {
            let Some(best) = decision.labels.get("best") else {
                continue;
            };
            let values = trace.values(*best, "val_loss");
            let trusted = if policy == "rank-zero" {
                &values[..1]
            } else {
                &values[..]
            };
            assert!(
                trusted.iter().any(|value| value.is_finite()),
                "{policy} takes event {best} for the best at event {event}: {values:?}"
            );
        }
        let end = story
            .last()
            .and_then(|decision| decision.labels.get("best"))
            .copied();
        let values = trace.values(
            end.expect("some checkpoint is the best in the end"),
            "val_loss",
        );
        assert!(
            values.iter().all(|value| value.is_finite()),
            "{policy}, in the end: {values:?}"
        );
    }
}

fn at_validation(monitor: &str, mode: &str) -> Value {
    json!({ "monitor": monitor, "mode": mode, "top-k": 3 })
}

fn shadows_decide_as_alone(name: &str, config: &Value) {
    let trace = Trace::read(name);
    let alone = each_alone(&trace, config);
    for enforced in POLICIES {
        let shadows = POLICIES.into_iter().filter(|policy| *policy != enforced);
        let seats: Vec<&str> = std::iter::once(enforced).chain(shadows).collect();
        for (policy, story) in play(&trace, config, &seats) {
            for (event, (found, expected)) in story.iter().zip(&alone[policy]).enumerate() {
                assert_eq!(
                    found, expected,
                    "{policy} beside {enforced}, event {event} of {name}"
                );
            }
        }
    }
}

fn each_alone(trace: &Trace, config: &Value) -> BTreeMap<&'static str, Story> {
    POLICIES
        .into_iter()
        .flat_map(|policy| play(trace, config, &[policy]))
        .collect()
}

/// Plays a run to some policies, of which the first is enforced and the others are shadows.
fn play<'a>(trace: &Trace, config: &Value, policies: &[&'a str]) -> BTreeMap<&'a str, Story> {
    let mode = |index| {
        if index == 0 {
            Mode::Enforce
        } else {
            Mode::Shadow
        }
    };
    let seats = policies.iter().enumerate();
    let seats: Vec<Seat<'_>> = seats
        .map(|(index, builtin)| Seat {
            builtin,
            mode: mode(index),
            config,
        })
        .collect();
    let mut world = open(trace.ranks, &seats).expect("the policies take their place");
    let mut tellers: Vec<Teller> = policies.iter().map(|_| Teller::default()).collect();
    for (event, reports) in trace.events().enumerate() {
        let played = world
            .play(&reports, &Write::default())
            .expect("the ranks agree");
        assert_eq!(
            played.outcome.opinions.len(),
            policies.len(),
            "all are asked, event {event}"
        );
        for (opinion, teller) in played.outcome.opinions.iter().zip(&mut tellers) {
            let shadow = opinion.shadow.clone().unwrap_or_else(|| enforced(&played));
            teller.tell(event, opinion, &shadow);
        }
    }
    let stories = tellers.into_iter().map(|teller| teller.story);
    let stories: BTreeMap<&str, Story> = policies.iter().copied().zip(stories).collect();
    assert!(stories.values().all(|story| story.len() == trace.len()));
    stories
}

/// What an enforced policy alone brought about, told as of a shadow.
fn enforced(played: &Played) -> Shadow {
    Shadow {
        save: played.outcome.save,
        checkpoint: played.outcome.checkpoint,
        delete: played.deleted.clone(),
    }
}

/// Follows one policy and names its checkpoints by the event at which they were saved.
#[derive(Default)]
struct Teller {
    story: Story,
    names: BTreeMap<CheckpointId, usize>,
}

impl Teller {
    fn tell(&mut self, event: usize, opinion: &Opinion, came: &Shadow) {
        if let Some(id) = came.checkpoint.filter(|_| came.save) {
            self.names.insert(id, event);
        }
        let deleted = came.delete.iter().map(|id| self.names[id]).collect();
        let label = |label: &Label| Some((label.name.clone(), *self.names.get(&label.checkpoint)?));
        self.story.push(Decision {
            ballot: opinion.ballot,
            reason: opinion.reason.clone(),
            saved: came.save,
            deleted,
            labels: opinion.labels.iter().filter_map(label).collect(),
            error: opinion.error.clone(),
        });
    }
}

/// Returns the events at which a policy saved.
fn saves(story: &Story) -> Vec<usize> {
    let events = story.iter().enumerate();
    events
        .filter(|(_, decision)| decision.saved)
        .map(|(event, _)| event)
        .collect()
}
