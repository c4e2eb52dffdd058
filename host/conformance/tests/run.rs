//! Scenarios played to policies in plain Rust, so that the runner is judged by itself.

mod keeper;

use std::cell::Cell;
use std::convert::Infallible;
use std::path::Path;

use ckpt_policy_conformance::{PolicySource, Report, Scenario, run};
use ckpt_policy_core::contract::Policy;

use keeper::Keeper;

fn scenario(text: &str) -> Scenario {
    Scenario::parse(text, Path::new("case.toml")).expect("the scenario is right")
}

/// Plays rounds on two ranks.
fn play(rest: &str) -> Report {
    let text = format!("about = \"a case\"\npolicy = \"builtin:keeper\"\nranks = 2\n{rest}");
    let loaded = run(&scenario(&text), |_| {
        Ok::<_, Infallible>(Box::new(Keeper) as Box<dyn Policy>)
    });
    match loaded {
        Ok(report) => report,
        Err(never) => match never {},
    }
}

#[track_caller]
fn passes(rest: &str) {
    let report = play(rest);
    assert!(report.passed(), "{report}");
}

/// Returns the keys of the checks that failed, in each round that has one.
fn failed(report: &Report) -> Vec<(usize, Vec<&str>)> {
    let keys = |round: &ckpt_policy_conformance::RoundReport| {
        let failed = round.checks.iter().filter(|check| !check.passed);
        (
            round.number,
            failed.map(|check| check.key).collect::<Vec<_>>(),
        )
    };
    report
        .rounds
        .iter()
        .map(keys)
        .filter(|(_, keys)| !keys.is_empty())
        .collect()
}

#[test]
fn a_run_comes_as_it_was_written() {
    passes(
        r#"
        [[round]]
        metrics.x = [4, 2]
        expect = { asked = true, ballot = "save", save = true, kept = [1], held = [1], deleted = [], labels = { best = 1 }, tags = ["best"], reason = ["3", "first"], figures = { mean = 3.0 }, stop = false, not-before = "none", interrupted = false }
        [[round]]
        metrics.x = { all = 5, rank-1 = nan }
        expect = { ballot = "abstain", save = false, kept = [1], tags = [], labels = { best = 1 } }
        [[round]]
        step = 30
        metrics.x = 2
        expect = { save = true, kept = [30], held = [30], deleted = [1], labels = { best = 30 } }
        [[round]]
        moment = "step-end"
        expect = { asked = false, save = false, kept = [30] }
        [[round]]
        metrics.x = 99
        expect = { stop = true, save = false, not-before = 1000 }
        "#,
    );
}

#[test]
fn every_wrong_expectation_is_found() {
    let report = play(
        r#"
        [[round]]
        metrics.x = 3
        expect = { asked = false, ballot = "veto", save = false, kept = [], held = [2], deleted = [1], labels = {}, tags = [], reason = "second", figures = { mean = 4, other = 1 }, not-before = 3, stop = true, refused = "veto", interrupted = true, error = "broken" }
        "#,
    );
    let all = [
        "asked",
        "ballot",
        "save",
        "kept",
        "held",
        "deleted",
        "labels",
        "tags",
        "reason",
        "figures",
        "not-before",
        "stop",
        "refused",
        "interrupted",
        "error",
    ];
    assert_eq!(failed(&report), [(1, all.to_vec())]);
}

#[test]
fn a_failed_round_is_shown_as_a_table() {
    let report = play(
        "[[round]]\nmetrics.x = 3\nexpect.save = true\n\
         [[round]]\nnote = \"worse\"\nmetrics.x = 4\nexpect = { save = true, kept = [1] }",
    );
    let expected = "\
case.toml: a case

case.toml:7: round 2 (validation-end, step 2): worse
         | expected | found
  ! save | true     | false
    kept | [1]      | [1]
    the policy's reason: the mean of 4 is not below 3

1 of 2 rounds did not come as expected";
    assert_eq!(report.to_string(), expected);
}

#[test]
fn a_passed_scenario_is_one_line() {
    let report = play("[[round]]\nmetrics.x = 3");
    assert_eq!(
        report.to_string(),
        "case.toml: a case (1 round as expected)"
    );
}

#[test]
fn an_error_that_nobody_expects_fails() {
    let report = play("[[round]]\nmetrics.x = 13\n[[round]]\nmetrics.x = 1\nexpect.save = true");
    assert_eq!(failed(&report), [(1, vec!["error"])]);
}

#[test]
fn an_error_follows_on_error() {
    passes(
        "[[round]]\nmetrics.x = 13\nexpect = { asked = true, error = \"thirteen\", save = false }",
    );
    passes(
        "on-error = 'save'\n[[round]]\nmetrics.x = 13\nexpect = { error = \"thirteen\", save = true, held = [1] }",
    );
    passes(
        "on-error = 'stop'\n[[round]]\nmetrics.x = 13\nexpect = { error = \"thirteen\", stop = true }",
    );
}

#[test]
fn a_configuration_can_be_refused() {
    passes("config.top-k = 2\nexpect-config-error = ['top-k', 'keeps one']");
    let accepted = play("expect-config-error = 'top-k'");
    assert_eq!(failed(&accepted), [(0, vec!["expect-config-error"])]);
    let other = play("config.top-k = 2\nexpect-config-error = 'monitor'");
    assert_eq!(failed(&other), [(0, vec!["expect-config-error"])]);
}

#[test]
fn a_refusal_that_nobody_expects_fails() {
    let report = play("config.top-k = 2\n[[round]]");
    assert_eq!(failed(&report), [(0, vec!["host"])]);
    assert!(report.to_string().contains("keeps one"), "{report}");
}

#[test]
fn a_failed_save_leaves_what_was_there() {
    passes(
        r#"
        [[round]]
        metrics.x = 3
        expect = { save = true, kept = [1] }
        [[round]]
        metrics.x = 2
        save-fails = [1]
        expect = { save = true, kept = [1], held = [1], deleted = [2] }
        "#,
    );
}

#[test]
fn a_save_can_be_in_flight() {
    passes(
        r#"
        [[round]]
        metrics.x = 3
        expect.kept = [1]
        [[round]]
        metrics.x = 2
        save-takes = 2
        expect = { save = true, kept = [1, 2], deleted = [] }
        [[round]]
        metrics.x = 9
        expect = { kept = [1, 2], deleted = [] }
        [[round]]
        metrics.x = 9
        expect = { kept = [2], deleted = [1] }
        "#,
    );
}

#[test]
fn a_resumed_run_goes_on() {
    passes(
        r#"
        [[round]]
        metrics.x = 3
        expect.kept = [1]
        [[round]]
        resume = true
        metrics.x = 4
        expect = { save = false, kept = [1], labels = { best = 1 } }
        [[round]]
        resume = true
        metrics.x = 2
        expect = { save = true, kept = [3], deleted = [1] }
        "#,
    );
}

#[test]
fn a_run_goes_back_to_a_checkpoint() {
    passes(
        r#"
        config.keep-all = true
        [[round]]
        metrics.x = 3
        [[round]]
        metrics.x = 1
        expect = { save = true, kept = [1, 2] }
        [[round]]
        note = "the state is the one of step 1, so 2 is an improvement"
        resume = 1
        metrics.x = 2
        expect = { save = true, reason = "below 3" }
        "#,
    );
}

#[test]
fn only_a_checkpoint_that_is_there_can_be_gone_back_to() {
    let report =
        play("[[round]]\nmetrics.x = 3\nsave-fails = true\n[[round]]\nresume = 1\n[[round]]");
    assert_eq!(failed(&report), [(2, vec!["host"])]);
    assert!(
        report
            .to_string()
            .contains("no complete checkpoint of step 1"),
        "{report}"
    );
    assert_eq!(report.rounds.len(), 2, "the rounds after it are not played");
}

#[test]
fn the_world_and_the_configuration_change_with_a_resume() {
    passes(
        r#"
        [[round]]
        metrics.x = [4, 2]
        expect.save = true
        [[round]]
        resume = { ranks = 3, config = { keep-all = true } }
        metrics.x = [3, 2, 1]
        expect = { save = true, kept = [1, 2], figures = { mean = 2.0 } }
        [[round]]
        metrics.x = [3, 2, "missing"]
        expect = { save = false }
        "#,
    );
}

#[test]
fn a_signal_and_a_request_reach_the_policy() {
    passes(
        r#"
        [[round]]
        metrics.x = 3
        signal = [1]
        expect.interrupted = true
        [[round]]
        metrics.x = 5
        request-save = [0]
        expect = { save = true, reason = "asked for" }
        "#,
    );
}

#[test]
fn ranks_that_part_are_a_failure() {
    let text =
        "about = 'a'\npolicy = 'builtin:keeper'\nranks = 2\n[[round]]\nmetrics.x = 3\n[[round]]";
    let loads = Cell::new(0_u32);
    let load = |_: &PolicySource| {
        loads.set(loads.get() + 1);
        let keeper: Box<dyn Policy> = Box::new(keeper::Contrary {
            odd: loads.get() == 2,
            vetoes: false,
        });
        Ok::<_, Infallible>(keeper)
    };
    let Ok(report) = run(&scenario(text), load);
    assert_eq!(loads.get(), 2, "each rank has a policy of its own");
    assert_eq!(failed(&report), [(1, vec!["host"])]);
    assert!(
        report.to_string().contains("the ranks disagree"),
        "{report}"
    );
}

#[test]
fn what_the_loader_says_is_returned() {
    let text = "about = 'a'\npolicy = 'mine.wasm'\nranks = 2\n[[round]]";
    let load =
        |source: &PolicySource| -> Result<Box<dyn Policy>, String> { Err(format!("{source}")) };
    assert_eq!(run(&scenario(text), load), Err("mine.wasm".to_owned()));
}
