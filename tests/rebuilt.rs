//! Builds the policies from their sources and plays their scenarios to what comes out.
//!
//! That the committed components have the same bytes is another test's, and holds for the recorded
//! toolchain alone; that they behave the same holds for all. The core modules are loaded as cargo
//! leaves them, which is also how a user drops in a policy of their own.

#[path = "simulated/plays.rs"]
mod plays;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use plays::{load, play_all, root};

#[test]
fn rebuilt_policies_behave_as_the_committed_ones() {
    let names: Vec<&str> = ckpt_policy_builtins::names().collect();
    let modules = build(&names);
    for name in names {
        play_all(&root().join("plugins").join(name), &load(&modules[name]));
    }
}

/// Builds policies; returns their core modules by name.
fn build(names: &[&str]) -> BTreeMap<String, PathBuf> {
    let output = Command::new(root().join("plugins/build"))
        .arg("--modules")
        .args(names)
        .output()
        .expect("plugins/build runs: it needs bash");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "plugins/build failed:\n{said}");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let built = lines.lines().filter_map(|line| line.split_once('='));
    built
        .map(|(name, path)| (name.to_owned(), PathBuf::from(path)))
        .collect()
}
