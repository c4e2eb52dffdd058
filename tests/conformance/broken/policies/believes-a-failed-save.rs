//! Takes a save that it asked for as done, and compares with what was never written.
//! fails: safety.failed-save

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Ballot, Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let score = round.statistic(good::MEAN)?.value;
        if let (Some(score), Some(best)) = (score, memory.number)
            && !good::better(config, score, best)
        {
            return Ok(good::quiet(memory, round, "no better than the best"));
        }
        let verdict = good::judge(config, memory, round)?;
        if verdict.ballot == Ballot::Save {
            memory.number = score;
        }
        Ok(verdict)
    }
}

export!(Broken);
