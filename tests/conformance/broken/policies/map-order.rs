//! Writes its figures in the order of a hash map, whose seed differs from map to map.
//! fails: purity.reused

use std::collections::HashMap;

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let statistic = round.statistic(good::MEAN)?;
        let counts: HashMap<&str, u32> = HashMap::from([
            ("finite", statistic.finite),
            ("missing", statistic.missing),
            ("non-finite", statistic.non_finite),
            ("ranks", round.world_size),
            ("listed", round.checkpoints.len() as u32),
            ("quiet", memory.quiet),
        ]);
        let verdict = good::judge(config, memory, round)?;
        let named = counts.into_iter();
        Ok(named.fold(verdict, |verdict, (name, count)| {
            verdict.figure(name, count.into())
        }))
    }
}

export!(Broken);
