//! What is an entry, and what is none.

use std::fs;

use ckpt_policy_core::contract::Policy as _;
use ckpt_policy_runtime::{Compiler, EntryState, Error, Limits, Loaded, Options, Runtime};

use super::guest::Guest;
use super::{
    compiled, damage, entry, files, folder, found, load, of, open, policy, runtime, use_of, with,
};

#[test]
fn what_was_compiled_once_is_found_again() {
    let (_folder, path) = folder();
    assert_eq!(use_of(&runtime(&path), &policy(1)), compiled());
    assert_eq!(use_of(&runtime(&path), &policy(1)), found());
    assert_eq!(use_of(&runtime(&path), &policy(2)), compiled());
    assert_eq!(files(&path, ".code").len(), 2);
    assert_eq!(files(&path, "").len(), 3, "the entries and the key are all");
}

#[test]
fn without_a_cache_there_is_nothing_to_say() {
    assert_eq!(
        load(&with(Options::default()), &policy(1)).cache_use(),
        None
    );
}

/// All that can be asked of a policy; whether it came from a cache shows in none of it.
fn shown(loaded: &Loaded) -> String {
    let description = loaded.policy().describe().expect("it describes itself");
    format!(
        "{loaded:?} {} {} {} {} {:?} {:?} {}",
        loaded.digest(),
        loaded.size(),
        loaded.kind(),
        loaded.contract(),
        loaded.imports(),
        description,
        loaded.native().expect("it can be written down").size(),
    )
}

#[test]
fn a_policy_from_the_cache_is_like_one_that_was_compiled() {
    for bytes in [policy(1), Guest::plain().module()] {
        let (_folder, path) = folder();
        let without = load(&with(Options::default()), &bytes);
        let first = load(&runtime(&path), &bytes);
        let second = load(&runtime(&path), &bytes);
        assert_eq!(second.cache_use(), Some(&found()));
        assert_eq!(shown(&without), shown(&first));
        assert_eq!(shown(&without), shown(&second));
    }
}

#[test]
fn other_settings_are_another_entry() {
    let (_folder, path) = folder();
    let cache = || Some(open(&path));
    let options = |edit: fn(&mut Options)| {
        let mut options = Options {
            cache: cache(),
            ..Options::default()
        };
        edit(&mut options);
        with(options)
    };
    let runtimes: [Runtime; 6] = [
        options(|_| {}),
        // Bears on the code.
        options(|options| options.limits.memory = 1 << 20),
        options(|options| options.compiler = Compiler::Optimized),
        options(|options| options.compiler = Compiler::Interpreter),
        options(|options| options.lines = true),
        // Bears only on what may be compiled, or called.
        options(|options| options.limits.fuel += 1),
    ];
    for runtime in &runtimes {
        assert_eq!(use_of(runtime, &policy(1)), compiled());
    }
    for runtime in &runtimes {
        assert_eq!(use_of(runtime, &policy(1)), found());
    }
    assert_eq!(files(&path, ".code").len(), runtimes.len());
}

/// A file that a limit refuses is refused, though it was let in, and is kept, under another limit.
#[test]
fn an_entry_opens_no_way_around_a_limit() {
    let (_folder, path) = folder();
    let bytes = policy(1);
    assert_eq!(use_of(&runtime(&path), &bytes), compiled());
    let strict = with(Options {
        limits: Limits {
            file: bytes.len() as u64 - 1,
            ..Limits::default()
        },
        cache: Some(open(&path)),
        ..Options::default()
    });
    let refused = strict.load(&bytes).expect_err("it is too large");
    assert!(matches!(refused, Error::TooLarge { .. }), "{refused}");
}

#[test]
fn what_is_no_policy_leaves_nothing() {
    let (_folder, path) = folder();
    let cached = runtime(&path);
    let plain = with(Options::default());
    let no_world = b"\0asm\x01\0\0\0".to_vec();
    for bytes in [Vec::new(), b"text".to_vec(), no_world] {
        let refused = cached.load(&bytes).expect_err("it is no policy");
        assert_eq!(refused, plain.load(&bytes).expect_err("it is no policy"));
    }
    assert_eq!(files(&path, "").len(), 1, "the key");
}

/// It compiles, and traps whenever it is started; the second time that shows without compiling.
#[test]
fn a_policy_that_cannot_be_started_fails_the_same_from_the_cache() {
    let (_folder, path) = folder();
    let bytes = Guest::plain()
        .more("(func $trap unreachable) (start $trap)")
        .module();
    let first = runtime(&path).load(&bytes).expect_err("it traps");
    assert!(matches!(first, Error::Start(_)), "{first}");
    entry(&path);
    assert_eq!(runtime(&path).load(&bytes).expect_err("it traps"), first);
}

/// Each part of an entry in turn: its mark, the MAC, the header's length, the header, the code.
#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let (_folder, path) = folder();
    let runtime = runtime(&path);
    use_of(&runtime, &policy(1));
    let whole = fs::read(entry(&path)).expect("it can be read");
    for at in [
        0,
        7,
        8,
        39,
        40,
        43,
        44,
        120,
        300,
        whole.len() / 2,
        whole.len() - 1,
    ] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(entry(&path), &flipped).expect("it can be written");
        let used = use_of(&runtime, &policy(1));
        assert!(!used.found && used.kept, "byte {at}: {used:?}");
        damage(&used);
        assert_eq!(use_of(&runtime, &policy(1)), found(), "byte {at}");
        let mended = fs::read(entry(&path)).expect("it can be read");
        assert!(mended == whole, "byte {at}: another entry than before");
    }
}

#[test]
fn a_torn_entry_is_rebuilt() {
    let (_folder, path) = folder();
    let runtime = runtime(&path);
    use_of(&runtime, &policy(1));
    let whole = fs::read(entry(&path)).expect("it can be read");
    for length in [0, 7, 20, 42, 44, 100, whole.len() - 1] {
        fs::write(entry(&path), &whole[..length]).expect("it can be written");
        damage(&use_of(&runtime, &policy(1)));
    }
    let longer = [&whole[..], b"!"].concat();
    fs::write(entry(&path), longer).expect("it can be written");
    damage(&use_of(&runtime, &policy(1)));
    assert_eq!(use_of(&runtime, &policy(1)), found());
}

/// Code that this very machine has compiled, without the proof that this cache has written it.
#[test]
fn native_code_alone_is_no_entry() {
    let (_folder, path) = folder();
    let runtime = runtime(&path);
    use_of(&runtime, &policy(1));
    let whole = fs::read(entry(&path)).expect("it can be read");
    let code = whole
        .windows(4)
        .position(|bytes| bytes == b"\x7fELF")
        .expect("the code is an ELF file");
    fs::write(entry(&path), &whole[code..]).expect("it can be written");
    let used = use_of(&runtime, &policy(1));
    assert_eq!(damage(&used), "it is no entry of a cache of this kind");
}

#[test]
fn an_entry_of_another_cache_is_not_believed() {
    let ((_one, here), (_two, there)) = (folder(), folder());
    let runtime = runtime(&here);
    use_of(&runtime, &policy(1));
    use_of(&super::runtime(&there), &policy(1));
    assert_eq!(entry(&here).file_name(), entry(&there).file_name());
    fs::copy(entry(&there), entry(&here)).expect("it can be copied");
    let used = use_of(&runtime, &policy(1));
    assert!(damage(&used).contains("the MAC differs"), "{used:?}");
    assert_eq!(use_of(&runtime, &policy(1)), found());
}

/// Whoever can write there, and has no key, can still not make one policy run as another.
#[test]
fn an_entry_under_another_name_is_not_believed() {
    let (_folder, path) = folder();
    let runtime = runtime(&path);
    use_of(&runtime, &policy(1));
    let first = entry(&path);
    use_of(&runtime, &policy(2));
    let entries = files(&path, ".code");
    let second = entries.iter().find(|entry| **entry != first);
    fs::copy(&first, second.expect("there are two")).expect("it can be copied");
    let used = use_of(&runtime, &policy(2));
    assert_eq!(damage(&used), "it is another entry, renamed");
}

#[test]
fn entries_are_listed_with_what_can_be_done_with_them() {
    let (_folder, path) = folder();
    let runtime = of(open(&path));
    let digest = load(&runtime, &policy(1)).digest().to_owned();
    let listed = open(&path).entries().expect("it can be listed");
    let [listed] = &listed[..] else {
        panic!("there is not one entry: {listed:?}");
    };
    assert_eq!(listed.policy, digest);
    assert_eq!(listed.state, EntryState::Usable);
    let facts = runtime.facts();
    let wasmtime = facts.iter().find(|(name, _)| name == "wasmtime");
    assert_eq!(
        listed.wasmtime.as_ref(),
        wasmtime.map(|(_, version)| version)
    );
    let size = fs::metadata(entry(&path)).expect("it is there").len();
    assert_eq!(listed.size, size);

    fs::write(entry(&path), "torn").expect("it can be written");
    let listed = open(&path).entries().expect("it can be listed");
    assert_eq!(listed[0].policy, digest);
    assert_eq!(listed[0].state, EntryState::Damaged);
}

#[test]
fn one_policy_or_all_can_be_removed() {
    let (_folder, path) = folder();
    let runtime = runtime(&path);
    let digests = [1, 2, 3].map(|variant| load(&runtime, &policy(variant)).digest().to_owned());
    let freed = open(&path).clear(Some(&digests[1][..12]));
    assert_eq!(freed.expect("it can be cleared").entries, 1);
    assert_eq!(use_of(&runtime, &policy(1)), found());
    assert_eq!(use_of(&runtime, &policy(2)), compiled());
    let bytes: u64 = files(&path, ".code")
        .iter()
        .map(|entry| fs::metadata(entry).expect("it is there").len())
        .sum();
    let freed = open(&path).clear(None).expect("it can be cleared");
    assert_eq!((freed.entries, freed.bytes), (3, bytes));
    assert_eq!(files(&path, ".code").len(), 0);
    assert_eq!(use_of(&runtime, &policy(1)), compiled());
}
