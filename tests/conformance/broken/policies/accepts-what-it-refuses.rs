//! Takes a negative number that its schema refuses.
//! fails: contract.refuses

use broken::{Fault, Good, export, good};
use ckpt_policy_sdk::Description;
use ckpt_policy_sdk::call;

pub struct Broken;

impl Fault for Broken {
    /// What it checks by: not what it shows.
    const SCHEMA: &'static str = r#"{
    "type": "object",
    "properties": {
        "monitor": { "type": "string", "minLength": 1 },
        "mode": { "enum": ["min", "max"] },
        "min-delta": { "type": "number" }
    },
    "required": ["monitor"],
    "additionalProperties": false
}"#;

    fn describe() -> Description {
        Description {
            config_schema: good::SCHEMA.to_owned(),
            ..call::describe::<Good<Self>>()
        }
    }
}

export!(Broken);
