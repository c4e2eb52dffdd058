//! Going on from a checkpoint: what the directory holds, what the states know, what is gone.

use ckpt_policy_conformance::world::{self, World, Write};
use ckpt_policy_core::contract::{CheckpointId, Round, Verdict};
use ckpt_policy_core::{Held, Moment, OnDisk, Opening, PolicySetup, Resume, Rules, Snapshot};

use crate::support::{
    Scripted, events, in_flight, mine, places, save, setup, steps, validate, world,
};

/// Saves at each round, keeps the newest and says what it sees.
pub(crate) fn keeper() -> Scripted {
    Scripted::new(|state, round| {
        let mut verdict = save();
        verdict.release = mine(round);
        verdict.reason = seen(round);
        verdict.not_before = Some(round.step + 10);
        verdict.state = [state, &[u8::try_from(round.step).unwrap_or(0)]].concat();
        Ok(verdict)
    })
}

fn seen(round: &Round) -> String {
    let steps: Vec<_> = round.checkpoints.iter().map(|it| it.step).collect();
    format!("{steps:?}")
}

/// Saves and keeps all.
pub(crate) fn collector() -> Scripted {
    Scripted::says(|round| Verdict {
        reason: seen(round),
        ..save()
    })
}

pub(crate) fn try_reopen(
    size: u32,
    resume: &Resume,
    policies: impl Fn(u32) -> Vec<PolicySetup>,
) -> Result<World, world::Error> {
    reopen_under(Rules::default(), size, resume, policies)
}

pub(crate) fn reopen_under(
    rules: Rules,
    size: u32,
    resume: &Resume,
    policies: impl Fn(u32) -> Vec<PolicySetup>,
) -> Result<World, world::Error> {
    let openings = places(size).map(|place| {
        let setup = setup(place, rules.clone(), policies(place.rank));
        Opening::resume(setup, resume.clone())
    });
    World::open(openings.collect())
}

pub(crate) fn reopen(
    size: u32,
    resume: &Resume,
    policies: impl Fn(u32) -> Vec<PolicySetup>,
) -> World {
    try_reopen(size, resume, policies).expect("the world opens")
}

/// Plays a validation as a trainer does that stores a snapshot with each checkpoint: while it
/// writes.
pub(crate) fn save_with_snapshot(world: &mut World, step: u64) -> Snapshot {
    let events = events(world, Moment::ValidationEnd, step);
    let outcome = world.round(&events).expect("a round");
    assert!(outcome.save);
    let snapshot = world.snapshot().expect("a snapshot");
    let id = outcome.checkpoint.expect("it saves");
    world
        .report(id, &Write::default())
        .expect("it is in flight");
    let settled = world.settle().expect("settled");
    world
        .delete(&settled.delete, &mut Vec::new())
        .expect("ordered");
    snapshot
}

pub(crate) fn from(snapshot: Snapshot, from: CheckpointId) -> Resume {
    Resume {
        from: Some(from),
        ..Resume::seamless(snapshot)
    }
}

pub(crate) fn on_disk(ids: &[(CheckpointId, u64)]) -> Option<Vec<OnDisk>> {
    let found = |&(id, step)| OnDisk {
        id,
        step,
        epoch: 0,
        bytes: 5,
    };
    Some(ids.iter().map(found).collect())
}

pub(crate) fn held(world: &World, id: CheckpointId) -> Held {
    let mut listed = world.hosts()[0].checkpoints();
    listed.find(|held| held.id == id).expect("it is listed")
}

pub(crate) fn reason(world: &mut World, step: u64) -> String {
    validate(world, step).outcome.opinions[0].reason.clone()
}

#[test]
fn the_abandoned_future_is_not_shown_and_goes_once_something_newer_is_complete() {
    let mut before = world(2, |_| vec![collector().named("a")]);
    let snapshots: Vec<_> = [10, 20, 30, 40]
        .map(|step| save_with_snapshot(&mut before, step))
        .into();
    let resume = Resume {
        directory: Some(before.snapshot().expect("the newest")),
        ..from(snapshots[1].clone(), 2)
    };
    let mut world = reopen(2, &resume, |_| vec![collector().named("a")]);
    assert_eq!(steps(&world), [10, 20]);
    assert!(held(&world, 2).pinned && held(&world, 2).complete);
    // The step of an abandoned one is written again, not adopted.
    let played = in_flight(&mut world, 30);
    assert_eq!(played.outcome.opinions[0].reason, "[10, 20]");
    assert!(played.outcome.save);
    assert_eq!(played.outcome.checkpoint, Some(5), "no file is overwritten");
    assert!(played.deleted.is_empty(), "nothing newer is complete yet");
    world.report(5, &Write::default()).expect("in flight");
    assert_eq!(world.finish().expect("settled").deleted, [3, 4]);
    assert_eq!(steps(&world), [10, 20, 30]);
}

#[test]
fn what_the_run_resumed_from_is_never_deleted() {
    let mut before = world(1, |_| vec![keeper().named("a")]);
    let snapshot = save_with_snapshot(&mut before, 10);
    let mut world = reopen(1, &from(snapshot, 1), |_| vec![keeper().named("a")]);
    for step in [20, 30, 40] {
        assert!(validate(&mut world, step).outcome.save);
    }
    assert_eq!(steps(&world), [10, 40]);
    let again = world.snapshot().expect("a snapshot");
    let mut world = reopen(1, &Resume::seamless(again), |_| vec![keeper().named("a")]);
    validate(&mut world, 50);
    assert_eq!(steps(&world), [10, 50]);
}

#[test]
fn what_the_run_resumed_from_before_goes_once_it_resumes_from_another() {
    let mut before = world(1, |_| vec![keeper().named("a")]);
    let mut snapshot = save_with_snapshot(&mut before, 10);
    for (id, step) in [(1, 20), (2, 30), (3, 40)] {
        let mut world = reopen(1, &from(snapshot, id), |_| vec![keeper().named("a")]);
        // Seamless in between, which is no restart.
        let again = Resume::seamless(world.snapshot().expect("a snapshot"));
        world = reopen(1, &again, |_| vec![keeper().named("a")]);
        assert!(held(&world, id).pinned);
        snapshot = save_with_snapshot(&mut world, step);
        assert_eq!(steps(&world), [step - 10, step], "what it came from stays");
    }
}

#[test]
fn a_checkpoint_that_was_ordered_to_go_stays_if_the_run_resumes_from_it() {
    let mut before = world(1, |_| vec![keeper().named("a")]);
    let old = save_with_snapshot(&mut before, 10);
    // It is ordered to go, and the process dies before it went.
    let events = events(&before, Moment::ValidationEnd, 20);
    before.round(&events).expect("a round");
    before.report(2, &Write::default()).expect("in flight");
    assert_eq!(before.settle().expect("settled").delete, [1]);
    let newest = before.snapshot().expect("a snapshot");
    for disk in [None, on_disk(&[(1, 10), (2, 20)])] {
        let resume = Resume {
            directory: Some(newest.clone()),
            disk,
            ..from(old.clone(), 1)
        };
        let mut world = reopen(1, &resume, |_| vec![keeper().named("a")]);
        assert_eq!(steps(&world), [10]);
        let played = validate(&mut world, 20);
        assert_eq!(
            played.deleted,
            [2],
            "the abandoned one goes, the other stays"
        );
        assert!(held(&world, 1).pinned);
    }
}

#[test]
fn unknown_checkpoints_on_disk_are_pinned_and_ids_go_on_after_them() {
    let mut before = world(1, |_| vec![keeper().named("a")]);
    let snapshot = save_with_snapshot(&mut before, 10);
    let resume = Resume {
        disk: on_disk(&[(77, 15), (1, 10)]),
        ..Resume::seamless(snapshot)
    };
    let mut world = reopen(1, &resume, |_| vec![keeper().named("a")]);
    let stranger = held(&world, 77);
    assert!(stranger.complete && stranger.pinned && stranger.holders.is_empty());
    assert_eq!((stranger.step, stranger.bytes), (15, 5));
    let played = validate(&mut world, 20);
    assert_eq!(played.outcome.checkpoint, Some(78));
    assert_eq!(steps(&world), [15, 20]);
    let text = world.snapshot().expect("a snapshot").to_json();
    let resume = Resume::seamless(Snapshot::from_json(&text).expect("it is whole"));
    let mut again = reopen(1, &resume, |_| vec![keeper().named("a")]);
    assert_eq!(again.snapshot().expect("a snapshot").to_json(), text);
}

#[test]
fn an_unknown_checkpoint_of_the_future_is_kept_but_neither_shown_nor_adopted() {
    let mut before = world(1, |_| vec![collector().named("a")]);
    let snapshot = save_with_snapshot(&mut before, 10);
    for step in [20, 30] {
        validate(&mut before, step);
    }
    let resume = Resume {
        disk: on_disk(&[(1, 10), (2, 20), (3, 30)]),
        ..from(snapshot, 1)
    };
    let mut world = reopen(1, &resume, |_| vec![collector().named("a")]);
    let played = validate(&mut world, 20);
    assert_eq!(played.outcome.opinions[0].reason, "[10]");
    assert_eq!(
        (played.outcome.save, played.outcome.checkpoint),
        (true, Some(4))
    );
    assert!(validate(&mut world, 30).deleted.is_empty());
}

#[test]
fn what_is_not_on_disk_is_dropped() {
    let mut before = world(2, |_| vec![collector().named("a")]);
    for step in [10, 20, 30] {
        validate(&mut before, step);
    }
    let snapshot = before.snapshot().expect("a snapshot");
    assert_eq!(snapshot.on_disk().len(), 3);
    assert_eq!(snapshot.world_size(), 2);
    let resume = Resume {
        disk: on_disk(&[(2, 20)]),
        ..Resume::seamless(snapshot)
    };
    let mut world = reopen(2, &resume, |_| vec![collector().named("a")]);
    assert_eq!(steps(&world), [20]);
    assert_eq!(validate(&mut world, 40).outcome.checkpoint, Some(4));
}

#[test]
fn saves_in_flight_end_as_the_disk_says() {
    let mut before = world(1, |_| vec![keeper().named("a")]);
    validate(&mut before, 10);
    in_flight(&mut before, 20);
    let snapshot = before.snapshot().expect("a snapshot");
    // It arrived whole: what waited for it counts.
    let there = Resume {
        disk: on_disk(&[(1, 10), (2, 20)]),
        ..Resume::seamless(snapshot.clone())
    };
    let mut world = reopen(1, &there, |_| vec![keeper().named("a")]);
    assert!(held(&world, 2).complete && held(&world, 1).holders.is_empty());
    assert_eq!(validate(&mut world, 30).deleted, [1, 2]);
    // It did not: what it would have replaced is held as before.
    let gone = Resume {
        disk: on_disk(&[(1, 10)]),
        ..Resume::seamless(snapshot.clone())
    };
    let world = reopen(1, &gone, |_| vec![keeper().named("a")]);
    assert_eq!(held(&world, 1).holders, [0]);
    // Nobody knows: its remains go, as those of any save that failed.
    let mut world = reopen(1, &from(snapshot, 1), |_| vec![keeper().named("a")]);
    assert_eq!(steps(&world), [10]);
    let played = validate(&mut world, 15);
    assert!(played.deleted.contains(&2), "{:?}", played.deleted);
}

#[test]
fn what_was_in_flight_then_and_is_complete_now_lets_go_what_waited_for_it() {
    let mut before = world(1, |_| vec![keeper().named("a")]);
    validate(&mut before, 10);
    in_flight(&mut before, 20);
    let events = events(&before, Moment::ValidationEnd, 30);
    before.round(&events).expect("a round");
    let own = before.snapshot().expect("with checkpoint 3");
    before.report(2, &Write::default()).expect("in flight");
    before.report(3, &Write::default()).expect("in flight");
    let settled = before.settle().expect("settled");
    assert_eq!(settled.delete, [1, 2]);
    // The directory as it was before those were deleted, but with both saves complete.
    let resume = Resume {
        directory: Some(before.snapshot().expect("the newest")),
        disk: on_disk(&[(1, 10), (2, 20), (3, 30)]),
        ..from(own, 3)
    };
    let mut world = reopen(1, &resume, |_| vec![keeper().named("a")]);
    assert_eq!(steps(&world), [30]);
    assert_eq!(validate(&mut world, 31).outcome.opinions[0].reason, "[30]");
    // Also where 2 is still listed, since another policy holds it.
    let both = |_| vec![keeper().named("a"), collector().named("b")];
    let mut before = crate::support::world(1, both);
    validate(&mut before, 10);
    in_flight(&mut before, 20);
    let events = crate::support::events(&before, Moment::ValidationEnd, 30);
    before.round(&events).expect("a round");
    let own = before.snapshot().expect("with checkpoint 3");
    before.report(2, &Write::default()).expect("in flight");
    before.settle().expect("settled");
    let resume = Resume {
        directory: Some(before.snapshot().expect("the newest")),
        ..from(own.clone(), 3)
    };
    let world = reopen(1, &resume, both);
    assert_eq!(held(&world, 1).holders, [1]);
    assert_eq!(held(&world, 2).holders, [1]);
    assert_eq!(held(&world, 3).holders, [0, 1]);
    // Not where 2 is an abandoned future: then it has let nothing go.
    let resume = Resume {
        directory: Some(before.snapshot().expect("the newest")),
        ..from(own, 1)
    };
    assert_eq!(held(&reopen(1, &resume, both), 1).holders, [0, 1]);
}

#[test]
fn a_checkpoint_that_nobody_knows_cannot_be_resumed_from() {
    let mut before = world(1, |_| vec![keeper().named("a")]);
    let snapshot = save_with_snapshot(&mut before, 10);
    let refused = try_reopen(1, &from(snapshot.clone(), 9), |_| vec![keeper().named("a")]);
    let error = refused.map(drop).expect_err("nobody knows it");
    assert!(error.to_string().contains("checkpoint 9"), "{error}");
    // On disk it is good enough.
    let resume = Resume {
        disk: on_disk(&[(9, 90)]),
        ..from(snapshot, 9)
    };
    let mut world = reopen(1, &resume, |_| vec![keeper().named("a")]);
    assert_eq!(steps(&world), [90]);
    assert_eq!(validate(&mut world, 91).outcome.checkpoint, Some(10));
}
