//! Wants to be asked at a moment that there is not.
//! fails: contract.plan

use broken::good::{self, Config};
use broken::{Fault, export};
use ckpt_policy_sdk::Plan;

pub struct Broken;

impl Fault for Broken {
    fn plan(config: &Config) -> Plan {
        let mut plan = good::plan(config);
        plan.moments.push("validation-start".to_owned());
        plan
    }
}

export!(Broken);
