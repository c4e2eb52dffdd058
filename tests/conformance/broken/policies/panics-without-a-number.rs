//! Takes for granted that some rank has a finite number.
//! fails: totality.numbers

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let mean = round.statistic(good::MEAN)?.value.expect("the mean");
        Ok(good::judge(config, memory, round)?.figure("mean", mean))
    }
}

export!(Broken);
