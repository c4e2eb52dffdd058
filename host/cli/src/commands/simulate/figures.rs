//! What was measured, as data.

use ckpt_policy_core::{Encoding, PolicyInfo};
use serde::Serialize;
use serde_json::{Value, json};

/// Ranks of the world for which figures are given without it having been driven.
const FAR: u32 = 1_000_000;

/// What a decision takes in worlds of several sizes.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Figures {
    /// Version of this form.
    simulate: u32,
    pub(crate) policy: String,
    pub(crate) seed: u64,
    pub(crate) rows: Vec<Row>,
    /// Names of the trees in which integers were summed.
    pub(crate) trees: Vec<&'static str>,
    /// Exchanges in which all of them gave the same bits.
    pub(crate) compared: u64,
    /// Reduced values that were those of a fold over all ranks' numbers.
    pub(crate) folded: u64,
}

/// One world under one encoding. Times and bytes are those of one exchange.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Row {
    pub(crate) encoding: Encoding,
    pub(crate) ranks: u32,
    pub(crate) basis: Basis,
    /// Exchanges that were driven.
    pub(crate) exchanges: u64,
    /// Bytes that a rank brings.
    pub(crate) brings: u64,
    /// Bytes that a rank gets.
    pub(crate) gets: u64,
    /// Microseconds of a rank: to say what it brings, and to decide on what it gets.
    pub(crate) begin_us: f64,
    pub(crate) complete_us: f64,
}

/// Where a row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Basis {
    /// All ranks were driven to the end of each round.
    AllRanks,
    /// All ranks began one round; some of them were driven to its end.
    SomeRanks,
    /// Nobody was driven: computed from the largest world that was.
    Extrapolated,
}

/// A world that was driven.
pub(super) struct Driven {
    pub(super) row: Row,
    pub(super) compared: u64,
    pub(super) folded: u64,
}

impl Row {
    /// Returns the microseconds of a rank in one exchange.
    pub(crate) fn micros(&self) -> f64 {
        self.begin_us + self.complete_us
    }

    /// Returns the bytes that all ranks together bring.
    pub(crate) fn total(&self) -> u64 {
        self.brings.saturating_mul(u64::from(self.ranks))
    }
}

impl Figures {
    pub(super) fn new(info: &PolicyInfo, seed: u64) -> Self {
        let description = &info.description;
        Self {
            simulate: 1,
            policy: format!("{} {}", description.name, description.version),
            seed,
            rows: Vec::new(),
            trees: super::trees::NAMES.to_vec(),
            compared: 0,
            folded: 0,
        }
    }

    pub(super) fn add(&mut self, driven: Driven) {
        self.compared += driven.compared;
        self.folded += driven.folded;
        self.rows.push(driven.row);
    }

    /// Adds a row for a world that is too large to be driven, for each encoding: what grows with the
    /// world grows on, what does not stays.
    pub(super) fn extrapolate(&mut self) {
        for encoding in [Encoding::Gather, Encoding::Reduce] {
            let mut rows = self.rows.iter().filter(|row| row.encoding == encoding);
            let Some(last) = rows.next_back().filter(|row| row.ranks < FAR).cloned() else {
                continue;
            };
            let factor = match encoding {
                Encoding::Reduce => 1.0,
                _ => f64::from(FAR) / f64::from(last.ranks),
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "bytes far below 2^53"
            )]
            let gets = (last.gets as f64 * factor) as u64;
            let row = Row {
                ranks: FAR,
                basis: Basis::Extrapolated,
                exchanges: 0,
                gets,
                complete_us: last.complete_us * factor,
                ..last
            };
            let after = self.rows.iter().rposition(|row| row.encoding == encoding);
            self.rows.insert(after.map_or(0, |at| at + 1), row);
        }
    }

    /// Returns the JSON document.
    pub(crate) fn document(&self) -> Value {
        json!(self)
    }
}
