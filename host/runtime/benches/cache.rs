//! What starting a policy costs, compiled and out of the cache, and where the time goes.
//!
//! | line | what is measured |
//! |---|---|
//! | `compile` | `Runtime::load_as` without a cache |
//! | `from_cache` | `Runtime::load_as` of what the cache has |
//! | `part_digest` | of it, the SHA-256 of the policy's file |
//! | `part_read` | of it, the entry read into memory |
//! | `part_prove` | of it, the MAC of the entry |
//! | `part_start` | of it, native code made a policy, and started once |
//! | `open` | to open the cache, once in a process |
//!
//! Each for a policy in Rust and for one whose code is as large as an interpreter's. `POLICY=FILE`
//! in the environment adds a file, such as a policy in Python.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use ckpt_policy_runtime::{Cache, CacheOptions, Compile, Limits, Loaded, Options, Runtime};
use divan::{Bencher, black_box};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

#[expect(dead_code, reason = "guests that misbehave cost nothing here")]
#[path = "../tests/sandbox/guest.rs"]
mod guest;

fn main() {
    divan::main();
}

/// A policy's file, and what the cache has of it.
struct Subject {
    name: &'static str,
    bytes: Vec<u8>,
    entry: PathBuf,
}

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("there is room"));

static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(|| {
    let mut subjects = vec![
        Subject::new(
            "rust",
            include_bytes!("../../../tests/probe/probe.wasm").to_vec(),
        ),
        Subject::new("large", large()),
    ];
    if let Some(file) = std::env::var_os("POLICY") {
        let bytes = fs::read(file).expect("`POLICY` is a file");
        subjects.push(Subject::new("file", bytes));
    }
    subjects
});

impl Subject {
    fn new(name: &'static str, bytes: Vec<u8>) -> Self {
        let loaded = load(&runtime(Some(cache(name))), &bytes);
        let entry = entry(name, loaded.digest());
        Self { name, bytes, entry }
    }
}

impl std::fmt::Display for &Subject {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = fs::metadata(&self.entry).expect("it is kept").len();
        write!(
            formatter,
            "{} ({:.1} MB, code {:.1} MB)",
            self.name,
            self.bytes.len() as f64 / 1e6,
            code as f64 / 1e6,
        )
    }
}

fn subjects() -> impl Iterator<Item = &'static Subject> {
    SUBJECTS.iter()
}

#[divan::bench(args = subjects(), sample_count = 5, sample_size = 1)]
fn compile(bencher: Bencher<'_, '_>, subject: &Subject) {
    let runtime = runtime(None);
    bencher.bench(|| load(&runtime, &subject.bytes));
}

#[divan::bench(args = subjects())]
fn from_cache(bencher: Bencher<'_, '_>, subject: &Subject) {
    let runtime = runtime(Some(cache(subject.name)));
    bencher.bench(|| {
        let loaded = load(&runtime, &subject.bytes);
        assert!(loaded.cache_use().is_some_and(|used| used.found));
        loaded
    });
}

#[divan::bench(args = subjects())]
fn part_digest(bencher: Bencher<'_, '_>, subject: &Subject) {
    bencher.bench(|| Sha256::digest(&subject.bytes));
}

#[divan::bench(args = subjects())]
fn part_read(bencher: Bencher<'_, '_>, subject: &Subject) {
    bencher.bench(|| fs::read(&subject.entry));
}

#[divan::bench(args = subjects())]
fn part_prove(bencher: Bencher<'_, '_>, subject: &Subject) {
    let entry = fs::read(&subject.entry).expect("it is kept");
    bencher.bench(|| blake3::keyed_hash(&[7; 32], black_box(&entry)));
}

#[divan::bench(args = subjects())]
fn part_start(bencher: Bencher<'_, '_>, subject: &Subject) {
    let runtime = runtime(None);
    let native = load(&runtime, &subject.bytes).native();
    let native = native.expect("it can be written down");
    bencher.bench(|| runtime.reload(&native));
}

#[divan::bench]
fn open(bencher: Bencher<'_, '_>) {
    drop(cache("open"));
    bencher.bench(|| cache("open"));
}

fn cache(name: &str) -> Cache {
    let options = CacheOptions::new(FOLDER.path().join(name));
    Cache::open(options).expect("the directory is this user's")
}

fn runtime(cache: Option<Cache>) -> Runtime {
    let limits = Limits {
        fuel: 1_000_000_000,
        ..Limits::default()
    };
    let options = Options {
        limits,
        cache,
        ..Options::default()
    };
    Runtime::with(options).expect("the engine starts")
}

fn load(runtime: &Runtime, bytes: &[u8]) -> Loaded {
    runtime
        .load_as(bytes, Compile::Large)
        .expect("it is a policy")
}

fn entry(name: &str, digest: &str) -> PathBuf {
    let entries = fs::read_dir(FOLDER.path().join(name)).expect("it is a directory");
    let mut paths = entries.map(|entry| entry.expect("it can be listed").path());
    let is_entry = |path: &PathBuf| path.to_string_lossy().contains(digest);
    paths.find(is_entry).expect("it was kept")
}

/// A policy with as much code beside its own as an interpreter has: two thousand functions that
/// nobody calls.
fn large() -> Vec<u8> {
    let body = "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 31)) \
                (i32.load (i32.and (local.get 0) (i32.const 4095)))))"
        .repeat(200);
    let function = format!("(func (param i32) (result i32) {body} (local.get 0))");
    let functions: &'static str = Box::leak(function.repeat(2000).into_boxed_str());
    guest::Guest::plain().more(functions).component()
}
