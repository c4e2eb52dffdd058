//! Says where its memory lies, which depends on what was there before.
//! fails: purity.reused

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let mut verdict = good::judge(config, memory, round)?;
        // Kept for good, as a cache would be.
        let note: &'static [u8] = Vec::leak(vec![0; 64]);
        verdict.reason.push_str(&format!(", noted at {:p}", note));
        Ok(verdict)
    }
}

export!(Broken);
