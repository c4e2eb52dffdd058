//! Policies built for WebAssembly, by `plugins/build`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tests;

/// Core modules by the names of their policies; or why there are none.
pub(crate) type Modules = Result<BTreeMap<String, PathBuf>, String>;

/// Builds policies of this checkout, or with `sources` of a changed copy.
pub(crate) fn build(name: &str, sources: Option<&Path>) -> Modules {
    let mut command = Command::new(tests().join("../plugins/build"));
    command.arg("--modules").arg(name);
    if let Some(folder) = sources {
        command.arg("--sources").arg(folder);
    }
    let output = command
        .output()
        .map_err(|error| format!("plugins/build needs bash: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("plugins/build failed:\n{said}"));
    }
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let built = lines.lines().filter_map(|line| line.split_once('='));
    Ok(built
        .map(|(name, path)| (name.to_owned(), PathBuf::from(path)))
        .collect())
}
