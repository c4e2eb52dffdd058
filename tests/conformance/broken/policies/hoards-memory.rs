//! Takes a table of 40 MiB for a small sum, in each fourth round.
//! warns: cost.memory

use std::hint::black_box;

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let rounds = memory.number.unwrap_or_default() + 1.0;
        memory.number = Some(rounds);
        let bytes = if rounds % 4.0 == 0.0 { 40 << 20 } else { 1 };
        // Not filled: that would take fuel, too.
        let table = black_box(Vec::<u8>::with_capacity(bytes));
        Ok(good::judge(config, memory, round)?.figure("room", table.capacity() as f64))
    }
}

export!(Broken);
