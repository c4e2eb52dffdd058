//! The files of the examples, carried in the program.
//!
//! Each is listed by name, so that nothing which a build has left in an example's folder can get
//! in; a test holds the lists complete.

use super::Language;
use super::name::Name;

/// A file that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Relative to the folder, with `/`.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

impl File {
    pub(crate) fn new(path: impl Into<String>, bytes: &[u8]) -> Self {
        Self {
            path: path.into(),
            bytes: bytes.to_owned(),
        }
    }

    /// Replaces the example's name; a file that is no text has none.
    pub(crate) fn renamed(self, name: &Name) -> Self {
        match String::from_utf8(self.bytes) {
            Ok(text) => Self {
                path: self.path,
                bytes: text.replace(EXAMPLE, name.as_str()).into_bytes(),
            },
            Err(binary) => Self {
                path: self.path,
                bytes: binary.into_bytes(),
            },
        }
    }
}

/// Returns the files of an example, with the scenarios, which are the same in each of them.
pub(crate) fn example(language: Language) -> impl Iterator<Item = File> {
    let own: &[_] = match language {
        Language::Rust => &RUST,
        Language::Python => &PYTHON,
        Language::Js => &JS,
        Language::C => &C,
    };
    let own = own.iter().map(|(name, bytes)| File::new(*name, bytes));
    let scenarios = SCENARIOS
        .iter()
        .map(|(name, bytes)| File::new(format!("scenarios/{name}"), bytes));
    own.chain(scenarios)
}

/// Returns the contract.
pub(crate) fn contract() -> Vec<File> {
    let text = include_bytes!("../../../../../wit/policy.wit");
    vec![File::new("wit/policy.wit", text)]
}

/// Pairs the names of files in a folder of `plugins` with what is in them.
macro_rules! files {
    ($folder:literal: $($name:literal)+) => {
        [$(($name, include_bytes!(concat!("../../../../../plugins/", $folder, "/", $name)).as_slice())),+]
    };
}
pub(super) use files;

const RUST: [(&str, &[u8]); 8] = files!("examples/rust":
    ".gitignore" "Cargo.lock" "Cargo.toml" "Makefile" "README.md" "build.sh" "schema.json"
    "src/lib.rs");

const PYTHON: [(&str, &[u8]); 6] = files!("examples/python":
    ".gitignore" "Makefile" "README.md" "guest.py" "policy.py" "requirements.txt");

const JS: [(&str, &[u8]); 9] = files!("examples/js":
    ".gitignore" "Makefile" "README.md" "build.mjs" "contract.d.ts" "guest.js" "jsconfig.json"
    "package.json" "policy.js");

const C: [(&str, &[u8]); 12] = files!("examples/c":
    ".gitignore" "Makefile" "README.md" "config.c" "config.h" "decision_policy.c"
    "decision_policy.h" "decision_policy_component_type.o" "guest.c" "guest.h" "policy.c"
    "requirements.txt");

const SCENARIOS: [(&str, &[u8]); 16] = files!("examples/rust/scenarios":
    "failed-save.toml" "in-flight.toml" "max.toml" "missing.toml" "name-of-the-metric.toml"
    "not-finite.toml" "numbers.toml" "refused-mode.toml" "refused-several.toml"
    "refused-share.toml" "refused-unknown-key.toml" "refused-without-monitor.toml" "resume.toml"
    "share-and-mean.toml" "smallest.toml" "ten-minutes.toml");

/// What the policy of the examples is called, and nothing else in them.
pub(super) const EXAMPLE: &str = "three-quarters";
