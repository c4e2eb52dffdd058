//! Takes not worse for better, which a NaN always is.
//! fails: safety.nan

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let mean = round.statistic(good::MEAN)?;
        let score = match (mean.value, mean.non_finite) {
            (Some(value), 0) => value,
            _ => f64::NAN,
        };
        let kept = good::kept(&round.checkpoints);
        let before = kept
            .and_then(|kept| good::number(kept, good::MEAN))
            .unwrap_or(f64::NAN);
        match config.mode.better(before, score) || before == score {
            true => Ok(good::quiet(memory, round, "worse")),
            false => Ok(good::save(memory, round, "not worse")),
        }
    }
}

export!(Broken);
