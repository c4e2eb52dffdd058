use std::path::Path;

use ckpt_policy_sdk::{Tally, schema};

use crate::config::{Config, Missing, Quorum, Ties};
use crate::election::{Election, Outcome};

#[test]
fn the_schema_is_that_of_the_configuration() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.json");
    schema::prove::<Config>(&path).expect("schema.json");
}

fn election(quorum: f64, ties: Ties, missing: Missing) -> Election {
    Election {
        quorum: Quorum::parse(quorum).expect("a quorum"),
        ties,
        missing,
    }
}

fn decide(
    election: &Election,
    (yes, no, abstaining): (u32, u32, u32),
    zero: Option<bool>,
) -> Outcome {
    election.decide(
        election.count(&Tally {
            yes,
            no,
            abstaining,
        }),
        zero,
    )
}

#[test]
fn more_than_half_of_those_that_voted() {
    let plain = election(1.0, Ties::No, Missing::LeaveOut);
    assert_eq!(decide(&plain, (3, 2, 90), None), Outcome::Carried);
    assert_eq!(decide(&plain, (2, 2, 0), Some(true)), Outcome::Rejected);
    assert_eq!(decide(&plain, (1, 2, 0), None), Outcome::Rejected);
    assert_eq!(decide(&plain, (0, 0, 4), None), Outcome::NoQuorum);
}

#[test]
fn ties_are_broken_as_the_site_says() {
    let yes = election(1.0, Ties::Yes, Missing::LeaveOut);
    assert_eq!(decide(&yes, (2, 2, 0), None), Outcome::Carried);
    assert_eq!(decide(&yes, (1, 2, 0), None), Outcome::Rejected);
    let zero = election(1.0, Ties::RankZero, Missing::LeaveOut);
    assert_eq!(decide(&zero, (2, 2, 0), Some(true)), Outcome::Carried);
    assert_eq!(decide(&zero, (2, 2, 0), Some(false)), Outcome::Rejected);
    assert_eq!(decide(&zero, (2, 2, 1), None), Outcome::Rejected);
    assert_eq!(decide(&zero, (1, 3, 0), Some(true)), Outcome::Rejected);
}

#[test]
fn missing_ranks_may_be_against() {
    let no = election(4.0, Ties::No, Missing::No);
    assert_eq!(decide(&no, (2, 0, 2), None), Outcome::Rejected);
    assert_eq!(decide(&no, (3, 0, 1), None), Outcome::Carried);
}

#[test]
fn a_fraction_of_the_ranks_is_exact() {
    // 0.1 times 30 is more than 3 in binary; three of thirty are a tenth all the same.
    for (voted, world) in [(3, 30), (7, 10), (1, 3), (6, 9)] {
        let fraction = f64::from(voted) / f64::from(world);
        let quorum = Quorum::parse(fraction).expect("a fraction");
        assert!(quorum.is_reached(voted, world), "{voted} of {world}");
        assert!(!quorum.is_reached(voted - 1, world), "{voted} of {world}");
    }
    assert!(Quorum::parse(0.1).expect("a fraction").is_reached(3, 30));
    let three = Quorum::parse(3.0).expect("a number");
    assert!(three.is_reached(3, 4) && !three.is_reached(2, 2));
}

#[test]
fn other_quorums_are_refused() {
    for number in [0.0, -1.0, 1.5, f64::NAN, f64::INFINITY, 5e9] {
        assert!(Quorum::parse(number).is_err(), "{number}");
    }
}
