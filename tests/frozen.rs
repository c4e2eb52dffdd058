//! Policies that were compiled against a published version of the contract still decide as then.

#[path = "simulated/plays.rs"]
mod plays;

use std::fs;

use plays::{load, play_all, root};

#[test]
fn every_published_policy_decides_as_it_did() {
    let entries = fs::read_dir(root().join("tests/contract")).expect("published versions");
    let folders = entries.map(|entry| entry.expect("an entry").path());
    let versions: Vec<_> = folders.filter(|path| path.is_dir()).collect();
    assert!(!versions.is_empty(), "no version is published");
    for version in versions {
        play_all(&version, &load(&version.join("policy.wasm")));
    }
}
