//! Shows an example that its own schema refuses.
//! fails: contract.schema

use broken::{Fault, Good, export, good};
use ckpt_policy_sdk::Description;
use ckpt_policy_sdk::call;

pub struct Broken;

impl Fault for Broken {
    fn describe() -> Description {
        let config_schema =
            good::SCHEMA.replace("\"min-delta\": 0.25", "\"min-delta\": \"a quarter\"");
        Description {
            config_schema,
            ..call::describe::<Good<Self>>()
        }
    }
}

export!(Broken);
