//! Lists for each rank against an independent model: random numbers, random failures of saves.
//!
//! The model is written from the description of Lightning's rule, not from the policy: a list of
//! pairs a rank, no settling, no ids, and a failed save that simply never happened.

use ckpt_policy_unanimous::Unanimous;
use proptest::prelude::*;
use serde_json::json;

use crate::support::{METRIC, Run};

/// What the callback would do if a failed save left no trace.
struct Model {
    max: bool,
    places: usize,
    missing_is_no: bool,
    /// For each rank what it keeps: step and value, in the order of insertion.
    lists: Vec<Vec<(u64, f32)>>,
}

impl Model {
    /// Larger is better from here on.
    fn sign(&self, number: f64) -> f32 {
        let rounded = number as f32;
        if self.max { rounded } else { -rounded }
    }

    /// Returns where the first of the worst stands.
    fn kth(list: &[(u64, f32)]) -> usize {
        let mut kth = 0;
        for place in 1..list.len() {
            if list[place].1 < list[kth].1 {
                kth = place;
            }
        }
        kth
    }

    fn wants_a_save(&self, numbers: &[Option<f64>]) -> bool {
        let mut wanted = false;
        for (list, number) in self.lists.iter().zip(numbers) {
            match number {
                None if self.missing_is_no => return false,
                None => {}
                Some(_) if list.len() < self.places => wanted = true,
                Some(number) if self.sign(*number) > list[Self::kth(list)].1 => wanted = true,
                Some(_) => return false,
            }
        }
        wanted
    }

    /// Enters a checkpoint in all lists; returns what rank 0 dropped.
    fn save(&mut self, step: u64, numbers: &[Option<f64>]) -> Option<u64> {
        let signs: Vec<f32> = numbers
            .iter()
            .map(|one| self.sign(one.unwrap_or(f64::NAN)))
            .collect();
        let mut dropped = Vec::new();
        for (list, sign) in self.lists.iter_mut().zip(signs) {
            let is_full = list.len() == self.places;
            dropped.push(is_full.then(|| list.remove(Self::kth(list)).0));
            list.push((
                step,
                if sign.is_nan() {
                    f32::NEG_INFINITY
                } else {
                    sign
                },
            ));
        }
        dropped[0]
    }
}

/// One validation: each rank's number, and the rank on which a save would fail.
type Validation = (Vec<Option<f64>>, Option<u32>);

#[derive(Clone, Debug)]
struct Stream {
    max: bool,
    places: usize,
    missing_is_no: bool,
    validations: Vec<Validation>,
}

/// A coarse grid with all that is special, and what only float32 makes equal.
fn numbers() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        8 => (0..8_i32).prop_map(|step| Some(f64::from(step) / 4.0)),
        2 => (0..8_i32).prop_map(|step| Some(f64::from(step) / 4.0 + 1e-12)),
        1 => Just(Some(f64::NAN)),
        1 => Just(Some(f64::INFINITY)),
        1 => Just(Some(f64::NEG_INFINITY)),
        1 => Just(None),
    ]
}

fn streams() -> impl Strategy<Value = Stream> {
    (1_usize..5, 1_usize..5).prop_flat_map(|(ranks, places)| {
        let fails = proptest::option::weighted(0.2, 0..ranks as u32);
        let validation = (proptest::collection::vec(numbers(), ranks), fails);
        let validations = proptest::collection::vec(validation, 1..24);
        (any::<bool>(), any::<bool>(), validations).prop_map(
            move |(max, missing_is_no, validations)| Stream {
                max,
                places,
                missing_is_no,
                validations,
            },
        )
    })
}

fn play(stream: &Stream) -> Result<(), TestCaseError> {
    let ranks = stream.validations[0].0.len();
    let config = json!({
        "monitor": METRIC,
        "mode": if stream.max { "max" } else { "min" },
        "top-k": stream.places,
        "missing": if stream.missing_is_no { "no" } else { "leave-out" },
        "books": "per-rank",
    });
    let mut run = Run::open::<Unanimous>(&config, ranks as u32);
    let mut model = Model {
        max: stream.max,
        places: stream.places,
        missing_is_no: stream.missing_is_no,
        lists: vec![Vec::new(); ranks],
    };
    let mut disk: Vec<u64> = Vec::new();
    for (numbers, fails) in &stream.validations {
        let fails: Vec<u32> = fails.iter().copied().collect();
        let played = run.play(numbers, &fails);
        let save = model.wants_a_save(numbers);
        prop_assert_eq!(played.outcome.save, save, "save at step {}", run.step);
        if save && fails.is_empty() {
            let dropped = model.save(run.step, numbers);
            disk.retain(|step| Some(*step) != dropped);
            disk.push(run.step);
        }
        prop_assert_eq!(run.held(), &disk[..], "kept at step {}", run.step);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn lists_follow_the_model(stream in streams()) {
        play(&stream)?;
    }
}
