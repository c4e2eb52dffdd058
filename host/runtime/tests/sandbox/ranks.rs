//! Ranks whose policies are files: all run the same bytes under the same rules, or none runs.

use std::thread;

use ckpt_policy_core::{Error, Mode, OnError, Opening, Place, PolicySetup, Rules, Setup};
use ckpt_policy_runtime::{Engine as _, Instances, Session, SessionError, Threads};
use sha2::{Digest as _, Sha256};

use crate::guest::Guest;
use crate::runtime;

const RANKS: usize = 8;

/// What one rank read.
struct Own {
    bytes: Vec<u8>,
    rules: Rules,
}

impl Own {
    fn setup(&self, place: Place) -> Setup {
        let runtime = runtime(Instances::Fresh);
        let loaded = runtime.load(&self.bytes).expect("it is a policy");
        Setup {
            place,
            rules: self.rules.clone(),
            policies: vec![PolicySetup {
                name: "best".to_owned(),
                mode: Mode::Enforce,
                on_error: OnError::Skip,
                disable_after: None,
                config: serde_json::json!({}),
                digest: loaded.digest().to_owned(),
                policy: Box::new(loaded.policy()),
            }],
            facts: runtime.facts(),
        }
    }
}

/// Opens a session on each of eight ranks, one of which may have read something else; the texts
/// of the disagreement in the order of the ranks, none where they agree.
fn open(own: impl Fn(u32) -> Own + Sync) -> Vec<Option<String>> {
    let open = |engine: Threads| {
        let place = Place {
            rank: engine.rank(),
            world_size: engine.world_size(),
        };
        let opening = Opening::new(own(place.rank).setup(place));
        match Session::open(opening, engine) {
            Ok(_) => None,
            Err(SessionError::Host(error @ Error::Disagreement { .. })) => Some(error.to_string()),
            Err(error) => panic!("expected a disagreement, found {error}"),
        }
    };
    thread::scope(|scope| {
        let world = Threads::world(RANKS as u32);
        let ranks: Vec<_> = world
            .into_iter()
            .map(|engine| scope.spawn(|| open(engine)))
            .collect();
        let ends = ranks.into_iter().map(|rank| rank.join());
        ends.map(|end| end.expect("no rank panics")).collect()
    })
}

/// A policy's file with a note at its end, which changes nothing that the policy does.
fn noted(note: u8) -> Vec<u8> {
    let mut bytes = Guest::plain().module();
    bytes.extend([0, 6, 4, b'n', b'o', b't', b'e', note]);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_rank_with_one_other_byte_in_its_file_stops_all_before_the_first_round() {
    let own = |note: u8| Own {
        bytes: noted(note),
        rules: Rules::default(),
    };
    assert_eq!(open(|_| own(b'a')), vec![None; RANKS]);
    let ends = open(|rank| own(if rank == 5 { b'b' } else { b'a' }));
    let [others, odd] = [b'a', b'b'].map(|note| hex(&noted(note)));
    let expected = format!(
        "the ranks disagree at the opening: rank 5 runs `best` from the file of sha256 `{odd}`, the \
         others run `best` from the file of sha256 `{others}`"
    );
    assert_eq!(ends, vec![Some(expected); RANKS]);
}

#[test]
fn a_rank_under_other_rules_stops_all_before_the_first_round() {
    let own = |rank: u32| Own {
        bytes: noted(b'a'),
        rules: Rules {
            keep_at_least: if rank == 2 { 0 } else { 3 },
            ..Rules::default()
        },
    };
    let expected = "the ranks disagree at the opening: rank 2 has `checkpoints.keep-at-least` \
                    `0`, the others have `checkpoints.keep-at-least` `3`";
    assert_eq!(open(own), vec![Some(expected.to_owned()); RANKS]);
}
