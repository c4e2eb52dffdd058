//! Finds the scenarios: which files there are, and which of them are none.
//!
//! A file that was named must be a scenario. In a directory, TOML files that have nothing of a scenario
//! (a package's manifest, a site's configuration) are passed over in silence; one that has something of
//! it, or that cannot be read, is a scenario gone wrong.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use ckpt_policy_conformance::Scenario;
use walkdir::{DirEntry, WalkDir};

use crate::exit;
use crate::report::{Failure, Report};

/// One file, and what is in it.
pub(super) struct ScenarioFile {
    pub(super) path: PathBuf,
    /// What was read; `None` where nothing could be.
    pub(super) text: Option<String>,
    /// The scenario, or why it cannot be played.
    pub(super) scenario: Result<Scenario, Failure>,
}

/// Returns the scenarios below these paths, each once, in the order of the paths and of the names.
pub(super) fn find(paths: &[PathBuf]) -> Vec<ScenarioFile> {
    let mut found: Vec<ScenarioFile> = Vec::new();
    for path in paths {
        let files = match path.is_dir() {
            true => in_directory(path),
            false => vec![read(path)],
        };
        for file in files {
            if !found.iter().any(|known| known.path == file.path) {
                found.push(file);
            }
        }
    }
    found
}

fn in_directory(root: &Path) -> Vec<ScenarioFile> {
    let walk = WalkDir::new(root).sort_by_file_name().into_iter();
    let mut found = Vec::new();
    for entry in walk.filter_entry(is_wanted) {
        match entry {
            Ok(entry) if entry.path().is_file() && is_toml(entry.path()) => {
                let path = entry.path();
                let file = read(path.strip_prefix(".").unwrap_or(path));
                if !is_something_else(&file) {
                    found.push(file);
                }
            }
            Ok(_) => {}
            Err(error) => {
                let path = error.path().unwrap_or(root).to_owned();
                let failure = unreadable(&path, &error);
                found.push(ScenarioFile {
                    path,
                    text: None,
                    scenario: Err(failure),
                });
            }
        }
    }
    found
}

/// Whether an entry is looked into: neither hidden, nor what a build leaves behind.
fn is_wanted(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let is_built = entry.file_type().is_dir() && ["target", "node_modules"].contains(&&*name);
    entry.depth() == 0 || !(name.starts_with('.') || is_built)
}

fn is_toml(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("toml"))
}

/// Whether a file is TOML of another kind.
fn is_something_else(file: &ScenarioFile) -> bool {
    let table = file.text.as_ref().map(|text| text.parse::<toml::Table>());
    let Some(Ok(table)) = table else {
        return false;
    };
    // A site's configuration has policies, too, but a table each.
    let names_policy = table.get("policy").is_some_and(toml::Value::is_str);
    file.scenario.is_err()
        && !names_policy
        && !table.contains_key("about")
        && !table.contains_key("ranks")
}

fn read(path: &Path) -> ScenarioFile {
    let path = path.to_owned();
    match fs::read_to_string(&path) {
        Ok(text) => ScenarioFile {
            scenario: Scenario::parse(&text, &path)
                .map_err(|error| Failure::user(error.to_string())),
            path,
            text: Some(text),
        },
        Err(error) => ScenarioFile {
            scenario: Err(unreadable(&path, &error)),
            path,
            text: None,
        },
    }
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> Failure {
    let report = Report::new(format!("cannot read `{}`", path.display())).caused_by(error);
    Failure::new(exit::USER, report)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::find;

    const SCENARIO: &str = "about = 'a'\npolicy = 'builtin:p'\nranks = 1\n[[round]]\n";

    #[test]
    fn looks_everywhere_but_where_nobody_writes_scenarios() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["b/one.toml", "a.toml", ".git/two.toml", "target/three.toml"] {
            fs::create_dir_all(at(name).parent().expect("a folder")).expect("made");
            fs::write(at(name), SCENARIO).expect("written");
        }
        fs::write(at("Cargo.toml"), "[package]\nname = 'x'\n").expect("written");
        fs::write(at("site.toml"), "[[policy]]\nname = 'x'\n").expect("written");
        fs::write(at("wrong.toml"), "about = 'b'\n").expect("written");
        fs::write(at("broken.toml"), "about = \n").expect("written");
        fs::write(at("latin-1.toml"), b"about = 'gr\xf6\xdfer'\n").expect("written");
        let found = find(&[folder.path().to_owned(), at("a.toml")]);
        let names: Vec<_> = found
            .iter()
            .map(|file| file.path.strip_prefix(folder.path()).expect("below it"))
            .collect();
        let expected = [
            "a.toml",
            "b/one.toml",
            "broken.toml",
            "latin-1.toml",
            "wrong.toml",
        ];
        assert_eq!(names, expected.map(std::path::Path::new));
        assert!(found[..2].iter().all(|file| file.scenario.is_ok()));
        assert!(found[2..].iter().all(|file| file.scenario.is_err()));
    }

    #[test]
    fn a_file_that_was_named_must_be_a_scenario() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("Cargo.toml");
        fs::write(&path, "[package]\n").expect("written");
        let found = find(&[path, folder.path().join("absent.toml")]);
        assert!(found.iter().all(|file| file.scenario.is_err()));
        assert_eq!(found.len(), 2);
    }
}
