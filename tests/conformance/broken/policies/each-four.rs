//! Compares each four checkpoints, and runs out of fuel where there are many.
//! fails: totality.ledger

use std::hint::black_box;

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let all = &round.checkpoints;
        let pairs = || {
            all.iter()
                .flat_map(|one| all.iter().map(move |other| one.step ^ other.step))
        };
        let fours = pairs().flat_map(|first| pairs().map(move |second| black_box(first ^ second)));
        let equal = fours.filter(|differ| *differ == 0).count();
        Ok(good::judge(config, memory, round)?.figure("equal", equal as f64))
    }
}

export!(Broken);
