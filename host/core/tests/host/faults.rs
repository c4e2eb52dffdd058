//! Policies that cannot answer: the same event on all ranks, whoever is to blame.

use ckpt_policy_core::contract::{Fault, Verdict};
use ckpt_policy_core::{Error, Moment, OnError, Progress, Snapshot};

use crate::support::{
    Scripted, abstain, carry, done, event, events, fail, measured, message, mine, on_error,
    refused, save, shadow, snapshots, steps, validate, world,
};

/// Fails at step 2, else saves.
fn failing() -> Scripted {
    Scripted::new(|_, round| match round.step {
        2 => Err(Fault::Trap("unreachable".to_owned())),
        _ => Ok(save()),
    })
}

#[test]
fn on_error_says_what_a_failure_counts_as() {
    for (setting, saves, stops) in [
        (OnError::Skip, false, false),
        (OnError::Save, true, false),
        (OnError::Stop, false, true),
    ] {
        let mut world = world(2, |_| vec![on_error(failing().named("a"), setting)]);
        validate(&mut world, 1);
        let outcome = validate(&mut world, 2).outcome;
        assert_eq!((outcome.save, outcome.stop), (saves, stops), "{setting}");
        let opinion = &outcome.opinions[0];
        assert_eq!(
            opinion.error.as_deref(),
            Some("the policy trapped: unreachable")
        );
        assert_eq!(opinion.ballot, None);
        let held: Vec<_> = world.hosts()[0]
            .checkpoints()
            .map(|it| it.holders)
            .collect();
        assert_eq!(held.len(), 1 + usize::from(saves));
        assert!(
            held.iter().all(|holders| holders == &[0]),
            "what is held stays held"
        );
    }
}

#[test]
fn a_failure_leaves_state_and_waiting_as_they_were() {
    let mut world = world(1, |_| {
        let policy = Scripted::new(|state, round| match round.step {
            2 => Err(Fault::Fuel { fuel: 7 }),
            step => Ok(Verdict {
                reason: format!("{state:?}"),
                state: vec![u8::try_from(step).unwrap_or(0)],
                ..abstain()
            }),
        });
        vec![policy.named("a")]
    });
    for (step, reason) in [(1, "[]"), (2, ""), (3, "[1]")] {
        assert_eq!(
            validate(&mut world, step).outcome.opinions[0].reason,
            reason
        );
    }
}

#[test]
fn an_error_at_settled_saves_nothing() {
    let mut world = world(1, |_| {
        let policy = Scripted::new(|_, round| match round.moment {
            0 => Ok(save()),
            _ => Err(Fault::Failed("no".to_owned())),
        });
        let policy = policy.at(&[Moment::ValidationEnd, Moment::Settled]);
        vec![on_error(policy.named("a"), OnError::Save)]
    });
    let played = validate(&mut world, 1);
    assert!(played.settled[0].opinions[0].error.is_some());
    assert!(!played.settled[0].save);
}

#[test]
fn a_required_input_that_no_rank_has_is_an_error_with_the_nearest_name() {
    let mut world = world(2, |_| {
        let policy = || Scripted::saver().requires("val_los");
        vec![
            on_error(policy().named("a"), OnError::Stop),
            shadow(policy().named("b")),
            Scripted::quiet()
                .requires("never")
                .at(&[Moment::EpochEnd])
                .named("c"),
        ]
    });
    let mut events = measured("val_loss", &[1.0, 2.0], Moment::ValidationEnd, 1);
    events
        .iter_mut()
        .for_each(|event| event.metrics.insert("accuracy", 0.5));
    let outcome = world.round(&events).expect("it is no error of the trainer");
    assert!(outcome.stop && !outcome.save);
    let expected =
        "no rank supplies `val_los`, which it requires; the nearest logged name is `val_loss`";
    for opinion in &outcome.opinions {
        assert_eq!(opinion.error.as_deref(), Some(expected));
    }
    assert_eq!(outcome.opinions.len(), 2, "who is not asked does not fail");
}

#[test]
fn hints_speak_of_the_moment_at_hand() {
    let mut world = world(2, |_| {
        vec![Scripted::saver().requires("val_los").named("a")]
    });
    let error = |world: &mut ckpt_policy_conformance::world::World, name: &str, step| {
        let events = measured(name, &[1.0, 2.0], Moment::ValidationEnd, step);
        let outcome = world.round(&events).expect("a round");
        outcome.opinions[0].error.clone().expect("it is missing")
    };
    assert!(error(&mut world, "q", 1).ends_with("logged is, for one, `q`"));
    assert!(error(&mut world, "host.free-bytes", 2).ends_with("nothing was logged at this moment"));
}

#[test]
fn one_rank_with_the_input_is_enough_even_if_it_is_not_a_number() {
    let mut world = world(2, |_| vec![Scripted::saver().requires("x").named("a")]);
    let mut events = measured("x", &[f64::NAN, 1.0], Moment::ValidationEnd, 1);
    events[1].metrics = Default::default();
    let outcome = world.round(&events).expect("a round");
    assert_eq!(outcome.opinions[0].error, None);
}

#[test]
fn an_observe_that_fails_on_one_rank_is_the_same_event_on_all() {
    let mut world = world(3, |_| {
        let policy = Scripted::saver().feature(|observation| match observation.rank {
            1 => Err(Fault::Trap("division by zero on this rank".to_owned())),
            _ => Ok(vec![Some(1.0)]),
        });
        vec![
            Scripted::quiet().named("b"),
            on_error(policy.named("a"), OnError::Save),
        ]
    });
    // The world compares outcomes word for word.
    let outcome = validate(&mut world, 1).outcome;
    assert!(outcome.save);
    assert_eq!(
        outcome.opinions[1].error.as_deref(),
        Some("`observe` failed on rank 1: it trapped")
    );
    let logs: Vec<Vec<_>> = world
        .hosts()
        .iter()
        .map(|host| host.faults().collect())
        .collect();
    assert_eq!(logs[0], []);
    assert_eq!(
        logs[1],
        [(1, "the policy trapped: division by zero on this rank")]
    );
    let events = events(&world, Moment::StepEnd, 2);
    world.round(&events).expect("idle");
}

#[test]
fn an_observe_that_fails_for_a_policy_that_is_not_asked_is_no_event() {
    let mut world = world(2, |_| {
        let policy = Scripted::saver()
            .at(&[Moment::EpochEnd])
            .feature(|_| Err(Fault::Failed("always".to_owned())));
        vec![policy.named("a"), Scripted::quiet().named("b")]
    });
    let outcome = validate(&mut world, 1).outcome;
    assert_eq!(outcome.opinions.len(), 1);
    assert_eq!(outcome.opinions[0].error, None);
}

#[test]
fn a_wrong_number_of_features_is_refused() {
    let mut world = world(2, |_| {
        vec![
            Scripted::saver()
                .feature(|_| Ok(vec![None, None]))
                .named("a"),
        ]
    });
    let outcome = validate(&mut world, 1).outcome;
    assert_eq!(
        outcome.opinions[0].error.as_deref(),
        Some("`observe` failed on ranks 0 and 1: its answer is refused")
    );
    let (_, text) = world.hosts()[0].faults().next().expect("it is in the log");
    assert!(text.contains("returned 2 features, the plan has 1"));
}

fn machine() -> Fault {
    Fault::Machine("mmap failed".to_owned())
}

fn machine_error(round: u64) -> Error {
    Error::Machine {
        rank: 1,
        name: "a".to_owned(),
        round,
    }
}

#[test]
fn a_machine_that_cannot_observe_is_an_error_on_all_and_the_event_can_be_tried_again() {
    let mut world = world(3, |_| {
        let mut tries = 0;
        let policy = Scripted::saver()
            .at(&[Moment::StepEnd])
            .every(10)
            .feature(move |seen| {
                tries += 1;
                match (seen.rank, tries) {
                    (1, 1) => Err(machine()),
                    _ => Ok(vec![Some(1.0)]),
                }
            });
        vec![policy.named("a")]
    });
    let before = snapshots(&mut world);
    let events = events(&world, Moment::StepEnd, 10);
    let begun: Vec<_> = world
        .hosts_mut()
        .iter_mut()
        .zip(&events)
        .map(|(host, event)| message(host.begin(event)))
        .collect();
    assert_eq!(refused(carry(&mut world, &begun)), machine_error(1));
    assert_eq!(snapshots(&mut world), before, "nothing has changed");
    assert!(
        world.hosts()[1]
            .faults()
            .any(|(_, text)| text.contains("mmap failed"))
    );
    assert!(world.round(&events).expect("a round").save);
}

/// A policy that one machine cannot run in `decide` at step 5, and what the others say there.
fn breaking(rank: u32, others: fn() -> Verdict) -> Scripted {
    Scripted::new(move |_, round| match (rank, round.step) {
        (1, 5) => Err(machine()),
        (_, 5) => Ok(others()),
        _ => Ok(abstain()),
    })
}

/// Plays step 5 up to where rank 1 breaks off; returns what each rank goes on with.
fn break_off(
    world: &mut ckpt_policy_conformance::world::World,
) -> Vec<Result<Progress<ckpt_policy_core::Outcome>, Error>> {
    validate(world, 1);
    let begun: Vec<_> = world
        .hosts_mut()
        .iter_mut()
        .map(|host| message(host.begin(&event(Moment::ValidationEnd, 5))))
        .collect();
    carry(world, &begun)
}

#[test]
fn a_machine_that_cannot_decide_meets_the_others_in_the_confirmation() {
    let mut world = world(3, |rank| vec![breaking(rank, save).named("a")]);
    let went = break_off(&mut world);
    let confirmations: Vec<_> = went.into_iter().map(message).collect();
    assert_eq!(refused(carry(&mut world, &confirmations)), machine_error(2));
    assert!(steps(&world).is_empty(), "nobody acts");
    let after = snapshots(&mut world);
    assert!(after.iter().all(|snapshot| *snapshot == after[0]));
    assert!(
        world.hosts()[1]
            .faults()
            .any(|(_, text)| text.contains("mmap failed"))
    );
    // The round can be tried again: nothing of it is left.
    assert!(validate(&mut world, 6).outcome.round == Some(2));
}

#[test]
fn a_machine_that_cannot_decide_meets_the_others_in_their_next_round() {
    let mut world = world(3, |rank| vec![breaking(rank, abstain).named("a")]);
    let mut went = break_off(&mut world);
    let broken = message(went.remove(1));
    for quiet in went {
        assert!(!done(quiet).save);
    }
    let mut messages: Vec<_> = [0, 2]
        .map(|rank| message(world.hosts_mut()[rank].begin(&event(Moment::ValidationEnd, 6))))
        .to_vec();
    messages.insert(1, broken);
    assert_eq!(refused(carry(&mut world, &messages)), machine_error(2));
}

#[test]
fn a_machine_that_cannot_decide_meets_the_others_in_a_snapshot() {
    let mut world = world(2, |rank| {
        vec![breaking(rank, abstain).reads("last:x").named("a")]
    });
    let mut went = break_off(&mut world);
    let broken = message(went.remove(1));
    done(went.remove(0));
    let asking = message(world.hosts_mut()[0].snapshot());
    let gathered = [asking, broken].concat();
    let one = world.hosts_mut()[0]
        .complete_snapshot(&gathered)
        .expect_err("rank 1 broke");
    let other = world.hosts_mut()[1]
        .complete(&gathered)
        .expect_err("it broke");
    assert_eq!(one, machine_error(2));
    assert_eq!(one, other);
}

#[test]
fn a_machine_that_cannot_judge_a_shadow_stops_the_round_too() {
    let mut world = world(2, |rank| {
        vec![
            Scripted::saver().named("b"),
            shadow(breaking(rank, save).named("a")),
        ]
    });
    let went = break_off(&mut world);
    let confirmations: Vec<_> = went.into_iter().map(message).collect();
    assert_eq!(refused(carry(&mut world, &confirmations)), machine_error(3));
    assert_eq!(steps(&world), [1]);
    assert_eq!(world.hosts()[0].shadow_checkpoints(1).count(), 0);
}

#[test]
fn calls_out_of_order_are_errors_and_disturb_nothing() {
    let mut world = world(1, |_| vec![Scripted::saver().reads("last:x").named("a")]);
    let host = &mut world.hosts_mut()[0];
    assert!(matches!(host.complete(&Vec::new()), Err(Error::Order(_))));
    assert!(matches!(
        host.complete_snapshot(&Vec::new()),
        Err(Error::Order(_))
    ));
    assert!(matches!(
        host.begin(&event(Moment::Settled, 1)),
        Err(Error::Order(_))
    ));
    let begun = message(host.begin(&event(Moment::ValidationEnd, 1)));
    assert!(matches!(
        host.begin(&event(Moment::ValidationEnd, 1)),
        Err(Error::Order(_))
    ));
    assert!(matches!(host.settle(), Err(Error::Order(_))));
    assert!(matches!(host.finish(), Err(Error::Order(_))));
    assert!(matches!(host.snapshot(), Err(Error::Order(_))));
    assert!(matches!(
        host.complete_snapshot(&begun),
        Err(Error::Order(_))
    ));
    let confirmation = message(host.complete(&begun));
    assert!(done(host.complete(&confirmation)).save);
    let remembering = message(host.snapshot());
    assert!(matches!(host.complete(&remembering), Err(Error::Order(_))));
    let snapshot = done(host.complete_snapshot(&remembering));
    assert_eq!(Snapshot::from_json(&snapshot.to_json()), Ok(snapshot));
}

#[test]
fn unusable_bytes_are_errors_and_change_nothing() {
    let mut world = world(2, |_| vec![Scripted::saver().named("a")]);
    let before = snapshots(&mut world);
    let begin = |world: &mut ckpt_policy_conformance::world::World| -> Vec<_> {
        let hosts = world.hosts_mut().iter_mut();
        hosts
            .map(|host| message(host.begin(&event(Moment::ValidationEnd, 1))))
            .collect()
    };
    let good = begin(&mut world);
    let mut swapped = good.clone();
    swapped.swap(0, 1);
    let mut foreign = good.concat();
    foreign[0] ^= 1;
    for (bytes, expected) in [
        (Vec::new(), "0 bytes arrived"),
        (good[0].clone(), "bytes arrived"),
        (
            swapped.concat(),
            "the engine must keep the order of the ranks",
        ),
        (foreign, "rank 0: it is not a message of this host"),
    ] {
        let results = world
            .hosts_mut()
            .iter_mut()
            .map(|host| host.complete(&bytes));
        let error = refused(results.collect());
        assert!(
            error
                .to_string()
                .starts_with("the messages in round 1 are unusable"),
            "{error}"
        );
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(snapshots(&mut world), before);
        begin(&mut world);
    }
}

#[test]
fn a_failed_save_follows_a_failed_policy_without_harm() {
    let mut world = world(2, |_| {
        let policy = Scripted::new(|_, round| match round.step {
            3 => Err(Fault::Failed("no".to_owned())),
            _ => {
                let mut verdict = save();
                verdict.release = mine(round);
                Ok(verdict)
            }
        });
        vec![on_error(policy.named("a"), OnError::Save)]
    });
    validate(&mut world, 1);
    fail(&mut world, 2, 0);
    fail(&mut world, 3, 1);
    assert_eq!(steps(&world), [1]);
    validate(&mut world, 4);
    assert_eq!(steps(&world), [4]);
}
