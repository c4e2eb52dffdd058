//! PyTorch Lightning's own decisions, case by case, through the host and the policy's real state.
//!
//! Input: `tests/parity/lightning-*.json`, whose README defines the fields. An event at which the
//! callback decided is a validation here; the number of an event names the checkpoint of its save.

use ckpt_policy_unanimous::Unanimous;
use serde_json::{Value, json};

use crate::support::{METRIC, Run, number, read};

/// A case as it is played: the ids of the checkpoints are those of the host.
struct Case<'a> {
    case: &'a Value,
    run: Run,
    /// The event behind each save, and the id and step under which the host knows it.
    saves: Vec<Save>,
}

struct Save {
    event: u64,
    id: u64,
    step: u64,
}

impl<'a> Case<'a> {
    fn new(case: &'a Value) -> Self {
        let config = &case["config"];
        let mut own = json!({
            "mode": config["mode"], "top-k": config["save_top_k"], "books": "per-rank"
        });
        if !config["monitor"].is_null() {
            own["monitor"] = json!(METRIC);
        }
        let ranks = u32::try_from(case["ranks"].as_u64().expect("ranks")).expect("a few");
        Self {
            case,
            run: Run::open::<Unanimous>(&own, ranks),
            saves: Vec::new(),
        }
    }

    /// Plays one event and compares; returns whether anything was decided at it.
    fn play(&mut self, index: u64, event: &Value, expected: &Value) -> bool {
        if expected["evaluated"] != json!(true) {
            return false;
        }
        let place = format!("{} event {index}", self.case["id"]);
        let numbers: Vec<_> = event["metrics"]
            .as_array()
            .expect("metrics")
            .iter()
            .map(number)
            .collect();
        let played = self.run.play(&numbers, &[]);
        assert_eq!(
            json!(played.outcome.save),
            expected["save"],
            "{place}: save"
        );
        if played.outcome.save {
            let id = played
                .outcome
                .checkpoint
                .expect("a save names its checkpoint");
            self.saves.push(Save {
                event: index,
                id,
                step: self.run.step,
            });
        }
        let removed: Vec<u64> = played
            .deleted
            .iter()
            .map(|id| self.find(|save| save.id == *id))
            .collect();
        assert_eq!(json!(removed), expected["removed"], "{place}: removed");
        let held = self.run.held();
        let disk: Vec<u64> = held
            .iter()
            .map(|step| self.find(|save| save.step == *step))
            .collect();
        assert_eq!(json!(disk), expected["disk"], "{place}: disk");
        let host = &self.run.world.hosts()[0];
        let best = host.labels().find(|(_, name, _)| *name == "best");
        let best = best.map(|(_, _, id)| self.find(|save| save.id == id));
        assert_eq!(json!(best), expected["best"], "{place}: best");
        true
    }

    fn find(&self, which: impl Fn(&Save) -> bool) -> u64 {
        self.saves
            .iter()
            .find(|save| which(save))
            .expect("a checkpoint of this case")
            .event
    }
}

/// Plays all cases of a group; returns how many cases and decisions there were.
fn play(group: &str) -> (usize, usize) {
    let file: Value =
        serde_json::from_str(&read(&format!("parity/lightning-{group}.json"))).expect("JSON");
    let cases = file["cases"].as_array().expect("cases");
    let mut decisions = 0;
    for case in cases {
        let events = case["events"].as_array().expect("events");
        let expected = case["expected"].as_array().expect("expected");
        let mut played = Case::new(case);
        for ((event, expected), index) in events.iter().zip(expected).zip(0..) {
            decisions += usize::from(played.play(index, event, expected));
        }
    }
    (cases.len(), decisions)
}

#[test]
fn best_k_of_finite_values() {
    assert_eq!(play("topk"), (56, 664));
}

#[test]
fn nan_and_infinities() {
    assert_eq!(play("nonfinite"), (40, 536));
}

#[test]
fn ties() {
    assert_eq!(play("ties"), (32, 478));
}

#[test]
fn all_none_and_the_newest() {
    assert_eq!(play("special-k"), (24, 133));
}

#[test]
fn values_that_fall_together_in_float32() {
    assert_eq!(play("float32"), (8, 96));
}
