//! Shows a schema with a type that JSON Schema does not know.
//! fails: contract.schema

use broken::{Fault, Good, export, good};
use ckpt_policy_sdk::Description;
use ckpt_policy_sdk::call;

pub struct Broken;

impl Fault for Broken {
    fn describe() -> Description {
        let config_schema = good::SCHEMA.replace("\"number\"", "\"float\"");
        Description {
            config_schema,
            ..call::describe::<Good<Self>>()
        }
    }
}

export!(Broken);
