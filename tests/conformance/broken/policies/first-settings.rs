//! Keeps the first settings that it is handed, and answers all runs under them.
//! fails: purity.interleaved

use std::sync::OnceLock;

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

static FIRST: OnceLock<Config> = OnceLock::new();

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let first = FIRST.get_or_init(|| config.clone());
        let mut verdict = good::judge(first, memory, round)?;
        verdict.reason.push_str(&format!(", by {}", first.monitor));
        Ok(verdict)
    }
}

export!(Broken);
