//! The checks of the contract and of single calls: the built-in policies hold, and a policy that is
//! wrong in one way fails the one check that is there to find it.

mod builtin;
#[path = "conform_calls/flawed.rs"]
mod flawed;
#[path = "conform_calls/subject.rs"]
mod subject;

use ckpt_policy_conformance::conform::{
    CheckReport, Conformance, Depth, LoadError, Request, Status, Subject, conform_some, refused,
};

use builtin::Builtin;
use flawed::Flaw;
use subject::Native;

/// Each flaw, and the check that it fails.
const FLAWS: [(Flaw, &str); 45] = [
    (Flaw::SummaryOfTwoLines, "contract.describe"),
    (Flaw::VersionIsAWord, "contract.describe"),
    (Flaw::DescribeTraps, "contract.describe"),
    (Flaw::SchemaIsNoSchema, "contract.schema"),
    (Flaw::SchemaRefusesItsExample, "contract.schema"),
    (Flaw::SchemaIsOpen, "contract.unknown-keys"),
    (Flaw::RefusesTheLargestTopK, "contract.accepts"),
    (Flaw::TrapsOnAConfiguration, "contract.accepts"),
    (Flaw::AcceptsAnyMode, "contract.refuses"),
    (Flaw::TrapsOnWhatIsNoJson, "contract.refuses"),
    (Flaw::FailsWithTheWrongError, "contract.refuses"),
    (Flaw::AcceptsUnknownKeys, "contract.unknown-keys"),
    (Flaw::DoesNotNameTheKey, "contract.unknown-keys"),
    (Flaw::ReducesWhatIsNotThere, "contract.plan"),
    (Flaw::NamesAnUnknownMoment, "contract.plan"),
    (Flaw::NamesAnInputTwice, "contract.plan"),
    (Flaw::LeavesOutAMissingVote, "contract.features"),
    (Flaw::DiffersFromInstanceToInstance, "purity.repeat"),
    (Flaw::CountsInAGlobal, "purity.reused"),
    (Flaw::RemembersThatItFailed, "purity.after-trap"),
    (Flaw::CachesItsConfiguration, "purity.interleaved"),
    (Flaw::KeepsTheFirstKey, "agreement.settings"),
    (Flaw::CachesItsRank, "agreement.observe"),
    (Flaw::DependsOnTheCompiler, "agreement.compilers"),
    (Flaw::TrapsAlways, "totality.calm"),
    (Flaw::TrapsAtItsSecondMoment, "totality.moments"),
    (Flaw::TrapsOnNan, "totality.numbers"),
    (Flaw::TrapsOnAllMissing, "totality.numbers"),
    (Flaw::TrapsOnMinusZero, "totality.numbers"),
    (Flaw::DividesByOtherRanks, "totality.world"),
    (Flaw::TakesTheSquareOfTheRanks, "totality.world"),
    (Flaw::NeedsACheckpoint, "totality.ledger"),
    (Flaw::TakesTheSquareOfTheLedger, "totality.ledger"),
    (Flaw::NeedsTheNumbersOfCheckpoints, "totality.ledger"),
    (Flaw::NeedsCompleteCheckpoints, "totality.ledger"),
    (Flaw::NeedsIdsWithoutGaps, "totality.ledger"),
    (Flaw::AddsToTheLargestId, "totality.ledger"),
    (Flaw::AddsToTheLargestStep, "totality.steps"),
    (Flaw::SubtractsSteps, "totality.steps"),
    (Flaw::NeedsAClock, "totality.steps"),
    (Flaw::IndexesItsState, "totality.state"),
    (Flaw::LoopsInAnotherState, "totality.state"),
    (Flaw::TrapsOnADamagedPreviousState, "totality.state"),
    (Flaw::SchemaHasNoExample, "contract.schema"),
    (Flaw::KeepsTheConfigurationAsItIs, "agreement.settings"),
];

/// Flaws that are only warned of.
const MILD: [Flaw; 2] = [Flaw::SchemaHasNoExample, Flaw::KeepsTheConfigurationAsItIs];

#[test]
fn each_flaw_fails_its_check_and_no_other() {
    for (flaw, check) in FLAWS {
        let report = tried(&Native::new(flaw), &request(QUICK));
        let expected = match MILD.contains(&flaw) {
            true => Status::Warned,
            false => Status::Failed,
        };
        let found: Vec<_> = report
            .checks
            .iter()
            .filter(|check| matches!(check.status, Status::Failed | Status::Warned))
            .map(|check| (check.id, check.status))
            .collect();
        assert_eq!(found, [(check, expected)], "{flaw:?}\n{}", text(&report));
    }
}

#[test]
fn a_good_policy_conforms_and_nothing_is_left_out() {
    let report = tried(&Native::new(Flaw::None), &request(QUICK));
    let others = report
        .checks
        .iter()
        .filter(|check| check.status != Status::Passed);
    assert_eq!(others.count(), 0, "{}", text(&report));
    assert_eq!(report.policy, "flawed 1.0.0");
    assert_eq!(report.configurations[0], r#"{"monitor":"val_loss"}"#);
}

#[test]
fn the_built_in_policies_conform() {
    for name in ckpt_policy_builtins::names() {
        let builtin = Builtin::new(name);
        assert!(!builtin.examples().is_empty(), "{name} has no example");
        let report = tried(&builtin, &request(Depth::FULL));
        let failed = report
            .checks
            .iter()
            .any(|check| check.status == Status::Failed);
        assert!(!failed, "{name}\n{}", text(&report));
    }
}

#[test]
fn the_same_seed_finds_the_same() {
    let found = |seed| {
        let request = Request {
            seed,
            ..request(QUICK)
        };
        text(&tried(&Native::new(Flaw::TrapsOnNan), &request))
    };
    assert_eq!(found(3), found(3));
}

#[test]
fn a_finding_shows_the_smallest_input() {
    let report = tried(&Native::new(Flaw::DividesByOtherRanks), &request(QUICK));
    let finding = &find(&report, "totality.world").findings[0];
    assert_eq!(finding.config, r#"{"monitor":"val_loss"}"#);
    assert!(finding.what.contains("`decide`"), "{}", finding.what);
    assert!(finding.mend.contains("one rank"), "{}", finding.mend);
    let input: serde_json::Value = serde_json::from_str(&finding.input).expect("it is JSON");
    let round = &input["decide"]["round"];
    assert_eq!(round["world-size"], 1, "{input:#}");
    assert_eq!(round["values"][0]["statistic"]["value"], 0.5, "{input:#}");
}

#[test]
fn numbers_that_json_does_not_have_are_words() {
    let report = tried(&Native::new(Flaw::TrapsOnNan), &request(QUICK));
    let finding = &find(&report, "totality.numbers").findings[0];
    let input: serde_json::Value = serde_json::from_str(&finding.input).expect("it is JSON");
    assert_eq!(input["observe"]["observation"]["values"][0], "NaN");
}

#[test]
fn a_configuration_that_is_refused_is_small() {
    let report = tried(&Native::new(Flaw::RefusesTheLargestTopK), &request(QUICK));
    let finding = &find(&report, "contract.accepts").findings[0];
    assert_eq!(finding.config, r#"{"monitor":"val_loss","top-k":10}"#);
    assert!(
        finding.what.contains("expected 1 to 10"),
        "{}",
        finding.what
    );
}

#[test]
fn given_configurations_are_the_only_ones() {
    let config = r#"{"monitor":"loss","top-k":2}"#;
    let given = |config: &str| Request {
        configurations: vec![config.to_owned()],
        ..request(QUICK)
    };
    let good = tried(&Native::new(Flaw::None), &given(config));
    assert_eq!(good.configurations, [config]);
    let wrong = tried(&Native::new(Flaw::None), &given(r#"{"top-k":2}"#));
    let finding = &find(&wrong, "contract.accepts").findings[0];
    assert!(finding.what.contains("monitor"), "{}", finding.what);
    assert_eq!(find(&wrong, "purity.repeat").status, Status::NotRun);
}

#[test]
fn a_file_that_is_no_policy_fails_one_check_and_the_rest_is_not_run() {
    let errors = [
        (LoadError::File("damaged".to_owned()), "contract.loads"),
        (LoadError::Imports("wasi".to_owned()), "contract.imports"),
        (LoadError::World("other".to_owned()), "contract.world"),
        (LoadError::Version("0.2.0".to_owned()), "contract.version"),
    ];
    for (error, check) in errors {
        let report = refused(&error, &request(QUICK));
        assert!(!report.conforms());
        for one in &report.checks {
            let expected = match one.id == check {
                true => Status::Failed,
                false => Status::NotRun,
            };
            assert_eq!(one.status, expected, "{}", one.id);
            assert!(!one.findings[0].what.is_empty(), "{}", one.id);
        }
    }
}

const QUICK: Depth = Depth {
    name: "quick",
    cases: 64,
    rounds: 100,
    configurations: 4,
};

fn request(depth: Depth) -> Request {
    Request {
        seed: 1,
        depth,
        configurations: Vec::new(),
    }
}

/// Runs the checks that are not about whole runs.
fn tried(subject: &dyn Subject, request: &Request) -> Conformance {
    conform_some(subject, request, &mut is_of_calls)
}

fn is_of_calls(id: &str) -> bool {
    const AGREEMENT: [&str; 3] = [
        "agreement.compilers",
        "agreement.observe",
        "agreement.settings",
    ];
    let families = ["contract.", "purity.", "totality."];
    families.iter().any(|family| id.starts_with(family)) || AGREEMENT.contains(&id)
}

fn find<'a>(report: &'a Conformance, id: &str) -> &'a CheckReport {
    let found = report.checks.iter().find(|check| check.id == id);
    found.unwrap_or_else(|| panic!("there is no check `{id}`"))
}

fn text(report: &Conformance) -> String {
    let lines = report.checks.iter().map(|check| {
        let findings = check.findings.iter().map(|finding| {
            let [what, config, input] = [&finding.what, &finding.config, &finding.input];
            format!("    {what}\n    {config}\n    {input}\n")
        });
        let findings: String = findings.collect();
        format!(
            "  {:?} {} {}\n{findings}",
            check.status, check.id, check.cases
        )
    });
    lines.collect()
}
