//! Wants the mean of an input that it does not read.
//! fails: contract.plan

use broken::good::{self, Config};
use broken::{Fault, export};
use ckpt_policy_sdk::{Plan, Reduction};

pub struct Broken;

impl Fault for Broken {
    fn plan(config: &Config) -> Plan {
        good::plan(config).reduces(Reduction::mean(1))
    }
}

export!(Broken);
