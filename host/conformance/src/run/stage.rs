//! Opens worlds: the setup that a scenario describes, as it stands after its resumes.

use ckpt_policy_core::contract::Policy;
use ckpt_policy_core::{Mode, Opening, Place, PolicySetup, Resume, Rules, Setup};

use crate::scenario::{PolicySource, Scenario};
use crate::world::{self, World};

/// The name of the policy in the configuration of every host.
const NAME: &str = "policy";

/// Makes worlds of one scenario.
pub(super) struct Stage<'a, L> {
    scenario: &'a Scenario,
    load: L,
    pub(super) ranks: u32,
    pub(super) config: serde_json::Value,
}

impl<'a, E, L: FnMut(&PolicySource, u32) -> Result<Box<dyn Policy>, E>> Stage<'a, L> {
    pub(super) fn new(scenario: &'a Scenario, load: L) -> Self {
        Self {
            scenario,
            load,
            ranks: scenario.ranks,
            config: scenario.config.clone(),
        }
    }

    /// Opens a world; the outer error is the loader's.
    pub(super) fn open(
        &mut self,
        resume: Option<&Resume>,
    ) -> Result<Result<World, world::Error>, E> {
        let openings = (0..self.ranks).map(|rank| {
            let setup = self.setup(rank)?;
            Ok(match resume {
                Some(resume) => Opening::resume(setup, resume.clone()),
                None => Opening::new(setup),
            })
        });
        Ok(World::open(openings.collect::<Result<_, E>>()?))
    }

    fn setup(&mut self, rank: u32) -> Result<Setup, E> {
        let policy = PolicySetup {
            name: NAME.to_owned(),
            mode: Mode::Enforce,
            on_error: self.scenario.on_error,
            disable_after: None,
            config: self.config.clone(),
            // One loader serves all ranks, so there is nothing to compare.
            digest: "0".repeat(64),
            policy: (self.load)(&self.scenario.policy, rank)?,
        };
        Ok(Setup {
            place: Place {
                rank,
                world_size: self.ranks,
            },
            rules: Rules {
                keep_at_least: self.scenario.keep_at_least,
                ..Rules::default()
            },
            policies: vec![policy],
            facts: Vec::new(),
        })
    }
}
