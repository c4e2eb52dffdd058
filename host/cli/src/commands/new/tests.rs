//! Holds what the program carries equal to what is in the repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

use super::files::{self, EXAMPLE};
use super::{Language, sdk};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns all files below a folder, relative to it, but those that `leave_out` names.
fn found(folder: &Path, leave_out: &dyn Fn(&str) -> bool) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let entry = entry.expect("an entry can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().expect("an entry has a type");
        if leave_out(&name) || kind.is_symlink() {
            continue;
        }
        if kind.is_dir() {
            let inner = found(&entry.path(), leave_out);
            all.extend(inner.into_iter().map(|file| format!("{name}/{file}")));
        } else {
            all.insert(name);
        }
    }
    all
}

const EXAMPLES: [(Language, &str); 4] = [
    (Language::C, "c"),
    (Language::Js, "js"),
    (Language::Python, "python"),
    (Language::Rust, "rust"),
];

#[test]
fn all_files_of_the_examples_are_carried() {
    for (language, name) in EXAMPLES {
        let folder = root().join("plugins/examples").join(name);
        let ignored = fs::read_to_string(folder.join(".gitignore")).expect("each has one");
        let ignored: Vec<_> = ignored.lines().map(|line| line.trim_matches('/')).collect();
        let carried: BTreeSet<_> = files::example(language).map(|file| file.path).collect();
        let there = found(&folder, &|entry| ignored.contains(&entry));
        assert_eq!(
            carried, there,
            "{name}: files.rs lists what the example has"
        );
    }
}

#[test]
fn the_scenarios_are_the_same_in_each_language() {
    for (language, name) in EXAMPLES {
        let folder = root().join("plugins/examples").join(name);
        for file in files::example(language) {
            let held = fs::read(folder.join(&file.path)).expect("it is listed");
            assert!(
                held == file.bytes,
                "plugins/examples/{name}/{} differs from the one in rust/scenarios",
                file.path
            );
        }
    }
}

#[test]
fn the_name_stands_in_every_example() {
    for (language, name) in EXAMPLES {
        let with_name = files::example(language)
            .filter(|file| String::from_utf8_lossy(&file.bytes).contains(EXAMPLE));
        assert!(with_name.count() > 3, "{name}");
    }
}

#[test]
fn the_copy_of_the_sdk_is_complete() {
    let there = found(&root().join("plugins/sdk/src"), &|entry| {
        ["native.rs", "tests.rs"].contains(&entry)
    });
    let carried: BTreeSet<_> = sdk::SOURCES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(carried, there);
}

#[test]
fn the_copy_of_the_sdk_needs_what_the_sdk_needs() {
    let read = |path: &str| -> Table {
        let text = fs::read_to_string(root().join(path)).expect("it is there");
        text.parse().expect("a manifest is TOML")
    };
    let copy: Table = sdk::MANIFEST.parse().expect("the copy's manifest is TOML");
    let (own, workspace) = (read("plugins/sdk/Cargo.toml"), read("Cargo.toml"));
    let wanted = inherited(&own, &workspace, "ckpt-policy-core");
    for key in ["package", "dependencies", "target"] {
        assert_eq!(copy[key], wanted[key], "`{key}` of sdk.toml");
    }
}

/// Fills in what a manifest takes from the workspace, and leaves out one optional dependency.
fn inherited(own: &Table, workspace: &Table, optional: &str) -> Table {
    let mut whole = own.clone();
    let workspace = workspace["workspace"].as_table().expect("a table");
    fill(&mut whole["package"], &workspace["package"]);
    fill(&mut whole["dependencies"], &workspace["dependencies"]);
    let targets = whole["target"].as_table_mut().expect("a table");
    for (_, target) in targets {
        fill(&mut target["dependencies"], &workspace["dependencies"]);
    }
    let dependencies = whole["dependencies"].as_table_mut().expect("a table");
    assert!(dependencies.remove(optional).is_some());
    whole
}

fn fill(own: &mut toml::Value, workspace: &toml::Value) {
    for (key, value) in own.as_table_mut().expect("a table") {
        if value.get("workspace").is_some() {
            *value = workspace[key.as_str()].clone();
        }
    }
}
