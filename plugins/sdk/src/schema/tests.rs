use proptest::prelude::{Just, Strategy, prop_oneof, proptest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{check, make, nearest};
use crate::keeping::KeepConfig;

/// Has a key of every kind that the checker understands.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Config {
    #[schemars(length(min = 1))]
    monitor: String,
    #[serde(default)]
    missing: Missing,
    #[serde(default)]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 0.5))]
    cut: f64,
    threshold: Option<f64>,
    #[serde(flatten)]
    keep: KeepConfig,
}

#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is looked at")]
enum Missing {
    /// Leaves the rank out.
    #[default]
    LeaveOut,
    No,
    /// So many may be missing.
    UpTo(u32),
}

fn refused(config: &Value) -> String {
    check(&make::<Config>(), config).expect_err("a configuration that is wrong")
}

#[test]
fn a_right_configuration_passes() {
    let configs = [
        json!({ "monitor": "val_loss" }),
        json!({ "monitor": "m", "missing": "no", "cut": 0, "threshold": null, "top-k": -1 }),
        json!({ "monitor": "m", "missing": { "up-to": 3 }, "save-last": "always", "at": ["step-end"] }),
    ];
    for config in configs {
        assert_eq!(check(&make::<Config>(), &config), Ok(()));
    }
}

#[test]
fn a_mistake_is_named_with_what_was_expected_and_found() {
    let cases = [
        (
            json!({}),
            "the key `monitor` is missing, expected a string that is not empty",
        ),
        (
            json!({ "monitor": "" }),
            "`monitor`: expected a string that is not empty, found the string \"\"",
        ),
        (
            json!({ "monitor": 3 }),
            "`monitor`: expected a string that is not empty, found 3",
        ),
        (
            json!({ "monitor": "m", "top_k": 3 }),
            "unknown key `top_k`, did you mean `top-k`?",
        ),
        (
            json!({ "monitor": "m", "top-k": "3" }),
            "`top-k`: expected an integer of at least -1, found the string \"3\"",
        ),
        (
            json!({ "monitor": "m", "top-k": -2 }),
            "`top-k`: expected an integer of at least -1, found -2",
        ),
        (
            json!({ "monitor": "m", "top-k": 1.5 }),
            "`top-k`: expected an integer of at least -1, found 1.5",
        ),
        (
            json!({ "monitor": "m", "mode": "mn" }),
            "`mode`: expected \"min\" or \"max\", found the string \"mn\", did you mean \"min\"?",
        ),
        (
            json!({ "monitor": "m", "save-last": "never" }),
            "`save-last`: expected false, true or \"always\", found the string \"never\"",
        ),
        (
            json!({ "monitor": "m", "cut": 0.5 }),
            "`cut`: expected a number of at least 0.0 and below 0.5, found 0.5",
        ),
        (
            json!({ "monitor": "m", "threshold": [] }),
            "`threshold`: expected a number or null, found an empty list",
        ),
        (
            json!({ "monitor": "m", "missing": { "up-to": "x" } }),
            "`missing.up-to`: expected an integer of at least 0, found the string \"x\"",
        ),
        (
            json!({ "monitor": "m", "missing": { "upto": 1 } }),
            "`missing`: expected \"no\", \"leave-out\" or an object with `up-to`, found an object with `upto`",
        ),
        (
            json!({ "monitor": "m", "at": ["step-end", "step-end"] }),
            "`at`: expected each item once, found one twice",
        ),
        (
            json!(["monitor"]),
            "the configuration: expected an object with `monitor`, found a list of 1",
        ),
    ];
    for (config, text) in cases {
        assert_eq!(refused(&config), text);
    }
}

#[test]
fn all_mistakes_are_named_at_once() {
    let text = refused(&json!({ "mode": 1, "at": ["step-ned"], "colour": "red" }));
    for part in [
        "`mode`: expected",
        "`at[0]`: expected",
        "did you mean \"step-end\"?",
        "unknown key `colour`, expected `at`",
        "`monitor` is missing",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[test]
fn the_nearest_is_near() {
    assert_eq!(nearest("monitr", ["mode", "monitor"]), Some("monitor"));
    assert_eq!(nearest("rnak", ["at", "mode", "rank"]), Some("rank"));
    assert_eq!(nearest("colour", ["mode", "monitor"]), None);
    assert_eq!(nearest("", ["a"]), Some("a"));
    assert_eq!(nearest("größer", ["größe"]), Some("größe"));
}

#[test]
fn a_schema_that_is_no_json_is_the_authors_mistake() {
    let text = check("{", &json!({})).expect_err("no schema");
    assert!(
        text.starts_with("the policy's own schema is not JSON"),
        "{text}"
    );
}

proptest! {
    /// A checker that knows all of JSON Schema says the same.
    #[test]
    fn what_is_refused_is_what_the_schema_refuses(config in configs()) {
        let schema = make::<Config>();
        let document: Value = serde_json::from_str(&schema).expect("the schema");
        let reference = jsonschema::validator_for(&document).expect("a valid schema");
        assert_eq!(check(&schema, &config).is_ok(), reference.is_valid(&config), "{config}");
    }

    /// What passes can be read: no configuration gets past the schema and fails behind it.
    #[test]
    fn what_passes_can_be_read(config in configs()) {
        if check(&make::<Config>(), &config).is_ok() {
            let read = serde_json::from_value::<Config>(config.clone());
            assert!(read.is_ok(), "{config}: {:?}", read.err());
        }
    }
}

/// Objects with some known keys, some near ones, and values that sometimes fit.
fn configs() -> impl Strategy<Value = Value> {
    let keys = proptest::sample::select(vec![
        "monitor",
        "missing",
        "cut",
        "threshold",
        "mode",
        "top-k",
        "save-last",
        "at",
        "every-steps",
        "evict-by",
        "top_k",
    ]);
    let entries = proptest::collection::btree_map(keys, values(), 0..6);
    (entries, proptest::bool::weighted(0.8)).prop_map(|(entries, named)| {
        let mut config: serde_json::Map<_, _> = entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        if named {
            config.insert("monitor".to_owned(), json!("val_loss"));
        }
        Value::Object(config)
    })
}

fn values() -> impl Strategy<Value = Value> {
    let words = proptest::sample::select(vec![
        "",
        "min",
        "max",
        "mean",
        "score",
        "always",
        "leave-out",
        "no",
        "step-end",
        "other",
    ]);
    let plain = prop_oneof![
        (-3_i64..5).prop_map(Value::from),
        proptest::sample::select(vec![0.25, 0.5, -0.5, 7.5]).prop_map(Value::from),
        words.prop_map(Value::from),
        proptest::bool::ANY.prop_map(Value::from),
        Just(Value::Null),
    ];
    let list = proptest::collection::vec(plain.clone(), 0..3).prop_map(Value::from);
    let object = plain.clone().prop_map(|value| json!({ "up-to": value }));
    prop_oneof![4 => plain, 1 => list, 1 => object]
}
