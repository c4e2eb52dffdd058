//! Tags what it decides with notes of all rounds so far.
//! fails: safety.limits

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let mut verdict = good::judge(config, memory, round)?;
        let rounds = memory.number.unwrap_or_default() + 1.0;
        memory.number = Some(rounds);
        let notes = 5 * rounds as u64;
        verdict.tags = (0..notes).map(|note| format!("note:{note}")).collect();
        Ok(verdict)
    }
}

export!(Broken);
