//! Opens simulated worlds of compiled policies.

use ckpt_policy_conformance::world::World;
use ckpt_policy_core::{Mode, OnError, Opening, Place, PolicySetup, Rules, Setup};
use serde_json::Value;

use crate::components::loaded;

/// One policy of a world.
#[derive(Clone, Copy)]
pub(crate) struct Seat<'a> {
    pub(crate) builtin: &'a str,
    pub(crate) mode: Mode,
    pub(crate) config: &'a Value,
}

/// Opens a world of so many ranks; each rank has policies of its own.
pub(crate) fn open(ranks: u32, seats: &[Seat<'_>]) -> Result<World, String> {
    let opening = |rank| {
        let policies = seats.iter().map(|seat| {
            let loaded = loaded(seat.builtin)?;
            Ok(PolicySetup {
                name: seat.builtin.to_owned(),
                mode: seat.mode,
                on_error: OnError::Skip,
                disable_after: None,
                config: seat.config.clone(),
                digest: loaded.digest().to_owned(),
                policy: Box::new(loaded.policy()),
            })
        });
        Ok(Opening::new(Setup {
            place: Place {
                rank,
                world_size: ranks,
            },
            rules: Rules::default(),
            policies: policies.collect::<Result<_, String>>()?,
            // One process has one runtime, so there is nothing to compare.
            facts: Vec::new(),
        }))
    };
    let openings = (0..ranks).map(opening).collect::<Result<_, String>>()?;
    World::open(openings).map_err(|error| error.to_string())
}
