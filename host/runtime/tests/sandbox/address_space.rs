//! A site that limits address space: policies run, and what the machine refuses is the machine's.

use std::env;
use std::process::Command;

use ckpt_policy_core::contract::{Fault, Policy};
use ckpt_policy_runtime::Instances;

use crate::guest::Guest;
use crate::{load, round, runtime};

/// Set for the run of [`many_policies_at_once`] that has to go short.
const LIMITED: &str = "CKPT_POLICY_TEST_ADDRESS_SPACE_IS_LIMITED";

/// Each policy reserves its memory limit of 64 MiB, so these need 4 GiB of address space.
const MANY: usize = 64;

#[test]
fn many_policies_at_once() {
    let runtime = runtime(Instances::Reuse);
    let loaded = runtime
        .load(&Guest::plain().module())
        .expect("one policy fits");
    let mut policies: Vec<_> = (0..MANY).map(|_| loaded.policy()).collect();
    let answers: Vec<_> = policies
        .iter_mut()
        .map(|policy| policy.decide(&[], &[], &round()))
        .collect();
    let answered = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused_by_machine = answers
        .iter()
        .filter(|answer| matches!(answer, Err(Fault::Machine(_))))
        .count();
    assert_eq!(answered + refused_by_machine, MANY, "{answers:?}");
    if env::var_os(LIMITED).is_none() {
        assert_eq!(answered, MANY);
        return;
    }
    assert!(answered >= 4, "several policies fit into 1 GiB: {answered}");
    assert!(refused_by_machine > 0, "not all policies fit into 1 GiB");
    // Where there is room again, the same policy answers.
    policies.truncate(1);
    let mut last = load(&runtime, &Guest::plain());
    assert!(last.decide(&[], &[], &round()).is_ok());
}

#[test]
#[cfg(target_os = "linux")]
fn under_a_limited_address_space() {
    let tests = env::current_exe().expect("a running program knows its file");
    let script = format!(
        "ulimit -v {} && exec \"$0\" --exact address_space::many_policies_at_once",
        1 << 20
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(tests)
        .env(LIMITED, "1")
        .env("RUST_TEST_THREADS", "1")
        .output()
        .expect("`sh` runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("1 passed"), "{said}");
}
