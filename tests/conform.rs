//! Proves what the conformance suite is worth: good policies pass it, and what is wrong does not.
//!
//! | trial | what it is | what must come of it |
//! |---|---|---|
//! | `builtin/NAME` | a policy of `plugins/dist` | no check fails |
//! | `broken/NAME` | a file in `tests/conformance/broken/policies` | the check that it names fails, and no other |
//! | `mutant/NAME` | a change of a good policy, a file in `tests/conformance/mutants` | the check or the scenarios that it names fail |
//!
//! `tests/conformance/README.md` says how to add one. The policies are built for WebAssembly first, once, by
//! `plugins/build`.

#[path = "conformance/harness/broken.rs"]
mod broken;
#[path = "conformance/harness/guests.rs"]
mod guests;
#[path = "conformance/harness/mutants.rs"]
mod mutants;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ckpt_policy_conformance::conform::{Conformance, Depth, Request, Status};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = broken::trials();
    trials.extend(mutants::trials());
    trials.extend(ckpt_policy_builtins::names().map(builtin));
    libtest_mimic::run(&arguments, trials).exit();
}

fn builtin(name: &'static str) -> Trial {
    Trial::test(format!("builtin/{name}"), move || {
        let bytes = ckpt_policy_builtins::get(name).ok_or("it is not built in")?;
        let conformance = ckpt_policy::conformance(bytes, &request(64), &mut |_| true);
        match conformance.conforms() && !conformance.checks.is_empty() {
            true => Ok(()),
            false => Err(told(&conformance).into()),
        }
    })
}

/// How deep the trials go: with so many cases, and no deeper than each fault needs.
fn request(cases: u32) -> Request {
    Request {
        seed: 1,
        depth: Depth {
            name: "test",
            cases,
            rounds: 1_000,
            configurations: 2,
        },
        configurations: Vec::new(),
    }
}

/// Returns the ids of the checks that ended so.
fn with_status(conformance: &Conformance, status: Status) -> Vec<&'static str> {
    let checks = conformance.checks.iter();
    let found = checks.filter(|check| check.status == status);
    found.map(|check| check.id).collect()
}

/// Says what was found, for whoever reads a failed trial.
fn told(conformance: &Conformance) -> String {
    let mut text = String::new();
    for check in &conformance.checks {
        if matches!(check.status, Status::Failed | Status::Warned) {
            for finding in &check.findings {
                let (id, what) = (check.id, &finding.what);
                let (config, input) = (&finding.config, &finding.input);
                let _ = writeln!(text, "{id}: {what}\n  under {config}\n  input {input}");
            }
        }
    }
    text
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Lists the files of a folder with one of these extensions, in the order of their names; there must be some.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let listed =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("`{}`: {error}", folder.display()));
    let paths = listed.map(|entry| entry.expect("an entry").path());
    let known = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    };
    let mut found: Vec<PathBuf> = paths.filter(known).collect();
    found.sort();
    assert!(
        !found.is_empty(),
        "there is nothing in `{}`",
        folder.display()
    );
    found
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn read(path: &Path) -> Result<Vec<u8>, Failed> {
    fs::read(path).map_err(|error| format!("`{}`: {error}", path.display()).into())
}
