//! Policies that fail too often in a row: not asked any more, on all ranks from the same round on.

use ckpt_policy_conformance::world::World;
use ckpt_policy_core::contract::{Ballot, CheckpointId, Fault, Reduced, Round, Verdict, View};
use ckpt_policy_core::{Disabled, Moment, OnError, Opening, PolicySetup, Resume, Snapshot};

use crate::resume::reopen;
use crate::support::{
    Scripted, abstain, ballot, disable_after, events, exchanges, message, on_error, places, play,
    save, setup, shadow, snapshots, steps, validate, world,
};

fn trap() -> Fault {
    Fault::Trap("unreachable".to_owned())
}

/// Saves at the steps that `good` accepts, and traps at the others.
fn good_at(good: impl Fn(u64) -> bool + Send + 'static) -> Scripted {
    Scripted::new(move |_, round| match good(round.step) {
        true => Ok(save()),
        false => Err(trap()),
    })
}

/// Its `observe` fails on rank 1 at the steps that `good` does not accept.
fn observes_at(good: impl Fn(u64) -> bool + Send + 'static) -> Scripted {
    Scripted::quiet().feature(move |seen| match seen.rank != 1 || good(seen.step) {
        true => Ok(vec![Some(1.0)]),
        false => Err(trap()),
    })
}

/// Who was asked in a round.
fn asked(world: &mut World, step: u64) -> Vec<usize> {
    let outcome = validate(world, step).outcome;
    outcome.opinions.iter().map(|it| it.policy).collect()
}

fn disabled(world: &World) -> Vec<(usize, u64)> {
    world.hosts()[0].disabled().collect()
}

#[test]
fn it_is_asked_as_often_as_allowed_and_then_no_more() {
    let mut world = world(3, |_| {
        let bad = disable_after(good_at(|_| false).named("bad"), 3);
        vec![bad, Scripted::quiet().named("other")]
    });
    for step in 1..=3 {
        // The world compares outcomes word for word, and the digests of what policies remember.
        let outcome = validate(&mut world, step).outcome;
        assert_eq!(outcome.opinions.len(), 2);
        let expected = (step == 3).then(|| Disabled {
            policy: 0,
            failures: 3,
            error: "the policy trapped: unreachable".to_owned(),
        });
        assert_eq!(outcome.disabled, Vec::from_iter(expected));
    }
    assert_eq!(asked(&mut world, 4), [1]);
    assert!(validate(&mut world, 5).outcome.disabled.is_empty());
    assert_eq!(disabled(&world), [(0, 3)]);
}

#[test]
fn without_a_limit_it_is_asked_for_ever() {
    let mut world = world(1, |_| vec![good_at(|_| false).named("bad")]);
    for step in 1..100 {
        assert_eq!(asked(&mut world, step), [0]);
    }
}

#[test]
fn only_failures_in_a_row_count() {
    let mut world = world(2, |_| {
        let every_other = good_at(|step| step % 2 == 0).view(View::None);
        vec![disable_after(every_other.named("a"), 2)]
    });
    for step in 1..20 {
        assert_eq!(asked(&mut world, step), [0]);
    }
}

#[test]
fn a_saver_that_fails_still_saves_until_it_is_disabled_and_keeps_what_it_holds() {
    let mut world = world(2, |_| {
        let turns = good_at(|step| step < 3).named("turns");
        let turns = on_error(disable_after(turns, 2), OnError::Save);
        vec![turns, Scripted::quiet().named("other")]
    });
    for step in 1..8 {
        let played = validate(&mut world, step);
        assert_eq!(played.outcome.save, step <= 4, "step {step}");
        assert!(played.deleted.is_empty());
    }
    assert_eq!(steps(&world), [1, 2, 3, 4]);
    let held = world.hosts()[0].checkpoints();
    assert!(held.into_iter().all(|it| it.holders == [0]));
}

#[test]
fn a_round_in_which_it_trips_still_follows_on_error() {
    let mut world = world(1, |_| {
        let policy = on_error(good_at(|_| false).named("a"), OnError::Stop);
        vec![disable_after(policy, 1)]
    });
    let outcome = validate(&mut world, 1).outcome;
    assert!(outcome.stop);
    assert_eq!(outcome.disabled.len(), 1);
}

#[test]
fn a_veto_ends_with_who_cast_it() {
    let mut world = world(2, |_| {
        let vetoes = Scripted::new(|_, round| match round.step {
            1 => Ok(ballot(Ballot::Veto)),
            _ => Err(trap()),
        });
        let vetoes = disable_after(vetoes.passive().named("vetoes"), 1);
        vec![vetoes, Scripted::saver().named("saves")]
    });
    let saves: Vec<_> = (1..4)
        .map(|step| validate(&mut world, step).outcome.save)
        .collect();
    assert_eq!(saves, [false, true, true]);
}

#[test]
fn an_observe_that_fails_on_one_rank_disables_on_all() {
    let mut world = world(3, |_| {
        let half = disable_after(observes_at(|_| false).named("half"), 2);
        vec![half, counts()]
    });
    assert!(validate(&mut world, 1).outcome.disabled.is_empty());
    let outcome = validate(&mut world, 2).outcome;
    assert_eq!(
        outcome.disabled,
        [Disabled {
            policy: 0,
            failures: 2,
            error: "`observe` failed on rank 1: it trapped".to_owned(),
        }]
    );
    let silent = world.hosts()[1].faults().count();
    assert_eq!(silent, 1, "it failed in the round in which it tripped");
    assert_eq!(asked(&mut world, 3), [1]);
    assert_eq!(
        world.hosts()[1].faults().count(),
        0,
        "it is not called any more"
    );
}

/// Says whether it was asked, so that there is a round without the other.
fn counts() -> PolicySetup {
    Scripted::quiet().named("counts")
}

#[test]
fn an_observe_counts_where_the_policy_is_not_asked() {
    let mut world = world(2, |_| {
        let rare = observes_at(|_| false).at(&[Moment::EpochEnd]);
        vec![disable_after(rare.named("rare"), 2), counts()]
    });
    assert!(validate(&mut world, 1).outcome.disabled.is_empty());
    let outcome = validate(&mut world, 2).outcome;
    assert_eq!(outcome.opinions.len(), 1, "it was not asked");
    assert_eq!(outcome.disabled.len(), 1);
    assert!(
        play(&mut world, Moment::EpochEnd, 3)
            .outcome
            .round
            .is_none()
    );
}

#[test]
fn a_quiet_round_is_no_answer() {
    // Fails when it is asked, observes well in the rounds of others in between.
    let mut world = world(2, |_| {
        let policy = Scripted::new(|_, _| Err(trap()))
            .at(&[Moment::EpochEnd])
            .feature(|_| Ok(vec![None]));
        vec![disable_after(policy.named("a"), 2), counts()]
    });
    play(&mut world, Moment::EpochEnd, 1);
    validate(&mut world, 2);
    let outcome = play(&mut world, Moment::EpochEnd, 3).outcome;
    assert_eq!(outcome.disabled.len(), 1);
}

#[test]
fn its_features_are_missing_and_messages_keep_their_length() {
    let mut world = world(2, |_| {
        let half = disable_after(observes_at(|_| false).named("half"), 1);
        vec![half, Scripted::quiet().reads("x").named("other")]
    });
    let length = |world: &mut World, step| {
        let event = &events(world, Moment::ValidationEnd, step)[0];
        let messages: Vec<_> = world
            .hosts_mut()
            .iter_mut()
            .map(|host| message(host.begin(event)))
            .collect();
        for host in world.hosts_mut() {
            host.complete(&messages.concat()).expect("the round ends");
        }
        messages[0].len()
    };
    let before = length(&mut world, 1);
    assert_eq!(disabled(&world), [(0, 1)]);
    assert_eq!(length(&mut world, 2), before);
}

#[test]
fn an_input_that_nobody_supplies_is_neither_a_failure_nor_an_answer() {
    let mut world = world(2, |_| {
        let needs = Scripted::new(|_, round: &Round| match &round.values[0] {
            Reduced::Statistic(it) if it.value == Some(0.0) => Err(trap()),
            _ => Ok(abstain()),
        });
        vec![disable_after(needs.requires("x").named("a"), 2)]
    });
    let mut play = |step, x: Option<f64>| {
        let mut events = events(&world, Moment::ValidationEnd, step);
        for event in &mut events {
            event.metrics = x.map(|x| ("x", x)).into_iter().collect();
        }
        let outcome = world.round(&events).expect("a round");
        (outcome.opinions.len(), outcome.disabled.len())
    };
    for step in 1..5 {
        assert_eq!(play(step, None), (1, 0));
    }
    assert_eq!(play(5, Some(0.0)), (1, 0));
    assert_eq!(play(6, None), (1, 0));
    assert_eq!(play(7, Some(0.0)), (1, 1), "two failures, nothing between");
    assert_eq!(play(8, Some(1.0)), (0, 0));
}

#[test]
fn a_host_of_which_nobody_is_left_exchanges_nothing() {
    let mut world = world(2, |_| {
        let policy = good_at(|_| false).reads("host.interrupted");
        vec![disable_after(policy.named("a"), 1)]
    });
    validate(&mut world, 1);
    let cost = exchanges(&mut world, |world| {
        for step in 2..100 {
            assert!(validate(world, step).outcome.round.is_none());
            play(world, Moment::StepEnd, step);
        }
    });
    assert_eq!(cost, 0);
}

#[test]
fn a_shadow_is_disabled_like_any_other() {
    let mut world = world(2, |_| {
        let bad = disable_after(good_at(|step| step < 2).named("bad"), 2);
        vec![counts(), shadow(bad)]
    });
    for (step, by) in [(1, 2), (2, 2), (3, 2), (4, 1)] {
        assert_eq!(asked(&mut world, step).len(), by, "step {step}");
    }
    let kept: Vec<CheckpointId> = world.hosts()[0].shadow_checkpoints(1).collect();
    assert_eq!(kept, [1]);
}

#[test]
fn a_shadow_that_fails_when_its_save_settles_counts_that() {
    let mut world = world(2, |_| {
        let policy = Scripted::new(|_, round| match round.moment {
            0 => Ok(save()),
            _ => Err(trap()),
        });
        let policy = policy.at(&[Moment::ValidationEnd, Moment::Settled]);
        vec![counts(), shadow(disable_after(policy.named("a"), 1))]
    });
    assert_eq!(validate(&mut world, 1).outcome.disabled.len(), 1);
    assert_eq!(asked(&mut world, 2), [0]);
}

/// Fails from step 3 on; two failures are too much.
fn turning(failures: u64) -> Vec<PolicySetup> {
    let turns = good_at(|step| step < 3).named("turns");
    vec![disable_after(turns, failures), counts()]
}

/// A snapshot after so many steps, through its document.
fn after(steps: u64) -> Snapshot {
    let mut world = world(2, |_| turning(2));
    for step in 1..=steps {
        validate(&mut world, step);
    }
    let snapshot = snapshots(&mut world).remove(0);
    let read = Snapshot::from_json(&snapshot.to_json()).expect("it reads its own");
    assert_eq!(read, snapshot);
    read
}

#[test]
fn a_cut_between_two_failures_forgets_none() {
    let mut world = reopen(2, &Resume::seamless(after(3)), |_| turning(2));
    assert_eq!(validate(&mut world, 4).outcome.disabled.len(), 1);
    assert_eq!(asked(&mut world, 5), [1]);
}

#[test]
fn it_stays_disabled_over_a_resume_of_the_same() {
    let seamless = Resume::seamless(after(4));
    let restart = Resume {
        from: Some(1),
        ..seamless.clone()
    };
    for resume in [seamless, restart] {
        let mut world = reopen(2, &resume, |_| turning(2));
        assert_eq!(disabled(&world), [(0, 2)]);
        assert_eq!(asked(&mut world, 5), [1]);
    }
}

#[test]
fn another_file_or_configuration_begins_anew() {
    let change = |change: fn(&mut PolicySetup)| {
        move |_| {
            let mut policies = turning(2);
            change(&mut policies[0]);
            policies
        }
    };
    let file = change(|policy| "01".clone_into(&mut policy.digest));
    let config = change(|policy| policy.config = serde_json::json!({"key": 1}));
    for mut world in [
        reopen(2, &Resume::seamless(after(4)), file),
        reopen(2, &Resume::seamless(after(4)), config),
    ] {
        assert!(disabled(&world).is_empty());
        assert_eq!(asked(&mut world, 5), [0, 1]);
    }
}

#[test]
fn a_larger_limit_or_none_lets_it_in_again() {
    for policies in [
        |_| turning(3),
        |_| {
            let mut policies = turning(2);
            policies[0].disable_after = None;
            policies
        },
    ] {
        let mut world = reopen(2, &Resume::seamless(after(4)), policies);
        assert!(disabled(&world).is_empty());
        assert_eq!(asked(&mut world, 5), [0, 1]);
    }
}

#[test]
fn a_snapshot_without_failures_does_not_speak_of_them() {
    assert!(!after(2).to_json().contains("failures"));
    assert!(after(3).to_json().contains(r#""failures":1"#));
}

#[test]
fn ranks_that_allow_different_numbers_of_failures_do_not_open() {
    let openings = places(2).map(|place| {
        let policies = turning(2 + u64::from(place.rank));
        Opening::new(setup(place, Default::default(), policies))
    });
    let refused = World::open(openings.collect()).err().expect("they differ");
    let text = refused.to_string();
    assert!(
        text.contains("rank 0 has `turns` with `disable-after` `2`"),
        "{text}"
    );
}

#[test]
fn a_policy_that_behaves_for_a_thousand_rounds_and_then_turns() {
    let mut world = world(2, |_| {
        let turns = Scripted::new(|_, round| match round.step {
            1..=1000 => Ok(Verdict::default()),
            _ => Err(Fault::Fuel { fuel: 7 }),
        });
        vec![disable_after(turns.named("turns"), 3), counts()]
    });
    for step in 1..=1003 {
        assert_eq!(asked(&mut world, step).len(), 2);
    }
    assert_eq!(asked(&mut world, 1004), [1]);
}
