//! One case: a file of `policies`, what it says about itself, and the bytes that come of it.
//!
//! A `.wat` file holds the policy, and its lines that begin with `;;!` are the expectation; a `.toml` file is the
//! expectation alone, of what a function of `made` makes. Keys that nobody reads are refused.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use serde::Deserialize;

use crate::{folder, guest, made};

/// A policy, and how it ends.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) expected: Expected,
    path: PathBuf,
    text: String,
}

/// What a case says about itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Expected {
    /// What stops it.
    pub(crate) at: Stage,
    /// The variant of the runtime's error, where it is not loaded.
    pub(crate) error: Option<String>,
    /// The variant of the fault, where a call ends in one.
    pub(crate) fault: Option<String>,
    /// What is said, in one line.
    #[serde(default)]
    pub(crate) says: String,
    /// The exit code where the program does not get as far as a run: 2 or 3.
    pub(crate) exit: Option<i32>,
    /// Rounds of the run: more where a policy behaves for a while.
    #[serde(default = "few")]
    pub(crate) rounds: u64,
    /// Its configuration.
    #[serde(default)]
    pub(crate) config: toml::Table,
    /// More keys of its table in the site's configuration.
    #[serde(default)]
    pub(crate) policy: toml::Table,
    #[serde(default)]
    guest: guest::Change,
    /// The function that makes the file, and its size.
    made_by: Option<made::Made>,
}

/// What stops a policy: a check of the loader, the end of a call, or what the host makes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stage {
    /// It is not loaded, or its start fails.
    Load,
    /// `describe` fails.
    Describe,
    /// `prepare` fails.
    Prepare,
    /// The host refuses what both have answered.
    Open,
    /// `observe` fails.
    Observe,
    /// `decide` fails.
    Decide,
    /// The host refuses what a call in a round has answered.
    Round,
    /// Nothing: it has odd ways, and does no harm.
    Nothing,
}

impl Case {
    /// Reads the corpus, in the order of its names.
    pub(crate) fn all() -> Vec<Self> {
        let folder = folder().join("policies");
        let listed =
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("`{}`: {error}", folder.display()));
        let mut paths: Vec<_> = listed
            .map(|entry| entry.expect("an entry").path())
            .collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("`{}`: {error}", path.display()));
        let is_module = path.extension().is_some_and(|extension| extension == "wat");
        let about = match is_module {
            true => text
                .lines()
                .filter_map(|line| line.strip_prefix(";;!"))
                .fold(String::new(), |all, line| all + line + "\n"),
            false => text.clone(),
        };
        let expected: Expected =
            toml::from_str(&about).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()));
        assert_ne!(
            is_module,
            expected.made_by.is_some(),
            "`{}` is text or made, one of both",
            path.display()
        );
        Self {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            expected,
            path: path.to_owned(),
            text,
        }
    }

    /// Makes the policy's file.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, Failed> {
        let made = match &self.expected.made_by {
            Some(made) => made.bytes(),
            None => guest::module(&self.text, &self.expected.guest),
        };
        made.map_err(|error| format!("`{}`: {error}", self.path.display()).into())
    }
}

/// Checks that the corpus is as large as is promised, and that no case is there twice.
pub(crate) fn differ(cases: &[Case]) -> Result<(), Failed> {
    if cases.len() < PROMISED {
        return Err(format!("there are {} cases, promised are {PROMISED}", cases.len()).into());
    }
    let mut seen: Vec<(&str, Vec<u8>)> = Vec::new();
    for case in cases {
        let bytes = case.bytes()?;
        if let Some((name, _)) = seen.iter().find(|(_, known)| *known == bytes) {
            return Err(format!("`{}` is the same file as `{name}`", case.name).into());
        }
        // Large files differ in their size; their bytes are not kept.
        if bytes.len() < 1 << 20 {
            seen.push((&case.name, bytes));
        }
    }
    Ok(())
}

fn few() -> u64 {
    3
}

/// Files that the corpus must have.
const PROMISED: usize = 60;
