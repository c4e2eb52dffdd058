//! `ckpt-policy inspect`: what a policy is, what it may be told, and what it needs.

use ckpt_policy_core::PolicyInfo;
use ckpt_policy_runtime::Loaded;
use serde_json::{Value, json};

use super::given::Given;
use super::{Format, Streams};
use crate::config::{self, Schema};
use crate::json;
use crate::render::{self, Sheet};
use crate::report::Failure;

/// Shows what a policy is, what it may be told, and what it needs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    given: Given,

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
    let policy = args.given.policy.as_str();
    let given = args.given.config()?;
    let runtime = config::authors_runtime(streams.usual_cache())?;
    let loaded = args.given.load(&runtime)?;
    streams.tell_of_cache(&loaded);
    let (schema, config, info) = config::prepared(policy, &loaded, given)?;
    let text = match args.format {
        Format::Json => json::pretty(&document(&loaded, &schema, &config, &info)),
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

fn document(loaded: &Loaded, schema: &Schema, config: &Value, info: &PolicyInfo) -> Value {
    let plan = &info.plan;
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
        "compile": loaded.needs().to_string(),
        "config-schema": schema.document(),
        "config": config,
        "plan": {
            "inputs": inputs,
            "features": plan.features,
            "reductions": info.reductions,
            "view": plan.view.to_string(),
            "moments": plan.moments,
            "every-steps": plan.every_steps.max(1),
            "passive": plan.passive,
        },
    })
}
