//! The checks of whole runs: the built-in policies pass them, and each bad policy fails its own.

#[path = "conform_runs/bad.rs"]
mod bad;
mod builtin;

use std::convert::Infallible;

use ckpt_policy_conformance::conform::{
    CheckReport, Conformance, Depth, Request, Status, conform_some,
};
use ckpt_policy_conformance::{PolicySource, Scenario, run};
use ckpt_policy_core::contract::Policy;
use ckpt_policy_runtime::Limits;

use bad::{Best, Flaw, Native};
use builtin::Builtin;

fn request(depth: Depth, configurations: &[&str]) -> Request {
    Request {
        seed: 7,
        depth,
        configurations: configurations.iter().map(|one| (*one).to_owned()).collect(),
    }
}

/// Returns what came of the checks of runs; those of calls have tests of their own.
fn of_runs(conformance: &Conformance) -> impl Iterator<Item = &CheckReport> {
    conformance
        .checks
        .iter()
        .filter(|check| is_of_runs(check.id))
}

fn is_of_runs(id: &str) -> bool {
    IDS.contains(&id)
}

fn with_status(conformance: &Conformance, status: Status) -> Vec<&'static str> {
    let checks = of_runs(conformance).filter(|check| check.status == status);
    checks.map(|check| check.id).collect()
}

/// Writes a report down, for whoever reads a failed test.
fn shown(conformance: &Conformance) -> String {
    let lines = of_runs(conformance).map(|check| {
        let figures = check
            .figures
            .iter()
            .map(|(name, value)| format!("\n    {name}: {value}"));
        let findings = check.findings.iter().map(|finding| {
            let text = [
                &finding.what,
                &finding.config,
                &finding.input,
                &finding.mend,
            ]
            .map(String::as_str);
            format!("\n{}", text.join("\n"))
        });
        let more: String = figures.chain(findings).collect();
        format!("{} {:?} {}{more}\n", check.id, check.status, check.cases)
    });
    lines.collect()
}

#[test]
fn the_built_in_policies_pass() {
    for name in ckpt_policy_builtins::names() {
        let subject = Builtin::new(name);
        let examples = subject.examples();
        let examples: Vec<&str> = examples.iter().map(String::as_str).collect();
        let conformance = conform_some(&subject, &request(FEW, &examples), &mut is_of_runs);
        let shown = format!("{name}\n{}", shown(&conformance));
        // A trainer whose rule it plays takes an infinity for a number.
        let warned: &[&str] = match name {
            "unanimous" => &["safety.nan"],
            _ => &[],
        };
        assert_eq!(with_status(&conformance, Status::Warned), warned, "{shown}");
        let passed = with_status(&conformance, Status::Passed);
        assert_eq!(passed.len() + warned.len(), IDS.len(), "{shown}");
        let figures = of_runs(&conformance)
            .filter(|check| check.id.starts_with("cost."))
            .all(|check| !check.figures.is_empty());
        assert!(figures, "{shown}");
    }
}

#[test]
fn a_careful_policy_in_plain_rust_passes() {
    let conformance = of(Flaw::Nothing);
    let unmetered = ["cost.fuel", "cost.memory", "cost.start"];
    let shown = shown(&conformance);
    assert_eq!(
        with_status(&conformance, Status::NotRun),
        unmetered,
        "{shown}"
    );
    let passed = with_status(&conformance, Status::Passed);
    assert_eq!(passed.len(), IDS.len() - unmetered.len(), "{shown}");
}

#[test]
fn a_state_that_fills_up_is_watched_until_it_is_full() {
    let conformance = of(Flaw::StateFillsUp);
    let shown = shown(&conformance);
    assert!(
        with_status(&conformance, Status::Failed).is_empty(),
        "{shown}"
    );
}

#[test]
fn exactly_the_intended_check_fails_with_a_run_to_play() {
    let mut wrong = String::new();
    for (flaw, intended) in FLAWS {
        let conformance = of(flaw);
        let failed = with_status(&conformance, Status::Failed);
        if failed != [intended] {
            let shown = shown(&conformance);
            wrong += &format!("{flaw:?}: expected {intended}, found {failed:?}\n{shown}");
        }
        let findings = of_runs(&conformance).flat_map(|check| &check.findings);
        for finding in findings.filter(|finding| !finding.input.is_empty()) {
            let rounds = rounds_of(flaw, &finding.input);
            assert!(
                rounds <= MOST_ROUNDS,
                "{flaw:?}: {rounds} rounds\n{}",
                finding.input
            );
            assert!(!finding.mend.is_empty(), "{flaw:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Plays what was found, as its reader would, and returns how many rounds it takes.
fn rounds_of(flaw: Flaw, input: &str) -> usize {
    let scenario = Scenario::parse(input, "found.toml".as_ref());
    let scenario = scenario.unwrap_or_else(|error| panic!("{error}\n{input}"));
    let load = |_: &PolicySource| Ok::<_, Infallible>(Box::new(Best::new(flaw)) as Box<dyn Policy>);
    let Ok(report) = run(&scenario, load);
    report.rounds.len()
}

#[test]
fn a_finding_says_where_it_shows() {
    let conformance = of(Flaw::Impatient);
    let finding = of_runs(&conformance)
        .flat_map(|check| &check.findings)
        .next();
    let input = finding
        .map(|finding| finding.input.as_str())
        .unwrap_or_default();
    let last = input.split("[[round]]").last().unwrap_or_default();
    assert!(
        last.contains("note = \"it releases its last complete"),
        "{input}"
    );
    assert!(input.contains("save-takes"), "{input}");
}

#[test]
fn limits_are_those_of_a_site() {
    let conformance = of(Flaw::Nothing);
    let check = of_runs(&conformance).find(|check| check.id == "safety.limits");
    let figures = check.expect("it is among the checks").figures.iter();
    let bounds: Vec<u64> = figures
        .filter_map(|(_, figure)| figure.split_once(" of ")?.1.parse().ok())
        .collect();
    let limits = Limits::default();
    let numbers = [limits.figures, limits.tags, limits.labels].map(u64::from);
    let expected = [
        &[limits.state, limits.reason],
        &numbers[..],
        &[limits.name, limits.checkpoints.into()],
    ];
    assert_eq!(bounds, expected.concat());
}

#[test]
fn the_same_seed_finds_the_same() {
    let [one, other] = [of(Flaw::SavesNan), of(Flaw::SavesNan)];
    let stable = |conformance: &Conformance| {
        let checks = of_runs(conformance).filter(|check| check.id != "cost.time");
        checks.map(|check| format!("{check:?}")).collect::<Vec<_>>()
    };
    assert_eq!(stable(&one), stable(&other));
}

#[test]
fn a_quarter_of_a_limit_is_a_warning() {
    let conformance = of(Flaw::Hungry);
    let warned = with_status(&conformance, Status::Warned);
    assert_eq!(warned, ["cost.fuel"], "{}", shown(&conformance));
    assert!(with_status(&conformance, Status::Failed).is_empty());
}

#[test]
fn a_small_depth_is_small() {
    let conformance = conform_some(
        &Native(Flaw::Nothing),
        &request(Depth::SMALL, &["{}"]),
        &mut is_of_runs,
    );
    let cases = |id| {
        of_runs(&conformance)
            .find(|check| check.id == id)
            .map(|check| check.cases)
    };
    assert!(with_status(&conformance, Status::Failed).is_empty());
    assert_eq!(cases("safety.release"), Some(16));
    assert_eq!(cases("safety.growth"), Some(500));
}

fn of(flaw: Flaw) -> Conformance {
    let configurations = ["{}", r#"{ "other": true }"#];
    conform_some(
        &Native(flaw),
        &request(SOME, &configurations),
        &mut is_of_runs,
    )
}

/// Rounds that the longest of the findings takes.
const MOST_ROUNDS: usize = 6;

/// Each flaw, and the check that is there to find it.
const FLAWS: [(Flaw, &str); 16] = [
    (Flaw::OddRanksDiffer, "agreement.replicas"),
    (Flaw::HighRanksDiffer, "agreement.rank"),
    (Flaw::ReleasesForeign, "safety.release"),
    (Flaw::StaleLabel, "safety.labels"),
    (Flaw::ReleasesAll, "safety.empties"),
    (Flaw::Impatient, "safety.failed-save"),
    (Flaw::RemembersBest, "safety.failed-save"),
    (Flaw::LongReason, "safety.limits"),
    (Flaw::StateGrows, "safety.growth"),
    (Flaw::SavesNan, "safety.nan"),
    (Flaw::BlindedByNan, "safety.nan"),
    (Flaw::ForgetsOnResume, "resume.cut"),
    (Flaw::HiddenCounter, "resume.cut"),
    (Flaw::RefusesOwnState, "resume.prepare"),
    (Flaw::TrapsOnOtherConfiguration, "resume.prepare"),
    (Flaw::BoundToWorld, "resume.world"),
];

/// The checks of runs, in the order in which they run.
const IDS: [&str; 16] = [
    "agreement.replicas",
    "agreement.rank",
    "safety.release",
    "safety.labels",
    "safety.empties",
    "safety.failed-save",
    "safety.limits",
    "safety.growth",
    "safety.nan",
    "resume.cut",
    "resume.prepare",
    "resume.world",
    "cost.fuel",
    "cost.memory",
    "cost.start",
    "cost.time",
];

/// Deep enough to find all of them, and soon done.
const SOME: Depth = Depth {
    name: "some",
    cases: 96,
    rounds: 8_000,
    configurations: 4,
};

/// The full depth is the command's to play.
const FEW: Depth = Depth {
    name: "few",
    cases: 48,
    rounds: 4_000,
    configurations: 4,
};
