//! What loading has to say of a file, sorted by the check that it fails.

use ckpt_policy_conformance::conform::LoadError;
use ckpt_policy_runtime::Error;

/// Sorts an error of the runtime, whose text says it all.
pub(super) fn sorted(error: &Error) -> LoadError {
    let text = error.to_string();
    match error {
        Error::Wasi { .. } | Error::Imports { .. } => LoadError::Imports(text),
        Error::Version { .. } | Error::Signature { .. } => LoadError::Version(text),
        Error::World { .. } | Error::Function { .. } | Error::NoWorld { .. } => {
            LoadError::World(text)
        }
        _ => LoadError::File(text),
    }
}
