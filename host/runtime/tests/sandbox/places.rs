//! Where fresh instances start: places that were used before, and none that is free.

use std::thread;

use ckpt_policy_core::contract::{Fault, Policy};
use ckpt_policy_runtime::{Instances, WasmPolicy};

use crate::guest::Guest;
use crate::{load, round, runtime};

/// Answers `not-before` with how much it finds that is not as at the start: in its memory, in a page
/// that it asks for, in its table, in its data, which begins with `letter`. Then it writes over all of
/// them; and traps where it has settings.
fn soiler(letter: char) -> Guest {
    let code = u32::from(letter);
    Guest::plain()
        .more(format!(
            r#"(table $kept 8 8 funcref)
               (elem declare func $allocate)
               (data (i32.const 640) "{letter}")
               (global $found (mut i64) (i64.const 0))
               (func $expect (param $as_at_the_start i32)
                  (if (i32.eqz (local.get $as_at_the_start)) (then
                     (global.set $found (i64.add (global.get $found) (i64.const 1))))))"#
        ))
        .decide(format!(
            "(local $page i32)
             (local.set $page (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
             (call $expect (i32.eq (local.get $page) (i32.const 131072)))
             (call $expect (i32.eq (i32.load8_u (i32.const 640)) (i32.const {code})))
             (call $expect (i64.eqz (i64.load (i32.const 88))))
             (call $expect (i64.eqz (i64.load (i32.const 65544))))
             (call $expect (i64.eqz (i64.load (local.get $page))))
             (call $expect (i64.eqz (i64.load offset=65528 (local.get $page))))
             (call $expect (ref.is_null (table.get $kept (i32.const 5))))
             (table.set $kept (i32.const 5) (ref.func $allocate))
             (memory.fill (i32.const 512) (i32.const 171) (i32.const 196096))
             (if (local.get $settings_len) (then unreachable))
             (i32.store8 (i32.const 80) (i32.const 1))
             (i64.store (i32.const 88) (global.get $found))
             (i32.const 16)"
        ))
}

fn found(policy: &mut WasmPolicy) -> Option<u64> {
    let verdict = policy.decide(&[], &[], &round());
    verdict.expect("it answers").not_before
}

#[test]
fn whoever_comes_next_finds_nothing() {
    let mut policy = load(&runtime(Instances::Fresh), &soiler('a'));
    for _ in 0..20 {
        assert_eq!(found(&mut policy), Some(0));
        let trapped = policy.decide(&[1], &[], &round());
        assert!(matches!(trapped, Err(Fault::Trap(_))), "{trapped:?}");
    }
}

#[test]
fn what_a_reused_instance_has_written_it_does_find() {
    let mut policy = load(&runtime(Instances::Reuse), &soiler('a'));
    assert_eq!(found(&mut policy), Some(0));
    let again = found(&mut policy);
    assert!(again > Some(3), "the test sees what is left: {again:?}");
}

#[test]
fn another_policy_finds_its_own() {
    let runtime = runtime(Instances::Fresh);
    let mut policies = ['a', 'b', 'c'].map(|letter| load(&runtime, &soiler(letter)));
    for _ in 0..10 {
        for policy in &mut policies {
            assert_eq!(found(policy), Some(0));
        }
    }
}

#[test]
fn many_threads_at_once_all_find_a_place() {
    let slow = Guest::plain().decide(
        "(local $left i32)
         (local.set $left (i32.const 2000000))
         (loop $again
            (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
         (i32.const 16)",
    );
    let loaded = runtime(Instances::Fresh).load(&slow.module()).unwrap();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut policy = loaded.policy();
                for _ in 0..5 {
                    assert_eq!(policy.decide(&[], &[], &round()), Ok(crate::abstains()));
                }
            });
        }
    });
}
