//! A policy and its configuration, as they are given on the command line.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use ckpt_policy_runtime::{Compile, Loaded, Runtime};
use serde_json::Value;

use crate::config;
use crate::exit;
use crate::report::{Failure, Report};

/// One policy, under one configuration.
#[derive(Debug, clap::Args)]
pub(super) struct Given {
    /// A WebAssembly file, or `builtin:NAME`.
    #[arg(value_name = "POLICY")]
    pub(super) policy: String,

    #[command(flatten)]
    under: Under,
}

/// Under which configuration and bounds a policy is looked at.
#[derive(Debug, clap::Args)]
pub(super) struct Under {
    /// The policy's own configuration: JSON, or a JSON or TOML file. By default the first example
    /// of its schema.
    #[arg(long, value_name = "JSON|FILE")]
    config: Option<String>,

    /// What may be compiled of the file: as in a site's configuration, `large` is for one that is
    /// trusted to carry an interpreter, which takes 5 to 20 seconds.
    #[arg(long, value_enum, default_value = "default")]
    compile: Bounds,
}

/// Bounds on what is compiled, by their names in a configuration.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Bounds {
    /// A file from anywhere: done within two seconds, or refused.
    Default,
    /// A file that carries an interpreter, such as Python's or JavaScript's.
    Large,
}

impl Given {
    /// Reads the configuration, if one is given.
    pub(super) fn config(&self) -> Result<Option<Value>, Failure> {
        self.under.config()
    }

    /// Loads the policy.
    pub(super) fn load(&self, runtime: &Runtime) -> Result<Loaded, Failure> {
        self.under.load(&self.policy, runtime)
    }
}

impl Under {
    /// Reads the configuration, if one is given.
    pub(super) fn config(&self) -> Result<Option<Value>, Failure> {
        self.config.as_deref().map(read_config).transpose()
    }

    /// Loads a policy.
    pub(super) fn load(&self, policy: &str, runtime: &Runtime) -> Result<Loaded, Failure> {
        let compile = match self.compile {
            Bounds::Default => Compile::Default,
            Bounds::Large => Compile::Large,
        };
        config::load(policy, runtime, compile)
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
