//! Digests by which ranks compare what they hold.
//!
//! They find accidents (another file, another step, a flipped bit), not attacks: the fast XXH3 of
//! 128 bits is enough within a job. Every value is written with its length or at a fixed width, so
//! two different sequences of values never give the same bytes.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// A digest over a sequence of values.
///
/// They are few and short, so they are collected and digested at once: the algorithm's running
/// form costs more to set up than these need in all.
pub(crate) struct Digest(Vec<u8>);

impl Digest {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(USUAL))
    }

    pub(crate) fn number(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    pub(crate) fn wide(&mut self, value: u128) -> &mut Self {
        self.number(value as u64).number((value >> 64) as u64)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn flag(&mut self, flag: bool) -> &mut Self {
        self.number(u64::from(flag))
    }

    pub(crate) fn option(&mut self, value: Option<u64>) -> &mut Self {
        self.flag(value.is_some()).number(value.unwrap_or(0))
    }

    pub(crate) fn float(&mut self, value: Option<f64>) -> &mut Self {
        self.option(value.map(f64::to_bits))
    }

    pub(crate) fn floats(&mut self, values: &[Option<f64>]) -> &mut Self {
        self.number(values.len() as u64);
        for value in values {
            self.float(*value);
        }
        self
    }

    pub(crate) fn ids(&mut self, ids: &[u64]) -> &mut Self {
        self.number(ids.len() as u64);
        for id in ids {
            self.number(*id);
        }
        self
    }

    pub(crate) fn long(&self) -> u128 {
        xxh3_128(&self.0)
    }

    pub(crate) fn short(&self) -> u64 {
        xxh3_64(&self.0)
    }
}

/// Bytes that most digests are made of.
const USUAL: usize = 256;
