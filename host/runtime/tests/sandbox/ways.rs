//! Compilers, compiled code that is taken again, and what a call took.

use ckpt_policy_core::contract::{Fault, Policy};
use ckpt_policy_runtime::{Compiler, Instances, Limits, Options, Runtime};

use crate::guest::Guest;
use crate::{load, policy, round, runtime};

/// Answers `not-before` with how often a loop ran, which costs fuel, and asks for two pages more.
fn worker() -> Guest {
    Guest::plain().decide(
        "(local $i i64)
         (drop (memory.grow (i32.const 2)))
         (loop $again
            (local.set $i (i64.add (local.get $i) (i64.const 1)))
            (br_if $again (i64.lt_u (local.get $i) (i64.const 1000))))
         (i32.store8 (i32.const 80) (i32.const 1))
         (i64.store (i32.const 88) (local.get $i))
         (i32.const 16)",
    )
}

#[test]
fn all_compilers_answer_the_same() {
    let answers = [Compiler::Plain, Compiler::Optimized, Compiler::Interpreter].map(|compiler| {
        let options = Options {
            compiler,
            ..Options::default()
        };
        let runtime = Runtime::with(options).expect("the engine starts");
        let mut policy = load(&runtime, &worker());
        let verdict = policy.decide(&[], &[], &round()).expect("it answers");
        (verdict, policy.usage())
    });
    assert_eq!(answers[0].0.not_before, Some(1000));
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[test]
fn a_call_knows_what_it_took() {
    let mut policy = policy(&worker());
    assert_eq!(policy.usage(), Default::default());
    policy.decide(&[], &[], &round()).expect("it answers");
    let usage = policy.usage();
    assert!(usage.fuel > 1000 && usage.fuel < 100_000, "{usage:?}");
    assert_eq!(usage.memory, 4 * 65_536);
}

#[test]
fn a_call_that_runs_out_took_all() {
    let limits = Limits {
        fuel: 500,
        ..Limits::default()
    };
    let runtime = Runtime::new(limits, Instances::Fresh).expect("the engine starts");
    let mut policy = load(&runtime, &worker());
    let fault = policy.decide(&[], &[], &round());
    assert_eq!(fault, Err(Fault::Fuel { fuel: 500 }));
    assert_eq!(policy.usage().fuel, 500);
}

#[test]
fn compiled_code_is_taken_again_and_is_the_same_policy() {
    let runtime = runtime(Instances::Fresh);
    let loaded = runtime.load(&worker().module()).expect("it loads");
    let native = loaded.native().expect("it is written down");
    let again = runtime.reload(&native).expect("it is taken again");
    assert_eq!(again.digest(), loaded.digest());
    assert_eq!(again.kind(), loaded.kind());
    let answer = |loaded: &ckpt_policy_runtime::Loaded| loaded.policy().decide(&[], &[], &round());
    assert_eq!(answer(&again), answer(&loaded));
}

#[test]
fn code_of_another_compiler_is_refused() {
    let runtime = runtime(Instances::Fresh);
    let loaded = runtime.load(&worker().module()).expect("it loads");
    let native = loaded.native().expect("it is written down");
    let other = Runtime::with(Options {
        compiler: Compiler::Interpreter,
        ..Options::default()
    });
    let refused = other.expect("the engine starts").reload(&native);
    assert!(refused.is_err());
}
