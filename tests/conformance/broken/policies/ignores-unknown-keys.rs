//! Takes keys that it does not know, so that a misspelt one does nothing.
//! fails: contract.unknown-keys

use broken::{Fault, Good, export};
use ckpt_policy_sdk::call;
use ckpt_policy_sdk::{Error, Prepared};
use serde_json::{Map, Value};

pub struct Broken;

impl Fault for Broken {
    fn prepare(config: &str, previous: Option<&[u8]>) -> Result<Prepared, Error> {
        let known = ["monitor", "mode", "min-delta"];
        let known_keys = serde_json::from_str(config).map(|config: Map<String, Value>| {
            let kept = config
                .into_iter()
                .filter(|(key, _)| known.contains(&key.as_str()));
            Value::Object(kept.collect()).to_string()
        });
        call::prepare::<Good<Self>>(known_keys.as_deref().unwrap_or(config), previous)
    }
}

export!(Broken);
