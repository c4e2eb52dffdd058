//! JUnit files, which build servers read: what was judged, one case each.
//!
//! Deterministic and safe for a terminal: neither times nor the time of day are in them, only what was judged.

use std::fs;
use std::path::Path;

use ckpt_policy_core::text::{self, Printable};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::report::Failure;

/// Cases that belong together, such as those of one file.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) cases: Vec<Case>,
}

/// One thing that was judged.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) judgement: Judgement,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    Passed,
    /// One line that says what is wrong, and all that there is to say.
    Failed {
        message: String,
        text: String,
    },
    /// Why it was not judged.
    NotRun(String),
}

/// Puts cases together by the suite that each names, in the order in which they come.
pub(crate) fn grouped(cases: impl IntoIterator<Item = (String, Case)>) -> Vec<Suite> {
    let mut suites: Vec<Suite> = Vec::new();
    for (name, case) in cases {
        match suites.iter_mut().find(|suite| suite.name == name) {
            Some(suite) => suite.cases.push(case),
            None => suites.push(Suite {
                name,
                cases: vec![case],
            }),
        }
    }
    suites
}

/// Writes the cases into a file.
///
/// # Errors
///
/// The user's, where the file cannot be written.
pub(crate) fn write(path: &Path, name: &str, suites: &[Suite]) -> Result<(), Failure> {
    let mut report = quick_junit::Report::new(name);
    report.add_test_suites(suites.iter().map(|suite| {
        let mut written = TestSuite::new(shown(&suite.name));
        written.add_test_cases(suite.cases.iter().map(|case| test_case(&suite.name, case)));
        written
    }));
    let failed = |what: &dyn ToString| {
        let (path, what) = (path.display(), what.to_string());
        Failure::user(format!("cannot write the JUnit file `{path}`: {what}"))
    };
    let text = report.to_string().map_err(|error| failed(&error))?;
    fs::write(path, text).map_err(|error| failed(&error))
}

fn test_case(suite: &str, case: &Case) -> TestCase {
    let status = match &case.judgement {
        Judgement::Passed => TestCaseStatus::success(),
        Judgement::Failed { message, text } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(shown(message));
            status.set_description(text::lines(text).into_owned());
            status
        }
        Judgement::NotRun(why) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(shown(why));
            status
        }
    };
    let mut written = TestCase::new(shown(&case.name), status);
    written.set_classname(shown(suite));
    written
}

fn shown(text: &str) -> String {
    Printable(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::{Case, Judgement, Suite, write};

    #[test]
    fn escapes_and_counts() {
        let failed = Judgement::Failed {
            message: "expected <1> & found \u{1b}[2J\u{9b}\u{202e}".to_owned(),
            text: "more".to_owned(),
        };
        let case = |name: &str, judgement| Case {
            name: name.to_owned(),
            judgement,
        };
        let suite = Suite {
            name: "one".to_owned(),
            cases: vec![
                case("a", Judgement::Passed),
                case("b", failed),
                case("c", Judgement::NotRun("why".to_owned())),
            ],
        };
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("junit.xml");
        write(&path, "test", &[suite]).expect("written");
        let text = std::fs::read_to_string(path).expect("read");
        assert!(
            text.contains(r#"tests="3" skipped="1" errors="0" failures="1""#),
            "{text}"
        );
        assert!(text.contains("expected &lt;1&gt; &amp; found"), "{text}");
        assert_eq!(ckpt_policy_core::text::lines(&text), text);
    }
}
