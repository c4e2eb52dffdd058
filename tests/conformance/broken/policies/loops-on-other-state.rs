//! Looks for its version in a state, and does not stop where there is none.
//! fails: totality.state

use broken::{Fault, Good, export};
use ckpt_policy_sdk::call::{self, Answer};
use ckpt_policy_sdk::{Error, Round};

pub struct Broken;

impl Fault for Broken {
    fn decide(settings: &[u8], state: &[u8], round: &Round) -> Result<Answer, Error> {
        let mut at = 0;
        while !state.is_empty() && state[at] != OWN_VERSION {
            at = (at + 1) % state.len();
        }
        call::decide::<Good<Self>>(settings, state, round)
    }
}

const OWN_VERSION: u8 = 1;

export!(Broken);
