//! Judges a description, and the schema in it.

use ckpt_policy_core::contract::Description;

use crate::conform::configs::Schema;
use crate::conform::{Finding, Passed};

/// Judges name, version and summary.
pub(super) fn judge(description: &Description) -> Result<Passed, Finding> {
    let Description {
        name,
        version,
        summary,
        ..
    } = description;
    let mut wrong = Vec::new();
    wrong.extend(line("name", name));
    if let Err(error) = semver::Version::parse(version) {
        wrong.push(format!(
            "`version` is `{version}`, expected a semantic version such as `1.0.0`: {error}"
        ));
    }
    wrong.extend(line("summary", summary));
    match wrong.is_empty() {
        true => Ok(Passed::tried(1)),
        false => Err(Finding::of(wrong.join("; "))),
    }
}

/// Judges what the schema says of whole configurations.
pub(super) fn judge_schema(schema: &Schema) -> Result<Passed, Finding> {
    if !schema.is_of_objects() {
        return Err(Finding::of(
            "`type` in `config-schema` is not `object`, but a configuration is one",
        ));
    }
    for (index, example) in schema.examples().iter().enumerate() {
        if let Some(why) = schema.refusal(example) {
            let what = format!("the schema refuses its own example {index}: {why}");
            return Err(Finding::of(what).under(&example.to_string()));
        }
    }
    let mut passed = Passed::tried(1 + schema.examples().len() as u64);
    if schema.examples().is_empty() {
        passed.warnings.push(Finding {
            mend: "add `examples` with at least one whole configuration".to_owned(),
            ..Finding::of("`config-schema` has no `examples`, by which people begin")
        });
    }
    Ok(passed)
}

fn line(field: &str, text: &str) -> Option<String> {
    let complaint = match text {
        _ if text.trim().is_empty() => "is empty",
        _ if text.contains(['\n', '\r']) => "has more than one line",
        _ if text.chars().any(char::is_control) => "has characters that cannot be printed",
        _ if text.trim() != text => "begins or ends with a space",
        _ => return None,
    };
    Some(format!("`{field}` {complaint}: {text:?}"))
}
