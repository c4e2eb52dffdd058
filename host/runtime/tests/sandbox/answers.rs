//! What goes in and what comes out: every field in its place, and sizes within their limits.

use ckpt_policy_core::contract::{
    Ballot, Fault, Figure, Input, Label, Operation, Plan, Policy, Prepared, Reduced, Reduction,
    Round, Source, Statistic, Tally, Verdict, View,
};
use ckpt_policy_runtime::{Instances, Limits, Runtime};

use crate::guest::Guest;
use crate::{abstains, checkpoint, load, observation, policy, round};

#[test]
fn describe_brings_each_text() {
    let description = policy(&Guest::plain().describe(
        "(i32.store (i32.const 520) (i32.const 601)) (i32.store (i32.const 524) (i32.const 1))
         (i32.store (i32.const 528) (i32.const 602)) (i32.store (i32.const 532) (i32.const 2))
         (i32.store (i32.const 536) (i32.const 604)) (i32.store (i32.const 540) (i32.const 1))
         (i32.const 512)",
    ))
    .describe()
    .unwrap();
    assert_eq!(description.name, "plain");
    assert_eq!(description.version, "l");
    assert_eq!(description.summary, "ai");
    assert_eq!(description.config_schema, "n");
}

#[test]
fn prepare_brings_the_plan() {
    // Two inputs at 1000, nine reductions at 1100, the configuration as the only moment.
    let guest = Guest::plain().prepare(
        "(local $at i32) (local $n i32)
         (i32.store (i32.const 24) (i32.const 1000)) (i32.store (i32.const 28) (i32.const 2))
         (i32.store (i32.const 1000) (i32.const 600)) (i32.store (i32.const 1004) (i32.const 5))
         (i32.store8 (i32.const 1008) (i32.const 1))
         (i32.store (i32.const 1012) (i32.const 600)) (i32.store (i32.const 1016) (i32.const 1))
         (i32.store (i32.const 32) (i32.const 3))
         (i32.store (i32.const 36) (i32.const 1100)) (i32.store (i32.const 40) (i32.const 9))
         (loop $again
            (local.set $at (i32.add (i32.const 1100) (i32.mul (local.get $n) (i32.const 20))))
            (i32.store8 (local.get $at) (i32.and (local.get $n) (i32.const 1)))
            (i32.store offset=4 (local.get $at) (local.get $n))
            (i32.store8 offset=8 (local.get $at) (local.get $n))
            (i32.store offset=12 (local.get $at)
                (i32.add (i32.mul (i32.eq (local.get $n) (i32.const 7)) (i32.const 4))
                         (i32.eq (local.get $n) (i32.const 2))))
            (i32.store offset=16 (local.get $at) (i32.const 2))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 9))))
         (i32.store8 (i32.const 44) (i32.const 2))
         (i32.store (i32.const 48) (i32.const 1400)) (i32.store (i32.const 52) (i32.const 1))
         (i32.store (i32.const 1400) (local.get $config))
         (i32.store (i32.const 1404) (local.get $config_len))
         (i64.store (i32.const 56) (i64.const 12))
         (i32.store8 (i32.const 64) (local.get $previous))
         (i32.store (i32.const 72) (local.get $config))
         (i32.store (i32.const 76) (local.get $config_len))
         (i32.store (i32.const 80) (local.get $previous_at))
         (i32.store (i32.const 84) (local.get $previous_len))
         (i32.const 16)",
    );
    let reduction = |source, operation| Reduction { source, operation };
    let expected = Prepared {
        plan: Plan {
            inputs: vec![
                Input {
                    name: "plain".to_owned(),
                    required: true,
                },
                Input {
                    name: "p".to_owned(),
                    required: false,
                },
            ],
            features: 3,
            reductions: vec![
                reduction(Source::Input(0), Operation::Sum),
                reduction(Source::Feature(1), Operation::Mean),
                reduction(
                    Source::Input(2),
                    Operation::WeightedMean(Source::Feature(2)),
                ),
                reduction(Source::Feature(3), Operation::Variance),
                reduction(Source::Input(4), Operation::Min),
                reduction(Source::Feature(5), Operation::Max),
                reduction(Source::Input(6), Operation::Tally),
                reduction(Source::Feature(7), Operation::FromRank(4)),
                reduction(Source::Input(8), Operation::EveryRank),
            ],
            view: View::All,
            moments: vec!["{\"k\":1}".to_owned()],
            every_steps: 12,
            passive: true,
        },
        settings: b"{\"k\":1}".to_vec(),
        state: b"before".to_vec(),
    };
    let prepared = policy(&guest)
        .prepare("{\"k\":1}", Some(b"before"))
        .unwrap();
    assert_eq!(prepared, expected);
    let fresh = policy(&guest).prepare("{\"k\":1}", None).unwrap();
    assert_eq!(
        (fresh.plan.passive, fresh.state.as_slice()),
        (false, &b""[..])
    );
}

#[test]
fn observe_sees_what_the_rank_sees() {
    // The features are the values, and after them the other fields as numbers.
    let guest = Guest::plain().observe(
        "(local $to i32)
         (memory.copy (i32.const 2000) (local.get $values)
            (i32.mul (local.get $values_len) (i32.const 16)))
         (local.set $to (i32.add (i32.const 2000) (i32.mul (local.get $values_len) (i32.const 16))))
         (i64.store (local.get $to) (i64.const 1))
         (f64.store offset=8 (local.get $to) (f64.convert_i64_u (local.get $step)))
         (i64.store offset=16 (local.get $to) (i64.const 1))
         (f64.store offset=24 (local.get $to) (f64.convert_i64_u (local.get $epoch)))
         (i64.store offset=32 (local.get $to) (i64.extend_i32_u (local.get $moment)))
         (f64.store offset=40 (local.get $to) (f64.convert_i32_u (local.get $moment_value)))
         (i64.store offset=48 (local.get $to) (i64.const 1))
         (f64.store offset=56 (local.get $to) (f64.convert_i32_u (local.get $rank)))
         (i64.store offset=64 (local.get $to) (i64.const 1))
         (f64.store offset=72 (local.get $to) (f64.convert_i32_u (local.get $world)))
         (i64.store offset=80 (local.get $to) (i64.const 1))
         (f64.store offset=88 (local.get $to)
            (f64.convert_i64_u (i64.load offset=80 (local.get $checkpoints))))
         (i32.store (i32.const 20) (i32.const 2000))
         (i32.store (i32.const 24) (i32.add (local.get $values_len) (i32.const 6)))
         (i32.const 16)",
    );
    let mut seen = observation();
    seen.moment = Some(3);
    seen.values = vec![Some(-0.0), None, Some(f64::INFINITY), Some(5e-324)];
    seen.checkpoints = vec![checkpoint(1), checkpoint(2)];
    let features = policy(&guest)
        .observe(b"settings", b"state", &seen)
        .unwrap();
    let bits: Vec<_> = features
        .iter()
        .map(|feature| feature.map(f64::to_bits))
        .collect();
    let rest = [40.0, 2.0, 3.0, 1.0, 4.0, 20.0].map(Some);
    let expected: Vec<_> = seen
        .values
        .iter()
        .chain(&rest)
        .map(|value| value.map(f64::to_bits))
        .collect();
    // The second checkpoint's step lies 72 + 8 bytes behind the first's start.
    assert_eq!(bits, expected);
    seen.moment = None;
    let features = policy(&guest).observe(&[], &[], &seen).unwrap();
    assert_eq!(features[6], None);
}

#[test]
fn decide_sees_the_round_and_brings_the_verdict() {
    // Reason: the tag of the second checkpoint. Figures: named by the settings, with the value of
    // the first statistic and the last rank's own. State: the state and what follows it.
    let guest = Guest::plain().decide(
        "(local $second i32)
         (local.set $second (i32.add (local.get $checkpoints) (i32.const 72)))
         (i32.store8 (i32.const 24) (i32.const 3))
         (i64.store (i32.const 28) (i64.load (i32.load offset=56 (local.get $second))))
         (i32.store (i32.const 36) (i32.const 2000)) (i32.store (i32.const 40) (i32.const 2))
         (i32.store (i32.const 2000) (local.get $settings))
         (i32.store (i32.const 2004) (local.get $settings_len))
         (f64.store (i32.const 2008) (f64.load offset=16 (local.get $values)))
         (i32.store (i32.const 2016) (local.get $settings))
         (i32.store (i32.const 2020) (i32.const 1))
         (f64.store (i32.const 2024)
            (f64.load offset=24 (i32.load offset=88 (local.get $values))))
         (i32.store (i32.const 44) (i32.load offset=56 (local.get $second)))
         (i32.store (i32.const 48) (i32.const 1))
         (i32.store (i32.const 52) (i32.const 2104)) (i32.store (i32.const 56) (i32.const 1))
         (i32.store (i32.const 2104) (local.get $settings))
         (i32.store (i32.const 2108) (local.get $settings_len))
         (i64.store (i32.const 2112) (i64.load (local.get $second)))
         (i32.store (i32.const 60) (i32.const 2200)) (i32.store (i32.const 64) (i32.const 2))
         (i64.store (i32.const 2200) (local.get $candidate))
         (i64.store (i32.const 2208) (i64.load (local.get $checkpoints)))
         (i32.store (i32.const 68) (i32.const 2304)) (i32.store (i32.const 72) (i32.const 4))
         (i64.store (i32.const 2304) (i64.extend_i32_u (i32.load offset=52 (local.get $values))))
         (i64.store (i32.const 2312) (i64.extend_i32_u (local.get $world)))
         (i64.store (i32.const 2320) (i64.trunc_f64_u (local.get $elapsed_value)))
         (i64.store (i32.const 2328) (i64.load offset=48 (local.get $second)))
         (i32.store8 (i32.const 76) (local.get $elapsed))
         (i32.store8 (i32.const 80) (i32.const 1))
         (i64.store (i32.const 88) (i64.add (local.get $step) (local.get $epoch)))
         (i32.store (i32.const 96) (local.get $state))
         (i32.store (i32.const 100) (local.get $state_len))
         (i32.const 16)",
    );
    let statistic = Statistic {
        value: Some(0.25),
        finite: 2,
        non_finite: 1,
        missing: 1,
    };
    let seen = Round {
        values: vec![
            Reduced::Statistic(statistic),
            Reduced::Tally(Tally {
                yes: 5,
                no: 6,
                abstaining: 7,
            }),
            Reduced::EveryRank(vec![None, Some(9.5)]),
        ],
        checkpoints: vec![checkpoint(3), checkpoint(4)],
        ..round()
    };
    let verdict = policy(&guest).decide(b"loss", b"memory", &seen).unwrap();
    let expected = Verdict {
        ballot: Ballot::Veto,
        reason: "tag-4".to_owned(),
        figures: vec![
            Figure {
                name: "loss".to_owned(),
                value: 0.25,
            },
            Figure {
                name: "l".to_owned(),
                value: 9.5,
            },
        ],
        tags: vec!["tag-4".to_owned()],
        labels: vec![Label {
            name: "loss".to_owned(),
            checkpoint: 4,
        }],
        hold: vec![7, 3],
        release: vec![6, 4, 1, 1 << 40],
        stop: true,
        not_before: Some(42),
        state: b"memory".to_vec(),
    };
    assert_eq!(verdict, expected);
}

#[test]
fn a_nan_comes_out_as_the_canonical_one() {
    let nan = "(i64.store (i32.const 2008) (i64.const 0xfff0000000000123))";
    let guest = Guest::plain()
        .observe(
            "(i64.store (i32.const 2008) (i64.const 0xfff0000000000123))
             (i64.store (i32.const 2000) (i64.const 1))
             (i32.store (i32.const 20) (i32.const 2000)) (i32.store (i32.const 24) (i32.const 1))
             (i32.const 16)",
        )
        .decide(format!(
            "{nan} (i64.store (i32.const 2000) (i64.const 0))
             (i32.store (i32.const 36) (i32.const 2000)) (i32.store (i32.const 40) (i32.const 1))
             (i32.const 16)"
        ));
    let verdict = policy(&guest).decide(&[], &[], &round()).unwrap();
    assert_eq!(verdict.figures[0].value.to_bits(), 0x7ff8_0000_0000_0000);
    let features = policy(&guest).observe(&[], &[], &observation()).unwrap();
    assert_eq!(features[0].unwrap().to_bits(), 0x7ff8_0000_0000_0000);
}

#[test]
fn a_computed_nan_is_canonical_inside_too() {
    // 0/0 is a negative NaN on x86_64 and a positive one on aarch64.
    let guest = Guest::plain().decide(
        "(i32.store8 (i32.const 80) (i32.const 1))
         (i64.store (i32.const 88)
            (i64.reinterpret_f64 (f64.div (f64.const 0) (f64.convert_i32_u (local.get $moment)))))
         (i32.const 16)",
    );
    let verdict = policy(&guest).decide(&[], &[], &round()).unwrap();
    assert_eq!(verdict.not_before, Some(0x7ff8_0000_0000_0000));
}

/// Each list and text of a verdict at one more than its limit is refused, and at its limit taken.
#[test]
fn sizes_of_a_verdict() {
    // The guest writes the settings' eight bytes, an address and a length, over the field that the
    // first byte of the state names; all elements are zero, which is a valid one of each list.
    let guest = Guest::plain()
        .memory(r#"(memory (export "memory") 20)"#)
        .decide(
            "(i64.store (i32.load8_u (local.get $state)) (i64.load (local.get $settings)))
         (i32.const 16)",
        );
    let limits = Limits {
        reason: 100,
        state: 101,
        figures: 10,
        tags: 11,
        labels: 12,
        checkpoints: 13,
        ..Limits::default()
    };
    let runtime = Runtime::new(limits, Instances::Fresh).unwrap();
    let mut policy = load(&runtime, &guest);
    let fields: [(u8, u32, &str); 7] = [
        (
            28,
            100,
            "`reason` has 101 bytes, more than `reason` in `[limits]` allows (100)",
        ),
        (
            36,
            10,
            "it has 11 figures, more than `figures` in `[limits]` allows (10)",
        ),
        (
            44,
            11,
            "it has 12 tags, more than `tags` in `[limits]` allows (11)",
        ),
        (
            52,
            12,
            "it has 13 labels, more than `labels` in `[limits]` allows (12)",
        ),
        (
            60,
            13,
            "it has 14 checkpoints in `hold`, more than `checkpoints` in `[limits]` allows (13)",
        ),
        (
            68,
            13,
            "it has 14 checkpoints in `release`, more than `checkpoints` in `[limits]` allows (13)",
        ),
        (
            96,
            101,
            "`state` has 102 bytes, more than `state` in `[limits]` allows (101)",
        ),
    ];
    for (field, most, text) in fields {
        let mut settings = |length: u32| {
            let bytes = [65_536_u32.to_le_bytes(), length.to_le_bytes()].concat();
            policy.decide(&bytes, &[field], &round())
        };
        assert!(settings(most).is_ok(), "{text}");
        assert_eq!(settings(most + 1), Err(Fault::Answer(text.to_owned())));
    }
}

#[test]
fn names_of_a_verdict() {
    // One figure, tag or label at 2000, whose name is as long as the settings.
    let bodies = [
        ("the name of a figure", 36),
        ("a tag", 44),
        ("the name of a label", 52),
    ];
    for (what, field) in bodies {
        let body = format!(
            "(i64.store (i32.const 2000) (i64.const 0)) (i64.store (i32.const 2008) (i64.const 0))
             (i32.store (i32.const 2000) (local.get $settings))
             (i32.store (i32.const 2004) (local.get $settings_len))
             (i32.store (i32.const {field}) (i32.const 2000))
             (i32.store (i32.const {}) (i32.const 1)) (i32.const 16)",
            field + 4
        );
        let mut policy = policy(&Guest::plain().decide(body));
        assert!(policy.decide(&[b'x'; 256], &[], &round()).is_ok());
        let refused = policy.decide(&[b'x'; 257], &[], &round());
        let text = format!("{what} has 257 bytes, more than `name` in `[limits]` allows (256)");
        assert_eq!(refused, Err(Fault::Answer(text)));
    }
}

#[test]
fn sizes_of_a_preparation() {
    // As above: the configuration's eight bytes overwrite the field that `previous` names.
    let guest = Guest::plain()
        .memory(r#"(memory (export "memory") 20)"#)
        .prepare(
            "(i64.store (i32.load8_u (local.get $previous_at)) (i64.load (local.get $config)))
         (i32.const 16)",
        );
    let limits = Limits {
        plan: 5,
        settings: 6,
        state: 7,
        ..Limits::default()
    };
    let mut policy = load(&Runtime::new(limits, Instances::Fresh).unwrap(), &guest);
    let fields: [(u8, u32, &str); 5] = [
        (24, 5, "it has 6 inputs"),
        (36, 5, "it has 6 reductions"),
        (48, 5, "it has 6 moments"),
        (72, 6, "`settings` has 7 bytes"),
        (80, 7, "`state` has 8 bytes"),
    ];
    for (field, most, text) in fields {
        let mut prepare = |length: u32| {
            let bytes = [65_536_u32.to_le_bytes(), length.to_le_bytes()].concat();
            let config = String::from_utf8(bytes).expect("small numbers are ASCII");
            policy.prepare(&config, Some(&[field]))
        };
        assert!(prepare(most).is_ok(), "{text}");
        let refused = prepare(most + 1).unwrap_err();
        assert!(
            matches!(&refused, Fault::Answer(found) if found.starts_with(text)),
            "{refused:?}"
        );
    }
    let features =
        Guest::plain().prepare("(i32.store (i32.const 32) (i32.const 4097)) (i32.const 16)");
    assert!(matches!(
        crate::policy(&features).prepare("{}", None),
        Err(Fault::Answer(_))
    ));
}

#[test]
fn nothing_is_a_verdict_too() {
    assert_eq!(
        policy(&Guest::plain()).decide(&[], &[], &round()),
        Ok(abstains())
    );
}
