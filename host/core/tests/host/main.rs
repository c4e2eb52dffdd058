//! The whole host, in a simulated world, with policies in plain Rust.
//!
//! One binary, since linking costs more than running. Each module is one promise of the host:
//! what travels, what a disagreement does, what becomes of saves, what a resume knows, and when a
//! policy is not asked any more.

mod agreement;
mod carried;
mod combined;
mod cost;
mod cut;
mod disabled;
mod encodings;
mod exchanges;
mod faults;
mod kept;
mod opening;
mod resume;
mod saves;
mod shadows;
mod support;
mod whim;
