//! Decides with what its rank observed, which the other ranks did not see.
//! fails: agreement.rank

use std::sync::atomic::{AtomicU32, Ordering};

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Observation, Round, Verdict};

static RANK: AtomicU32 = AtomicU32::new(u32::MAX);

pub struct Broken;

impl Fault for Broken {
    fn vote(config: &Config, observation: &Observation) -> Vec<Option<f64>> {
        RANK.store(observation.rank, Ordering::Relaxed);
        good::vote(config, observation)
    }

    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let mut verdict = good::judge(config, memory, round)?;
        match RANK.swap(u32::MAX, Ordering::Relaxed) {
            0 | u32::MAX => {}
            rank => verdict
                .reason
                .push_str(&format!(", as rank {rank} sees it")),
        }
        Ok(verdict)
    }
}

export!(Broken);
