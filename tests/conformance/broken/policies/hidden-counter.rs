//! Counts its calls in a static, and says the count.
//! fails: purity.reused

use std::sync::atomic::{AtomicU64, Ordering};

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

static CALLS: AtomicU64 = AtomicU64::new(0);

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let calls = CALLS.fetch_add(1, Ordering::Relaxed);
        Ok(good::judge(config, memory, round)?.figure("calls", calls as f64))
    }
}

export!(Broken);
