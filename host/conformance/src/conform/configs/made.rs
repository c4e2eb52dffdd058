//! Draws values that a schema is likely to accept.
//!
//! Where a schema states a bound, values on it are drawn; where it states none, none is put to the
//! test, since JSON's numbers have no end and every program's have.

use std::cell::Cell;

use proptest::prelude::{Just, Strategy, any};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union};
use proptest::{collection, option, string};
use serde_json::{Map, Value, json};

/// Draws whole configurations.
pub(super) fn configurations(root: &Value) -> BoxedStrategy<Value> {
    let maker = Maker {
        root,
        budget: Cell::new(MOST_PARTS),
    };
    maker.value(root, 0)
}

struct Maker<'a> {
    root: &'a Value,
    /// A schema may refer to itself, or be large: what is left is drawn as `null`.
    budget: Cell<u32>,
}

impl Maker<'_> {
    fn value(&self, schema: &Value, depth: u32) -> BoxedStrategy<Value> {
        let Some(left) = self.budget.get().checked_sub(1) else {
            return Just(Value::Null).boxed();
        };
        self.budget.set(left);
        let Some(schema) = self.merged(schema, MOST_REFERENCES) else {
            return plain();
        };
        let of_keywords = self.by_keywords(&schema, depth);
        let known = schema.get("default").into_iter();
        let examples = schema.get("examples").and_then(Value::as_array);
        let known: Vec<Value> = known
            .chain(examples.into_iter().flatten())
            .cloned()
            .collect();
        match known.is_empty() || depth == 0 {
            true => of_keywords,
            false => {
                Union::new_weighted(vec![(3, of_keywords), (1, select(known).boxed())]).boxed()
            }
        }
    }

    fn by_keywords(&self, schema: &Map<String, Value>, depth: u32) -> BoxedStrategy<Value> {
        if let Some(only) = schema.get("const") {
            return Just(only.clone()).boxed();
        }
        if let Some(all) = list(schema, "enum") {
            return select(all.to_vec()).boxed();
        }
        if let Some((key, forms)) = ["anyOf", "oneOf"]
            .into_iter()
            .find_map(|key| Some((key, list(schema, key)?)))
        {
            let mut rest = schema.clone();
            rest.remove(key);
            let forms = forms.iter().map(|form| {
                let whole = json!({ "allOf": [Value::Object(rest.clone()), form] });
                self.value(&whole, depth + 1)
            });
            return Union::new(forms.collect::<Vec<_>>()).boxed();
        }
        match schema.get("type") {
            Some(Value::Array(names)) if !names.is_empty() => {
                let names = names.iter().filter_map(Value::as_str);
                Union::new(names.map(|name| self.typed(name, schema, depth))).boxed()
            }
            Some(Value::String(name)) => self.typed(name, schema, depth),
            _ if schema.contains_key("properties") => self.typed("object", schema, depth),
            _ => plain(),
        }
    }

    fn typed(&self, name: &str, schema: &Map<String, Value>, depth: u32) -> BoxedStrategy<Value> {
        match name {
            "array" => self.array(schema, depth),
            "boolean" => any::<bool>().prop_map(Value::from).boxed(),
            "integer" => integers(schema),
            "number" => numbers(schema),
            "object" => self.object(schema, depth),
            "string" => strings(schema),
            _ => Just(Value::Null).boxed(),
        }
    }

    fn object(&self, schema: &Map<String, Value>, depth: u32) -> BoxedStrategy<Value> {
        let required = list(schema, "required").unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object);
        let fields = properties
            .into_iter()
            .flatten()
            .filter_map(|(key, schema)| {
                let must = required.iter().any(|name| name.as_str() == Some(key));
                if !must && depth >= DEEP {
                    return None;
                }
                let value = self.value(schema, depth + 1);
                let field = match must {
                    true => value.prop_map(Some).boxed(),
                    false => option::weighted(0.35, value).boxed(),
                };
                let key = key.clone();
                Some(
                    field
                        .prop_map(move |value| Some((key.clone(), value?)))
                        .boxed(),
                )
            });
        let fields: Vec<BoxedStrategy<Option<(String, Value)>>> = fields.collect();
        fields
            .prop_map(|fields| Value::Object(fields.into_iter().flatten().collect()))
            .boxed()
    }

    fn array(&self, schema: &Map<String, Value>, depth: u32) -> BoxedStrategy<Value> {
        let least = size(schema, "minItems").unwrap_or(0).min(MOST_ITEMS);
        let most = size(schema, "maxItems").unwrap_or(least + 3);
        let items = match schema.get("items") {
            Some(form) => self.value(form, depth + 1),
            None => plain(),
        };
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        let lists = collection::vec(items, least..=most.clamp(least, least + 3));
        lists
            .prop_map(move |mut items| {
                if unique {
                    let mut seen = Vec::new();
                    items.retain(|item| {
                        !seen.contains(item) && {
                            seen.push(item.clone());
                            true
                        }
                    });
                }
                Value::Array(items)
            })
            .boxed()
    }

    /// Puts what a schema refers to, and all of `allOf`, into one; `None` for a schema without
    /// keywords, or one that refers to itself and nothing else.
    fn merged(&self, schema: &Value, left: u32) -> Option<Map<String, Value>> {
        let left = left.checked_sub(1)?;
        let mut own = schema.as_object()?.clone();
        let reference = own.remove("$ref");
        let referred = reference.as_ref().and_then(Value::as_str).and_then(|to| {
            let to = to.strip_prefix('#')?;
            self.root.pointer(to).cloned()
        });
        let parts = own.remove("allOf");
        let parts = parts
            .as_ref()
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let mut whole = Map::new();
        for part in referred.iter().chain(parts) {
            add(&mut whole, self.merged(part, left)?);
        }
        add(&mut whole, own);
        Some(whole)
    }
}

/// Adds the keywords of one schema to another's: keys come together, all else is replaced.
fn add(whole: &mut Map<String, Value>, part: Map<String, Value>) {
    for (keyword, value) in part {
        match (whole.get_mut(&keyword), value) {
            (Some(Value::Object(known)), Value::Object(more)) if keyword == "properties" => {
                known.extend(more);
            }
            (Some(Value::Array(known)), Value::Array(more)) if keyword == "required" => {
                known.extend(more);
            }
            (_, value) => {
                whole.insert(keyword, value);
            }
        }
    }
}

fn integers(schema: &Map<String, Value>) -> BoxedStrategy<Value> {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let above = bound("exclusiveMinimum").map(|bound| bound.floor() + 1.0);
    let below = bound("exclusiveMaximum").map(|bound| bound.ceil() - 1.0);
    // A cast of a number beyond its range stops at its end.
    let least = bound("minimum")
        .map(f64::ceil)
        .or(above)
        .map(|bound| bound as i64);
    let most = bound("maximum")
        .map(f64::floor)
        .or(below)
        .map(|bound| bound as i64);
    let low = least.unwrap_or_else(|| most.map_or(-1000, |most| most.min(-1000)));
    let high = most.unwrap_or_else(|| low.max(i64::from(i32::MAX)));
    let step = bound("multipleOf").map_or(1, |step| step as i64).max(1);
    let everyday = [1, 2, 3, 0, 5, 10, 100, 1000, -1];
    let stated = least.into_iter().chain(most);
    let some: Vec<i64> = everyday.into_iter().chain(stated).collect();
    let some: Vec<i64> = some
        .into_iter()
        .filter(|one| (low..=high).contains(one))
        .collect();
    let range = (low..=high.max(low)).prop_map(move |one| one / step * step);
    match some.is_empty() {
        true => range.prop_map(Value::from).boxed(),
        false => Union::new_weighted(vec![(3, select(some).boxed()), (1, range.boxed())])
            .prop_map(Value::from)
            .boxed(),
    }
}

fn numbers(schema: &Map<String, Value>) -> BoxedStrategy<Value> {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let least = bound("minimum").or_else(|| bound("exclusiveMinimum"));
    let most = bound("maximum").or_else(|| bound("exclusiveMaximum"));
    let low = least.unwrap_or_else(|| most.map_or(-1e6, |most| most.min(-1e6)));
    let high = most.unwrap_or_else(|| low.max(1e6));
    let closed = bound("minimum").into_iter().chain(bound("maximum"));
    let everyday = [0.5, 1.0, 0.25, 0.001, 2.0, 0.0, 2.5, 10.0, 1000.0, -0.5];
    let some = everyday.into_iter().filter(|one| low < *one && *one < high);
    let some: Vec<f64> = some.chain(closed).collect();
    let range = (1_u32..1000).prop_map(move |part| low + (high - low) * (f64::from(part) / 1000.0));
    match some.is_empty() {
        true => range.prop_map(Value::from).boxed(),
        false => Union::new_weighted(vec![(3, select(some).boxed()), (1, range.boxed())])
            .prop_map(Value::from)
            .boxed(),
    }
}

fn strings(schema: &Map<String, Value>) -> BoxedStrategy<Value> {
    let pattern = schema.get("pattern").and_then(Value::as_str);
    if let Some(drawn) = pattern.and_then(|pattern| {
        string::string_regex(pattern.trim_start_matches('^').trim_end_matches('$')).ok()
    }) {
        return drawn.prop_map(Value::from).boxed();
    }
    let least = size(schema, "minLength").unwrap_or(0).min(MOST_ITEMS);
    let most = size(schema, "maxLength").unwrap_or(usize::MAX);
    let words = [
        "val_loss",
        "loss",
        "val_acc",
        "samples",
        "train/loss.mean",
        "größe 1",
    ];
    let words = words.map(|word| {
        let ends = word.chars().chain(std::iter::repeat('x'));
        let length = word.chars().count().max(least).min(most);
        ends.take(length).collect::<String>()
    });
    select(words.to_vec()).prop_map(Value::from).boxed()
}

/// Draws a value of any type.
fn plain() -> BoxedStrategy<Value> {
    select(vec![
        json!(1),
        json!("text"),
        json!(true),
        json!(0.5),
        Value::Null,
    ])
    .boxed()
}

fn list<'a>(schema: &'a Map<String, Value>, key: &str) -> Option<&'a [Value]> {
    let items = schema.get(key)?.as_array()?;
    (!items.is_empty()).then_some(items.as_slice())
}

fn size(schema: &Map<String, Value>, key: &str) -> Option<usize> {
    usize::try_from(schema.get(key)?.as_u64()?).ok()
}

/// Parts of a schema that are looked at, those that are reached twice counted twice.
const MOST_PARTS: u32 = 2_000;
/// References that lead to one another.
const MOST_REFERENCES: u32 = 16;
/// Objects this deep get their required keys alone.
const DEEP: u32 = 4;
/// Items, or characters, that a schema can make a drawn value have at least.
const MOST_ITEMS: usize = 256;
