//! Checks of single calls: the same call twice, in another way, with hostile arguments.
//!
//! [`Shape`] says from what arguments are drawn, [`Run`] is what was drawn, and [`Caller`] plays it to a
//! policy: `observe` on each rank, the host's own reductions, `decide`. A check looks at each call as it
//! happens.
//!
//! Invariant: arguments are what a host could really hand over under the plan. The exceptions are said
//! where they are: damaged states, and the calls that are meant to fail.

mod agreement;
mod arguments;
mod caller;
mod purity;
mod state;
mod totality;

pub(super) use self::arguments::Shape;
pub(super) use self::caller::{Answer, Call};
use super::Check;

/// The checks, in the order in which they run.
pub(super) const CHECKS: &[Check] = &[
    purity::REPEAT,
    purity::REUSED,
    purity::AFTER_TRAP,
    purity::INTERLEAVED,
    agreement::SETTINGS,
    agreement::OBSERVE,
    agreement::COMPILERS,
    totality::CALM,
    totality::MOMENTS,
    totality::NUMBERS,
    totality::WORLD,
    totality::LEDGER,
    totality::STEPS,
    state::STATE,
];

/// What a check builds on: where one of those has failed, it would only say the same again.
pub(super) fn builds_on(id: &str) -> &'static [&'static str] {
    match id {
        "purity.reused" => &["purity.repeat"],
        "purity.after-trap" | "purity.interleaved" | "agreement.observe" | "agreement.rank" => {
            &["purity.repeat", "purity.reused"]
        }
        "agreement.settings" | "agreement.compilers" => &["purity.repeat"],
        "totality.moments" | "totality.numbers" | "totality.world" | "totality.ledger"
        | "totality.steps" | "totality.state" => &["totality.calm"],
        _ => &[],
    }
}
