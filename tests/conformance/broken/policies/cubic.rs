//! Compares each three checkpoints, and runs out of fuel where there are many.
//! fails: totality.ledger

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let all = &round.checkpoints;
        let mut rising = 0_u64;
        for (index, one) in all.iter().enumerate() {
            for (next, other) in all.iter().enumerate().skip(index) {
                let later = all[next..].iter().filter(|last| last.step > other.step);
                rising += later.filter(|_| other.step > one.step).count() as u64;
            }
        }
        Ok(good::judge(config, memory, round)?.figure("rising", rising as f64))
    }
}

export!(Broken);
