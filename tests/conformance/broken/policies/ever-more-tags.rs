//! Tags a checkpoint with each of its improvements so far.
//! fails: safety.limits

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let mut verdict = good::judge(config, memory, round)?;
        memory.number = memory.number.map_or(Some(1.0), |rounds| Some(rounds + 1.0));
        let tags = memory.number.map_or(0, |rounds| rounds as u64);
        verdict.tags = (0..tags).map(|tag| format!("round:{tag}")).collect();
        Ok(verdict)
    }
}

export!(Broken);
