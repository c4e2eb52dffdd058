//! Carries the compiled built-in policies of `plugins/dist` into the host.
//!
//! Bytes and digests, nothing else: it neither compiles nor runs them, and building it needs no
//! WebAssembly toolchain. `plugins/build` makes the files; the tests of this crate prove that they
//! are what the sources beside them say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Returns the component of a built-in policy.
///
/// # Examples
///
/// ```
/// assert!(ckpt_policy_builtins::get("aggregate").is_some());
/// assert!(ckpt_policy_builtins::get("fortune-teller").is_none());
/// ```
#[must_use]
pub fn get(name: &str) -> Option<&'static [u8]> {
    COMPONENTS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, bytes)| *bytes)
}

/// Returns the names of the built-in policies, in the order of the alphabet.
pub fn names() -> impl Iterator<Item = &'static str> {
    COMPONENTS.iter().map(|(name, _)| *name)
}

/// Returns what the components were built with, and their digests.
///
/// # Errors
///
/// What is wrong with the lock file that was compiled in; the tests prove that nothing is.
pub fn lock() -> Result<Lock, String> {
    toml::from_str(LOCK).map_err(|error| format!("`plugins/dist/dist.lock`: {error}"))
}

/// What the components were built with, and what they are: the text of `dist.lock`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lock {
    /// What they were built with.
    pub toolchain: Toolchain,
    /// The files, by the policy's name.
    pub component: BTreeMap<String, Component>,
}

/// What components were built with. Equal ones give equal bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Toolchain {
    /// What `rustc --version` said.
    pub rustc: String,
    /// Whether the standard library came with the compiler (`shipped`) or was `built` on the way.
    pub library: String,
    /// Version of `wit-bindgen`, as `Cargo.lock` has it.
    pub wit_bindgen: String,
    /// The profile in the workspace's `Cargo.toml`.
    pub profile: String,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Component {
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Size of the file in bytes.
    pub size: u64,
}

const COMPONENTS: [(&str, &[u8]); 4] = [
    ("aggregate", include_bytes!("../../dist/aggregate.wasm")),
    ("majority", include_bytes!("../../dist/majority.wasm")),
    ("rank-zero", include_bytes!("../../dist/rank-zero.wasm")),
    ("unanimous", include_bytes!("../../dist/unanimous.wasm")),
];

const LOCK: &str = include_str!("../../dist/dist.lock");
