//! Begins anew at each resume, whatever it knew.
//! fails: resume.cut

use broken::good::Memory;
use broken::{Fault, export};
use ckpt_policy_sdk::Error;

pub struct Broken;

impl Fault for Broken {
    fn start(_: Option<Memory>) -> Result<Memory, Error> {
        Ok(Memory::default())
    }
}

export!(Broken);
