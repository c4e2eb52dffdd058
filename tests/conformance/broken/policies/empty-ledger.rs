//! Takes for granted that there is a checkpoint to look at, which at the beginning there is not.
//! fails: totality.ledger

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let oldest = round.checkpoints.first().expect("a checkpoint").step;
        Ok(good::judge(config, memory, round)?.figure("oldest", oldest as f64))
    }
}

export!(Broken);
