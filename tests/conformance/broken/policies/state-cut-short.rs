//! Reads its state without looking how long it is.
//! fails: totality.state

use broken::{Fault, Good, export};
use ckpt_policy_sdk::call::{self, Answer};
use ckpt_policy_sdk::{Error, Round};

pub struct Broken;

impl Fault for Broken {
    fn decide(settings: &[u8], state: &[u8], round: &Round) -> Result<Answer, Error> {
        let version = state[0];
        let mut answer = call::decide::<Good<Self>>(settings, state, round)?;
        answer.reason.push_str(&format!(", form {version}"));
        Ok(answer)
    }
}

export!(Broken);
