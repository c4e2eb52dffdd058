//! Has no name.
//! fails: contract.describe

use broken::{Fault, Good, export};
use ckpt_policy_sdk::Description;
use ckpt_policy_sdk::call;

pub struct Broken;

impl Fault for Broken {
    fn describe() -> Description {
        Description {
            name: String::new(),
            ..call::describe::<Good<Self>>()
        }
    }
}

export!(Broken);
