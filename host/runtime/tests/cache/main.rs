//! The compile cache: what is found again, what is dropped, who may own it, and who compiles.
//!
//! No time is asserted; whether something was compiled is what the cache says of its use.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ckpt_policy_core::contract::Policy as _;
use ckpt_policy_runtime::{Cache, CacheError, CacheOptions, CacheUse, Loaded, Options, Runtime};
use tempfile::TempDir;

mod directory;
mod entries;
#[expect(dead_code, reason = "guests that misbehave are no subject here")]
#[path = "../sandbox/guest.rs"]
mod guest;
mod room;
mod turns;

/// A directory in which a cache may be.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = folder.path().join("cache");
    (folder, path)
}

fn open(path: &Path) -> Cache {
    Cache::open(CacheOptions::new(path)).expect("the directory is this user's")
}

/// A runtime that waits for nobody, as a test has none to wait for.
fn runtime(path: &Path) -> Runtime {
    let options = CacheOptions {
        wait: Duration::ZERO,
        ..CacheOptions::new(path)
    };
    of(Cache::open(options).expect("the directory is this user's"))
}

fn of(cache: Cache) -> Runtime {
    with(Options {
        cache: Some(cache),
        ..Options::default()
    })
}

fn with(options: Options) -> Runtime {
    Runtime::with(options).expect("the default limits work")
}

/// A small policy, and as many others as there are bytes.
fn policy(variant: u8) -> Vec<u8> {
    let mut bytes = guest::Guest::plain().component();
    // A custom section of four bytes, named `n`.
    bytes.extend([0, 6, 1, b'n', 0, 0, 0, variant]);
    bytes
}

/// Loads a policy, and calls it.
fn load(runtime: &Runtime, bytes: &[u8]) -> Loaded {
    let loaded = runtime.load(bytes).expect("it is a policy");
    let description = loaded.policy().describe().expect("it describes itself");
    assert_eq!(description.name, "plain");
    loaded
}

/// Loads a policy, and returns what the cache did for it.
fn use_of(runtime: &Runtime, bytes: &[u8]) -> CacheUse {
    let loaded = load(runtime, bytes);
    loaded.cache_use().expect("there is a cache").clone()
}

fn found() -> CacheUse {
    CacheUse {
        found: true,
        kept: true,
        trouble: Vec::new(),
    }
}

fn compiled() -> CacheUse {
    CacheUse {
        found: false,
        ..found()
    }
}

/// Returns the files of a cache whose names end so.
fn files(path: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).expect("the cache is a directory");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect();
    files.sort();
    files
}

/// Returns the only entry of a cache.
fn entry(path: &Path) -> PathBuf {
    let [entry] = &files(path, ".code")[..] else {
        panic!("there is not one entry: {:?}", files(path, ""));
    };
    entry.clone()
}

/// Returns what is said of the damaged entry, which is all the trouble.
fn damage(used: &CacheUse) -> &str {
    match &used.trouble[..] {
        [CacheError::Damaged { what, .. }] => what,
        other => panic!("expected one damaged entry, found {other:?}"),
    }
}
