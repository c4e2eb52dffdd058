//! What goes when there is too much, and what stays.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ckpt_policy_runtime::{Cache, CacheError, CacheOptions, Runtime};

use super::{compiled, entry, files, folder, found, of, policy, runtime, use_of};

fn bounded(path: &Path, size: u64) -> Runtime {
    let options = CacheOptions {
        size,
        ..CacheOptions::new(path)
    };
    of(Cache::open(options).expect("the directory is this user's"))
}

/// Compiles a policy, and returns its entry.
fn add(runtime: &Runtime, path: &Path, variant: u8) -> PathBuf {
    let before = files(path, ".code");
    assert_eq!(use_of(runtime, &policy(variant)), compiled());
    let after = files(path, ".code");
    let added = after.into_iter().find(|entry| !before.contains(entry));
    added.expect("it was added")
}

fn set_used(entry: &Path, used: SystemTime) {
    let file = File::options().append(true).open(entry);
    let set = file.and_then(|file| file.set_modified(used));
    set.expect("it is this user's");
}

fn ago(hours: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(hours * 3600)
}

/// Bytes of one entry.
fn one() -> u64 {
    let (_folder, path) = folder();
    use_of(&runtime(&path), &policy(0));
    fs::metadata(entry(&path)).expect("it is there").len()
}

#[test]
fn what_was_used_longest_ago_goes_first() {
    let (_folder, path) = folder();
    let runtime = bounded(&path, one() * 5 / 2);
    let first = add(&runtime, &path, 1);
    let second = add(&runtime, &path, 2);
    set_used(&first, ago(3));
    set_used(&second, ago(2));
    // The older one is used again.
    assert_eq!(use_of(&runtime, &policy(1)), found());
    let third = add(&runtime, &path, 3);
    let mut left = [first, third];
    left.sort();
    assert_eq!(files(&path, ".code"), left);
}

#[test]
fn the_newest_stays_though_the_clock_was_set_back() {
    let (_folder, path) = folder();
    let runtime = bounded(&path, one() * 5 / 2);
    let far = SystemTime::now() + Duration::from_secs(80 * 365 * 86_400);
    for variant in 1..=2 {
        set_used(&add(&runtime, &path, variant), far);
    }
    let third = add(&runtime, &path, 3);
    let left = files(&path, ".code");
    assert!(left.contains(&third) && left.len() == 2, "{left:?}");
    assert_eq!(use_of(&runtime, &policy(3)), found());
}

#[test]
fn what_is_larger_than_the_cache_is_not_kept() {
    let (_folder, path) = folder();
    let used = use_of(&bounded(&path, 1000), &policy(1));
    assert!(!used.found && !used.kept, "{used:?}");
    assert!(
        matches!(used.trouble[..], [CacheError::TooLarge { most: 1000, .. }]),
        "{used:?}"
    );
    assert_eq!(files(&path, "").len(), 1, "the key");
}

#[test]
fn what_dead_processes_left_is_swept() {
    let (_folder, path) = folder();
    let runtime = runtime(&path);
    for name in ["0123456789abcdef.part", "left.lock"] {
        fs::write(path.join(name), "left").expect("it can be written");
    }
    let at_work = path.join("at-work.part");
    let file = File::create(&at_work).expect("it can be written");
    file.lock().expect("nobody else has it");
    let mine = path.join("of-somebody-else.txt");
    fs::write(&mine, "stays").expect("it can be written");

    assert_eq!(use_of(&runtime, &policy(1)), compiled());
    let mut left = [entry(&path), at_work.clone(), path.join("key"), mine];
    left.sort();
    assert_eq!(files(&path, ""), left);

    drop(file);
    assert_eq!(use_of(&runtime, &policy(2)), compiled());
    assert!(!at_work.exists());
}
