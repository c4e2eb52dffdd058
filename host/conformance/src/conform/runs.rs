//! Checks of whole runs: a simulated world of real hosts, each with the policy under test.

use super::Check;

/// The checks, in the order in which they run.
pub(super) const CHECKS: &[Check] = &[];
