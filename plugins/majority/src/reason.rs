//! The vote, in words.

use ckpt_policy_sdk::text;

use crate::config::Ties;
use crate::election::{Count, Election};

/// Says how the ranks voted.
pub(crate) fn vote(count: Count, monitor: &str, places: u32) -> String {
    let rival = match places {
        1 => "at the one kept".to_owned(),
        _ => format!("at its worst of {places} kept"),
    };
    let voted = text::count(count.voted(), "rank");
    let silent = match count.silent {
        0 => String::new(),
        silent => format!("; {silent} without it left out"),
    };
    format!(
        "{} of {voted} find their own {monitor} better than {rival}{silent}",
        count.yes
    )
}

/// Says what became of a tie; nothing where there is none.
pub(crate) fn tie(election: &Election, count: Count, carried: bool) -> &'static str {
    match (count.is_tie(), election.ties, carried) {
        (false, _, _) => "",
        (true, Ties::No | Ties::Yes, false) => "; a tie is no majority",
        (true, Ties::No | Ties::Yes, true) => "; a tie is enough here",
        (true, Ties::RankZero, false) => "; rank 0 does not break the tie in its favour",
        (true, Ties::RankZero, true) => "; rank 0 breaks the tie",
    }
}

/// Says that too few ranks voted.
pub(crate) fn no_quorum(election: &Election, count: Count) -> String {
    let voted = text::count(count.voted(), "rank");
    format!(
        "no quorum: {voted} voted, expected at least {}",
        election.quorum
    )
}
