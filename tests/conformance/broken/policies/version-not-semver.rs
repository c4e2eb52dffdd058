//! Has a version that is none.
//! fails: contract.describe

use broken::{Fault, Good, export};
use ckpt_policy_sdk::Description;
use ckpt_policy_sdk::call;

pub struct Broken;

impl Fault for Broken {
    fn describe() -> Description {
        Description {
            version: "spring edition".to_owned(),
            ..call::describe::<Good<Self>>()
        }
    }
}

export!(Broken);
