//! Remembers every candidate that it was ever offered.
//! fails: safety.growth

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        memory.ids.push(round.candidate);
        good::judge(config, memory, round)
    }
}

export!(Broken);
