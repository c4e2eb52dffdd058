//! Plays the scenarios of one policy to a file that was compiled from it.

use std::fs;
use std::path::{Path, PathBuf};

use ckpt_policy_conformance::{PolicySource, Scenario, run};
use ckpt_policy_core::contract::Policy;
use ckpt_policy_runtime::{Instances, Limits, Loaded, Runtime};

/// Returns the repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Loads a component or a core module.
pub(crate) fn load(file: &Path) -> Loaded {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("`{}`: {error}", file.display()));
    let runtime = Runtime::new(Limits::default(), Instances::Fresh).expect("a runtime");
    runtime
        .load(&bytes)
        .unwrap_or_else(|error| panic!("`{}`: {error}", file.display()))
}

/// Plays all scenarios in a policy's folder, whichever file they name.
pub(crate) fn play_all(folder: &Path, policy: &Loaded) {
    let listed = fs::read_dir(folder.join("scenarios")).expect("a folder of scenarios");
    let mut files: Vec<PathBuf> = listed
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "`{}` has no scenario", folder.display());
    let given =
        |_: &PolicySource| -> Result<Box<dyn Policy>, String> { Ok(Box::new(policy.policy())) };
    for file in files {
        let text = fs::read_to_string(&file).expect("a scenario");
        let scenario = Scenario::parse(&text, &file).expect("a scenario");
        let report = run(&scenario, given).expect("a scenario that can be played");
        assert!(report.passed(), "{report}");
    }
}
