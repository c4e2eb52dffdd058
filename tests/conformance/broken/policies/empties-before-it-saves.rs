//! Makes room first: releases what it has in one round, and saves in the next.
//! fails: safety.empties

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Ballot, Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let verdict = good::judge(config, memory, round)?;
        if verdict.ballot != Ballot::Save || verdict.release.is_empty() {
            return Ok(verdict);
        }
        let mut room = Verdict::skip("making room first");
        room.release = verdict.release;
        Ok(room)
    }
}

export!(Broken);
