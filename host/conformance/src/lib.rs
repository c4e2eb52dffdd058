//! Scenarios of policies: the format, and what plays it.
//!
//! A scenario is a short run of one policy, written down by hand, with what must come of it; see
//! this crate's `README.md` for the format. Here it is [parsed](Scenario::parse), [played](run) on
//! one real host a rank in a [simulated world](world::World), and turned into a [`Report`].
//!
//! What is deliberately absent: WebAssembly. The caller says how a policy is loaded, so the same
//! runner serves compiled policies, policies in plain Rust, and the tests of the core. The crate
//! reads no file and prints nothing.

mod bless;
pub mod conform;
mod coverage;
mod document;
pub mod exchange;
mod record;
mod report;
mod run;
mod scenario;
pub mod world;

pub use bless::{Blessed, Change, Unblessed, bless};
pub use coverage::{Coverage, Group, Item, PolicyCoverage};
pub use record::{Call, Exchange};
pub use report::{Check, Found, Report, RoundReport};
pub use run::{run, run_recorded};
pub use scenario::{Cut, Error, Expect, Plot, PolicySource, Round, Scenario, Writing};
