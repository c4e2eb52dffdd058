//! Unwraps what it reads: a wrong type is a trap instead of an error.
//! fails: contract.refuses

use broken::{Fault, Good, export};
use ckpt_policy_sdk::call;
use ckpt_policy_sdk::{Error, Prepared};
use serde_json::Value;

pub struct Broken;

impl Fault for Broken {
    fn prepare(config: &str, previous: Option<&[u8]>) -> Result<Prepared, Error> {
        let given: Value = serde_json::from_str(config).unwrap_or_default();
        if let Some(monitor) = given.get("monitor") {
            assert!(monitor.is_string(), "`monitor` is {monitor}");
        }
        call::prepare::<Good<Self>>(config, previous)
    }
}

export!(Broken);
