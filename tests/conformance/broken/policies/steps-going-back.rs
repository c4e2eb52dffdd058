//! Takes the steps since the last checkpoint, which after a resume may be less than none.
//! fails: totality.steps

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let since = good::kept(&round.checkpoints).map_or(0, |kept| round.step - kept.step);
        Ok(good::judge(config, memory, round)?.figure("steps", since as f64))
    }
}

export!(Broken);
