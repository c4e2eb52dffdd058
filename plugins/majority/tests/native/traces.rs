//! The three rules side by side on recorded runs: what the choice between them costs.
//!
//! Input: `tests/traces/*.jsonl`, whose README defines the format.

use ckpt_policy_aggregate::Aggregate;
use ckpt_policy_majority::Majority;
use ckpt_policy_sdk::Policy;
use ckpt_policy_unanimous::Unanimous;
use serde_json::{Value, json};

use crate::support::{METRIC, Run, number, read};

/// The validations of a run: for each one a number a rank.
struct Trace(Vec<Vec<Option<f64>>>);

impl Trace {
    fn read(name: &str, metric: &str) -> Self {
        let text = read(&format!("traces/{name}.jsonl"));
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let validations = lines.filter(|line| line["moment"] == "validation-end");
        let numbers = validations.map(|line| {
            let ranks = line["metrics"][metric]
                .as_array()
                .expect("one number a rank")
                .clone();
            ranks.iter().map(number).collect()
        });
        Self(numbers.collect())
    }

    /// Returns the validations, counted from 1, at which a policy saves.
    fn saves<P: Policy>(&self, config: &Value) -> Vec<usize> {
        let mut run = Run::open::<P>(config, u32::try_from(self.0[0].len()).expect("a few"));
        let saves = (1..).zip(&self.0).filter(|(_, numbers)| {
            let played = run.play(numbers, &[]);
            let places = config["top-k"].as_u64().unwrap_or(1);
            assert!(run.held().len() as u64 <= places, "step {}", run.step);
            played.outcome.save
        });
        saves.map(|(index, _)| index).collect()
    }
}

#[test]
fn ranks_at_their_ceiling_stop_the_votes_but_not_the_mean() {
    let trace = Trace::read("cancer-acc-ddp4-ceiling", "val_acc");
    let config = json!({ "monitor": METRIC, "mode": "max", "top-k": 3 });
    assert_eq!(trace.saves::<Unanimous>(&config), [1, 2, 3]);
    assert_eq!(trace.saves::<Majority>(&config), [1, 2, 3]);
    let mean = trace.saves::<Aggregate>(&config);
    assert!(
        mean.last().is_some_and(|last| *last > 50),
        "the mean saves at {mean:?}"
    );
}

#[test]
fn on_noisy_shards_unanimity_saves_least_and_the_majority_most() {
    let trace = Trace::read("digits-mlp-ddp4", "val_loss");
    let config = json!({ "monitor": METRIC });
    let unanimous = trace.saves::<Unanimous>(&config).len();
    let majority = trace.saves::<Majority>(&config).len();
    let mean = trace.saves::<Aggregate>(&config).len();
    assert!(
        unanimous < mean && mean < majority,
        "{unanimous}, {mean}, {majority}"
    );
}
