//! One policy as `inspect` shows it: what it is, what it may be told, and what it needs.

use ckpt_policy_core::PolicyInfo;
use ckpt_policy_core::contract::{Plan, View};
use ckpt_policy_core::text::Printable;
use ckpt_policy_runtime::Loaded;
use serde_json::Value;

use super::tables::{self, Page};
use crate::config::Schema;

/// All that is shown of a policy.
pub(crate) struct Sheet<'a> {
    pub(crate) loaded: &'a Loaded,
    pub(crate) schema: &'a Schema,
    pub(crate) config: &'a Value,
    pub(crate) info: &'a PolicyInfo,
}

/// Returns the sheet as text.
pub(crate) fn sheet(page: Page, sheet: &Sheet<'_>) -> String {
    let Sheet {
        loaded,
        schema,
        config,
        info,
    } = sheet;
    let description = &info.description;
    let imports = match loaded.imports() {
        [] => "none".to_owned(),
        imports => imports.join(", "),
    };
    let mut text = pairs(&[
        ("name", description.name.clone()),
        ("version", description.version.clone()),
        ("summary", description.summary.clone()),
        ("contract", loaded.contract().to_owned()),
        ("sha256", loaded.digest().to_owned()),
        (
            "size",
            format!(
                "{} ({} bytes)",
                bytesize::ByteSize(loaded.size() as u64),
                loaded.size()
            ),
        ),
        ("kind", loaded.kind().to_string()),
        ("imports", imports),
        ("compile", loaded.needs().to_string()),
    ]);
    text.push_str("\nconfiguration\n\n");
    text.push_str(&keys(page, schema));
    text.push_str(&format!(
        "\nplan under {}\n\n",
        Printable(&config.to_string())
    ));
    text.push_str(&plan(&info.plan, &info.reductions));
    text
}

fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    pairs
        .iter()
        .map(|(name, value)| format!("{name:width$}  {}\n", Printable(value)))
        .collect()
}

fn plan(plan: &Plan, reductions: &[String]) -> String {
    let inputs: Vec<String> = plan
        .inputs
        .iter()
        .map(|input| match input.required {
            true => format!("{} (required)", input.name),
            false => input.name.clone(),
        })
        .collect();
    let view = match plan.view {
        View::All => "all checkpoints",
        View::Mine => "the checkpoints that it holds",
        View::None => "no checkpoints",
    };
    let passive = match plan.passive {
        true => "only in rounds that others cause",
        false => "yes, it causes rounds",
    };
    pairs(&[
        ("inputs", or_none(&inputs)),
        ("features", plan.features.to_string()),
        ("reductions", or_none(reductions)),
        ("view", view.to_owned()),
        ("moments", or_none(&plan.moments)),
        ("every-steps", plan.every_steps.max(1).to_string()),
        ("asks", passive.to_owned()),
    ])
}

fn or_none(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// Returns the keys of a schema as a table.
fn keys(page: Page, schema: &Schema) -> String {
    let properties: Vec<_> = schema.properties().collect();
    if properties.is_empty() {
        return "no keys\n".to_owned();
    }
    let mut table = page.table(&["key", "type", "default", "description"], &[]);
    for (key, property) in properties {
        let default = match property.get("default") {
            Some(default) => default.to_string(),
            None if schema.requires(key) => "required".to_owned(),
            None => String::new(),
        };
        let description = schema.description(property);
        let description = description.split_whitespace().collect::<Vec<_>>().join(" ");
        tables::add_row(
            &mut table,
            [key.clone(), schema.kind(property), default, description],
        );
    }
    tables::lines(&table)
}
