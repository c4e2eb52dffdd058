//! What the policies' wishes come to together: ballots, holds, deletions, labels.

use ckpt_policy_core::contract::Ballot;
use ckpt_policy_core::{Combine, Moment, Rules};

use crate::saves::keep_newest;
use crate::support::{
    Scripted, abstain, ballot, events, mine, save, steps, validate, world, world_under,
};

#[test]
fn deletions_are_ordered_until_every_rank_has_reported_them_64_at_once() {
    let rules = Rules {
        keep_at_least: 0,
        ..Rules::default()
    };
    let mut world = world_under(rules, 2, |_| {
        let policy = Scripted::says(|round| match round.step {
            ..100 => save(),
            100 => {
                let mut verdict = abstain();
                verdict.release = mine(round);
                verdict
            }
            _ => abstain(),
        });
        vec![policy.named("a")]
    });
    for step in 0..80 {
        validate(&mut world, step);
    }
    let order = |world: &mut ckpt_policy_conformance::world::World, step| {
        let events = events(world, Moment::ValidationEnd, step);
        world.round(&events).expect("a round").delete
    };
    let first: Vec<u64> = order(&mut world, 100);
    assert_eq!(first.len(), 64);
    assert!(steps(&world).is_empty());
    let report = |world: &mut ckpt_policy_conformance::world::World, rank: usize, ids: &[u64]| {
        for id in ids {
            world.hosts_mut()[rank]
                .deleted(*id)
                .expect("it was ordered");
        }
    };
    report(&mut world, 0, &first);
    assert_eq!(order(&mut world, 101), first, "rank 1 has not reported");
    report(&mut world, 1, &first[10..]);
    let second = order(&mut world, 102);
    assert_eq!(second[..10], first[..10]);
    assert_eq!(second.len(), 10 + 80 - 64);
    report(&mut world, 0, &second);
    report(&mut world, 1, &second);
    assert!(order(&mut world, 103).is_empty());
    let host = &mut world.hosts_mut()[0];
    assert!(
        host.deleted(1)
            .is_err_and(|error| error.to_string().contains("does not know it"))
    );
}

#[test]
fn what_is_kept_cannot_be_reported_as_deleted() {
    let mut world = world(1, |_| vec![Scripted::saver().named("a")]);
    validate(&mut world, 1);
    let error = world.hosts_mut()[0].deleted(1).expect_err("it is held");
    assert_eq!(
        error.to_string(),
        "checkpoint 1 was reported as deleted, but it is to be kept"
    );
}

#[test]
fn holds_and_releases_count_at_settled_but_ballots_do_not() {
    let mut world = world(1, |_| {
        let policy = Scripted::says(|round| match round.moment {
            0 => save(),
            _ => {
                let mut verdict = ballot(Ballot::Save);
                verdict.release = mine(round);
                verdict.release.pop();
                verdict
            }
        });
        vec![
            policy
                .at(&[Moment::ValidationEnd, Moment::Settled])
                .named("a"),
        ]
    });
    validate(&mut world, 10);
    let played = validate(&mut world, 20);
    assert_eq!(played.deleted, [1]);
    assert!(!played.settled[0].save && played.settled[0].checkpoint.is_none());
}

#[test]
fn a_settling_round_in_which_nothing_ended_asks_nobody() {
    let mut world = world(1, |_| vec![Scripted::quiet().at(&Moment::ALL).named("a")]);
    assert!(world.settle().expect("a round").opinions.is_empty());
}

#[test]
fn the_rules_of_combination_refuse_and_say_why() {
    let outcome = |combine| {
        let rules = Rules {
            combine,
            ..Rules::default()
        };
        let mut world = world_under(rules, 2, |_| {
            let against = || Scripted::says(|_| ballot(Ballot::Skip));
            vec![
                Scripted::saver().named("a"),
                against().named("b"),
                Scripted::quiet().named("c"),
            ]
        });
        validate(&mut world, 1).outcome
    };
    assert!(outcome(Combine::Any).save);
    for combine in [Combine::All, Combine::Majority] {
        let refused = outcome(combine).refused.expect("it is refused");
        assert!(
            refused.contains(&combine.to_string()) && refused.contains("`b`"),
            "{refused}"
        );
    }
}

#[test]
fn every_policy_is_asked_whatever_the_others_say() {
    let mut world = world(1, |_| {
        vec![
            Scripted::says(|_| ballot(Ballot::Veto)).named("a"),
            Scripted::says(|_| {
                let mut verdict = abstain();
                verdict.stop = true;
                verdict
            })
            .named("b"),
            Scripted::saver().named("c"),
        ]
    });
    let outcome = validate(&mut world, 1).outcome;
    assert_eq!(outcome.opinions.len(), 3);
    assert!(outcome.stop && !outcome.save);
}

#[test]
fn labels_point_where_the_policy_says_while_that_exists() {
    let mut world = world(1, |_| {
        let policy = Scripted::says(|round| {
            let mut verdict = keep_newest(round);
            let label = |name: &str, checkpoint| ckpt_policy_core::contract::Label {
                name: name.to_owned(),
                checkpoint,
            };
            verdict.labels = vec![
                label("last", round.candidate),
                label("best", 1),
                label("last", round.candidate),
            ];
            verdict
        });
        vec![policy.named("a")]
    });
    validate(&mut world, 10);
    assert_eq!(
        world.hosts()[0].labels().collect::<Vec<_>>(),
        [(0, "best", 1), (0, "last", 1)]
    );
    validate(&mut world, 20);
    assert_eq!(
        world.hosts()[0].labels().collect::<Vec<_>>(),
        [(0, "last", 2)]
    );
}
