//! What is made of a scenario that was played: expectations that are written into its file, calls that
//! are written down, and what was reached.

mod keeper;

use std::cell::Cell;
use std::convert::Infallible;
use std::path::Path;

use ckpt_policy_conformance::conform::{Measured, Usage};
use ckpt_policy_conformance::{
    Blessed, Change, Coverage, Exchange, Report, Scenario, Unblessed, bless, run, run_recorded,
};
use ckpt_policy_core::contract::{
    Description, Fault, Observation, Policy, Prepared, Round, Verdict,
};

use keeper::{Contrary, Keeper};

const HEAD: &str = "about = \"a case\"\npolicy = \"builtin:keeper\"\nranks = 2\n";

fn scenario(text: &str) -> Scenario {
    Scenario::parse(text, Path::new("case.toml")).expect("the scenario is right")
}

/// Plays a scenario, and records it.
fn play(text: &str) -> Report {
    let load = |_: &_| Ok::<_, Infallible>(Box::new(Metered(Keeper, 0)) as Box<dyn Measured>);
    let Ok(report) = run_recorded(&scenario(text), load);
    report
}

fn blessed(text: &str) -> Blessed {
    bless(text, &play(text)).expect("it can be blessed")
}

/// Blesses rounds, and proves that they pass then and are left alone.
#[track_caller]
fn becomes(before: &str, after: &str) {
    let (before, after) = (format!("{HEAD}{before}"), format!("{HEAD}{after}"));
    let first = blessed(&before);
    assert_eq!(first.text, after);
    assert!(!first.changes.is_empty());
    assert!(play(&after).passed(), "{}", play(&after));
    let again = blessed(&after);
    assert_eq!((again.text, again.changes), (after, Vec::new()));
}

#[test]
fn only_what_differs_is_written_and_comments_stay() {
    becomes(
        "\n# The first.\n[[round]]  # here\nmetrics.x = [4, 2] # four and two\n\
         expect = { save = false, kept = [ ], reason = \"first\" } # wrong\n\n# The end.\n",
        "\n# The first.\n[[round]]  # here\nmetrics.x = [4, 2] # four and two\n\
         expect = { save = true, kept = [1], reason = \"first\" } # wrong\n\n# The end.\n",
    );
}

#[test]
fn each_way_to_write_an_expectation_is_kept() {
    becomes(
        "[[round]]\nmetrics.x = 3\nexpect.save = false\nexpect.kept = [7] # by step\n",
        "[[round]]\nmetrics.x = 3\nexpect.save = true\nexpect.kept = [1] # by step\n",
    );
    becomes(
        "[[round]]\nmetrics.x = 3\n[round.expect]\nballot = 'skip'\n[round.expect.figures]\nmean = 4 # no\n",
        "[[round]]\nmetrics.x = 3\n[round.expect]\nballot = \"save\"\nfigures = { mean = 3.0 }\n",
    );
    becomes(
        "round = [\n  { metrics.x = 3, expect = { save = false } },\n]\n",
        "round = [\n  { metrics.x = 3, expect = { save = true } },\n]\n",
    );
}

#[test]
fn a_round_without_expectations_gets_them_and_an_empty_one_stays_so() {
    becomes(
        "[[round]]\nmetrics.x = 3\n\n[[round]]\nmetrics.x = 2\n\n[[round]]\nmetrics.x = 9\nexpect = {}\n\n\
         [[round]]\nmoment = \"step-end\"\n",
        "[[round]]\nmetrics.x = 3\nexpect = { save = true, kept = [1], labels = { best = 1 } }\n\n\
         [[round]]\nmetrics.x = 2\nexpect = { save = true, kept = [2], deleted = [1], labels = { best = 2 } }\n\n\
         [[round]]\nmetrics.x = 9\nexpect = {}\n\n\
         [[round]]\nmoment = \"step-end\"\nexpect = { asked = false, save = false, kept = [2], labels = { best = 2 } }\n",
    );
}

#[test]
fn what_did_not_come_is_no_longer_expected() {
    becomes(
        "[[round]]\nmetrics.x = 3\nexpect = { save = true, error = \"thirteen\" }\n",
        "[[round]]\nmetrics.x = 3\nexpect = { save = true }\n",
    );
    becomes(
        "[[round]]\nmetrics.x = 99\nexpect.refused = \"veto\"\n",
        "[[round]]\nmetrics.x = 99\nexpect = { save = false, kept = [], stop = true }\n",
    );
}

#[test]
fn changes_say_what_was_and_what_is() {
    let text =
        format!("{HEAD}[[round]]\nmetrics.x = 3\nexpect.save = false\n[[round]]\nmetrics.x = 4\n");
    let change = |line, round, key: &str, before: Option<&str>, after: &str| Change {
        line,
        round,
        key: key.to_owned(),
        before: before.map(str::to_owned),
        after: Some(after.to_owned()),
    };
    let expected = [
        change(4, 1, "expect.save", Some("false"), "true"),
        change(
            7,
            2,
            "expect",
            None,
            "{ save = false, kept = [1], labels = { best = 1 } }",
        ),
    ];
    assert_eq!(blessed(&text).changes, expected);
}

#[test]
fn line_breaks_stay_as_they_are() {
    let text =
        format!("{HEAD}[[round]]\nmetrics.x = 3\nexpect.save = false\n").replace('\n', "\r\n");
    assert_eq!(blessed(&text).text, text.replace("= false", "= true"));
}

#[test]
fn neither_an_error_nor_a_run_that_broke_is_blessed() {
    let unblessed = |rest: &str| {
        let text = format!("{HEAD}{rest}");
        bless(&text, &play(&text))
            .expect_err("it is refused")
            .to_string()
    };
    let failed =
        unblessed("[[round]]\nmetrics.x = 3\nexpect.save = false\n[[round]]\nmetrics.x = 13\n");
    assert!(
        failed.starts_with("line 7: an error of the policy is never blessed"),
        "{failed}"
    );
    let other = unblessed("[[round]]\nmetrics.x = 13\nexpect.error = 'twelve'\n");
    assert!(other.contains("thirteen is too much"), "{other}");
    let refused = unblessed("config.top-k = 2\n[[round]]\nmetrics.x = 3\n");
    assert!(refused.contains("the run broke"), "{refused}");
    let accepted = unblessed("expect-config-error = 'top-k'\n");
    assert!(accepted.contains("the run broke"), "{accepted}");
}

#[test]
fn ranks_that_part_are_not_blessed() {
    let text = format!("{HEAD}[[round]]\nmetrics.x = 3\n");
    let loads = Cell::new(0_u32);
    let Ok(report) = run(&scenario(&text), |_| {
        loads.set(loads.get() + 1);
        let odd = loads.get() == 2;
        Ok::<_, Infallible>(Box::new(Contrary { odd, vetoes: true }) as Box<dyn Policy>)
    });
    assert!(matches!(
        bless(&text, &report),
        Err(Unblessed::Broken { line: 4, .. })
    ));
}

#[test]
fn calls_are_recorded_with_the_round_that_caused_them() {
    let text = format!(
        "{HEAD}[[round]]\nmetrics.x = [4, 2]\n[[round]]\nmoment = 'step-end'\n[[round]]\nresume = true\nmetrics.x = 13\nexpect.error = 't'\n"
    );
    let report = play(&text);
    let functions = report.rounds.iter().map(|round| {
        let calls = round.calls.iter().map(|call| call.function());
        calls.collect::<Vec<_>>()
    });
    let expected: [&[&str]; 3] = [
        &["describe", "prepare", "decide"],
        &[],
        &["describe", "prepare", "decide"],
    ];
    assert_eq!(functions.collect::<Vec<_>>(), expected);
    let [_, _, call] = &report.rounds[0].calls[..] else {
        panic!("the first round has three calls")
    };
    let Exchange::Decide {
        state,
        round,
        answer,
    } = &call.exchange
    else {
        panic!("the last of them decides")
    };
    assert_eq!((state.len(), round.step), (0, 1));
    assert!(
        answer
            .as_ref()
            .is_ok_and(|verdict| verdict.reason.contains("the mean of 3"))
    );
    assert_eq!(call.usage.fuel, 3, "the third call of this instance");
    let json = report.rounds[2].calls[2].to_json();
    assert_eq!(json["arguments"]["round"]["step"], 3);
    assert!(
        json["answer"]["error"]
            .as_str()
            .is_some_and(|error| error.contains("thirteen"))
    );
}

#[test]
fn a_run_that_is_not_recorded_has_no_calls() {
    let text = format!("{HEAD}[[round]]\nmetrics.x = 3\n");
    let keeper = |_: &_| Ok::<_, Infallible>(Box::new(Keeper) as Box<dyn Policy>);
    let Ok(report) = run(&scenario(&text), keeper);
    assert!(report.rounds[0].calls.is_empty());
}

#[test]
fn coverage_counts_what_was_reached_and_names_the_rest() {
    let mut coverage = Coverage::default();
    for rest in [
        "config.keep-all = true\n[[round]]\nmetrics.x = [nan, 'missing']\n[[round]]\nresume = { ranks = 1 }\nmetrics.x = 1\n",
        "[[round]]\nmetrics.x = 2\nsave-fails = true\n[[round]]\n[[round]]\nmetrics.x = 13\n[[round]]\nmetrics.x = 99\n",
        "config.top-k = 1\nexpect-config-error = 'top-k'\n",
    ] {
        let text = format!("{HEAD}{rest}");
        coverage.add(&scenario(&text), &play(&text));
    }
    let policies: Vec<_> = coverage.policies().collect();
    let [keeper] = policies[..] else {
        panic!("there is one policy")
    };
    assert_eq!(
        (keeper.policy.as_str(), keeper.scenarios),
        ("builtin:keeper", 3)
    );
    let never = |group: &str| {
        let group = keeper.group(group).expect("the group is there");
        group.never().collect::<Vec<_>>()
    };
    assert_eq!(never("moments"), ["interrupted"]);
    assert_eq!(never("ballots"), ["skip", "veto"]);
    assert_eq!(never("verdicts"), ["hold", "release"]);
    assert_eq!(never("situations"), ["save in flight", "interrupted"]);
    let keys = keeper.group("keys").expect("the group is there");
    let keys: Vec<_> = keys
        .items
        .iter()
        .map(|item| (item.name.as_str(), item.count))
        .collect();
    assert_eq!(keys, [("keep-all", 1), ("top-k", 1)]);
}

/// Counts its calls as fuel.
struct Metered(Keeper, u64);

impl Measured for Metered {
    fn usage(&self) -> Usage {
        Usage {
            fuel: self.1,
            ..Usage::default()
        }
    }
}

impl Policy for Metered {
    fn describe(&mut self) -> Result<Description, Fault> {
        self.1 += 1;
        self.0.describe()
    }

    fn prepare(&mut self, config: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        self.1 += 1;
        self.0.prepare(config, previous)
    }

    fn observe(
        &mut self,
        settings: &[u8],
        state: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        self.1 += 1;
        self.0.observe(settings, state, observation)
    }

    fn decide(&mut self, settings: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        self.1 += 1;
        self.0.decide(settings, state, round)
    }
}
