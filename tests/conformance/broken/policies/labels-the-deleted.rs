//! Remembers what it labelled, and labels it still when it is long deleted.
//! fails: safety.labels

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Ballot, Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let verdict = good::judge(config, memory, round)?;
        if verdict.ballot == Ballot::Save && memory.ids.is_empty() {
            memory.ids.push(round.candidate);
        }
        Ok(memory
            .ids
            .iter()
            .fold(verdict, |verdict, first| verdict.label("first", *first)))
    }
}

export!(Broken);
