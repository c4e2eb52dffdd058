//! How often the ranks have to meet, and how long their messages are.

use ckpt_policy_core::contract::Fault;
use ckpt_policy_core::{Moment, OnError, Rules};

use crate::support::{
    Scripted, abstain, event, exchanges, fail, gather, in_flight, measured, message, mine,
    on_error, play, save, shadow, validate, world, world_under,
};

#[test]
fn an_event_that_nobody_wants_costs_nothing() {
    let mut world = world(3, |_| vec![Scripted::saver().named("a")]);
    let cost = exchanges(&mut world, |world| {
        let played = play(world, Moment::StepEnd, 1);
        assert_eq!(played.outcome.round, None);
        assert!(played.outcome.opinions.is_empty());
    });
    assert_eq!(cost, 0);
}

#[test]
fn a_quiet_decision_costs_one_exchange_whatever_the_number_of_policies() {
    for shadows in [0, 5] {
        let mut world = world(3, |_| {
            let names = (0..8).map(|index| Scripted::quiet().named(&format!("p{index}")));
            let watching =
                (0..shadows).map(|index| shadow(Scripted::saver().named(&format!("s{index}"))));
            names.chain(watching).collect()
        });
        let cost = exchanges(&mut world, |world| {
            let played = validate(world, 1);
            assert_eq!(played.outcome.opinions.len(), 8 + shadows);
        });
        assert_eq!(cost, 1);
    }
}

#[test]
fn a_save_costs_one_more_to_confirm_and_one_to_settle() {
    let mut world = world(2, |_| vec![Scripted::saver().named("a")]);
    let cost = exchanges(&mut world, |world| {
        let played = validate(world, 1);
        assert!(played.outcome.save);
        assert_eq!(played.settled.len(), 1);
    });
    assert_eq!(cost, 3);
}

#[test]
fn a_settling_round_that_deletes_is_confirmed_too() {
    let mut world = world(2, |_| {
        let keeps_one = Scripted::says(|round| {
            let mut verdict = save();
            verdict.release = mine(round);
            verdict
        });
        vec![keeps_one.named("a")]
    });
    validate(&mut world, 1);
    let cost = exchanges(&mut world, |world| {
        assert_eq!(validate(world, 2).deleted, [1]);
    });
    assert_eq!(cost, 4);
}

#[test]
fn remains_of_a_failed_save_are_confirmed_before_they_are_deleted() {
    let mut world = world(2, |_| vec![Scripted::saver().named("a")]);
    let cost = exchanges(&mut world, |world| {
        assert_eq!(fail(world, 1, 1).deleted, [1]);
    });
    assert_eq!(cost, 4);
}

#[test]
fn a_stop_is_confirmed() {
    let mut world = world(2, |_| {
        let stops = Scripted::says(|_| {
            let mut verdict = abstain();
            verdict.stop = true;
            verdict
        });
        vec![stops.named("a")]
    });
    let cost = exchanges(&mut world, |world| {
        assert!(validate(world, 1).outcome.stop);
    });
    assert_eq!(cost, 2);
}

#[test]
fn without_confirmation_a_save_costs_one_exchange_less() {
    let rules = Rules {
        confirm: ckpt_policy_core::Confirm::Never,
        ..Rules::default()
    };
    let mut world = world_under(rules, 2, |_| vec![Scripted::saver().named("a")]);
    let cost = exchanges(&mut world, |world| {
        assert!(validate(world, 1).outcome.save);
    });
    assert_eq!(cost, 2);
}

#[test]
fn a_save_in_flight_is_settled_when_its_end_comes_to_light() {
    let mut world = world(2, |_| vec![Scripted::saver().named("a")]);
    let cost = exchanges(&mut world, |world| {
        let played = in_flight(world, 1);
        assert!(played.outcome.save && played.settled.is_empty());
    });
    assert_eq!(cost, 2);
}

#[test]
fn a_save_adopted_at_the_same_step_is_neither_confirmed_nor_settled() {
    let mut world = world(2, |_| vec![Scripted::saver().named("a")]);
    validate(&mut world, 1);
    let cost = exchanges(&mut world, |world| {
        let played = validate(world, 1);
        assert!(!played.outcome.save);
        assert_eq!(played.outcome.checkpoint, Some(1));
    });
    assert_eq!(cost, 1);
}

/// Everything that can travel, in one world: its lengths are compared at each exchange.
#[test]
fn all_messages_of_a_host_have_one_length() {
    let mut world = world(2, |_| {
        let fails = Scripted::quiet()
            .at(&[Moment::ValidationEnd, Moment::StepEnd])
            .reads("last:x")
            .feature(|observation| match observation.step {
                2 if observation.rank == 1 => Err(Fault::Failed("a long text ".repeat(1000))),
                3 => Err(Fault::Trap("on all ranks".to_owned())),
                4 if observation.rank == 0 => Err(Fault::Machine("no memory".to_owned())),
                5 => Ok(vec![Some(1.0); 9]),
                _ => Ok(vec![None]),
            });
        let saver = on_error(Scripted::saver().requires("y").named("b"), OnError::Save);
        vec![fails.named("a"), saver]
    });
    let mut lengths = Vec::new();
    for step in 1..6 {
        let mut begun: Vec<_> = world
            .hosts_mut()
            .iter_mut()
            .map(|host| host.begin(&event(Moment::ValidationEnd, step)))
            .collect();
        while begun
            .iter()
            .all(|it| matches!(it, Ok(ckpt_policy_core::Progress::Exchange(_))))
        {
            let messages: Vec<_> = begun.into_iter().map(message).collect();
            let gathered = gather(&messages);
            lengths.push(messages[0].len());
            let hosts = world.hosts_mut().iter_mut();
            begun = hosts.map(|host| host.complete(&gathered)).collect();
        }
    }
    let remembering: Vec<_> = world
        .hosts_mut()
        .iter_mut()
        .map(|host| message(host.snapshot()))
        .collect();
    lengths.push(gather(&remembering).len() / 2);
    assert_eq!(
        lengths.len(),
        2 * 4 + 1 + 1,
        "each round but the broken one is confirmed"
    );
    assert!(
        lengths.iter().all(|length| *length == lengths[0]),
        "{lengths:?}"
    );
}

#[test]
fn not_before_and_every_steps_make_rounds_unnecessary() {
    let mut world = world(2, |_| {
        let waits = Scripted::says(|round| {
            let mut verdict = abstain();
            verdict.not_before = Some(round.step + 25);
            verdict
        });
        vec![waits.at(&[Moment::StepEnd]).every(10).named("a")]
    });
    let mut asked = Vec::new();
    for step in 1..=100 {
        let cost = exchanges(&mut world, |world| {
            play(world, Moment::StepEnd, step);
        });
        if cost > 0 {
            asked.push(step);
        }
    }
    // The first multiple of ten that is not before the step named last.
    assert_eq!(asked, [10, 40, 70, 100]);
}

#[test]
fn every_steps_is_about_multiples_that_were_crossed() {
    let mut world = world(1, |_| {
        vec![
            Scripted::quiet()
                .at(&[Moment::StepEnd])
                .every(10)
                .named("a"),
        ]
    });
    let asked: Vec<u64> = [4, 9, 12, 19, 41, 42, 50, 50, 59]
        .into_iter()
        .filter(|step| {
            play(&mut world, Moment::StepEnd, *step)
                .outcome
                .round
                .is_some()
        })
        .collect();
    assert_eq!(asked, [12, 41, 50]);
}

#[test]
fn neither_applies_to_moments_other_than_theirs() {
    let mut world = world(1, |_| {
        let waits = Scripted::says(|_| {
            let mut verdict = abstain();
            verdict.not_before = Some(1000);
            verdict
        });
        vec![waits.at(&Moment::ALL).every(1000).named("a")]
    });
    assert!(validate(&mut world, 1).outcome.round.is_some());
    for moment in [Moment::StepEnd, Moment::EpochEnd, Moment::ValidationEnd] {
        assert_eq!(play(&mut world, moment, 2).outcome.round, None, "{moment}");
    }
    for moment in [Moment::TrainStart, Moment::Interrupted, Moment::TrainEnd] {
        assert!(
            play(&mut world, moment, 2).outcome.round.is_some(),
            "{moment}"
        );
    }
}

#[test]
fn a_passive_policy_is_no_reason_for_a_round_but_is_asked_in_those_of_others() {
    let mut world = world(2, |_| {
        let watches = Scripted::saver()
            .at(&[Moment::StepEnd, Moment::EpochEnd])
            .passive();
        let other = Scripted::quiet().at(&[Moment::EpochEnd, Moment::ValidationEnd]);
        vec![watches.named("watches"), other.named("other")]
    });
    let cost = exchanges(&mut world, |world| {
        play(world, Moment::StepEnd, 1);
    });
    assert_eq!(cost, 0);
    let played = play(&mut world, Moment::EpochEnd, 1);
    assert_eq!(played.outcome.opinions.len(), 2);
    assert!(played.outcome.save);
    assert_eq!(validate(&mut world, 2).outcome.opinions.len(), 1);
}

#[test]
fn a_neighbour_does_not_change_when_a_policy_is_asked() {
    let rounds = |neighbour: bool| {
        let mut world = world(1, |_| {
            let mut policies = vec![Scripted::quiet().at(&[Moment::StepEnd]).every(7).named("a")];
            if neighbour {
                policies.push(Scripted::quiet().at(&Moment::ALL).named("b"));
            }
            policies
        });
        let asked = |step: &u64| {
            let played = play(&mut world, Moment::StepEnd, *step);
            played
                .outcome
                .opinions
                .iter()
                .any(|opinion| opinion.policy == 0)
        };
        (1..60).filter(asked).collect::<Vec<u64>>()
    };
    assert_eq!(rounds(false), rounds(true));
}

#[test]
fn saves_in_flight_bring_about_rounds() {
    let rules = Rules {
        settle_steps: 30,
        ..Rules::default()
    };
    let mut world = world_under(rules, 2, |_| vec![Scripted::saver().named("a")]);
    in_flight(&mut world, 5);
    let mut rounds = Vec::new();
    for step in 6..100 {
        let outcome = play(&mut world, Moment::StepEnd, step).outcome;
        if outcome.round.is_some() {
            assert!(outcome.opinions.is_empty());
            rounds.push(step);
        }
    }
    assert_eq!(rounds, [35, 65, 95]);
    world
        .report(1, &Default::default())
        .expect("it is in flight");
    let played = play(&mut world, Moment::StepEnd, 125);
    assert!(played.outcome.settle && played.outcome.ended.is_empty());
    assert_eq!(played.settled[0].ended.len(), 1);
    assert_eq!(play(&mut world, Moment::StepEnd, 500).outcome.round, None);
}

#[test]
fn an_interruption_travels_in_rounds_and_is_announced_once() {
    let cares = || Scripted::quiet().at(&[Moment::Interrupted]);
    let mut world = world(3, |_| vec![cares().named("a")]);
    let mut rounds = Vec::new();
    let mut announced = Vec::new();
    for step in 1..=100 {
        if step == 30 {
            world.hosts_mut()[2].interrupt();
        }
        let outcome = play(&mut world, Moment::StepEnd, step).outcome;
        rounds.extend(outcome.round.map(|_| step));
        announced.extend(outcome.interrupted.then_some(step));
    }
    assert_eq!(rounds, [25, 50, 75, 100]);
    assert_eq!(announced, [50]);
    assert!(
        play(&mut world, Moment::Interrupted, 100)
            .outcome
            .round
            .is_some()
    );
}

#[test]
fn an_interruption_of_which_no_policy_wants_to_know_brings_about_no_round() {
    let mut world = world(2, |_| {
        let passive = Scripted::quiet().at(&[Moment::Interrupted]).passive();
        let watching = shadow(Scripted::quiet().reads("host.interrupted").named("c"));
        vec![Scripted::quiet().named("a"), passive.named("b"), watching]
    });
    world.hosts_mut()[0].interrupt();
    for step in 1..60 {
        assert_eq!(play(&mut world, Moment::StepEnd, step).outcome.round, None);
    }
    assert!(validate(&mut world, 60).outcome.interrupted);
}

#[test]
fn finish_exchanges_only_where_something_is_left() {
    let mut world = world(2, |_| vec![Scripted::saver().named("a")]);
    validate(&mut world, 1);
    let cost = exchanges(&mut world, |world| {
        assert_eq!(world.finish().expect("nothing is left").outcome.round, None);
    });
    assert_eq!(cost, 0);
    in_flight(&mut world, 2);
    world
        .report(2, &Default::default())
        .expect("it is in flight");
    let cost = exchanges(&mut world, |world| {
        let played = world.finish().expect("the save is settled");
        assert_eq!(played.outcome.ended.len(), 1);
    });
    assert_eq!(cost, 1);
}

#[test]
fn a_snapshot_costs_an_exchange_only_where_ranks_remember_numbers() {
    let mut world = world(2, |_| vec![Scripted::quiet().reads("x").named("a")]);
    let cost = exchanges(&mut world, |world| {
        world.snapshot().expect("a snapshot");
    });
    assert_eq!(cost, 0);
    let mut world =
        crate::support::world(2, |_| vec![Scripted::quiet().reads("last:x").named("a")]);
    let events = measured("x", &[1.0, 2.0], Moment::ValidationEnd, 1);
    world
        .play(&events, &Default::default())
        .expect("the event plays");
    let cost = exchanges(&mut world, |world| {
        world.snapshot().expect("a snapshot");
    });
    assert_eq!(cost, 1);
}
