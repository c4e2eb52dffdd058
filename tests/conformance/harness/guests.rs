//! Policies built for WebAssembly, by `plugins/build`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Core modules by the names of their policies; or why there are none.
pub(crate) type Modules = Result<BTreeMap<String, PathBuf>, String>;

/// Builds policies of a checkout; `target` is where cargo puts them, unless that is the usual place.
pub(crate) fn build(checkout: &Path, name: &str, target: Option<&Path>) -> Modules {
    let mut command = Command::new(checkout.join("plugins/build"));
    command.arg("--modules").arg(name);
    if let Some(folder) = target {
        command.env("CARGO_TARGET_DIR", folder);
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
    let named = built.map(|(name, path)| (name.to_owned(), PathBuf::from(path)));
    Ok(named.collect())
}
