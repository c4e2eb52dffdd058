//! Shadows: what a policy alone would have done, without touching what exists.

use std::collections::{BTreeMap, BTreeSet};

use ckpt_policy_conformance::world::{Played, World, Write};
use ckpt_policy_core::contract::{Ballot, CheckpointId, Source};
use ckpt_policy_core::{Metrics, Mode, Moment, OnError};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{ProptestConfig, Strategy, any, proptest};
use proptest::prop_assert_eq;
use proptest::sample::select;

use crate::support::{
    Scripted, ballot, event, exchanges, mine, play, save, shadow, steps, validate, world,
};
use crate::whim::{Whim, any_whim};

fn keeps_newest() -> Scripted {
    Scripted::says(|round| {
        let mut verdict = save();
        verdict.reason = format!("{:?}", mine(round));
        verdict.release = mine(round);
        verdict
    })
}

#[test]
fn a_shadow_lives_in_a_ledger_of_its_own() {
    let mut world = world(2, |_| {
        let rare = Scripted::says(|round| match round.step {
            20 => save(),
            _ => ballot(Ballot::Veto),
        });
        vec![rare.named("real"), shadow(keeps_newest().named("shadow"))]
    });
    for step in [10, 20, 30] {
        let outcome = validate(&mut world, step).outcome;
        assert_eq!(outcome.save, step == 20, "a shadow's ballot does not count");
        assert!(outcome.delete.is_empty());
        let own = outcome.opinions[1].shadow.as_ref().expect("a shadow");
        assert!(own.save, "nor does a veto of others count for it");
        assert_eq!(own.delete.len(), usize::from(step > 10));
    }
    assert_eq!(steps(&world), [20]);
    let host = &world.hosts()[0];
    assert!(host.checkpoints().all(|held| held.holders == [0]));
    assert_eq!(host.shadow_checkpoints(1).count(), 1);
    assert_eq!(host.shadow_checkpoints(0).count(), 0);
}

#[test]
fn a_shadow_is_no_reason_for_an_exchange_of_any_kind() {
    let mut world = world(2, |_| {
        let stops = Scripted::says(|_| {
            let mut verdict = save();
            verdict.stop = true;
            verdict
        });
        vec![
            Scripted::quiet().named("real"),
            shadow(stops.at(&Moment::ALL).named("shadow")),
        ]
    });
    let cost = exchanges(&mut world, |world| {
        play(world, Moment::StepEnd, 1);
    });
    assert_eq!(cost, 0);
    let cost = exchanges(&mut world, |world| {
        let outcome = validate(world, 1).outcome;
        assert!(!outcome.stop && !outcome.settle);
        assert!(outcome.opinions[1].stop);
    });
    assert_eq!(cost, 1);
}

#[test]
fn a_shadow_is_not_asked_when_real_saves_settle() {
    let mut world = world(2, |_| {
        vec![
            Scripted::saver().named("real"),
            shadow(Scripted::quiet().at(&Moment::ALL).named("shadow")),
        ]
    });
    let played = validate(&mut world, 1);
    assert!(played.settled[0].opinions.is_empty());
}

#[test]
fn an_error_of_a_shadow_follows_on_error_in_its_own_ledger() {
    let mut world = world(2, |_| {
        let fails = || Scripted::saver().requires("never");
        let shadow_with =
            |name: &str, setting| shadow(crate::support::on_error(fails().named(name), setting));
        vec![
            Scripted::quiet().named("real"),
            shadow_with("saves", OnError::Save),
            shadow_with("stops", OnError::Stop),
        ]
    });
    let outcome = validate(&mut world, 1).outcome;
    assert!(!outcome.stop && !outcome.save);
    let saves = |index: usize| {
        outcome.opinions[index]
            .shadow
            .as_ref()
            .is_some_and(|it| it.save)
    };
    assert!(saves(1) && !saves(2));
    assert_eq!(world.hosts()[0].shadow_checkpoints(1).count(), 1);
}

/// One event: where, how many steps on, and what each rank measured.
type Row = (Moment, u64, Vec<Option<f64>>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let moments = [
        Moment::StepEnd,
        Moment::EpochEnd,
        Moment::ValidationEnd,
        Moment::TrainEnd,
    ];
    let number = any::<i8>().prop_map(f64::from);
    vec(
        (
            select(moments.to_vec()),
            0..5_u64,
            vec(option::of(number), 2),
        ),
        1..30,
    )
}

fn play_row(world: &mut World, at: &mut u64, (moment, more, numbers): &Row) -> Played {
    *at += more;
    let events: Vec<_> = numbers
        .iter()
        .map(|number| {
            let mut one = event(*moment, *at);
            let metrics: Metrics = number.iter().map(|value| ("x", *value)).collect();
            one.metrics = metrics;
            one
        })
        .collect();
    world
        .play(&events, &Write::default())
        .expect("the event plays")
}

/// What was saved and deleted, by step.
type Acts = (bool, BTreeSet<u64>);

/// Notes the step under each id, and tells deletions by it.
fn by_step(
    known: &mut BTreeMap<CheckpointId, u64>,
    saved: Option<(CheckpointId, u64)>,
    deleted: &[CheckpointId],
) -> Acts {
    known.extend(saved);
    (
        saved.is_some(),
        deleted.iter().map(|id| known[id]).collect(),
    )
}

fn alone(whim: &Whim, rows: &[Row]) -> Vec<Acts> {
    let mut world = world(2, |_| {
        let own = whim.setup("p");
        vec![own, asker()]
    });
    let (mut known, mut at) = (BTreeMap::new(), 0);
    rows.iter()
        .map(|row| {
            let played = play_row(&mut world, &mut at, row);
            let saved = played.outcome.checkpoint.filter(|_| played.outcome.save);
            by_step(&mut known, saved.map(|id| (id, at)), &played.deleted)
        })
        .collect()
}

fn watched(whim: &Whim, rows: &[Row]) -> Vec<Acts> {
    let mut world = world(2, |_| {
        let real = Scripted::says(|round| match round.step % 3 {
            0 => save(),
            1 => ballot(Ballot::Veto),
            _ => ballot(Ballot::Skip),
        });
        vec![shadow(whim.setup("p")), asker(), real.named("real")]
    });
    let (mut known, mut at) = (BTreeMap::new(), 0);
    rows.iter()
        .map(|row| {
            let played = play_row(&mut world, &mut at, row);
            let opinion = played.outcome.opinions.iter().find(|it| it.policy == 0);
            let own = opinion.and_then(|it| it.shadow.clone()).unwrap_or_default();
            let saved = own.checkpoint.filter(|_| own.save);
            by_step(&mut known, saved.map(|id| (id, at)), &own.delete)
        })
        .collect()
}

/// Brings about a round at each event, in which it wishes nothing.
fn asker() -> ckpt_policy_core::PolicySetup {
    Scripted::quiet().at(&Moment::ALL).named("asker")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_shadow_does_what_the_policy_alone_does(whim in any_whim(), rows in rows()) {
        let mut whim = Whim { mode: Mode::Enforce, blind: true, ..whim };
        // Facts that follow from real saves are not a shadow's.
        whim.plan.inputs.iter_mut().for_each(|input| "x".clone_into(&mut input.name));
        if whim.plan.moments.iter().any(|name| name == Moment::Settled.name()) {
            // Nor does it observe once more when its own save settles.
            whim.plan.features = 0;
            whim.plan.reductions.retain(|it| matches!(it.source, Source::Input(_)));
        }
        if whim.plan.features > 0 {
            // A failing `observe` counts in the settling rounds that a shadow does not have.
            whim.disable_after = None;
        }
        prop_assert_eq!(alone(&whim, &rows), watched(&whim, &rows));
    }
}
