//! Unwraps what it reads: a wrong type is a trap instead of an error.
//! fails: contract.refuses

use broken::{Fault, Good, export};
use ckpt_policy_sdk::call;
use ckpt_policy_sdk::{Error, Prepared};

pub struct Broken;

impl Fault for Broken {
    fn prepare(config: &str, previous: Option<&[u8]>) -> Result<Prepared, Error> {
        let prepared = call::prepare::<Good<Self>>(config, previous);
        if let Err(Error::Config(text)) = &prepared {
            assert!(!text.contains("expected string"), "{text}");
        }
        prepared
    }
}

export!(Broken);
