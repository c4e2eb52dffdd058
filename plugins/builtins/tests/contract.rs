//! `wit/policy.wit` keeps its promises: what was compiled against a published version still fits.
//!
//! Looks at types only; that a frozen policy also decides as it did is for the host's tests, which
//! can run it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use semver::Version;
use wit_component::{semver_check, targets};
use wit_parser::{PackageId, Resolve, WorldId};

#[test]
fn the_contract_is_compatible_with_its_published_version() {
    let current = Contract::read(&root().join("wit/policy.wit"));
    let published = published();
    let frozen = published.get(&current.version).unwrap_or_else(|| {
        let version = &current.version;
        panic!("`tests/contract/{version}` is missing: freeze the version as the README there says")
    });
    let verdict = compatible(frozen, &current);
    let hint = "take the change back, or give wit/policy.wit a new version and freeze that";
    assert!(
        verdict.is_ok(),
        "compiled policies would no longer fit: {verdict:?}; {hint}"
    );
}

#[test]
fn a_change_of_a_published_type_is_found() {
    let frozen = Contract::read(&root().join("tests/contract/0.1.0/policy.wit"));
    let changes = [
        (
            "    summary: string,",
            "    summary: string, licence: string,",
        ),
        (
            "describe: func() -> description;",
            "describe: func(language: string) -> description;",
        ),
        ("    abstain,", "    abstain, later,"),
        (
            "    describe: func()",
            "    forget: func(); describe: func()",
        ),
    ];
    for (from, to) in changes {
        assert!(
            frozen.text.contains(from),
            "`{from}` is not in the contract"
        );
        let changed = Contract::parse(&frozen.text.replacen(from, to, 1));
        assert!(
            compatible(&frozen, &changed).is_err(),
            "`{to}` was not noticed"
        );
    }
    let commented = Contract::parse(&frozen.text.replace("/// Which checkpoints", "/// What"));
    assert!(
        compatible(&frozen, &commented).is_ok(),
        "comments are no change"
    );
}

#[test]
fn every_published_policy_fits_its_contract_and_imports_nothing() {
    for (version, contract) in published() {
        let folder = root().join("tests/contract").join(version.to_string());
        let bytes = fs::read(folder.join("policy.wasm")).expect("a frozen policy.wasm");
        let (resolve, world) = contract.resolve("");
        let fits = targets(&resolve, world, &bytes, false);
        assert!(fits.is_ok(), "{version}: {fits:?}");
    }
}

/// A contract's text with its version.
struct Contract {
    text: String,
    version: Version,
}

impl Contract {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path);
        Self::parse(&text.unwrap_or_else(|error| panic!("`{}`: {error}", path.display())))
    }

    fn parse(text: &str) -> Self {
        let mut resolve = Resolve::default();
        let package = resolve
            .push_str("policy.wit", text)
            .expect("a valid contract");
        let version = resolve.packages[package]
            .name
            .version
            .clone()
            .expect("a versioned package");
        Self {
            text: text.to_owned(),
            version: version.to_string().parse().expect("a version"),
        }
    }

    fn resolve(&self, suffix: &str) -> (Resolve, WorldId) {
        let mut resolve = Resolve::default();
        let package = self.push(&mut resolve, suffix);
        let world = world(&resolve, package);
        (resolve, world)
    }

    /// Adds the contract, under another version where two of the same must not meet.
    fn push(&self, resolve: &mut Resolve, suffix: &str) -> PackageId {
        let head = format!("package ckpt:policy@{}", self.version);
        assert!(
            self.text.contains(&head),
            "the contract does not begin with `{head}`"
        );
        let text = self.text.replacen(&head, &format!("{head}{suffix}"), 1);
        resolve
            .push_str("policy.wit", &text)
            .expect("a valid contract")
    }
}

fn compatible(previous: &Contract, new: &Contract) -> Result<(), String> {
    let mut resolve = Resolve::default();
    let previous = previous.push(&mut resolve, "-frozen");
    let new = new.push(&mut resolve, "");
    let worlds = (world(&resolve, previous), world(&resolve, new));
    semver_check(resolve, worlds.0, worlds.1).map_err(|error| format!("{error:#}"))
}

fn world(resolve: &Resolve, package: PackageId) -> WorldId {
    resolve
        .select_world(&[package], Some("decision-policy"))
        .expect("the world of a policy")
}

fn published() -> BTreeMap<Version, Contract> {
    let folder = root().join("tests/contract");
    let entries = fs::read_dir(folder).expect("the folder of published contracts");
    let folders = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir());
    let read = folders.map(|folder| {
        let name = folder
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let contract = Contract::read(&folder.join("policy.wit"));
        assert_eq!(
            name,
            contract.version.to_string(),
            "a folder is named for its version"
        );
        (contract.version.clone(), contract)
    });
    read.collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
