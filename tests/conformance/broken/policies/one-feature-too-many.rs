//! Makes two features where its plan says one.
//! fails: contract.features

use broken::good::{self, Config};
use broken::{Fault, export};
use ckpt_policy_sdk::Observation;

pub struct Broken;

impl Fault for Broken {
    fn vote(config: &Config, observation: &Observation) -> Vec<Option<f64>> {
        let mut features = good::vote(config, observation);
        features.push(Some(1.0));
        features
    }
}

export!(Broken);
