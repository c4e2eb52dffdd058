//! `majority` as plain Rust on one real host a rank, without a sandbox.

mod scenarios;
#[path = "../../../unanimous/tests/native/support.rs"]
mod support;
mod traces;
