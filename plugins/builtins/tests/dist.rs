//! The components of `plugins/dist` are what the sources beside them say.
//!
//! Rebuilds them, which takes a WebAssembly toolchain; a missing one fails the test with the names
//! of the packages to install. Where the toolchain is the recorded one the bytes are equal. Where
//! it is another the behaviour is: `tests/rebuilt.rs` plays the scenarios to what it builds.

use std::path::{Path, PathBuf};
use std::process::Command;

use ckpt_policy_builtins as builtins;

#[path = "../examples/componentize/pack.rs"]
mod pack;

use pack::{Packed, describe, pack, parse};

#[test]
fn the_lock_names_what_is_carried() {
    let lock = builtins::lock().expect("dist.lock");
    let locked: Vec<&str> = lock.component.keys().map(String::as_str).collect();
    assert_eq!(locked, builtins::names().collect::<Vec<_>>());
    for name in builtins::names() {
        let bytes = builtins::get(name).expect("a name that was listed");
        assert_eq!(describe(bytes), lock.component[name], "{name}.wasm");
        assert!(
            bytes.len() < 1 << 20,
            "{name}.wasm is {} bytes",
            bytes.len()
        );
    }
}

#[test]
fn no_path_of_a_machine_is_in_a_component() {
    let mut machine = ["/home/", "/usr/", "/registry/", ".cargo"]
        .map(str::to_owned)
        .to_vec();
    machine.extend(std::env::var("HOME").ok().filter(|home| home.len() > 1));
    let plugins = plugins()
        .canonicalize()
        .expect("the folder of the policies");
    machine.push(plugins.display().to_string());
    for name in builtins::names() {
        let bytes = builtins::get(name).expect("a name that was listed");
        for prefix in &machine {
            let found = bytes
                .windows(prefix.len())
                .any(|window| window == prefix.as_bytes());
            assert!(!found, "{name}.wasm contains `{prefix}`");
        }
    }
}

#[test]
fn a_rebuild_is_the_same() {
    let rebuilt = rebuild();
    let locked = builtins::lock().expect("dist.lock");
    assert_eq!(rebuilt.components.len(), locked.component.len());
    if rebuilt.lock.toolchain == locked.toolchain {
        let hint = "sources and plugins/dist differ: run plugins/build and commit what it writes";
        assert_eq!(rebuilt.lock.component, locked.component, "{hint}");
    }
}

fn rebuild() -> Packed {
    let output = Command::new(plugins().join("build"))
        .arg("--modules")
        .output()
        .expect("plugins/build runs: it needs bash");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "plugins/build failed:\n{said}");
    let built = parse(String::from_utf8_lossy(&output.stdout).lines()).expect("its own lines");
    pack(&built).expect("core modules with the contract's exports")
}

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
