//! Refuses the state from before a resume, though it is its own.
//! fails: resume.prepare

use broken::good::Memory;
use broken::{Fault, export};
use ckpt_policy_sdk::Error;

pub struct Broken;

impl Fault for Broken {
    fn start(previous: Option<Memory>) -> Result<Memory, Error> {
        match previous {
            Some(_) => Err(Error::State("resuming is not supported yet".to_owned())),
            None => Ok(Memory::default()),
        }
    }
}

export!(Broken);
