//! Ranks that come apart: an error on all of them that says how, and no change on any.

use ckpt_policy_conformance::world::World;
use ckpt_policy_core::contract::{Ballot, Verdict};
use ckpt_policy_core::{Confirm, Error, Event, Moment, Rules};

use crate::support::{
    Scripted, abstain, ballot, carry, done, event, measured, message, refused, save, snapshots,
    validate, world, world_under,
};

/// Begins one event on each rank and carries the first exchange.
fn meet(
    world: &mut World,
    events: &[Event],
) -> Vec<Result<ckpt_policy_core::Progress<ckpt_policy_core::Outcome>, Error>> {
    let begun: Vec<_> = world
        .hosts_mut()
        .iter_mut()
        .zip(events)
        .map(|(host, event)| message(host.begin(event)))
        .collect();
    carry(world, &begun)
}

fn text(world: &mut World, events: &[Event]) -> String {
    let before = snapshots(world);
    let error = refused(meet(world, events));
    assert_eq!(snapshots(world), before, "nothing has changed");
    error.to_string()
}

#[test]
fn ranks_at_different_points_are_named_with_both() {
    let mut world = world(4, |_| vec![Scripted::quiet().at(&Moment::ALL).named("a")]);
    validate(&mut world, 1);
    let mut events = vec![event(Moment::ValidationEnd, 119); 4];
    events[2].step = 120;
    assert_eq!(
        text(&mut world, &events),
        "the ranks disagree in round 2: rank 2 is at step 120, the others are at step 119"
    );
    events[2].step = 119;
    events[0].epoch = 3;
    events[1].moment = Moment::StepEnd;
    assert_eq!(
        text(&mut world, &events),
        "the ranks disagree in round 2: rank 0 is in epoch 3, the others are in epoch 0; rank 1 is at the moment `step-end`, the others are at the moment `validation-end`"
    );
    // And then they go on together.
    assert_eq!(validate(&mut world, 120).outcome.round, Some(2));
}

#[test]
fn a_rank_in_another_round_is_named_and_all_say_the_same() {
    let mut world = world(3, |_| vec![Scripted::quiet().named("a")]);
    validate(&mut world, 1);
    // Rank 1 has seen a round of its own, as after a wrong resume.
    let lone = message(world.hosts_mut()[1].begin(&event(Moment::ValidationEnd, 2)));
    let mut forged: Vec<_> = [0, 2]
        .map(|rank| message(world.hosts_mut()[rank].begin(&event(Moment::ValidationEnd, 2))))
        .to_vec();
    forged.insert(1, lone);
    done(world.hosts_mut()[1].complete(&forged.concat()));
    for rank in [0, 2] {
        let bytes = vec![0; forged[0].len() * 3];
        assert!(world.hosts_mut()[rank].complete(&bytes).is_err());
    }
    let events = vec![event(Moment::ValidationEnd, 3); 3];
    let error = refused(meet(&mut world, &events)).to_string();
    assert!(
        error.starts_with(
            "the ranks disagree in round 2: rank 1 is in round 3, the others are in round 2"
        ),
        "{error}"
    );
}

#[test]
fn another_verdict_is_found_before_anybody_acts() {
    let mut world = world(3, |rank| {
        let policy = Scripted::says(move |round| {
            let mut verdict = save();
            verdict.reason = format!("{}", if round.step == 5 && rank == 2 { 1 } else { 0 });
            verdict
        });
        vec![Scripted::quiet().named("a"), policy.named("b")]
    });
    validate(&mut world, 1);
    let before = snapshots(&mut world);
    let events = vec![event(Moment::ValidationEnd, 5); 3];
    let confirmations: Vec<_> = meet(&mut world, &events).into_iter().map(message).collect();
    let error = refused(carry(&mut world, &confirmations));
    assert_eq!(
        error.to_string(),
        "the ranks disagree in round 3: rank 2 has another verdict of policy `b` than the others; rank 2 has another outcome of this round than the others"
    );
    assert_eq!(snapshots(&mut world), before);
    assert_eq!(validate(&mut world, 6).outcome.round, Some(3));
}

#[test]
fn a_rank_that_sees_nothing_to_confirm_meets_the_confirmation_with_its_next_round() {
    let mut world = world(3, |rank| {
        vec![
            Scripted::says(move |round| match (rank, round.step) {
                (0, 5) => abstain(),
                (_, 5) => save(),
                _ => abstain(),
            })
            .named("a"),
        ]
    });
    let events = vec![event(Moment::ValidationEnd, 5); 3];
    let before = snapshots(&mut world);
    let mut went = meet(&mut world, &events);
    assert!(!done(went.remove(0)).save);
    let ahead = snapshots_of(&mut world, 0);
    let mut messages = vec![message(
        world.hosts_mut()[0].begin(&event(Moment::ValidationEnd, 6)),
    )];
    messages.extend(went.into_iter().map(message));
    let error = refused(carry(&mut world, &messages));
    assert_eq!(
        error.to_string(),
        "the ranks disagree in round 1: rank 0 is at step 6, the others are at step 5; rank 0 is in round 2, the others are in the confirmation of round 1"
    );
    assert_eq!(snapshots_of(&mut world, 0), ahead);
    assert_eq!(snapshots(&mut world)[1..], before[1..]);
}

fn snapshots_of(world: &mut World, rank: usize) -> ckpt_policy_core::Snapshot {
    crate::support::snapshot(&mut world.hosts_mut()[rank])
}

/// A policy whose verdict at step 1 differs on rank 1 in what nobody acts upon.
fn drifting(rank: u32, odd: fn() -> Verdict) -> Scripted {
    Scripted::says(move |round| match (rank, round.step) {
        (1, 1) => odd(),
        _ => abstain(),
    })
}

#[test]
fn books_that_have_come_apart_are_found_in_the_next_round() {
    let state = || Verdict {
        state: vec![1],
        ..abstain()
    };
    let waits = || Verdict {
        not_before: Some(2),
        ..abstain()
    };
    let says = || Verdict {
        reason: "else".to_owned(),
        ..abstain()
    };
    type Case = (fn() -> Verdict, &'static str);
    let cases: [Case; 3] = [
        (
            state,
            "rank 1 has another state of policy `a` than the others",
        ),
        (
            waits,
            "rank 1 has another state of policy `a` than the others",
        ),
        (
            says,
            "rank 1 has another outcome of the round before than the others",
        ),
    ];
    for (odd, expected) in cases {
        let mut world = world(3, |rank| vec![drifting(rank, odd).named("a")]);
        let events = vec![event(Moment::ValidationEnd, 1); 3];
        meet(&mut world, &events)
            .into_iter()
            .for_each(|it| drop(done(it)));
        let error = text(&mut world, &vec![event(Moment::ValidationEnd, 2); 3]);
        assert!(
            error.starts_with("the ranks disagree in round 2: rank 1 has another"),
            "{error}"
        );
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn ledgers_that_have_come_apart_are_found_without_confirmation_too() {
    let rules = Rules {
        confirm: Confirm::Never,
        ..Rules::default()
    };
    let mut world = world_under(rules, 2, |rank| {
        let policy = Scripted::says(move |round| match (rank, round.step) {
            (1, 1) => save(),
            _ => ballot(Ballot::Skip),
        });
        vec![policy.named("a")]
    });
    let events = vec![event(Moment::ValidationEnd, 1); 2];
    let saves: Vec<_> = meet(&mut world, &events)
        .into_iter()
        .map(|it| done(it).save)
        .collect();
    assert_eq!(saves, [false, true], "nobody compares in time");
    let error = text(&mut world, &vec![event(Moment::ValidationEnd, 2); 2]);
    assert_eq!(
        error,
        "the ranks disagree in round 2: rank 0 and rank 1 differ in ledger of checkpoints; rank 0 and rank 1 differ in outcome of the round before"
    );
}

#[test]
fn a_snapshot_meets_a_round_and_says_so() {
    let mut world = world(2, |_| vec![Scripted::quiet().reads("last:x").named("a")]);
    let round = message(world.hosts_mut()[0].begin(&event(Moment::ValidationEnd, 0)));
    let asking = message(world.hosts_mut()[1].snapshot());
    let gathered = crate::support::gather(&[round, asking]);
    let one = world.hosts_mut()[0]
        .complete(&gathered)
        .expect_err("rank 1 is elsewhere");
    let other = world.hosts_mut()[1]
        .complete_snapshot(&gathered)
        .expect_err("rank 0 is elsewhere");
    assert_eq!(one, other);
    assert!(
        one.to_string()
            .contains("rank 1 is in a snapshot before round 1"),
        "{one}"
    );
}

#[test]
fn an_event_whose_round_failed_leaves_no_number_behind() {
    let mut world = world(2, |_| {
        let watches = Scripted::quiet().at(&[Moment::StepEnd]).every(10);
        vec![watches.reads("last:x").named("a")]
    });
    let first = measured("x", &[1.0, 2.0], Moment::StepEnd, 10);
    world.round(&first).expect("a round");
    let before = world.snapshot().expect("a snapshot");
    let mut events = measured("x", &[3.0, 4.0], Moment::StepEnd, 20);
    events[1].step = 21;
    refused(meet(&mut world, &events));
    assert_eq!(world.snapshot().expect("a snapshot"), before);
    // The same event, told anew, is due as it was.
    events[1].step = 20;
    assert_eq!(world.round(&events).expect("a round").round, Some(2));
}
