//! The SDK that a policy in Rust depends on: a copy in its folder, or that of a checkout.
//!
//! The copy has a manifest of its own, since the SDK's says what it needs through the workspace; a
//! test holds both equal. What is for this repository's tests alone stays behind.

use std::path::Path;

use super::files::{File, files};
use crate::exit;
use crate::report::{Failure, Report};

/// Where the copy lies in a policy's folder; the SDK finds the contract in `../../wit` from there.
pub(super) const VENDORED: &str = "vendor/ckpt-policy-sdk";

/// Returns the SDK's sources, as they lie in a policy's folder.
pub(super) fn vendored() -> Vec<File> {
    let manifest = File::new(format!("{VENDORED}/Cargo.toml"), MANIFEST.as_bytes());
    let sources = SOURCES
        .iter()
        .map(|(name, bytes)| File::new(format!("{VENDORED}/src/{name}"), bytes));
    std::iter::once(manifest).chain(sources).collect()
}

/// Returns where the SDK of a checkout is.
pub(super) fn of_checkout(checkout: &Path) -> Result<String, Failure> {
    let folders = [checkout.join("plugins/sdk"), checkout.to_owned()];
    let found = folders.iter().find(|folder| {
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml"));
        manifest.is_ok_and(|text| text.contains("name = \"ckpt-policy-sdk\""))
    });
    let absolute = found.and_then(|folder| std::fs::canonicalize(folder).ok());
    let usable = absolute
        .as_deref()
        .and_then(Path::to_str)
        .filter(|path| !path.contains(['"', '\\']));
    usable.map(str::to_owned).ok_or_else(|| {
        let text = format!("there is no SDK in `{}`", checkout.display());
        let hint = "give a checkout of ckpt-policy, or leave `--sdk` out to get a copy";
        Failure::new(exit::USER, Report::new(text).hint(hint))
    })
}

/// Lets a manifest depend on the SDK in this place; any other file stays as it is.
pub(super) fn depend(file: File, place: &str) -> File {
    if file.path != "Cargo.toml" {
        return file;
    }
    let text = String::from_utf8_lossy(&file.bytes).replace(IN_REPOSITORY, place);
    File::new(file.path, text.as_bytes())
}

/// Where the example of this repository finds it.
pub(super) const IN_REPOSITORY: &str = "../../sdk";

pub(super) const MANIFEST: &str = include_str!("sdk.toml");

pub(super) const SOURCES: [(&str, &[u8]); 17] = files!("sdk/src":
    "bindings.rs" "call.rs" "guest.rs" "keeping.rs" "keeping/config.rs" "keeping/judge.rs"
    "lib.rs" "policy.rs" "ranking.rs" "records.rs" "schema.rs" "schema/expected.rs"
    "schema/make.rs" "seal.rs" "text.rs" "verdict.rs" "voting.rs");
