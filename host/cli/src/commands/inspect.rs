//! `ckpt-policy inspect`: what a policy is, what it may be told, and what it needs.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use ckpt_policy_core::PolicyInfo;
use ckpt_policy_core::contract::View;
use ckpt_policy_runtime::{Loaded, Options, Runtime};
use serde_json::{Value, json};

use super::{Format, Streams};
use crate::config::{self, Schema};
use crate::exit;
use crate::render::{self, Sheet};
use crate::report::{Failure, Report};

/// Shows what a policy is, what it may be told, and what it needs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// A WebAssembly file, or `builtin:NAME`.
    #[arg(value_name = "POLICY")]
    policy: String,

    /// The policy's own configuration: JSON, or a JSON or TOML file. By default the first example
    /// of its schema.
    #[arg(long, value_name = "JSON|FILE")]
    config: Option<String>,

    /// What goes to standard output: tables, or one JSON document.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  What does the policy that is built in as `aggregate` take?
    ckpt-policy inspect builtin:aggregate

  What does this one need under that configuration?
    ckpt-policy inspect policies/mine.wasm --config '{\"monitor\": \"val_loss\"}'

Exit codes: 0 done, 2 the file or the configuration cannot be used, 3 the policy is at fault.";

/// Runs the command.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let runtime = Runtime::with(Options {
        lines: true,
        ..Options::default()
    })
    .map_err(|error| Failure::new(exit::OURS, Report::new(error.to_string())))?;
    let given = args.config.as_deref().map(read_config).transpose()?;
    let (loaded, schema, config, info) = config::inspect(&args.policy, &runtime, given)?;
    let text = match args.format {
        Format::Json => format!("{:#}\n", document(&loaded, &schema, &config, &info)),
        Format::Table => {
            let sheet = Sheet {
                loaded: &loaded,
                schema: &schema,
                config: &config,
                info: &info,
            };
            render::sheet(streams.page(), &sheet)
        }
    };
    streams.print(&text)
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

fn document(loaded: &Loaded, schema: &Schema, config: &Value, info: &PolicyInfo) -> Value {
    let plan = &info.plan;
    let view = match plan.view {
        View::All => "all",
        View::Mine => "mine",
        View::None => "none",
    };
    let inputs: Vec<Value> = plan
        .inputs
        .iter()
        .map(|input| json!({"name": input.name, "required": input.required}))
        .collect();
    json!({
        "name": info.description.name,
        "version": info.description.version,
        "summary": info.description.summary,
        "contract": loaded.contract(),
        "sha256": loaded.digest(),
        "size": loaded.size(),
        "kind": loaded.kind().to_string(),
        "imports": loaded.imports(),
        "config-schema": schema.document(),
        "config": config,
        "plan": {
            "inputs": inputs,
            "features": plan.features,
            "reductions": info.reductions,
            "view": view,
            "moments": plan.moments,
            "every-steps": plan.every_steps.max(1),
            "passive": plan.passive,
        },
    })
}
