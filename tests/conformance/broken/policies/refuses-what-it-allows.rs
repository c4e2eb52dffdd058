//! Refuses a mode that its schema allows.
//! fails: contract.accepts

use broken::{Fault, Good, export};
use ckpt_policy_sdk::call;
use ckpt_policy_sdk::{Error, Prepared};

pub struct Broken;

impl Fault for Broken {
    fn prepare(config: &str, previous: Option<&[u8]>) -> Result<Prepared, Error> {
        match config.contains("\"max\"") {
            true => Err(Error::Config(
                "`mode`: only `min` is supported yet".to_owned(),
            )),
            false => call::prepare::<Good<Self>>(config, previous),
        }
    }
}

export!(Broken);
