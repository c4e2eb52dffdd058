//! Exit codes: one for each family of errors, so that a job script can tell them apart.
//!
//! They are part of what the program promises and change only with its major version.

/// What was asked for is done. A policy that could not answer in some round is not an error of
/// the program: its `on-error` setting applies, and it is said on standard error.
pub const DONE: u8 = 0;

/// What was judged failed: a test, a conformance run, a benchmark.
pub const JUDGED: u8 = 1;

/// The user's: usage, configuration, files.
pub const USER: u8 = 2;

/// A policy's: it trapped, ran out of fuel, or broke the contract where nothing can go on.
pub const POLICY: u8 = 3;

/// The ranks disagree, or the engine between them failed.
pub const AGREEMENT: u8 = 4;

/// Ours: a defect of this program.
pub const OURS: u8 = 70;
