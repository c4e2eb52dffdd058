//! Counts to many in each fourth round, which takes most of the fuel that there is.
//! warns: cost.fuel

use std::hint::black_box;

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let rounds = memory.number.unwrap_or_default() + 1.0;
        memory.number = Some(rounds);
        let turns = if rounds % 4.0 == 0.0 { TURNS } else { 0 };
        let sum = (0..turns).fold(0_u64, |sum, turn| black_box(sum ^ turn));
        Ok(good::judge(config, memory, round)?.figure("sum", sum as f64))
    }
}

const TURNS: u64 = 2_000_000;

export!(Broken);
