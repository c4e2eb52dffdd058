//! Recurses as deep as one compiler's stack frames let it, and another's do not.
//! fails: agreement.compilers

use std::hint::black_box;

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let sum = deep(DEPTH, &[0; 8]);
        Ok(good::judge(config, memory, round)?.figure("sum", sum as f64))
    }
}

#[inline(never)]
fn deep(depth: u32, above: &[u32; 8]) -> u32 {
    if depth == 0 {
        return above.iter().fold(0, |sum, one| sum.wrapping_add(*one));
    }
    let own = black_box(above.map(|one| one.wrapping_add(depth)));
    deep(depth - 1, &own).wrapping_mul(own[0])
}

const DEPTH: u32 = 1000;

export!(Broken);
