//! What was measured, as data: written as JSON, and read again as a baseline.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Change;
use crate::exit;
use crate::report::{Failure, Report};

/// All that was measured of one policy under one configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Figures {
    /// Version of this form.
    pub(crate) bench: u32,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) sha256: String,
    /// Bytes of the file.
    pub(crate) size: u64,
    /// What ran it: the unit of fuel changes with it.
    pub(crate) wasmtime: String,
    pub(crate) config: Value,
    pub(crate) ranks: u32,
    pub(crate) rounds: u32,
    pub(crate) load: Load,
    pub(crate) calls: Vec<Calls>,
}

/// What it takes until the policy can be called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Load {
    /// Milliseconds to check and compile the file, and to start the policy once.
    pub(crate) compile_ms: f64,
    /// Milliseconds to take compiled code from memory, as from a cache, and to start it once.
    pub(crate) reload_ms: f64,
    /// Bytes of the compiled code.
    pub(crate) native_bytes: u64,
}

/// The calls of one function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Calls {
    /// `prepare`, `observe` or `decide`.
    pub(crate) function: String,
    /// `fresh` or `reuse`.
    pub(crate) instances: String,
    /// How many calls the figures are of.
    pub(crate) calls: u64,
    /// Microseconds that half of the calls stay below.
    pub(crate) p50_us: f64,
    /// Microseconds that 95 of a hundred calls stay below.
    pub(crate) p95_us: f64,
    /// Fuel of the dearest call, the start of its instance not counted.
    pub(crate) fuel: u64,
    /// Fuel of the start of an instance.
    pub(crate) start_fuel: u64,
    /// Most bytes of linear memory.
    pub(crate) memory: u64,
}

impl Figures {
    /// Version of the form that this program writes and reads.
    pub(crate) const FORM: u32 = 1;

    /// Reads figures of before.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let failed = |what: String| {
            let text = format!("cannot use the baseline `{}`: {what}", path.display());
            let hint = "write one with `ckpt-policy bench POLICY --format json > FILE`";
            Failure::new(exit::USER, Report::new(text).hint(hint))
        };
        let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let figures: Self =
            serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
        match figures.bench {
            Self::FORM => Ok(figures),
            other => Err(failed(format!(
                "its form is {other}, expected {}",
                Self::FORM
            ))),
        }
    }

    /// Returns the JSON document, with what has changed since the baseline if there is one.
    pub(crate) fn document(&self, changes: &[Change]) -> Value {
        let mut document = json!(self);
        if !changes.is_empty() {
            document["changes"] = json!(changes);
        }
        document
    }
}
