//! The checks of whole runs: the built-in policies pass them, and each bad policy fails its own.

#[path = "conform_runs/bad.rs"]
mod bad;
#[path = "conform_runs/compiled.rs"]
mod compiled;

use ckpt_policy_conformance::conform::{
    CheckReport, Conformance, Depth, Request, Status, Subject, conform,
};
use ckpt_policy_conformance::{Report, Scenario, run};

use bad::{Best, Flaw, Native};
use compiled::Compiled;

fn request(depth: Depth, configurations: &[&str]) -> Request {
    Request {
        seed: 7,
        depth,
        configurations: configurations.iter().map(|one| (*one).to_owned()).collect(),
    }
}

fn of_runs(conformance: &Conformance) -> impl Iterator<Item = &CheckReport> {
    let families = ["agreement.", "safety.", "resume.", "cost."];
    let is_of_runs =
        move |check: &&CheckReport| families.iter().any(|one| check.id.starts_with(one));
    conformance.checks.iter().filter(is_of_runs)
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
        let subject = Compiled::new(name);
        let examples = subject.examples();
        let examples: Vec<&str> = examples.iter().map(String::as_str).collect();
        let conformance = conform(&subject, &request(SOME, &examples));
        assert!(conformance.conforms(), "{name}\n{}", shown(&conformance));
        assert!(of_runs(&conformance).count() >= 16, "{name}");
        let measured = of_runs(&conformance).find(|check| check.id == "cost.fuel");
        let figures = measured.map_or(0, |check| check.figures.len());
        assert!(figures >= 2, "{name}\n{}", shown(&conformance));
    }
}

#[test]
fn a_careful_policy_in_plain_rust_passes() {
    let conformance = of(Flaw::Nothing);
    assert!(conformance.conforms(), "{}", shown(&conformance));
    let warned = of_runs(&conformance).any(|check| check.status != Status::Passed);
    assert!(!warned, "{}", shown(&conformance));
}

#[test]
fn exactly_the_intended_check_fails() {
    let mut wrong = String::new();
    for (flaw, intended) in FLAWS {
        let conformance = of(flaw);
        let failed = of_runs(&conformance).filter(|check| check.status == Status::Failed);
        let failed: Vec<&str> = failed.map(|check| check.id).collect();
        if failed != [intended] {
            wrong += &format!(
                "{flaw:?}: expected {intended}, found {failed:?}\n{}",
                shown(&conformance)
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_finding_is_a_scenario_that_can_be_played() {
    for (flaw, intended) in FLAWS.into_iter().filter(|(_, id)| *id != "safety.growth") {
        let conformance = of(flaw);
        let finding = of_runs(&conformance)
            .flat_map(|check| &check.findings)
            .next();
        let finding = finding.unwrap_or_else(|| panic!("{intended} finds nothing in {flaw:?}"));
        let scenario = Scenario::parse(&finding.input, "found.toml".as_ref());
        let scenario = scenario.unwrap_or_else(|error| panic!("{error}\n{}", finding.input));
        let report: Report = run(&scenario, |_| {
            Ok::<_, String>(Box::new(Best::new(flaw)) as _)
        })
        .expect("the policy is there");
        assert!(report.rounds.len() <= 10, "{flaw:?} {}", finding.input);
        assert!(
            !finding.mend.is_empty() && !finding.what.is_empty(),
            "{flaw:?}"
        );
        println!("{flaw:?}: {}\n{}\n", finding.what, finding.input);
    }
}

#[test]
fn the_same_seed_finds_the_same() {
    let [one, other] = [of(Flaw::SavesNan), of(Flaw::SavesNan)];
    let stable = |conformance: &Conformance| {
        let checks = of_runs(conformance).filter(|check| check.id != "cost.time");
        checks
            .cloned()
            .map(|check| format!("{check:?}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(stable(&one), stable(&other));
}

#[test]
fn a_quarter_of_a_limit_is_a_warning() {
    let conformance = of(Flaw::Hungry);
    let warned = of_runs(&conformance).filter(|check| check.status == Status::Warned);
    let warned: Vec<&str> = warned.map(|check| check.id).collect();
    assert_eq!(warned, ["cost.fuel"], "{}", shown(&conformance));
    assert!(conformance.conforms());
}

#[test]
fn a_small_depth_is_small() {
    let conformance = conform(&Native(Flaw::Nothing), &request(Depth::SMALL, &["{}"]));
    let cases = |id| {
        of_runs(&conformance)
            .find(|check| check.id == id)
            .map(|check| check.cases)
    };
    assert!(conformance.conforms(), "{}", shown(&conformance));
    assert_eq!(cases("safety.release"), Some(16));
    assert_eq!(cases("safety.growth"), Some(500));
}

fn of(flaw: Flaw) -> Conformance {
    let configurations = ["{}", r#"{ "other": true }"#];
    conform(&Native(flaw), &request(SOME, &configurations))
}

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

/// Deep enough to find all of them, and soon done.
const SOME: Depth = Depth {
    name: "some",
    cases: 96,
    rounds: 8_000,
    configurations: 4,
};
