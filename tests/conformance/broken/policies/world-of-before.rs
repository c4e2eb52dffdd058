//! Insists on the number of ranks with which the run began.
//! fails: resume.world

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let ranks = f64::from(round.world_size);
        if *memory.number.get_or_insert(ranks) != ranks {
            return Err(Error::Failed("the number of ranks has changed".to_owned()));
        }
        good::judge(config, memory, round)
    }
}

export!(Broken);
