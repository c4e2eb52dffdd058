//! Fresh and reused instances.

use ckpt_policy_core::contract::{Fault, Policy};
use ckpt_policy_runtime::{Instances, WasmPolicy};

use crate::guest::Guest;
use crate::{load, observation, round, runtime};

/// Counts its calls in a global, and does in `decide` what the settings' length says: 0 answer,
/// 1 trap, 2 answer unreadably, 3 refuse.
fn counter() -> Guest {
    Guest::plain()
        .more("(global $calls (mut i32) (i32.const 0))")
        .decide(
            "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
             (if (i32.eq (local.get $settings_len) (i32.const 1)) (then unreachable))
             (if (i32.eq (local.get $settings_len) (i32.const 2)) (then (return (i32.const -4))))
             (i32.store8 (i32.const 16) (i32.eq (local.get $settings_len) (i32.const 3)))
             (if (i32.eq (local.get $settings_len) (i32.const 3)) (then
                (i32.store8 (i32.const 24) (i32.const 2))
                (i64.store (i32.const 28) (i64.const 0))
                (return (i32.const 16))))
             (i64.store (i32.const 24) (i64.const 0))
             (i64.store (i32.const 32) (i64.const 0))
             (i32.store8 (i32.const 80) (i32.const 1))
             (i64.store (i32.const 88) (i64.extend_i32_u (global.get $calls)))
             (i32.const 16)",
        )
        .observe("(drop (global.get $calls)) (i32.const 256)")
}

fn calls(policy: &mut WasmPolicy) -> u64 {
    let verdict = policy
        .decide(&[], &[], &round())
        .expect("the guest answers");
    verdict.not_before.expect("the guest counts its calls")
}

#[test]
fn a_fresh_instance_remembers_nothing() {
    let mut policy = load(&runtime(Instances::Fresh), &counter());
    assert_eq!(
        [calls(&mut policy), calls(&mut policy), calls(&mut policy)],
        [1, 1, 1]
    );
}

#[test]
fn a_reused_instance_goes_on_until_it_fails() {
    let mut policy = load(&runtime(Instances::Reuse), &counter());
    assert_eq!([calls(&mut policy), calls(&mut policy)], [1, 2]);
    assert_eq!(policy.observe(&[], &[], &observation()), Ok(Vec::new()));
    assert_eq!(calls(&mut policy), 3);
    // A refusal is an answer: the guest is well.
    assert_eq!(
        policy.decide(&[0; 3], &[], &round()),
        Err(Fault::Failed(String::new()))
    );
    assert_eq!(calls(&mut policy), 5);
    assert!(matches!(
        policy.decide(&[0; 1], &[], &round()),
        Err(Fault::Trap(_))
    ));
    assert_eq!([calls(&mut policy), calls(&mut policy)], [1, 2]);
    assert!(matches!(
        policy.decide(&[0; 2], &[], &round()),
        Err(Fault::Answer(_))
    ));
    assert_eq!([calls(&mut policy), calls(&mut policy)], [1, 2]);
}

#[test]
fn policies_of_one_file_share_nothing() {
    let loaded = runtime(Instances::Reuse).load(&counter().module()).unwrap();
    let (mut one, mut other) = (loaded.policy(), loaded.policy());
    assert_eq!(
        [calls(&mut one), calls(&mut one), calls(&mut other)],
        [1, 2, 1]
    );
}
