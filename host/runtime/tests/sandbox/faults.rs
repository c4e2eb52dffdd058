//! How hostile and broken policies end: each in a fault, and never the next call's.

use ckpt_policy_core::contract::{Fault, Policy};
use ckpt_policy_runtime::{Instances, Limits, Runtime, WasmPolicy};

use crate::guest::{ENDLESS, Guest};
use crate::{abstains, load, observation, policy, round, runtime};

fn decide(policy: &mut WasmPolicy) -> Fault {
    policy
        .decide(&[], &[], &round())
        .expect_err("the guest misbehaves in `decide`")
}

fn trap_of(body: &'static str) -> String {
    match decide(&mut policy(&Guest::plain().decide(body))) {
        Fault::Trap(text) => text,
        other => panic!("expected a trap, found {other:?}"),
    }
}

fn refusal_of(body: &'static str) -> String {
    match decide(&mut policy(&Guest::plain().decide(body))) {
        Fault::Answer(text) => text,
        other => panic!("expected a refused answer, found {other:?}"),
    }
}

#[test]
fn an_endless_loop_in_each_function() {
    let fuel = Err::<(), _>(Fault::Fuel { fuel: 50_000_000 });
    let mut describe = policy(&Guest::plain().describe(ENDLESS));
    assert_eq!(describe.describe().map(|_| ()), fuel);
    let mut prepare = policy(&Guest::plain().prepare(ENDLESS));
    assert_eq!(prepare.prepare("{}", None).map(|_| ()), fuel);
    let mut observe = policy(&Guest::plain().observe(ENDLESS));
    assert_eq!(observe.observe(&[], &[], &observation()).map(|_| ()), fuel);
    let mut decide = policy(&Guest::plain().decide(ENDLESS));
    assert_eq!(decide.decide(&[], &[], &round()).map(|_| ()), fuel);
}

#[test]
fn fuel_is_fresh_in_each_call() {
    // Uses more than half of the fuel.
    let body = "(local $n i32)
        (loop $again
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 4000000))))
        (i32.const 16)";
    let guest = Guest::plain().decide(body);
    for instances in [Instances::Fresh, Instances::Reuse] {
        let mut policy = load(&runtime(instances), &guest);
        for _ in 0..3 {
            assert_eq!(policy.decide(&[], &[], &round()), Ok(abstains()));
        }
    }
    let limits = Limits {
        fuel: 10_000_000,
        ..Limits::default()
    };
    let mut policy = load(&Runtime::new(limits, Instances::Reuse).unwrap(), &guest);
    for _ in 0..3 {
        assert_eq!(decide(&mut policy), Fault::Fuel { fuel: 10_000_000 });
    }
}

#[test]
fn cleaning_up_after_a_call_is_limited_too() {
    let guest = Guest::plain().describe("(i32.const 512)").more(
        r#"(func (export "cabi_post_ckpt:policy/policy@0.1.0#describe") (param i32)
            (loop $again (br $again)))"#,
    );
    let fault = policy(&guest).describe().unwrap_err();
    assert_eq!(fault, Fault::Fuel { fuel: 50_000_000 });
}

#[test]
fn an_endless_recursion() {
    let text = trap_of(
        "(call $decide (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (f64.const 0) (i64.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
         (i32.add (i32.const 1))",
    );
    assert_eq!(text, "call stack exhausted in `decide`");
}

#[test]
fn traps_name_the_functions() {
    let guest = Guest::plain()
        .decide("(call $_ZN6policy5judge17h0123456789abcdefE) (i32.const 16)")
        .more("(func $_ZN6policy5judge17h0123456789abcdefE unreachable)");
    let fault = decide(&mut policy(&guest));
    assert_eq!(
        fault,
        Fault::Trap("wasm `unreachable` instruction executed in `policy::judge` < `decide`".into())
    );
    assert_eq!(
        trap_of("(i32.div_u (i32.const 1) (i32.const 0))"),
        "integer divide by zero in `decide`"
    );
    assert_eq!(
        trap_of("(i32.load (i32.const -8))"),
        "out of bounds memory access in `decide`"
    );
}

#[test]
fn a_memory_bomb_while_it_runs() {
    let text = trap_of(
        "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 64)) (i32.const -1))))
         unreachable",
    );
    assert_eq!(
        text,
        "wasm `unreachable` instruction executed in `decide`; it had asked for 67239936 bytes of \
         memory, `memory` in `[limits]` is 67108864"
    );
}

#[test]
fn a_refused_growth_is_an_answer_that_a_policy_may_live_with() {
    // The second is beyond what any 32-bit memory can have.
    for body in [
        "(drop (memory.grow (i32.const 1100))) (i32.const 16)",
        "(drop (memory.grow (i32.const 65535))) (i32.const 16)",
        "(drop (memory.grow (i32.const -1))) (i32.const 16)",
    ] {
        let mut policy = policy(&Guest::plain().decide(body));
        assert_eq!(policy.decide(&[], &[], &round()), Ok(abstains()));
    }
    let own_maximum = Guest::plain()
        .memory(r#"(memory (export "memory") 2 3)"#)
        .decide("(if (i32.ne (memory.grow (i32.const 2)) (i32.const -1)) (then unreachable)) (i32.const 16)");
    assert_eq!(
        policy(&own_maximum).decide(&[], &[], &round()),
        Ok(abstains())
    );
}

#[test]
fn the_memory_limit_is_for_all_of_it_and_no_less() {
    let limits = Limits {
        memory: 10 << 16,
        ..Limits::default()
    };
    let runtime = Runtime::new(limits, Instances::Fresh).unwrap();
    let fits = Guest::plain().decide(
        "(if (i32.eq (memory.grow (i32.const 8)) (i32.const -1)) (then unreachable))
         (i32.store (i32.const 655356) (i32.const 1)) (i32.const 16)",
    );
    assert_eq!(
        load(&runtime, &fits).decide(&[], &[], &round()),
        Ok(abstains())
    );
    let exceeds = Guest::plain().decide(
        "(if (i32.ne (memory.grow (i32.const 9)) (i32.const -1)) (then unreachable)) (i32.const 16)",
    );
    assert_eq!(
        load(&runtime, &exceeds).decide(&[], &[], &round()),
        Ok(abstains())
    );
}

#[test]
fn a_table_bomb_while_it_runs() {
    let guest = Guest::plain().more("(table $t 1 funcref)").decide(
        "(loop $more (br_if $more
            (i32.ne (table.grow $t (ref.null func) (i32.const 4096)) (i32.const -1))))
         unreachable",
    );
    let Fault::Trap(text) = decide(&mut policy(&guest)) else {
        panic!("expected a trap")
    };
    assert!(
        text.contains("`table-elements` in `[limits]` is 100000"),
        "{text}"
    );
}

#[test]
fn an_answer_that_is_too_large() {
    // A reason, a state, and a list of records whose elements all lie in the same place.
    for body in [
        "(i32.store (i32.const 32) (i32.const 2000000)) (drop (memory.grow (i32.const 40))) (i32.const 16)",
        "(i32.store (i32.const 100) (i32.const 2000000)) (drop (memory.grow (i32.const 40))) (i32.const 16)",
        "(i32.store (i32.const 40) (i32.const 200000)) (drop (memory.grow (i32.const 60))) (i32.const 16)",
    ] {
        assert_eq!(refusal_of(body), "it is larger than `answer` in `[limits]`");
    }
}

#[test]
fn the_limit_of_an_answer_holds_in_each_call() {
    let body = "(i32.store (i32.const 32) (i32.const 2000000)) (drop (memory.grow (i32.const 40))) (i32.const 16)";
    for instances in [Instances::Fresh, Instances::Reuse] {
        let mut policy = load(&runtime(instances), &Guest::plain().decide(body));
        for _ in 0..3 {
            assert!(matches!(decide(&mut policy), Fault::Answer(_)));
        }
    }
}

#[test]
fn text_that_is_no_utf_8() {
    let text = refusal_of(
        "(i32.store8 (i32.const 2000) (i32.const 0xff))
         (i32.store (i32.const 28) (i32.const 2000)) (i32.store (i32.const 32) (i32.const 1))
         (i32.const 16)",
    );
    assert!(text.contains("utf-8"), "{text}");
}

#[test]
fn answers_that_break_the_abi() {
    // A reason beyond the memory, a ballot and a result that do not exist, an odd address.
    for body in [
        "(i32.store (i32.const 28) (i32.const -16)) (i32.store (i32.const 32) (i32.const 64)) (i32.const 16)",
        "(i32.store8 (i32.const 24) (i32.const 9)) (i32.const 16)",
        "(i32.store8 (i32.const 16) (i32.const 7)) (i32.const 16)",
        "(i32.const 17)",
        "(i32.const -4)",
    ] {
        let text = refusal_of(body);
        assert!(!text.contains('\n') && !text.is_empty(), "{text:?}");
    }
}

#[test]
fn an_allocator_that_answers_nonsense() {
    let guest = Guest::plain();
    let text = guest.text().replace(
        "(local.get $at))\n                (func $free",
        "(i32.const -64))\n                (func $free",
    );
    let module = crate::guest::embedded(&text, &crate::guest::contract());
    let mut policy = runtime(Instances::Fresh).load(&module).unwrap().policy();
    let fault = policy.decide(b"settings", &[], &round()).unwrap_err();
    assert!(
        matches!(fault, Fault::Answer(_) | Fault::Trap(_)),
        "{fault:?}"
    );
}

#[test]
fn a_policy_that_refuses_says_why() {
    type Kind = fn(String) -> Fault;
    let bodies: [(&str, Kind); 3] = [
        ("(i32.store8 (i32.const 24) (i32.const 0))", Fault::Config),
        ("(i32.store8 (i32.const 24) (i32.const 1))", Fault::State),
        ("(i32.store8 (i32.const 24) (i32.const 2))", Fault::Failed),
    ];
    for (kind, fault) in bodies {
        let body = format!(
            "(i32.store8 (i32.const 16) (i32.const 1)) {kind}
             (i32.store (i32.const 28) (i32.const 600)) (i32.store (i32.const 32) (i32.const 5))
             (i32.const 16)"
        );
        let mut policy = policy(&Guest::plain().decide(body));
        assert_eq!(decide(&mut policy), fault("plain".to_owned()));
    }
}

#[test]
fn a_long_complaint_is_cut() {
    let body = "(i32.store8 (i32.const 16) (i32.const 1))
        (memory.fill (i32.const 8192) (i32.const 120) (i32.const 9000))
        (i32.store (i32.const 28) (i32.const 8192)) (i32.store (i32.const 32) (i32.const 9000))
        (i32.const 16)";
    let fault = decide(&mut policy(&Guest::plain().decide(body)));
    assert_eq!(fault, Fault::Config(format!("{}…", "x".repeat(4096))));
}

#[test]
fn arguments_above_the_limit() {
    let limits = Limits {
        input: 1000,
        ..Limits::default()
    };
    let mut policy = load(
        &Runtime::new(limits, Instances::Fresh).unwrap(),
        &Guest::plain(),
    );
    assert_eq!(policy.decide(&[0; 1000], &[], &round()), Ok(abstains()));
    let fault = policy.decide(&[0; 1000], &[0], &round()).unwrap_err();
    assert!(
        matches!(&fault, Fault::Failed(text) if text.contains("`input` in `[limits]`")),
        "{fault:?}"
    );
    let mut long = round();
    long.checkpoints = (0..20).map(crate::checkpoint).collect();
    assert!(matches!(
        policy.decide(&[], &[], &long),
        Err(Fault::Failed(_))
    ));
    assert!(matches!(
        policy.prepare(&"x".repeat(1001), None),
        Err(Fault::Failed(_))
    ));
}

#[test]
fn more_than_the_memory_holds() {
    let limits = Limits {
        memory: 4 << 16,
        ..Limits::default()
    };
    let mut policy = load(
        &Runtime::new(limits, Instances::Fresh).unwrap(),
        &Guest::plain(),
    );
    let fault = policy.decide(&vec![0; 1 << 20], &[], &round()).unwrap_err();
    let Fault::Trap(text) = fault else {
        panic!("expected a trap, found {fault:?}")
    };
    assert!(text.contains("`memory` in `[limits]` is 262144"), "{text}");
}
