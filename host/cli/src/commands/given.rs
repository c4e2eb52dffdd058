//! A policy and its configuration, as they are given on the command line.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::exit;
use crate::report::{Failure, Report};

/// One policy, under one configuration.
#[derive(Debug, clap::Args)]
pub(super) struct Given {
    /// A WebAssembly file, or `builtin:NAME`.
    #[arg(value_name = "POLICY")]
    pub(super) policy: String,

    /// The policy's own configuration: JSON, or a JSON or TOML file. By default the first example
    /// of its schema.
    #[arg(long, value_name = "JSON|FILE")]
    config: Option<String>,
}

impl Given {
    /// Reads the configuration, if one is given.
    pub(super) fn config(&self) -> Result<Option<Value>, Failure> {
        self.config.as_deref().map(read_config).transpose()
    }
}

/// Reads a policy's configuration: JSON as it stands, or a JSON or TOML file.
pub(super) fn read_config(given: &str) -> Result<Value, Failure> {
    let is_json = given.trim_start().starts_with('{');
    if is_json {
        return serde_json::from_str(given)
            .map_err(|error| Failure::user(format!("`--config` is not JSON: {error}")));
    }
    let path = Path::new(given);
    let unreadable = |what: &str| {
        let report = Report::new(format!("cannot read the configuration `{given}`: {what}"));
        Failure::new(
            exit::USER,
            report.hint("give JSON such as '{\"monitor\": \"val_loss\"}', or a file"),
        )
    };
    let text = fs::read_to_string(path).map_err(|error| unreadable(&error.to_string()))?;
    match path.extension().and_then(OsStr::to_str) {
        Some("toml") => toml::from_str(&text).map_err(|error| unreadable(error.message())),
        _ => serde_json::from_str(&text).map_err(|error| unreadable(&error.to_string())),
    }
}
