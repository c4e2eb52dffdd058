//! What all scenarios of a call came to: the count, the exit code, the cases for build servers.

use std::path::Path;

use ckpt_policy_conformance::Coverage;

use super::{Played, Tested};
use crate::exit;
use crate::junit::{self, Case, Judgement, Suite};
use crate::report::{Failure, Report};

/// All that was played.
pub(crate) struct Outcome {
    pub(crate) tested: Vec<Tested>,
    /// Scenarios that `--filter` left out.
    pub(crate) left_out: usize,
}

impl Tested {
    /// Returns how it ended: `passed`, `failed`, or `error` where it could not be played.
    pub(crate) fn result(&self) -> &'static str {
        match &self.played {
            Ok(played) if played.passed() => "passed",
            Ok(_) => "failed",
            Err(_) => "error",
        }
    }
}

impl Outcome {
    /// Returns how many ended in this way.
    pub(crate) fn count(&self, result: &str) -> usize {
        let ended = self.tested.iter();
        ended.filter(|tested| tested.result() == result).count()
    }

    pub(crate) fn coverage(&self) -> Coverage {
        let mut coverage = Coverage::default();
        for played in self
            .tested
            .iter()
            .filter_map(|tested| tested.played.as_ref().ok())
        {
            coverage.add(&played.scenario, &played.written);
        }
        coverage
    }

    /// Returns the cases for build servers, a suite for each directory.
    pub(crate) fn suites(&self) -> Vec<Suite> {
        junit::grouped(self.tested.iter().map(|tested| {
            let name = match tested.path.parent() {
                Some(folder) if folder != Path::new("") => folder.display().to_string(),
                _ => ".".to_owned(),
            };
            (name, tested.case())
        }))
    }

    /// Returns the failure that ends the program, with the highest code that applies.
    ///
    /// # Errors
    ///
    /// Everything that is wrong: what could not be played, and how many failed.
    pub(crate) fn judge(&self) -> Result<(), Failure> {
        let mut code = exit::DONE;
        let mut reports: Vec<Report> = Vec::new();
        for failure in self
            .tested
            .iter()
            .filter_map(|tested| tested.played.as_ref().err())
        {
            code = code.max(failure.code());
            // One policy that cannot be loaded is one error, for however many scenarios.
            for report in failure.reports() {
                if !reports.contains(report) {
                    reports.push(report.clone());
                }
            }
        }
        let failed = self.count("failed");
        if failed > 0 {
            code = code.max(exit::JUDGED);
            let of = self.tested.len();
            let scenarios = if of == 1 { "scenario" } else { "scenarios" };
            reports.push(Report::new(format!(
                "{failed} of {of} {scenarios} did not come as written"
            )));
        }
        match code {
            exit::DONE => Ok(()),
            _ => Err(Failure::all(code, reports)),
        }
    }
}

impl Tested {
    fn case(&self) -> Case {
        let file = self.path.file_name().unwrap_or_default();
        let file = file.to_string_lossy();
        let name = match &self.about {
            Some(about) => format!("{file}: {about}"),
            None => file.into_owned(),
        };
        let judgement = match &self.played {
            Ok(played) if played.passed() => Judgement::Passed,
            Ok(played) => failed(played),
            Err(failure) => Judgement::Failed {
                message: "it could not be played".to_owned(),
                text: failure.to_string(),
            },
        };
        Case { name, judgement }
    }
}

fn failed(played: &Played) -> Judgement {
    let written = !played.written.passed();
    let cut = played.cut.as_ref();
    let (message, report) = match cut.filter(|_| !written) {
        Some(cut) => (CUT, cut),
        None => ("it did not come as written", &played.written),
    };
    Judgement::Failed {
        message: message.to_owned(),
        text: report.to_string(),
    }
}

/// What a run is called that fails only when it is cut.
pub(crate) const CUT: &str =
    "it does not come as written when it is cut and resumed before each round";

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use ckpt_policy_conformance::{self as conformance, Check, RoundReport, Scenario};

    use super::{CUT, Outcome, Played, Tested};
    use crate::exit;
    use crate::junit::Judgement;
    use crate::render;
    use crate::report::{Failure, Report};

    fn outcome(failures: &[(u8, &str)]) -> Outcome {
        let tested = failures
            .iter()
            .enumerate()
            .map(|(index, (code, text))| Tested {
                path: PathBuf::from(format!("scenarios/{index}.toml")),
                policy: None,
                about: None,
                played: Err(Failure::new(*code, Report::new(*text))),
                blessed: Vec::new(),
            });
        Outcome {
            tested: tested.collect(),
            left_out: 0,
        }
    }

    #[test]
    fn the_highest_code_wins_and_each_error_is_said_once() {
        let outcome = outcome(&[
            (exit::USER, "a file is absent"),
            (exit::POLICY, "mine.wasm: it trapped at its start"),
            (exit::POLICY, "mine.wasm: it trapped at its start"),
        ]);
        let failure = outcome.judge().expect_err("three could not be played");
        assert_eq!(failure.code(), exit::POLICY);
        let text = "error: a file is absent\n\nerror: mine.wasm: it trapped at its start\n";
        assert_eq!(failure.to_string(), text);
    }

    #[test]
    fn each_directory_is_a_suite() {
        let suites = outcome(&[(exit::USER, "a"), (exit::USER, "b")]).suites();
        let names: Vec<_> = suites[0]
            .cases
            .iter()
            .map(|case| case.name.as_str())
            .collect();
        assert_eq!((suites.len(), suites[0].name.as_str()), (1, "scenarios"));
        assert_eq!(names, ["0.toml", "1.toml"]);
    }

    /// A run of one round, in which one thing was compared.
    fn report(passed: bool) -> conformance::Report {
        let check = Check {
            key: "save",
            expected: "true".to_owned(),
            found: passed.to_string(),
            passed,
        };
        conformance::Report {
            about: "it saves".to_owned(),
            path: PathBuf::from("case.toml"),
            rounds: vec![RoundReport {
                line: 4,
                number: 1,
                at: None,
                note: None,
                found: None,
                checks: vec![check],
                calls: Vec::new(),
            }],
        }
    }

    #[test]
    fn a_run_that_fails_only_when_it_is_cut_has_failed() {
        let text = "about = 'it saves'\npolicy = 'builtin:p'\nranks = 1\n[[round]]";
        let scenario = Scenario::parse(text, Path::new("case.toml")).expect("it is one");
        let outcome = Outcome {
            tested: vec![Tested {
                path: PathBuf::from("case.toml"),
                policy: None,
                about: None,
                played: Ok(Played {
                    scenario,
                    written: report(true),
                    cut: Some(report(false)),
                    unblessed: None,
                }),
                blessed: Vec::new(),
            }],
            left_out: 0,
        };
        let failure = outcome.judge().expect_err("it has failed");
        assert_eq!(failure.code(), exit::JUDGED);
        let shown = render::failed_scenarios(&outcome);
        let title = "\ncut and resumed before each round, which must change nothing:\ncase.toml: it saves\n";
        assert!(shown.starts_with(title), "{shown}");
        assert!(shown.contains("! save | true     | false"), "{shown}");
        let judgement = &outcome.suites()[0].cases[0].judgement;
        assert!(
            matches!(judgement, Judgement::Failed { message, .. } if message == CUT),
            "{judgement:?}"
        );
    }
}
