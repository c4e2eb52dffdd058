//! Makes the text of a schema from a Rust type, on the author's machine; never part of a guest.

use std::path::Path;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::schema::{KEYWORDS, check};

/// Makes the schema of a configuration, in the form that [`check`] understands.
#[must_use]
pub fn make<C: JsonSchema>() -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<C>().to_value();
    tidy(&mut schema);
    format!("{schema:#}\n")
}

/// Proves that `path` holds the schema of `C`, that only known keywords are in it, and that its
/// examples pass. With `BLESS=1` in the environment it writes the file instead of comparing.
///
/// # Errors
///
/// What differs, and how to mend it.
pub fn prove<C: JsonSchema>(path: &Path) -> Result<(), String> {
    let made = make::<C>();
    if std::env::var_os("BLESS").is_some_and(|bless| bless == "1") {
        std::fs::write(path, &made).map_err(|error| format!("`{}`: {error}", path.display()))?;
    }
    let held = std::fs::read_to_string(path).unwrap_or_default();
    if held != made {
        return Err(format!(
            "`{}` is not the schema of the configuration; set BLESS=1 to write it",
            path.display()
        ));
    }
    let schema: Value = serde_json::from_str(&made).map_err(|error| error.to_string())?;
    let mut foreign = Vec::new();
    find_foreign(&schema, &mut foreign);
    if !foreign.is_empty() {
        return Err(format!(
            "keywords that are not understood: {}",
            foreign.join(", ")
        ));
    }
    let examples = schema
        .get("examples")
        .and_then(Value::as_array)
        .filter(|all| !all.is_empty());
    let examples = examples.ok_or("the schema has no `examples`, expected at least one")?;
    examples
        .iter()
        .try_for_each(|example| check(&made, example))
}

/// Takes out what says nothing to a person, and closes objects in the plain way: properties that
/// were flattened in are listed with the others by then.
fn tidy(schema: &mut Value) {
    if let Value::Object(object) = schema {
        object.remove("format");
        if let Some(closed) = object.remove("unevaluatedProperties") {
            object.insert("additionalProperties".to_owned(), closed);
        }
    }
    each_schema(schema, &mut tidy);
}

fn find_foreign(schema: &Value, foreign: &mut Vec<String>) {
    let Value::Object(object) = schema else {
        return;
    };
    foreign.extend(
        object
            .keys()
            .filter(|key| !KEYWORDS.contains(&key.as_str()))
            .cloned(),
    );
    each_schema(&mut schema.clone(), &mut |inner: &mut Value| {
        find_foreign(inner, foreign)
    });
}

/// Visits the schemas directly inside of one.
fn each_schema(schema: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    let Value::Object(object) = schema else {
        return;
    };
    for key in ["properties", "$defs"] {
        let inner = object.get_mut(key).and_then(Value::as_object_mut);
        inner
            .into_iter()
            .flat_map(Map::values_mut)
            .for_each(&mut *visit);
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        let inner = object.get_mut(key).and_then(Value::as_array_mut);
        inner.into_iter().flatten().for_each(&mut *visit);
    }
    object.get_mut("items").into_iter().for_each(visit);
}
