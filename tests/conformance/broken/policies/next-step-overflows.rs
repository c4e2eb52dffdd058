//! Adds one to the step, also to the largest that there is.
//! fails: totality.steps

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let mut verdict = good::judge(config, memory, round)?;
        verdict.not_before = Some(round.step + 1);
        Ok(verdict)
    }
}

export!(Broken);
