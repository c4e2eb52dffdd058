//! Divides by the number of the other ranks, of which there may be none.
//! fails: totality.world

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let share =
            100 * u64::from(round.tally(good::VOTES)?.yes) / u64::from(round.world_size - 1);
        Ok(good::judge(config, memory, round)?.figure("percent", share as f64))
    }
}

export!(Broken);
