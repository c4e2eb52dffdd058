//! Policies that are each wrong in one way: the check for it finds them, and no other does.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ckpt_policy_conformance::conform::Status;
use libtest_mimic::{Failed, Trial};

use crate::guests::{Modules, build};
use crate::{checkout, files, read, request, stem, told, with_status};

pub(crate) fn trials() -> Vec<Trial> {
    let folder = checkout().join("tests/conformance/broken/policies");
    let sources = files(&folder, &["rs", "wat", "txt"]);
    let trial =
        |source: PathBuf| Trial::test(format!("broken/{}", stem(&source)), move || check(&source));
    sources.into_iter().map(trial).collect()
}

fn check(source: &Path) -> Result<(), Failed> {
    let expected = Expected::read(source)?;
    let conformance = ckpt_policy::conformance(&compiled(source)?, &request(CASES), &mut |_| true);
    let found = Expected {
        fails: owned(with_status(&conformance, Status::Failed)),
        warns: owned(with_status(&conformance, Status::Warned)),
    };
    match found == expected {
        true => Ok(()),
        false => Err(format!(
            "expected {expected:?}, found {found:?}\n{}",
            told(&conformance)
        )
        .into()),
    }
}

/// The checks that fail and those that warn.
#[derive(Debug, Default, PartialEq, Eq)]
struct Expected {
    fails: Vec<String>,
    warns: Vec<String>,
}

impl Expected {
    /// Reads the second line of a file, such as `//! fails: purity.reused`.
    fn read(source: &Path) -> Result<Self, Failed> {
        let text = String::from_utf8(read(source)?)?;
        let line = text.lines().nth(1).unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [_, "fails:", "nothing"] => Ok(Self::default()),
            [_, "fails:", id] => Ok(Self {
                fails: owned(vec![id]),
                ..Self::default()
            }),
            [_, "warns:", id] => Ok(Self {
                warns: owned(vec![id]),
                ..Self::default()
            }),
            _ => {
                Err(format!("expected `fails: ID` or `warns: ID` in line 2, found `{line}`").into())
            }
        }
    }
}

fn owned(ids: Vec<&str>) -> Vec<String> {
    ids.into_iter().map(str::to_owned).collect()
}

/// Returns the file that somebody would hand over.
fn compiled(source: &Path) -> Result<Vec<u8>, Failed> {
    let extension = source.extension().and_then(|extension| extension.to_str());
    match extension {
        Some("wat") => Ok(wat::parse_file(source)?),
        Some("rs") => {
            let modules = BUILT.as_ref().map_err(String::as_str)?;
            let name = stem(source);
            let module = modules
                .get(&name)
                .ok_or_else(|| format!("`{name}` was not built"))?;
            read(module)
        }
        _ => read(source),
    }
}

/// Enough for each fault; a policy that uses up its fuel takes long over each.
const CASES: u32 = 24;

static BUILT: LazyLock<Modules> = LazyLock::new(|| build(&checkout(), "broken", None));
