//! Unwraps the state from before a resume.
//! fails: totality.state

use broken::{Fault, Good, export};
use ckpt_policy_sdk::call;
use ckpt_policy_sdk::{Error, Prepared};

pub struct Broken;

impl Fault for Broken {
    fn prepare(config: &str, previous: Option<&[u8]>) -> Result<Prepared, Error> {
        let prepared = call::prepare::<Good<Self>>(config, previous);
        if let Err(Error::State(text)) = &prepared {
            panic!("the state cannot be read: {text}");
        }
        prepared
    }
}

export!(Broken);
