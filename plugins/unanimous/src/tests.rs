use std::path::Path;

use ckpt_policy_sdk::{Error, Tally, call, schema};

use crate::Unanimous;
use crate::config::{Config, Missing};
use crate::poll::Poll;

#[test]
fn the_schema_is_that_of_the_configuration() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.json");
    schema::prove::<Config>(&path).expect("schema.json");
}

fn is_unanimous((yes, no, abstaining): (u32, u32, u32), missing: Missing) -> bool {
    Poll::new(
        Tally {
            yes,
            no,
            abstaining,
        },
        missing,
    )
    .is_unanimous()
}

#[test]
fn one_against_is_enough_and_nobody_for_it_is_not() {
    assert!(is_unanimous((4, 0, 0), Missing::No));
    assert!(!is_unanimous((3, 1, 0), Missing::LeaveOut));
    assert!(is_unanimous((1, 0, 3), Missing::LeaveOut));
    assert!(!is_unanimous((1, 0, 3), Missing::No));
    assert!(!is_unanimous((0, 0, 4), Missing::LeaveOut));
}

#[test]
fn votes_are_counted_rank_by_rank() {
    let votes = [Some(true), None, Some(false), Some(true)];
    let counted = Poll::count(&votes, Missing::No);
    assert_eq!(
        counted,
        Poll::new(
            Tally {
                yes: 2,
                no: 1,
                abstaining: 1
            },
            Missing::No
        )
    );
}

#[test]
fn keeping_everything_looks_at_no_list_and_asks_no_rank() {
    for books in ["shared", "per-rank"] {
        let config = format!(r#"{{"monitor": "loss", "top-k": -1, "books": "{books}"}}"#);
        let prepared = call::prepare::<Unanimous>(&config, None).expect("a configuration");
        assert_eq!(prepared.plan.view, ckpt_policy_sdk::View::None);
        assert_eq!(prepared.plan.features, 0);
    }
}

#[test]
fn a_damaged_state_is_refused() {
    let prepared = call::prepare::<Unanimous>("{}", None).expect("a configuration");
    let mut state = prepared.state;
    state[1] ^= 1;
    let refused = call::prepare::<Unanimous>("{}", Some(&state));
    assert!(matches!(refused, Err(Error::State(_))), "{refused:?}");
}
