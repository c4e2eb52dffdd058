//! Asks for a save beside what it holds, and releases it with all the others.
//! fails: safety.empties

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Ballot, Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let mut verdict = good::judge(config, memory, round)?;
        let holds = round.checkpoints.iter().any(|one| one.mine);
        if verdict.ballot == Ballot::Save && holds {
            verdict.release.push(round.candidate);
            verdict.labels.clear();
        }
        Ok(verdict)
    }
}

export!(Broken);
