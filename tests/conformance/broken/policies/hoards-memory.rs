//! Takes a table of 40 MiB for a small sum.
//! warns: cost.memory

use std::hint::black_box;

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let table = black_box(vec![1_u8; 40 << 20]);
        Ok(good::judge(config, memory, round)?.figure("entries", table.len() as f64))
    }
}

export!(Broken);
