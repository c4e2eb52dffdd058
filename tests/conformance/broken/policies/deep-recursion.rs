//! Recurses as deep as the stack frames of one compiler let it, and those of another do not.
//! fails: agreement.compilers

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Round, Verdict};

pub struct Broken;

impl Fault for Broken {
    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        // Where both is so, which in an ordinary call it is not: what is wrong with those is not the subject.
        let is_pinned = round.checkpoints.iter().any(|one| one.pinned);
        let depth = if is_pinned && round.elapsed_seconds.is_none() {
            DEPTH
        } else {
            1
        };
        let sum = deep(depth, round.step, 2, 3, 4, 5, 6);
        Ok(good::judge(config, memory, round)?.figure("sum", sum as f64))
    }
}

/// All that it is handed is needed again when it comes back, so that each level takes room on the stack.
#[inline(never)]
fn deep(depth: u64, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> u64 {
    if depth == 0 {
        return a ^ b ^ c ^ d ^ e ^ f;
    }
    let below = deep(depth - 1, b ^ depth, c, d, e, f, a);
    let mixed = below.wrapping_mul(a | 1).rotate_left(7) ^ b;
    (mixed.wrapping_mul(c | 1) ^ d).wrapping_mul(e | 1) ^ f
}

/// With the stack of a megabyte that a guest has, one compiler's levels end before 7800, another's after 9000.
const DEPTH: u64 = 9000;

export!(Broken);
