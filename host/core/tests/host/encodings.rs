//! Numbers that are summed on the way: the same results as where every message is gathered, at a
//! size that does not grow with the world.

use ckpt_policy_conformance::world::{Error as WorldError, World, Write};
use ckpt_policy_core::contract::{Description, Fault, Operation, Policy, Prepared, Verdict};
use ckpt_policy_core::contract::{Observation, Round};
use ckpt_policy_core::{
    Encoding, Error, Event, Exchange, Moment, OnError, Opening, PolicySetup, Progress, Resume,
    Rules,
};

use crate::support::{
    Scripted, abstain, event, events, exchanges, measured, mine, on_error, places, save, setup,
    setup_of, shadow, validate, world_under,
};

fn under(encoding: Encoding) -> Rules {
    Rules {
        encoding,
        ..Rules::default()
    }
}

fn summed(size: u32, policies: impl Fn(u32) -> Vec<PolicySetup>) -> World {
    world_under(under(Encoding::Reduce), size, policies)
}

/// What a world comes to under either encoding, which must be the same.
fn alike<T: PartialEq + std::fmt::Debug>(run: impl Fn(Encoding) -> T) -> T {
    let [gathered, reduced] = [Encoding::Gather, Encoding::Reduce].map(run);
    assert_eq!(gathered, reduced);
    reduced
}

/// The error of all ranks, which is one.
fn refusal(result: Result<impl std::fmt::Debug, WorldError>) -> Error {
    match result {
        Err(WorldError::Refused(errors)) => {
            assert!(errors.iter().all(|error| *error == errors[0]));
            errors[0].clone()
        }
        other => panic!("all ranks should refuse, found {other:?}"),
    }
}

#[test]
fn what_a_rank_brings_does_not_grow_with_the_world() {
    let bytes = |size: u32| {
        let mut world = summed(size, |_| vec![Scripted::quiet().reads("x").named("a")]);
        let before = world.traffic().bytes;
        let events = measured("x", &vec![1.0; size as usize], Moment::ValidationEnd, 1);
        let cost = exchanges(&mut world, |world| {
            let played = world.play(&events, &Write::default()).expect("a round");
            assert_eq!(played.outcome.round, Some(1));
        });
        assert_eq!(cost, 1, "a quiet decision costs one exchange");
        world.traffic().bytes - before
    };
    assert_eq!(bytes(2), bytes(300));
}

#[test]
fn the_encoding_follows_from_the_world_and_the_plans() {
    let of = |rules: Encoding, size: u32, policy: fn() -> PolicySetup| {
        let world = world_under(under(rules), size, |_| vec![policy()]);
        let encoding = world.hosts()[0].encoding();
        assert!(world.hosts().iter().all(|host| host.encoding() == encoding));
        encoding
    };
    let mean = || Scripted::quiet().reads("x").named("a");
    let list = || setup_of("a", Box::new(Lists));
    assert_eq!(of(Encoding::Auto, 8, mean), Encoding::Gather);
    assert_eq!(of(Encoding::Auto, 700, mean), Encoding::Reduce);
    assert_eq!(of(Encoding::Auto, 700, list), Encoding::Gather);
    assert_eq!(of(Encoding::Gather, 700, mean), Encoding::Gather);
    assert_eq!(of(Encoding::Reduce, 2, mean), Encoding::Reduce);
}

/// Wants the number of every rank.
struct Lists;

impl Policy for Lists {
    fn describe(&mut self) -> Result<Description, Fault> {
        Ok(crate::support::description())
    }

    fn prepare(&mut self, config: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        let mut prepared = Scripted::quiet().reads("x").prepare(config, previous)?;
        prepared.plan.reductions[0].operation = Operation::EveryRank;
        Ok(prepared)
    }

    fn observe(&mut self, _: &[u8], _: &[u8], _: &Observation) -> Result<Vec<Option<f64>>, Fault> {
        Ok(Vec::new())
    }

    fn decide(&mut self, _: &[u8], _: &[u8], _: &Round) -> Result<Verdict, Fault> {
        Ok(abstain())
    }
}

#[test]
fn a_list_of_all_ranks_cannot_be_summed_and_the_error_says_whose_it_is() {
    let openings = places(2).map(|place| {
        let policies = vec![setup_of("lists", Box::new(Lists))];
        Opening::new(setup(place, under(Encoding::Reduce), policies))
    });
    assert_eq!(
        refusal(World::open(openings.collect()).map(drop)).to_string(),
        "`encoding = \"reduce\"` is impossible: policy `lists` wants the number of every rank, which no sum has; use `auto` or `gather`"
    );
}

#[test]
fn ranks_that_differ_are_named_by_one_more_exchange() {
    let (error, cost) = alike(|encoding| {
        let mut world = world_under(under(encoding), 3, |_| {
            vec![Scripted::quiet().at(&Moment::ALL).named("a")]
        });
        validate(&mut world, 1);
        // Rank 1 is the mean of the others.
        let events: Vec<Event> = [119, 120, 121]
            .map(|step| event(Moment::ValidationEnd, step))
            .into();
        let before = world.traffic().exchanges;
        let error = refusal(world.round(&events));
        let cost = world.traffic().exchanges - before;
        // And then they go on together.
        assert_eq!(validate(&mut world, 130).outcome.round, Some(2));
        (
            error.to_string(),
            cost - u64::from(encoding == Encoding::Reduce),
        )
    });
    assert_eq!(
        error,
        "the ranks disagree in round 2: rank 0 is at step 119, rank 1 is at step 120, rank 2 is at step 121"
    );
    assert_eq!(cost, 1);
}

#[test]
fn another_verdict_is_found_before_anybody_acts() {
    let error = alike(|encoding| {
        let mut world = world_under(under(encoding), 3, |rank| {
            let other = move |round: &Round| Verdict {
                reason: format!("{}", rank == 1 && round.step == 2),
                ..save()
            };
            vec![Scripted::says(other).named("a")]
        });
        validate(&mut world, 1);
        let error = refusal(world.round(&events(&world, Moment::ValidationEnd, 2)));
        assert_eq!(world.hosts()[0].checkpoints().count(), 1);
        error.to_string()
    });
    assert!(
        error.contains("rank 1 has another verdict of policy `a`"),
        "{error}"
    );
}

#[test]
fn what_one_machine_alone_cannot_do_is_an_error_on_all() {
    for at_decide in [false, true] {
        let error = alike(|encoding| {
            let mut world = world_under(under(encoding), 3, |rank| {
                let breaks = move |step: u64| match (rank, step) {
                    (2, 2) => Err(Fault::Machine("no memory".to_owned())),
                    _ => Ok(()),
                };
                let policy = Scripted::new(move |_, round| match at_decide {
                    true => breaks(round.step).map(|()| save()),
                    false => Ok(save()),
                });
                let policy = policy.feature(move |observation| match at_decide {
                    true => Ok(vec![None]),
                    false => breaks(observation.step).map(|()| vec![None]),
                });
                vec![policy.named("a")]
            });
            validate(&mut world, 1);
            let error = refusal(world.round(&events(&world, Moment::ValidationEnd, 2)));
            assert_eq!(validate(&mut world, 3).outcome.round, Some(3));
            error.to_string()
        });
        assert!(
            error.starts_with("rank 2 could not run policy `a` in round 3"),
            "{error}"
        );
    }
}

#[test]
fn ranks_on_which_something_failed_are_named() {
    let (text, failed, cost) = alike(|encoding| {
        let mut world = world_under(under(encoding), 4, |rank| {
            let fails = Scripted::quiet().feature(move |observation| match observation.step {
                2 if rank % 2 == 1 => Err(Fault::Trap("unreachable".to_owned())),
                _ => Ok(vec![Some(1.0)]),
            });
            vec![
                on_error(fails.named("a"), OnError::Skip),
                Scripted::saver().named("b"),
            ]
        });
        validate(&mut world, 1);
        let before = world.traffic().exchanges;
        let outcome = world
            .round(&events(&world, Moment::ValidationEnd, 2))
            .expect("a round");
        let id = outcome.checkpoint.expect("a save");
        let write = Write {
            fails: vec![1, 3],
            ..Write::default()
        };
        world.report(id, &write).expect("it is in flight");
        let settled = world.settle().expect("a round");
        let cost = world.traffic().exchanges - before;
        // One more to name who failed to observe, and one to name who failed to save.
        let more = if encoding == Encoding::Reduce { 2 } else { 0 };
        (
            outcome.opinions[0].error.clone(),
            settled.ended[0].failed_ranks.clone(),
            cost - more,
        )
    });
    assert_eq!(
        text.as_deref(),
        Some("`observe` failed on ranks 1 and 3: it trapped")
    );
    assert_eq!(failed, [1, 3]);
    assert_eq!(cost, 4, "both rounds act");
}

/// Compares its own number with the one that this rank had at the newest checkpoint.
fn remembers() -> Scripted {
    Scripted::says(|round| match &round.values[1] {
        ckpt_policy_core::contract::Reduced::Statistic(worse) if worse.value > Some(0.0) => {
            abstain()
        }
        _ => Verdict {
            release: mine(round),
            ..save()
        },
    })
    .reads("x")
    .feature(|observation| {
        let now = observation.values[0];
        let then = observation.checkpoints.last().and_then(|it| it.values[0]);
        Ok(vec![Some(f64::from(now < then))])
    })
}

#[test]
fn each_rank_keeps_its_own_numbers_and_a_snapshot_brings_them_together() {
    let saves = alike(|encoding| {
        let open = |resume: Option<ckpt_policy_core::Snapshot>, encoding| {
            let openings = places(3).map(|place| {
                let policies = vec![remembers().named("a"), shadow(remembers().named("b"))];
                let setup = setup(place, under(encoding), policies);
                match resume.clone() {
                    Some(snapshot) => Opening::resume(setup, Resume::seamless(snapshot)),
                    None => Opening::new(setup),
                }
            });
            World::open(openings.collect()).expect("the world opens")
        };
        let mut world = open(None, encoding);
        let mut saves = Vec::new();
        let mut step = 0;
        let mut play = |world: &mut World, numbers: [f64; 3]| {
            step += 1;
            let events = measured("x", &numbers, Moment::ValidationEnd, step);
            let played = world.play(&events, &Write::default()).expect("a round");
            saves.push((played.outcome.save, played.deleted));
        };
        play(&mut world, [1.0, 2.0, 3.0]);
        play(&mut world, [1.0, 1.5, 4.0]);
        let snapshot = world.snapshot().expect("a snapshot");
        // Whichever way the numbers travelled before, and travel then.
        for next in [Encoding::Gather, Encoding::Reduce] {
            let mut world = open(Some(snapshot.clone()), next);
            play(&mut world, [2.5, 2.0, 2.9]);
            play(&mut world, [1.5, 2.5, 3.5]);
        }
        saves
    });
    let decided: Vec<_> = saves.iter().map(|(save, _)| *save).collect();
    assert_eq!(decided, [true, false, false, true, false, true]);
}

#[test]
fn what_was_not_asked_for_is_refused() {
    let policies = || vec![Scripted::quiet().reads("x").named("a")];
    for (encoding, what) in [
        (
            Encoding::Gather,
            "reduced integers arrived where gathered bytes were expected",
        ),
        (
            Encoding::Reduce,
            "gathered bytes arrived where reduced integers were expected",
        ),
    ] {
        let mut world = world_under(under(encoding), 1, |_| policies());
        let host = &mut world.hosts_mut()[0];
        let begun = host.begin(&event(Moment::ValidationEnd, 1));
        let Ok(Progress::Exchange(exchange)) = begun else {
            panic!("an exchange was expected, found {begun:?}");
        };
        let other = match exchange {
            Exchange::Gather(_) => Exchange::Reduce {
                sum: vec![0; 4],
                max: Vec::new(),
            },
            Exchange::Reduce { .. } => Exchange::Gather(vec![0; 4]),
        };
        let error = host.complete(&other).expect_err("it is another kind");
        assert_eq!(
            error.to_string(),
            format!("the messages in round 1 are unusable: {what}")
        );
        assert_eq!(validate(&mut world, 2).outcome.round, Some(1));
    }
}

#[test]
fn totals_of_any_content_never_panic() {
    let mut world = summed(2, |_| {
        vec![Scripted::quiet().reads("x").requires("y").named("a")]
    });
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        state as i64 >> (state >> 58)
    };
    for _ in 0..2000 {
        let host = &mut world.hosts_mut()[0];
        let begun = host.begin(&event(Moment::ValidationEnd, 1));
        let Ok(Progress::Exchange(Exchange::Reduce { mut sum, mut max })) = begun else {
            panic!("a reduction was expected, found {begun:?}");
        };
        sum.iter_mut().chain(&mut max).for_each(|it| *it = next());
        let went = host.complete(&Exchange::Reduce { sum, max });
        if let Ok(Progress::Exchange(Exchange::Gather(message))) = went {
            let forged = [message.clone(), message].concat();
            host.complete(&forged).expect_err("rank 0 is there twice");
        }
    }
    assert_eq!(validate(&mut world, 2).outcome.round, Some(1));
}

#[test]
fn a_large_world_opens_without_gathering_anything() {
    let world = summed_opening(1500, |_| 0).expect("the world opens");
    assert_eq!(world.traffic().exchanges, 1);
    assert!(world.traffic().bytes < 1000, "{:?}", world.traffic());
}

#[test]
fn a_large_world_that_differs_says_how() {
    let error =
        refusal(summed_opening(1500, |rank| u32::from(rank == 7 || rank == 1400)).map(drop));
    assert_eq!(
        error.to_string(),
        r#"the ranks disagree at the opening: ranks 7 and 1400 run `best` with the configuration `{"top-k":1}`, the others run `best` with the configuration `{"top-k":0}`"#
    );
    let error = refusal(summed_opening(1500, |rank| rank.saturating_sub(1480)).map(drop));
    let text = error.to_string();
    assert!(text.contains("rank 1481 runs `best` with the configuration `{\"top-k\":1}`"));
    assert!(
        text.ends_with("; 12 more ranks differ from all of these"),
        "{text}"
    );
}

#[test]
fn a_rank_of_a_large_world_that_cannot_open_is_heard() {
    let openings = places(1500).map(|place| match place.rank {
        900 => Opening::failed(place, "no such file"),
        _ => Opening::new(setup(
            place,
            Rules::default(),
            vec![Scripted::quiet().named("a")],
        )),
    });
    let Err(WorldError::Refused(errors)) = World::open(openings.collect()).map(drop) else {
        panic!("all ranks should refuse");
    };
    assert_eq!(errors[900].to_string(), "no such file");
    assert_eq!(
        errors[0].to_string(),
        "rank 900 could not open the host: no such file"
    );
}

/// Opens a world whose ranks have a number in their configuration.
fn summed_opening(size: u32, number: impl Fn(u32) -> u32) -> Result<World, WorldError> {
    let openings = places(size).map(|place| {
        let policy = PolicySetup {
            config: serde_json::json!({ "top-k": number(place.rank) }),
            ..Scripted::quiet().named("best")
        };
        Opening::new(setup(place, Rules::default(), vec![policy]))
    });
    World::open(openings.collect())
}
