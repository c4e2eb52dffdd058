//! What ranks keep between events: the newest numbers, their age, and facts that follow from
//! reports.

use ckpt_policy_conformance::world::{World, Write};
use ckpt_policy_core::{Moment, Saved, Snapshot};

use crate::support::{Scripted, events, fail, in_flight, measured, save, validate, value, world};

/// Reads one input and says its mean as its reason; saves where it is told to.
fn reader(name: &str) -> Scripted {
    Scripted::says(|round| {
        let mut verdict = save();
        if round.step >= 100 {
            verdict = crate::support::abstain();
        }
        verdict.reason = value(&round.values[0]).map_or_else(String::new, |it| it.to_string());
        verdict
    })
    .reads(name)
}

fn reading(world: &mut World, step: u64) -> String {
    let events = events(world, Moment::ValidationEnd, step);
    let outcome = world.round(&events).expect("a round");
    outcome.opinions[0].reason.clone()
}

#[test]
fn the_newest_value_and_its_age_are_inputs() {
    for (name, expected) in [("last:x", "3"), ("age:x", "90")] {
        let mut world = world(2, |_| vec![reader(name).named("a")]);
        assert_eq!(reading(&mut world, 100), "", "{name}");
        // Given at a moment at which nobody asks.
        let events = measured("x", &[2.0, 4.0], Moment::StepEnd, 110);
        assert_eq!(world.round(&events).expect("idle").round, None);
        assert_eq!(reading(&mut world, 200), expected, "{name}");
    }
}

#[test]
fn what_the_last_complete_save_cost_is_a_fact() {
    let saved = Saved {
        bytes: 6,
        seconds: Some(1.5),
        stall_seconds: Some(-0.0),
    };
    for (name, expected) in [
        ("host.save-seconds", "1.5"),
        ("host.stall-seconds", "0"),
        ("host.checkpoint-bytes", "6"),
    ] {
        let mut world = world(2, |_| vec![reader(name).named("a")]);
        assert_eq!(reading(&mut world, 100), "", "nobody has saved: {name}");
        let write = Write {
            saved,
            ..Write::default()
        };
        let events = events(&world, Moment::ValidationEnd, 1);
        world.play(&events, &write).expect("saved");
        fail(&mut world, 2, 0);
        assert_eq!(reading(&mut world, 100), expected, "{name}");
        // Also in the bits that a file brings back.
        let snapshot = world.snapshot().expect("a snapshot");
        assert_eq!(Snapshot::from_json(&snapshot.to_json()), Ok(snapshot));
    }
}

#[test]
fn counts_of_saves_are_facts() {
    let mut world = world(2, |_| vec![reader("host.saves-in-flight").named("a")]);
    in_flight(&mut world, 1);
    in_flight(&mut world, 2);
    assert_eq!(reading(&mut world, 100), "2");
    let mut world = crate::support::world(2, |_| vec![reader("host.failed-saves").named("a")]);
    fail(&mut world, 1, 1);
    assert_eq!(reading(&mut world, 100), "1");
}

#[test]
fn a_request_is_seen_until_the_next_save() {
    let mut world = world(2, |_| vec![reader("host.save-requested").named("a")]);
    world.hosts_mut()[1].request_save();
    assert_eq!(reading(&mut world, 100), "0.5");
    assert_eq!(reading(&mut world, 101), "0.5");
    assert!(validate(&mut world, 50).outcome.save);
    assert_eq!(reading(&mut world, 102), "0");
}

#[test]
fn an_event_that_gives_a_fact_knows_better() {
    let mut world = world(2, |_| vec![reader("host.failed-saves").named("a")]);
    let events = measured("host.failed-saves", &[7.0, 9.0], Moment::ValidationEnd, 100);
    let outcome = world.round(&events).expect("a round");
    assert_eq!(outcome.opinions[0].reason, "8");
}

#[test]
fn a_settling_round_has_the_numbers_of_the_event_before() {
    let mut world = world(2, |_| {
        vec![
            reader("x")
                .at(&[Moment::ValidationEnd, Moment::Settled])
                .named("a"),
        ]
    });
    let events = measured("x", &[2.0, 4.0], Moment::ValidationEnd, 10);
    let played = world.play(&events, &Write::default()).expect("saved");
    assert_eq!(played.settled[0].opinions[0].reason, "3");
}
