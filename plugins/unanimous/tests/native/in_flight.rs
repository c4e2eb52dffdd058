//! Lists for each rank while saves are in flight, end out of order and fail: what is durable is
//! never given away for what is not, and once all is settled no more is kept than there are places.

use ckpt_policy_conformance::world::Write;
use ckpt_policy_core::contract::CheckpointId;
use ckpt_policy_unanimous::Unanimous;
use proptest::prelude::*;
use serde_json::json;

use crate::support::{METRIC, Run};

/// What happens at one validation.
#[derive(Clone, Debug)]
struct Event {
    numbers: Vec<Option<f64>>,
    /// Which of the saves in flight end before it, and whether they fail.
    ends: Option<(usize, bool)>,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let number = (0..12_i32).prop_map(|step| Some(f64::from(step) / 4.0));
    let event = (
        proptest::collection::vec(number, 2),
        proptest::option::weighted(0.6, (0_usize..4, proptest::bool::weighted(0.4))),
    );
    let event = event.prop_map(|(numbers, ends)| Event { numbers, ends });
    proptest::collection::vec(event, 1..40)
}

/// A run whose saves are written in the background.
struct Background {
    run: Run,
    writing: Vec<CheckpointId>,
    complete: Vec<CheckpointId>,
}

impl Background {
    fn end(&mut self, which: usize, fails: bool) {
        if self.writing.is_empty() {
            return;
        }
        let id = self.writing.remove(which % self.writing.len());
        let write = Write {
            fails: if fails { vec![1] } else { vec![] },
            ..Write::default()
        };
        self.run.world.report(id, &write).expect("it is in flight");
        if !fails {
            self.complete.push(id);
        }
    }

    fn play(&mut self, numbers: &[Option<f64>]) {
        self.run.step += 1;
        let events = self.run.events(numbers);
        let played = self
            .run
            .world
            .play_in_flight(&events)
            .expect("the ranks agree");
        assert!(
            played
                .outcome
                .opinions
                .iter()
                .all(|opinion| opinion.error.is_none())
        );
        self.complete.retain(|id| !played.deleted.contains(id));
        self.writing
            .extend(played.outcome.checkpoint.filter(|_| played.outcome.save));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_durable_checkpoint_stays(places in 1_usize..4, events in events()) {
        let config = json!({ "monitor": METRIC, "top-k": places, "books": "per-rank" });
        let run = Run::open::<Unanimous>(&config, 2);
        let mut background = Background { run, writing: Vec::new(), complete: Vec::new() };
        let mut had = false;
        for event in &events {
            if let Some((which, fails)) = event.ends {
                background.end(which, fails);
            }
            background.play(&event.numbers);
            had |= !background.complete.is_empty();
            prop_assert_eq!(had, !background.complete.is_empty(), "step {}", background.run.step);
        }
        while !background.writing.is_empty() {
            background.end(0, false);
        }
        // Two quiet validations: the first learns how the saves ended, the second mends the lists.
        for _ in 0..2 {
            background.play(&[Some(f64::NAN), Some(f64::NAN)]);
        }
        let held = background.run.held();
        prop_assert!(held.len() <= places, "{held:?}");
        prop_assert!(!held.is_empty());
    }
}
