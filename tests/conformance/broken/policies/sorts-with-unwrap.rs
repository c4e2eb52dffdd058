//! Compares the checkpoints' numbers as if none of them were missing.
//! fails: totality.ledger

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let kept = round.checkpoints.iter().filter(|one| one.mine);
        let lowest = kept
            .map(|one| good::number(one, good::MEAN).expect("its mean"))
            .reduce(f64::min);
        let verdict = good::judge(config, memory, round)?;
        Ok(lowest
            .into_iter()
            .fold(verdict, |verdict, lowest| verdict.figure("lowest", lowest)))
    }
}

export!(Broken);
