//! Loads the components that the host carries, each once in a process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use ckpt_policy_runtime::{Instances, Limits, Loaded, Runtime};

/// Returns the repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns a policy that comes with the host.
pub(crate) fn loaded(name: &str) -> Result<Loaded, String> {
    // A poisoned map still holds whole components: one is inserted when it is loaded.
    let mut all = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(loaded) = all.get(name) {
        return Ok(loaded.clone());
    }
    let runtime = RUNTIME.as_ref().map_err(Clone::clone)?;
    let bytes = ckpt_policy_builtins::get(name).ok_or_else(|| {
        let names: Vec<&str> = ckpt_policy_builtins::names().collect();
        format!(
            "there is no builtin `{name}`, expected one of {}",
            names.join(", ")
        )
    })?;
    let loaded = runtime
        .load(bytes)
        .map_err(|error| format!("`builtin:{name}`: {error}"))?;
    all.insert(name.to_owned(), loaded.clone());
    Ok(loaded)
}

static RUNTIME: LazyLock<Result<Runtime, String>> = LazyLock::new(|| {
    Runtime::new(Limits::default(), Instances::Fresh).map_err(|error| error.to_string())
});

static LOADED: Mutex<BTreeMap<String, Loaded>> = Mutex::new(BTreeMap::new());
