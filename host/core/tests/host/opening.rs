//! Before the first round: ranks that run different things, and what all of them are told.

use ckpt_policy_conformance::world::{self, World};
use ckpt_policy_core::contract::Fault;
use ckpt_policy_core::{
    Combine, Confirm, Error, Mode, OnDisk, OnError, Opening, Place, PolicySetup, Resume, Rules,
    Setup,
};
use serde_json::json;

use crate::support::{Scripted, bytes, places, setup, validate};

fn policies() -> Vec<PolicySetup> {
    vec![
        PolicySetup {
            config: json!({"monitor": "val_loss", "top-k": 3}),
            ..Scripted::saver().named("best")
        },
        Scripted::quiet().named("other"),
    ]
}

fn rank(place: Place) -> Setup {
    setup(place, Rules::default(), policies())
}

/// Opens three ranks of which rank 2 is changed; returns what all are told.
fn odd(change: impl Fn(&mut Setup)) -> Result<(), String> {
    let openings = places(3).map(|place| {
        let mut setup = rank(place);
        if place.rank == 2 {
            change(&mut setup);
        }
        Opening::new(setup)
    });
    told(openings.collect())
}

/// The one error of all ranks.
fn told(openings: Vec<Opening>) -> Result<(), String> {
    match World::open(openings) {
        Ok(_) => Ok(()),
        Err(world::Error::Refused(errors)) => {
            for error in &errors {
                assert_eq!(error, &errors[0], "ranks are told different things");
            }
            Err(errors[0].to_string())
        }
        Err(other) => panic!("{other}"),
    }
}

fn at_the_opening(what: &str) -> Result<(), String> {
    Err(format!("the ranks disagree at the opening: {what}"))
}

#[test]
fn another_configuration_names_rank_policy_and_both_values() {
    let found = odd(|setup| setup.policies[0].config = json!({"monitor": "val_loss", "top-k": 5}));
    assert_eq!(
        found,
        at_the_opening(
            r#"rank 2 runs `best` with the configuration `{"monitor":"val_loss","top-k":5}`, the others run `best` with the configuration `{"monitor":"val_loss","top-k":3}`"#
        )
    );
}

#[test]
fn every_setting_that_must_agree_is_named_with_both_values() {
    type Change = fn(&mut Setup);
    let cases: [(Change, &str, &str, &str); 11] = [
        (
            |it| it.policies[0].digest = "ff".to_owned(),
            "`best` from the file of sha256",
            "`ff`",
            "`00`",
        ),
        (
            |it| it.policies[1].mode = Mode::Shadow,
            "`other` with `mode`",
            "`shadow`",
            "`enforce`",
        ),
        (
            |it| it.policies[0].on_error = OnError::Save,
            "`on-error`",
            "`save`",
            "`skip`",
        ),
        (
            |it| it.policies.reverse(),
            "`policies`",
            "`other, best`",
            "`best, other`",
        ),
        (
            |it| it.rules.combine = Combine::All,
            "`combine`",
            "`all`",
            "`any`",
        ),
        (
            |it| it.rules.confirm = Confirm::Never,
            "`confirm`",
            "`never`",
            "`acts`",
        ),
        (
            |it| it.rules.keep_at_least = 7,
            "`checkpoints.keep-at-least`",
            "`7`",
            "`1`",
        ),
        (
            |it| it.rules.in_flight = 7,
            "`checkpoints.in-flight`",
            "`7`",
            "`4`",
        ),
        (
            |it| it.rules.settle_steps = 7,
            "`checkpoints.settle-steps`",
            "`7`",
            "`100`",
        ),
        (
            |it| it.rules.signal_steps = 7,
            "`signals.every-steps`",
            "`7`",
            "`25`",
        ),
        (
            |it| it.facts[0].1 = "odd".to_owned(),
            "`engine`",
            "`odd`",
            "`simulated`",
        ),
    ];
    for (change, key, odd_value, value) in cases {
        let text = odd(change).expect_err(key);
        for part in ["rank 2 ", key, odd_value, ", the others ", value] {
            assert!(text.contains(part), "`{part}` is not in: {text}");
        }
        assert!(!text.contains(';'), "only one thing differs: {text}");
    }
}

#[test]
fn a_setting_that_only_some_have_is_named() {
    let text = odd(|it| it.facts.push(("limits.fuel".to_owned(), "5".to_owned())));
    assert_eq!(
        text,
        at_the_opening("rank 2 has `limits.fuel` `5`, the others have `limits.fuel` nothing")
    );
    let text = odd(|it| drop(it.policies.pop())).expect_err("a policy is missing");
    assert!(
        text.contains("rank 2 has `policies` `best`, the others have `policies` `best, other`")
    );
}

#[test]
fn another_plan_of_the_same_file_is_named_and_never_meets_in_a_collective() {
    let text = odd(|it| it.policies[1] = Scripted::quiet().reads("x").named("other"));
    assert!(
        text.expect_err("lengths would differ")
            .contains("rank 2 has `other` with `plan`")
    );
}

#[test]
fn long_values_are_shown_where_they_differ() {
    let config = |end: u32| json!({"names": "n".repeat(500), "x": end});
    let openings = places(2).map(|place| {
        let mut setup = rank(place);
        setup.policies[0].config = config(place.rank);
        Opening::new(setup)
    });
    let text = told(openings.collect()).expect_err("they differ");
    assert!(
        text.contains(r#""x":0}"#) && text.contains(r#""x":1}"#),
        "{text}"
    );
}

#[test]
fn a_difference_beyond_what_can_travel_is_found_all_the_same() {
    let openings = places(2).map(|place| {
        let mut setup = rank(place);
        let end = place.rank;
        setup.policies[0].config = json!({"long": format!("{}{end}", "n".repeat(3 << 20))});
        Opening::new(setup)
    });
    let text = told(openings.collect()).expect_err("they differ");
    assert!(
        text.contains("run `best` with the configuration")
            || text.contains("runs `best` with the configuration"),
        "{text}"
    );
    assert!(text.len() < 2000, "{}", text.len());
}

#[test]
fn what_means_the_same_raises_no_alarm() {
    assert_eq!(
        odd(|it| {
            it.policies[0].config = serde_json::from_str(r#"{ "top-k":3,"monitor" : "val_loss"}"#)
                .expect("the same in another order");
        }),
        Ok(())
    );
    let facts = |it: &mut Setup| it.facts.push(("limits.fuel".to_owned(), "5".to_owned()));
    let openings = places(3).map(|place| {
        let mut setup = rank(place);
        facts(&mut setup);
        if place.rank == 1 {
            setup.facts.reverse();
        }
        Opening::new(setup)
    });
    assert_eq!(told(openings.collect()), Ok(()));
}

#[test]
fn a_rank_that_cannot_open_tells_the_others_why() {
    let openings = places(3).map(|place| match place.rank {
        1 => Opening::failed(place, "`site.toml` is not there"),
        _ => Opening::new(rank(place)),
    });
    let Err(world::Error::Refused(errors)) = World::open(openings.collect()) else {
        panic!("rank 1 has no host");
    };
    let own = Error::Setup("`site.toml` is not there".to_owned());
    let heard = Error::Open {
        rank: 1,
        text: "`site.toml` is not there".to_owned(),
    };
    assert_eq!(errors, [heard.clone(), own, heard]);
}

#[test]
fn a_policy_that_refuses_its_configuration_on_one_rank_is_heard_of_on_all() {
    struct Refusing;
    impl ckpt_policy_core::contract::Policy for Refusing {
        fn describe(&mut self) -> Result<ckpt_policy_core::contract::Description, Fault> {
            Ok(crate::support::description())
        }
        fn prepare(
            &mut self,
            _: &str,
            _: Option<&[u8]>,
        ) -> Result<ckpt_policy_core::contract::Prepared, Fault> {
            Err(Fault::Config(
                "`top-k` is 0, expected at least 1".to_owned(),
            ))
        }
        fn observe(
            &mut self,
            _: &[u8],
            _: &[u8],
            _: &ckpt_policy_core::contract::Observation,
        ) -> Result<Vec<Option<f64>>, Fault> {
            Ok(Vec::new())
        }
        fn decide(
            &mut self,
            _: &[u8],
            _: &[u8],
            _: &ckpt_policy_core::contract::Round,
        ) -> Result<ckpt_policy_core::contract::Verdict, Fault> {
            Ok(crate::support::abstain())
        }
    }
    let openings = places(2).map(|place| {
        let mut setup = rank(place);
        if place.rank == 1 {
            setup.policies[0].policy = Box::new(Refusing);
        }
        Opening::new(setup)
    });
    let Err(world::Error::Refused(errors)) = World::open(openings.collect()) else {
        panic!("rank 1 has no host");
    };
    assert_eq!(
        errors[0].to_string(),
        "rank 1 could not open the host: policy `best`: the configuration is wrong: `top-k` is 0, expected at least 1"
    );
}

#[test]
fn another_world_size_is_an_error_on_all() {
    let openings: Vec<_> = [2, 2, 3]
        .into_iter()
        .zip(0..)
        .map(|(world_size, rank)| Opening::new(self::rank(Place { rank, world_size })))
        .collect();
    let gathered: Vec<u8> = openings
        .iter()
        .flat_map(|opening| bytes(opening.begin()))
        .collect();
    let errors: Vec<_> = openings
        .into_iter()
        .map(|opening| {
            opening
                .complete(&gathered)
                .map(drop)
                .expect_err("sizes differ")
        })
        .collect();
    assert!(
        errors[0]
            .to_string()
            .contains("do all ranks know the same world size?")
    );
    assert_eq!(
        errors[2].to_string(),
        "the messages at the opening are unusable: rank 0 knows a world of size 2, expected 3"
    );
}

#[test]
fn the_first_message_has_one_size_whatever_is_opened() {
    let place = Place {
        rank: 0,
        world_size: 1,
    };
    let lengths = [
        Opening::new(rank(place)).begin().bytes(),
        Opening::failed(place, "x".repeat(5000)).begin().bytes(),
        Opening::new(setup(place, Rules::default(), Vec::new()))
            .begin()
            .bytes(),
    ];
    assert_eq!(lengths, [lengths[0]; 3]);
}

#[test]
fn damaged_openings_are_errors() {
    let place = Place {
        rank: 0,
        world_size: 1,
    };
    let good = bytes(Opening::new(rank(place)).begin());
    for cut in [0, 1, good.len() - 1] {
        assert!(Opening::new(rank(place)).complete(&good[..cut]).is_err());
    }
    for byte in 0..good.len() {
        let mut bytes = good.clone();
        bytes[byte] ^= 0x55;
        // The head is checked; a changed digest is only found beside another rank's.
        let result = Opening::new(rank(place)).complete(&bytes);
        assert!(result.is_err() || byte >= 8, "byte {byte}");
    }
}

#[test]
fn a_setup_that_makes_no_sense_is_refused() {
    let place = Place {
        rank: 0,
        world_size: 1,
    };
    let refusal = |change: &dyn Fn(&mut Setup)| {
        let mut setup = rank(place);
        change(&mut setup);
        told(vec![Opening::new(setup)]).expect_err("it is refused")
    };
    let twice = refusal(&|it| it.policies[1].name = "best".to_owned());
    assert_eq!(
        twice,
        "two policies are called `best`; give each its own `name`"
    );
    assert!(refusal(&|it| it.policies.clear()).contains("there are 0 policies"));
    for many in [0, 65] {
        let text = refusal(&|it| it.rules.in_flight = many);
        assert_eq!(text, format!("`in-flight` is {many}, expected 1 to 64"));
    }
    let lost = refusal(&|it| {
        it.policies[0].policy = Box::new(Scripted::quiet().requires("host.unix-second"));
    });
    assert_eq!(
        lost,
        "policy `best`: its plan is refused: it requires `host.unix-second`, a fact that this host does not know; the nearest that it knows is `host.unix-seconds`"
    );
    let moment = refusal(&|it| {
        let mut policy = Scripted::quiet();
        policy.misname("validaton-end");
        it.policies[0].policy = Box::new(policy);
    });
    assert!(
        moment.contains("the moment `validaton-end` is unknown; did it mean `validation-end`?")
    );
}

#[test]
fn an_unknown_fact_that_is_optional_is_missing() {
    let openings = places(1).map(|place| {
        let policy = Scripted::saver().reads("host.unix-second").named("a");
        Opening::new(setup(place, Rules::default(), vec![policy]))
    });
    let mut world = World::open(openings.collect()).expect("it may be missing");
    assert!(validate(&mut world, 1).outcome.save);
}

#[test]
fn ranks_that_resume_from_different_points_are_told() {
    let mut world = crate::support::world(3, |_| policies());
    validate(&mut world, 1);
    let old = world.snapshot().expect("a snapshot");
    validate(&mut world, 2);
    let new = world.snapshot().expect("a snapshot");
    let disk = |bytes| OnDisk {
        id: 1,
        step: 1,
        epoch: 0,
        bytes,
    };
    let resume = |change: &dyn Fn(&mut Resume)| {
        let openings = places(3).map(|place| {
            let mut resume = Resume::seamless(new.clone());
            if place.rank == 1 {
                change(&mut resume);
            }
            Opening::resume(rank(place), resume)
        });
        told(openings.collect())
    };
    assert_eq!(resume(&|_| ()), Ok(()));
    let cases: [&dyn Fn(&mut Resume); 4] = [
        &|it| it.snapshot = old.clone(),
        &|it| it.directory = Some(old.clone()),
        &|it| it.disk = Some(Vec::new()),
        &|it| it.from = Some(1),
    ];
    for change in cases {
        let text = resume(change).expect_err("they differ");
        assert!(text.contains("rank 1 has `resumes from`"), "{text}");
    }
    // The order in which a file system lists is no difference.
    let openings = places(3).map(|place| {
        let mut found = vec![disk(7), OnDisk { id: 2, ..disk(7) }];
        if place.rank == 1 {
            found.reverse();
        }
        let resume = Resume {
            disk: Some(found),
            ..Resume::seamless(new.clone())
        };
        Opening::resume(rank(place), resume)
    });
    assert_eq!(told(openings.collect()), Ok(()));
    let openings = places(3).map(|place| {
        let found = disk(u64::from(place.rank));
        let resume = Resume {
            disk: Some(vec![found]),
            ..Resume::seamless(new.clone())
        };
        Opening::resume(rank(place), resume)
    });
    assert!(told(openings.collect()).is_err(), "sizes differ");
    let openings = places(3).map(|place| Opening::new(rank(place)));
    let mut openings: Vec<_> = openings.collect();
    openings[0] = Opening::resume(
        rank(Place {
            rank: 0,
            world_size: 3,
        }),
        Resume::seamless(new.clone()),
    );
    let text = told(openings).expect_err("one resumes, two do not");
    assert!(
        text.contains("the others have `resumes from` `nothing`"),
        "{text}"
    );
}
