//! Who compiles, where several want the same at once.

use std::fs::File;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use ckpt_policy_runtime::{CacheError, CacheUse};

use super::{entry, files, folder, found, of, open, policy, runtime, use_of};

/// Loads one policy on eight threads at once, each with a cache of its own.
fn race(path: &Path) -> Vec<CacheUse> {
    let start = Barrier::new(8);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let bytes = policy(1);
                    start.wait();
                    use_of(&of(open(path)), &bytes)
                })
            })
            .collect();
        let uses = threads.into_iter().map(|thread| thread.join());
        uses.map(|used| used.expect("it has loaded")).collect()
    })
}

#[test]
fn eight_threads_compile_once() {
    for _ in 0..20 {
        let (_folder, path) = folder();
        let uses = race(&path);
        let found = uses.iter().filter(|used| used.found).count();
        assert_eq!(found, 7, "{uses:?}");
        assert!(uses.iter().all(|used| used.trouble.is_empty()), "{uses:?}");
        assert_eq!(files(&path, "").len(), 2, "an entry and the key");
    }
}

/// Returns the lock of whoever compiles the policy.
fn lock_of(path: &Path) -> File {
    let (_other, elsewhere) = folder();
    use_of(&runtime(&elsewhere), &policy(1));
    let lock = entry(&elsewhere).with_extension("lock");
    let lock = path.join(lock.file_name().expect("it has a name"));
    File::create(lock).expect("it can be made")
}

#[test]
fn who_waits_too_long_compiles_and_the_next_one_finds_it() {
    let (_folder, path) = folder();
    let runtime = runtime(&path);
    let lock = lock_of(&path);
    lock.lock().expect("nobody else has it");
    let used = use_of(&runtime, &policy(1));
    assert!(!used.found && used.kept, "{used:?}");
    assert!(
        matches!(used.trouble[..], [CacheError::Busy { .. }]),
        "{used:?}"
    );
    assert_eq!(use_of(&runtime, &policy(1)), found());
}

#[test]
fn who_waits_goes_on_when_the_lock_is_free() {
    let (_folder, path) = folder();
    drop(open(&path));
    let lock = lock_of(&path);
    lock.lock().expect("nobody else has it");
    let used = thread::scope(|scope| {
        let waits = scope.spawn(|| use_of(&of(open(&path)), &policy(1)));
        drop(lock);
        waits.join().expect("it has loaded")
    });
    assert!(!used.found && used.trouble.is_empty(), "{used:?}");
    assert_eq!(files(&path, "").len(), 2, "an entry and the key");
}
