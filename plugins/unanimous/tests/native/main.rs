//! `unanimous` as plain Rust on one real host a rank, without a sandbox.

mod in_flight;
mod model;
mod parity;
mod scenarios;
mod support;
