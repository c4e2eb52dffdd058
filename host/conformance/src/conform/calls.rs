//! Checks of single calls: the same call twice, hostile arguments.

use super::Check;

/// The checks, in the order in which they run.
pub(super) const CHECKS: &[Check] = &[];
