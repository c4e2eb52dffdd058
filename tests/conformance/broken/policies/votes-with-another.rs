//! Votes as the rank before it did, where it has no number of its own.
//! fails: agreement.observe

use std::sync::{Mutex, PoisonError};

use broken::good::{self, Config};
use broken::{Fault, export};
use ckpt_policy_sdk::Observation;

/// The rank that voted last, and how.
static BEFORE: Mutex<(u32, Option<f64>)> = Mutex::new((0, None));

pub struct Broken;

impl Fault for Broken {
    fn vote(config: &Config, observation: &Observation) -> Vec<Option<f64>> {
        let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
        let own = good::vote(config, observation)[0];
        let (rank, vote) = *before;
        *before = (observation.rank, own);
        vec![if rank == observation.rank {
            own
        } else {
            own.or(vote)
        }]
    }
}

export!(Broken);
