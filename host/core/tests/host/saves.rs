//! What becomes of saves: vetoed, failed, adopted, in flight; and of what waits for them.

use ckpt_policy_conformance::world::Write;
use ckpt_policy_core::contract::{Ballot, Round, Verdict};
use ckpt_policy_core::{Moment, Rules, Saved};

use crate::support::{
    Scripted, abstain, ballot, events, fail, in_flight, mine, play, save, steps, validate, world,
    world_under,
};

/// Saves at each round and releases what it had.
pub(crate) fn keep_newest(round: &Round) -> Verdict {
    let mut verdict = save();
    verdict.release = mine(round);
    verdict.not_before = Some(round.step + 10);
    verdict
}

/// Reports in its reason what it is shown as its own.
fn telling(verdict: impl Fn(&Round) -> Verdict + Send + 'static) -> Scripted {
    Scripted::says(move |round| {
        let mut verdict = verdict(round);
        verdict.reason = format!("{:?}", mine(round));
        verdict
    })
}

#[test]
fn a_release_beside_a_save_waits_until_it_is_complete() {
    let mut world = world(2, |_| vec![telling(keep_newest).named("a")]);
    validate(&mut world, 10);
    let played = in_flight(&mut world, 20);
    assert_eq!(played.outcome.opinions[0].reason, "[1]");
    assert!(played.outcome.delete.is_empty());
    // Released, but not gone: it is not shown as its own any more, and still protected.
    let later = in_flight(&mut world, 30);
    assert_eq!(later.outcome.opinions[0].reason, "[2]");
    assert_eq!(steps(&world), [10, 20, 30]);
    world.report(2, &Write::default()).expect("in flight");
    let played = in_flight(&mut world, 40);
    assert_eq!(played.deleted, [1]);
    assert_eq!(steps(&world), [20, 30, 40]);
}

#[test]
fn a_failed_save_gives_back_what_it_would_have_replaced() {
    let mut world = world(3, |_| vec![telling(keep_newest).named("a")]);
    validate(&mut world, 10);
    let played = fail(&mut world, 20, 2);
    assert_eq!(played.settled[0].ended[0].failed_ranks, [2]);
    assert_eq!(played.deleted, [2], "the remains go on all ranks");
    assert_eq!(steps(&world), [10]);
    // `not-before` was 30, and has lapsed.
    let again = validate(&mut world, 21);
    assert_eq!(again.outcome.opinions[0].reason, "[1]");
    assert_eq!(again.outcome.checkpoint, Some(3), "an id is not used twice");
    assert_eq!(again.deleted, [1]);
}

#[test]
fn a_vetoed_save_makes_the_release_beside_it_void() {
    let mut world = world(2, |_| {
        let vetoes = Scripted::says(|round| match round.step {
            20 => ballot(Ballot::Veto),
            _ => abstain(),
        });
        vec![telling(keep_newest).named("a"), vetoes.named("b")]
    });
    validate(&mut world, 10);
    let vetoed = validate(&mut world, 20).outcome;
    assert_eq!(vetoed.refused.as_deref(), Some("vetoed by `b`"));
    assert!(!vetoed.save && vetoed.checkpoint.is_none());
    let again = validate(&mut world, 21);
    assert_eq!(again.outcome.opinions[0].reason, "[1]");
    assert!(again.outcome.save);
    assert_eq!(again.deleted, [1]);
}

#[test]
fn a_vetoed_save_still_holds_what_it_says() {
    let mut world = world(1, |_| {
        let holds = Scripted::says(|round| {
            let mut verdict = if round.step == 1 { abstain() } else { save() };
            verdict.hold = round.checkpoints.iter().map(|it| it.id).collect();
            verdict
        });
        let lets_go = Scripted::says(|round| match round.step {
            1 => save(),
            2 => ballot(Ballot::Veto),
            _ => {
                let mut verdict = save();
                verdict.release = mine(round);
                verdict
            }
        });
        vec![holds.named("a"), lets_go.named("b")]
    });
    validate(&mut world, 1);
    validate(&mut world, 2);
    let held = world.hosts()[0].checkpoints().next().expect("it is there");
    assert_eq!(held.holders, [0, 1]);
    assert!(validate(&mut world, 3).deleted.is_empty());
}

#[test]
fn a_release_without_a_save_counts_at_once_but_the_newest_stay() {
    let rules = Rules {
        keep_at_least: 2,
        ..Rules::default()
    };
    let mut world = world_under(rules, 2, |_| {
        let policy = Scripted::says(|round| match round.step {
            ..=30 => save(),
            _ => {
                let mut verdict = abstain();
                verdict.release = mine(round);
                verdict
            }
        });
        vec![policy.named("a")]
    });
    for step in [10, 20, 30] {
        validate(&mut world, step);
    }
    assert_eq!(validate(&mut world, 40).outcome.delete, [1]);
    assert_eq!(steps(&world), [20, 30]);
}

#[test]
fn a_hold_beats_a_release_of_the_same_round() {
    let mut world = world(1, |_| {
        let both = |verdict: Verdict| {
            move |round: &Round| {
                let mut verdict = verdict.clone();
                verdict.hold = mine(round);
                verdict.release = mine(round);
                verdict
            }
        };
        let again = Scripted::saver();
        vec![telling(both(save())).named("a"), again.named("b")]
    });
    validate(&mut world, 1);
    validate(&mut world, 2);
    let played = validate(&mut world, 3);
    assert_eq!(played.outcome.opinions[0].reason, "[1, 2]");
    assert_eq!(steps(&world), [1, 2, 3]);
}

#[test]
fn a_hold_calls_back_a_release_that_waits() {
    let mut world = world(1, |_| {
        let policy = Scripted::says(|round| match round.step {
            30 => {
                let mut verdict = abstain();
                verdict.hold = vec![1];
                verdict
            }
            _ => keep_newest(round),
        });
        vec![
            policy
                .at(&[Moment::ValidationEnd, Moment::TrainEnd])
                .named("a"),
        ]
    });
    validate(&mut world, 10);
    in_flight(&mut world, 20);
    play(&mut world, Moment::TrainEnd, 30);
    world.report(2, &Write::default()).expect("in flight");
    assert!(world.finish().expect("settled").deleted.is_empty());
    assert_eq!(steps(&world), [10, 20]);
}

#[test]
fn a_release_of_what_does_not_exist_yet_means_nothing_later() {
    let mut world = world(1, |_| {
        let policy = Scripted::says(|round| match round.step {
            10 => {
                let mut verdict = save();
                verdict.release = vec![2];
                verdict
            }
            _ => save(),
        });
        vec![policy.named("a")]
    });
    in_flight(&mut world, 10);
    in_flight(&mut world, 20);
    world.report(2, &Write::default()).expect("in flight");
    validate(&mut world, 30);
    world.report(1, &Write::default()).expect("in flight");
    validate(&mut world, 40);
    assert_eq!(steps(&world), [10, 20, 30, 40]);
    assert!(world.hosts()[0].checkpoints().all(|it| it.holders == [0]));
}

#[test]
fn who_releases_the_candidate_leaves_the_keeping_to_others() {
    let mut world = world(2, |_| {
        let asks = Scripted::says(|round| {
            let mut verdict = save();
            verdict.release = vec![round.candidate];
            verdict
        });
        vec![asks.named("a")]
    });
    validate(&mut world, 10);
    let held = world.hosts()[0]
        .checkpoints()
        .next()
        .expect("the newest stays");
    assert!(held.holders.is_empty());
    assert_eq!(validate(&mut world, 20).deleted, [1]);
}

#[test]
fn a_candidate_that_was_asked_for_before_can_be_let_go() {
    let mut world = world(1, |_| {
        let asks = Scripted::says(|round| {
            let mut verdict = save();
            if round.checkpoints.iter().any(|it| it.step == round.step) {
                verdict.release = vec![round.candidate];
            }
            verdict
        });
        vec![asks.named("a")]
    });
    // Once while it is in flight, once when it is complete.
    in_flight(&mut world, 10);
    in_flight(&mut world, 10);
    world.report(1, &Write::default()).expect("in flight");
    validate(&mut world, 20);
    validate(&mut world, 20);
    let holders: Vec<_> = world.hosts()[0]
        .checkpoints()
        .map(|it| it.holders)
        .collect();
    assert_eq!(holders, [Vec::<usize>::new()]);
    assert_eq!(steps(&world), [20]);
}

#[test]
fn asking_again_for_a_candidate_calls_back_its_release() {
    let mut world = world(1, |_| {
        let asks = Scripted::says(|round| {
            let mut verdict = save();
            if round.epoch == 0 && round.checkpoints.len() == 1 {
                verdict.release = vec![round.candidate];
            }
            if round.moment == 1 {
                verdict.release.clear();
            }
            verdict
        });
        vec![
            asks.at(&[Moment::ValidationEnd, Moment::TrainEnd])
                .named("a"),
        ]
    });
    in_flight(&mut world, 10);
    in_flight(&mut world, 10);
    let events = events(&world, Moment::TrainEnd, 10);
    world.play_in_flight(&events).expect("the event plays");
    world.report(1, &Write::default()).expect("in flight");
    world.finish().expect("settled");
    let held = world.hosts()[0].checkpoints().next().expect("it stays");
    assert_eq!(held.holders, [0]);
}

#[test]
fn one_step_is_written_once_and_gathers_tags_and_holders() {
    let mut world = world(2, |_| {
        let tagged = |tag: &'static str| {
            Scripted::says(move |_| {
                let mut verdict = save();
                verdict.tags = vec![tag.to_owned()];
                verdict
            })
        };
        vec![
            tagged("best").named("a"),
            tagged("last").at(&[Moment::EpochEnd]).named("b"),
        ]
    });
    assert!(validate(&mut world, 10).outcome.save);
    let again = play(&mut world, Moment::EpochEnd, 10).outcome;
    assert_eq!((again.save, again.checkpoint), (false, Some(1)));
    assert_eq!(again.tags, ["last"]);
    let held: Vec<_> = world.hosts()[0].checkpoints().collect();
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].tags, ["best", "last"]);
    assert_eq!(held[0].holders, [0, 1]);
    // The number that was offered and not used stays unused.
    assert_eq!(validate(&mut world, 20).outcome.checkpoint, Some(3));
}

#[test]
fn nothing_moves_until_the_settling_round() {
    let mut world = world(3, |_| vec![Scripted::saver().named("a")]);
    in_flight(&mut world, 10);
    for (rank, host) in (0..).zip(world.hosts_mut()) {
        let saved = Saved {
            bytes: 1 << rank,
            ..Saved::default()
        };
        host.saved(1, saved).expect("in flight");
        let held = host.checkpoints().next().expect("it is listed");
        assert!(
            !held.complete,
            "nobody learns alone that a save is complete"
        );
    }
    let events = events(&world, Moment::ValidationEnd, 20);
    let outcome = world.round(&events).expect("the round");
    assert!(outcome.settle);
    assert!(
        !world.hosts()[0]
            .checkpoints()
            .next()
            .expect("listed")
            .complete
    );
    let settled = world.settle().expect("settled");
    assert_eq!(settled.ended.len(), 1);
    let held = world.hosts()[0].checkpoints().next().expect("listed");
    assert!(held.complete);
    assert_eq!(held.bytes, 7);
}

#[test]
fn a_save_that_some_ranks_still_write_stays_in_flight() {
    let mut world = world(2, |_| {
        vec![Scripted::quiet().named("b"), Scripted::saver().named("a")]
    });
    in_flight(&mut world, 10);
    world.hosts_mut()[0]
        .saved(1, Saved::default())
        .expect("in flight");
    let settled = world.settle().expect("a round");
    assert!(settled.ended.is_empty() && settled.opinions.is_empty());
    let twice = world.hosts_mut()[0].saved(1, Saved::default());
    assert!(twice.is_err_and(|error| error.to_string().contains("it was reported before")));
    let unknown = world.hosts_mut()[0].failed(7);
    assert!(unknown.is_err_and(|error| error.to_string().contains("does not know it")));
}

#[test]
fn a_failure_on_one_rank_ends_a_save_that_others_still_write() {
    let mut world = world(2, |_| vec![Scripted::saver().named("a")]);
    in_flight(&mut world, 10);
    world.hosts_mut()[1].failed(1).expect("in flight");
    let settled = world.settle().expect("settled");
    assert_eq!(settled.ended[0].failed_ranks, [1]);
    assert_eq!(settled.delete, [1]);
    // The other rank's report comes too late, which is nobody's mistake.
    world.hosts_mut()[0]
        .saved(1, Saved::default())
        .expect("it is being deleted");
}

#[test]
fn one_save_too_many_is_refused() {
    let rules = Rules {
        in_flight: 2,
        ..Rules::default()
    };
    let mut world = world_under(rules, 2, |_| vec![Scripted::says(keep_newest).named("a")]);
    assert!(in_flight(&mut world, 10).outcome.save);
    assert!(in_flight(&mut world, 20).outcome.save);
    let refused = in_flight(&mut world, 30).outcome;
    assert!(
        refused
            .refused
            .is_some_and(|why| why.contains("2 saves are in flight"))
    );
    // `not-before` lapsed with it; what is in flight can still be adopted.
    assert!(in_flight(&mut world, 31).outcome.refused.is_some());
}
