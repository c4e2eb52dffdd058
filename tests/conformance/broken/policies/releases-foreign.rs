//! Releases what other policies hold.
//! fails: safety.release

use broken::good::{self, Config, Memory};
use broken::{Fault, export};
use ckpt_policy_sdk::{Error, Plan, Round, Verdict, View};

pub struct Broken;

impl Fault for Broken {
    fn plan(config: &Config) -> Plan {
        let mut plan = good::plan(config);
        plan.view = View::All;
        plan
    }

    fn judge(config: &Config, memory: &mut Memory, round: &Round) -> Result<Verdict, Error> {
        let mut verdict = good::judge(config, memory, round)?;
        let foreign = round.checkpoints.iter().filter(|one| !one.mine);
        verdict.release.extend(foreign.map(|one| one.id));
        Ok(verdict)
    }
}

export!(Broken);
