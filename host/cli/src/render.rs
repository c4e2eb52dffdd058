//! What people see on standard output: tables, and text that is safe for a terminal.
//!
//! Decides and counts nothing; it turns what others found into text. No colour carries a meaning.

mod bench;
mod cache;
mod conform;
mod decisions;
mod explain;
mod number;
mod policy;
mod scenarios;
mod simulate;
mod summary;
mod tables;

pub(crate) use self::bench::bench;
pub(crate) use self::cache::{cache, cache_freed};
pub(crate) use self::conform::conformance;
pub(crate) use self::decisions::Decisions;
pub(crate) use self::explain::explained;
pub(crate) use self::policy::{Sheet, sheet};
pub(crate) use self::scenarios::{closing_line, coverage, failed_scenarios, scenario_line};
pub(crate) use self::simulate::simulate;
pub(crate) use self::summary::summary;
pub(crate) use self::tables::Page;
