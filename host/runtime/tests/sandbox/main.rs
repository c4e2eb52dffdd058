//! Policies in the sandbox: what is loaded, what is refused, and how hostile ones end.

use ckpt_policy_core::contract::{Checkpoint, Observation, Round, Verdict};
use ckpt_policy_runtime::{Instances, Limits, Runtime, WasmPolicy};

mod address_space;
mod answers;
mod brake;
mod faults;
mod guest;
mod loading;
mod places;
mod ranks;
mod reuse;
mod text;
mod threads;
mod ways;

fn runtime(instances: Instances) -> Runtime {
    Runtime::new(Limits::default(), instances).expect("the default limits work")
}

/// A policy under the default limits, with a fresh instance for each call.
fn policy(guest: &guest::Guest) -> WasmPolicy {
    load(&runtime(Instances::Fresh), guest)
}

fn load(runtime: &Runtime, guest: &guest::Guest) -> WasmPolicy {
    runtime
        .load(&guest.module())
        .expect("the guest is a policy")
        .policy()
}

fn round() -> Round {
    Round {
        moment: 0,
        step: 40,
        epoch: 2,
        world_size: 4,
        elapsed_seconds: Some(1.5),
        candidate: 7,
        values: Vec::new(),
        checkpoints: Vec::new(),
    }
}

fn observation() -> Observation {
    Observation {
        moment: Some(0),
        step: 40,
        epoch: 2,
        rank: 1,
        world_size: 4,
        values: Vec::new(),
        checkpoints: Vec::new(),
    }
}

fn checkpoint(id: u64) -> Checkpoint {
    Checkpoint {
        id,
        step: id * 10,
        epoch: id,
        elapsed_seconds: None,
        complete: true,
        mine: false,
        pinned: true,
        bytes: 1 << 40,
        tags: vec![format!("tag-{id}")],
        values: vec![Some(0.5), None],
    }
}

fn abstains() -> Verdict {
    Verdict::default()
}
