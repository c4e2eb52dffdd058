//! Panics at a key that it does not know, instead of naming it in an error.
//! fails: contract.unknown-keys

use broken::{Fault, Good, export};
use ckpt_policy_sdk::call;
use ckpt_policy_sdk::{Error, Prepared};

pub struct Broken;

impl Fault for Broken {
    fn prepare(config: &str, previous: Option<&[u8]>) -> Result<Prepared, Error> {
        let prepared = call::prepare::<Good<Self>>(config, previous);
        if let Err(Error::Config(text)) = &prepared {
            assert!(!text.contains("unknown key"), "{text}");
        }
        prepared
    }
}

export!(Broken);
