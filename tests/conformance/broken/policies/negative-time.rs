//! Makes a duration of the seconds since the last checkpoint, whatever the clock says.
//! fails: totality.steps

use std::time::Duration;

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let verdict = good::judge(config, memory, round)?;
        let Some(elapsed) = round.elapsed_seconds else {
            return Ok(verdict);
        };
        let minutes = Duration::from_secs_f64(elapsed).as_secs() / 60;
        Ok(verdict.figure("minutes", minutes as f64))
    }
}

export!(Broken);
