//! Knows one of the two moments that it asked for.
//! fails: totality.moments

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let moment = ["validation-end"][round.moment as usize];
        let mut verdict = good::judge(config, memory, round)?;
        verdict.reason.push_str(&format!(", at {moment}"));
        Ok(verdict)
    }
}

export!(Broken);
