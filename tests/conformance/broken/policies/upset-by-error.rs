//! Remembers that a call had an error, and is careful from then on.
//! fails: purity.after-trap

use std::sync::atomic::{AtomicBool, Ordering};

use broken::{Fault, Good, export};
use ckpt_policy_sdk::call::{self, Answer};
use ckpt_policy_sdk::{Error, Round};

static UPSET: AtomicBool = AtomicBool::new(false);

pub struct Broken;

impl Fault for Broken {
    fn decide(settings: &[u8], state: &[u8], round: &Round) -> Result<Answer, Error> {
        let answer = call::decide::<Good<Self>>(settings, state, round);
        if answer.is_err() {
            UPSET.store(true, Ordering::Relaxed);
        }
        let mut answer = answer?;
        if UPSET.load(Ordering::Relaxed) {
            answer.reason.push_str(", carefully");
        }
        Ok(answer)
    }
}

export!(Broken);
