//! What policies carry over a resume: holds, values, states, facts; and what a snapshot refuses.

use ckpt_policy_conformance::world::{World, Write};
use ckpt_policy_core::contract::Verdict;
use ckpt_policy_core::{Mode, Moment, PolicySetup, Resume, Rules, Snapshot};

use crate::resume::{
    collector, from, held, keeper, on_disk, reason, reopen, reopen_under, save_with_snapshot,
    try_reopen,
};
use crate::support::{Scripted, in_flight, measured, save, shadow, steps, validate, value, world};

#[test]
fn what_a_policy_held_that_is_gone_or_watches_now_is_pinned() {
    let both = |_| vec![keeper().named("a"), collector().named("b")];
    let mut before = world(1, both);
    for step in [10, 20] {
        validate(&mut before, step);
    }
    let snapshot = before.snapshot().expect("a snapshot");
    let cases: [fn(u32) -> Vec<PolicySetup>; 2] = [
        |_| vec![keeper().named("a")],
        |_| vec![keeper().named("a"), shadow(collector().named("b"))],
    ];
    for policies in cases {
        let mut world = reopen(1, &Resume::seamless(snapshot.clone()), policies);
        assert!(held(&world, 1).pinned && held(&world, 2).pinned);
        validate(&mut world, 30);
        validate(&mut world, 40);
        assert_eq!(steps(&world), [10, 20, 40]);
    }
}

#[test]
fn policies_are_found_by_name_in_another_order() {
    let mut before = world(1, |_| vec![keeper().named("a"), collector().named("b")]);
    for step in [10, 20] {
        validate(&mut before, step);
    }
    let resume = Resume::seamless(before.snapshot().expect("a snapshot"));
    let world = reopen(1, &resume, |_| {
        vec![
            collector().named("b"),
            Scripted::quiet().named("new"),
            keeper().named("a"),
        ]
    });
    assert_eq!(held(&world, 1).holders, [0]);
    assert_eq!(held(&world, 2).holders, [0, 2]);
}

/// Says the values of the oldest checkpoint that it is shown.
fn reading(names: &[&str]) -> Scripted {
    let policy = Scripted::says(|round| {
        let values = round.checkpoints.first().map(|it| it.values.clone());
        Verdict {
            reason: format!("{:?}", values.unwrap_or_default()),
            ..save()
        }
    });
    names.iter().fold(policy, |policy, name| policy.reads(name))
}

#[test]
fn a_changed_plan_finds_old_values_by_name() {
    let measure = |world: &mut World, step| {
        let mut events = measured("x", &[1.0, 3.0], Moment::ValidationEnd, step);
        events
            .iter_mut()
            .for_each(|event| event.metrics.insert("y", 7.0));
        let played = world.play(&events, &Write::default()).expect("it plays");
        played.outcome.opinions[0].reason.clone()
    };
    let mut before = world(2, |_| vec![reading(&["x", "y"]).named("a")]);
    measure(&mut before, 10);
    let snapshot = before.snapshot().expect("a snapshot");
    let mut narrow = reopen(2, &Resume::seamless(snapshot), |_| {
        vec![reading(&["y"]).named("a")]
    });
    assert_eq!(measure(&mut narrow, 20), "[Some(7.0)]");
    // What the narrow plan does not know is not lost.
    let snapshot = narrow.snapshot().expect("a snapshot");
    let mut wide = reopen(2, &Resume::seamless(snapshot), |_| {
        vec![reading(&["z", "y", "x"]).named("a")]
    });
    assert_eq!(measure(&mut wide, 30), "[None, Some(7.0), Some(2.0)]");
}

/// Makes a feature of what this rank had at the oldest checkpoint.
fn remembering() -> Scripted {
    Scripted::says(|round| Verdict {
        reason: format!(
            "{:?} {:?}",
            value(&round.values[0]),
            value(&round.values[1])
        ),
        ..save()
    })
    .reads("last:x")
    .reads("x")
    .feature(|seen| {
        let oldest = seen.checkpoints.first().and_then(|it| it.values[1]);
        Ok(vec![oldest])
    })
}

#[test]
fn another_world_size_takes_over_what_its_ranks_knew() {
    let summing = || {
        let mut policy = remembering();
        policy.keep_last_reduction(2);
        policy
    };
    let mut before = world(3, |_| vec![summing().named("a")]);
    let events = measured("x", &[1.0, 10.0, 100.0], Moment::ValidationEnd, 10);
    before.play(&events, &Write::default()).expect("it plays");
    let snapshot = before.snapshot().expect("a snapshot");
    // Of `last:x` the mean, of the oldest checkpoint's `x` the sum over ranks.
    for (size, expected) in [
        (2, "Some(5.5) Some(11.0)"),
        (3, "Some(37.0) Some(111.0)"),
        (5, "Some(37.0) Some(111.0)"),
    ] {
        let resume = Resume::seamless(snapshot.clone());
        let mut world = reopen(size, &resume, |_| vec![summing().named("a")]);
        let found = reason(&mut world, 20);
        assert_eq!(found, expected, "{size} ranks");
    }
}

#[test]
fn restarts_are_counted_also_when_the_same_checkpoint_is_tried_again() {
    let counting = |_: u32| {
        let policy = Scripted::says(|round| Verdict {
            reason: format!("{:?}", value(&round.values[0])),
            ..save()
        });
        vec![policy.reads("host.restarts").named("a")]
    };
    let mut before = world(1, counting);
    let own = save_with_snapshot(&mut before, 10);
    let mut newest = before.snapshot().expect("a snapshot");
    for expected in ["Some(1.0)", "Some(2.0)", "Some(3.0)"] {
        let resume = Resume {
            directory: Some(newest.clone()),
            ..from(own.clone(), 1)
        };
        let mut world = reopen(1, &resume, counting);
        assert_eq!(reason(&mut world, 20), expected);
        newest = world.snapshot().expect("a snapshot");
    }
    // To go on where it stopped is no restart.
    let mut world = reopen(1, &Resume::seamless(newest), counting);
    assert_eq!(reason(&mut world, 30), "Some(3.0)");
}

#[test]
fn not_before_lapses_on_a_resume_and_with_another_configuration_only() {
    let mut before = world(1, |_| vec![keeper().named("a")]);
    let snapshot = save_with_snapshot(&mut before, 10);
    let asked = |resume: Resume, change: fn(PolicySetup) -> PolicySetup| {
        let mut world = reopen(1, &resume, |_| vec![change(keeper().named("a"))]);
        world.settle().expect("a round");
        validate(&mut world, 15).outcome.round.is_some()
    };
    let same: fn(PolicySetup) -> PolicySetup = |setup| setup;
    let seamless = || Resume::seamless(snapshot.clone());
    assert!(!asked(seamless(), same));
    assert!(asked(from(snapshot.clone(), 1), same));
    assert!(asked(seamless(), |it| PolicySetup {
        digest: "ff".to_owned(),
        ..it
    }));
    assert!(asked(seamless(), |it| PolicySetup {
        config: serde_json::json!({"top-k": 2}),
        ..it
    }));
}

#[test]
fn an_interruption_is_not_resumed_but_is_not_announced_twice_in_one_run() {
    let cares = |_: u32| {
        let policy = Scripted::says(|round| Verdict {
            reason: format!("{:?}", value(&round.values[0])),
            ..save()
        });
        vec![policy.reads("host.interrupted").named("a")]
    };
    let mut before = world(2, cares);
    before.hosts_mut()[1].interrupt();
    assert!(validate(&mut before, 10).outcome.interrupted);
    let snapshot = before.snapshot().expect("a snapshot");
    let mut seamless = reopen(2, &Resume::seamless(snapshot.clone()), cares);
    let outcome = validate(&mut seamless, 20).outcome;
    assert!(!outcome.interrupted);
    assert_eq!(
        outcome.opinions[0].reason, "Some(0.5)",
        "rank 1 was told to leave"
    );
    let mut resumed = reopen(2, &from(snapshot, 1), cares);
    let outcome = validate(&mut resumed, 20).outcome;
    assert_eq!(
        outcome.opinions[0].reason, "Some(0.0)",
        "this process was told nothing"
    );
    resumed.hosts_mut()[0].interrupt();
    assert!(validate(&mut resumed, 30).outcome.interrupted);
}

#[test]
fn a_shadows_ledger_is_resumed_and_knows_nothing_of_the_disk() {
    let policies = |_: u32| vec![Scripted::quiet().named("real"), shadow(keeper().named("a"))];
    let mut before = world(2, policies);
    validate(&mut before, 10);
    let resume = Resume {
        disk: on_disk(&[]),
        ..Resume::seamless(before.snapshot().expect("a snapshot"))
    };
    let mut world = reopen(2, &resume, policies);
    let outcome = validate(&mut world, 20).outcome;
    let own = outcome.opinions[1].shadow.as_ref().expect("a shadow");
    assert_eq!(own.delete, [1]);
    assert_eq!(world.hosts()[0].policies()[1].mode, Mode::Shadow);
}

#[test]
fn more_saves_in_flight_than_the_rules_now_allow_end_one_after_the_other() {
    let mut before = world(1, |_| vec![collector().named("a")]);
    for step in [10, 20, 30, 40] {
        in_flight(&mut before, step);
    }
    let resume = Resume::seamless(before.snapshot().expect("a snapshot"));
    let rules = Rules {
        in_flight: 2,
        ..Rules::default()
    };
    let mut world =
        reopen_under(rules, 1, &resume, |_| vec![collector().named("a")]).expect("the world opens");
    for id in 1..=4 {
        world.report(id, &Write::default()).expect("in flight");
    }
    assert_eq!(world.settle().expect("a round").ended.len(), 2);
    assert_eq!(world.settle().expect("a round").ended.len(), 2);
    assert!(world.hosts()[0].checkpoints().all(|held| held.complete));
}

#[test]
fn numbers_beyond_any_run_are_refused_and_never_overflow() {
    let mut before = world(1, |_| vec![collector().named("a")]);
    let snapshot = save_with_snapshot(&mut before, 10);
    let resume = Resume {
        disk: on_disk(&[(1, 10), (u64::MAX, 11)]),
        ..Resume::seamless(snapshot)
    };
    let refused = try_reopen(1, &resume, |_| vec![collector().named("a")]);
    let error = refused.map(drop).expect_err("it is too large");
    assert!(
        error.to_string().contains("18446744073709551615"),
        "{error}"
    );
}

#[test]
fn a_damaged_snapshot_is_refused_and_says_why() {
    let mut before = world(2, |_| vec![keeper().reads("x").named("a")]);
    let events = measured("x", &[f64::NAN, -0.0], Moment::ValidationEnd, 10);
    before.play(&events, &Write::default()).expect("it plays");
    let text = before.snapshot().expect("a snapshot").to_json();
    assert!(Snapshot::from_json(&text).is_ok());
    let refused = |text: &str| {
        Snapshot::from_json(text)
            .expect_err("it is damaged")
            .to_string()
    };
    assert!(refused(&text.replace("\"round\":2", "\"round\":3")).contains("its checksum is"));
    assert!(refused(&text.replace("\"snapshot\":1", "\"snapshot\":9")).contains("version 9"));
    assert!(refused(&text.replace("\"round\":2", "\"rounds\":2")).contains("rounds"));
    for cut in 0..text.len() {
        assert!(Snapshot::from_json(&text[..cut]).is_err());
    }
}
