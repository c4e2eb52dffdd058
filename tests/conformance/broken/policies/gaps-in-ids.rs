//! Counts checkpoints by their ids, as if none of these were left out.
//! fails: totality.ledger

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let mut listed = vec![false; round.checkpoints.len()];
        let first = round.checkpoints.first().map_or(0, |first| first.id);
        for one in &round.checkpoints {
            listed[(one.id - first) as usize] = true;
        }
        Ok(good::judge(config, memory, round)?.figure("listed", listed.len() as f64))
    }
}

export!(Broken);
