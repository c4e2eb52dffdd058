//! Releases the id before the candidate's, whether there is such a checkpoint or not.
//! fails: safety.release

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Ballot, Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let mut verdict = good::judge(config, memory, round)?;
        if verdict.ballot == Ballot::Save {
            verdict.release = vec![round.candidate.saturating_sub(1)];
        }
        Ok(verdict)
    }
}

export!(Broken);
