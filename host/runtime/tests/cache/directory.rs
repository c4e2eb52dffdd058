//! Whose the directory must be, and what happens where it cannot be used.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use ckpt_policy_runtime::{Cache, CacheError, CacheOptions, CacheUse};

use super::{compiled, entry, files, folder, found, of, open, policy, runtime, use_of};

fn refusal(path: &Path) -> CacheError {
    Cache::open(CacheOptions::new(path)).expect_err("it must not be used")
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is this user's");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").mode() & 0o7777
}

#[test]
fn all_that_is_made_is_closed_to_others() {
    let (_folder, path) = folder();
    let nested = path.join("of/job");
    use_of(&runtime(&nested), &policy(1));
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&nested), 0o700);
    for file in files(&nested, "") {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_directory_that_others_can_enter_is_refused() {
    for open_to in [0o770, 0o720, 0o701, 0o755, 0o1777] {
        let (_folder, path) = folder();
        fs::create_dir(&path).expect("it can be made");
        set_mode(&path, open_to);
        let expected = CacheError::Open {
            directory: path.clone(),
            mode: open_to,
        };
        assert_eq!(refusal(&path), expected);
    }
}

#[test]
fn a_directory_of_another_user_is_refused() {
    let (folder, path) = folder();
    let user = fs::metadata(folder.path()).expect("it is there").uid();
    // The superuser can give something away; for anybody else the root directory is not theirs.
    let (foreign, owner) = match user {
        0 => {
            fs::create_dir(&path).expect("it can be made");
            set_mode(&path, 0o700);
            chown(&path, Some(12_345), None).expect("the superuser can give it away");
            (path.as_path(), 12_345)
        }
        _ => (Path::new("/"), 0),
    };
    let expected = CacheError::Owner {
        directory: foreign.to_path_buf(),
        owner,
        user,
    };
    assert_eq!(refusal(foreign), expected);
}

#[test]
fn a_link_or_a_file_is_refused() {
    let (folder, path) = folder();
    let target = folder.path().join("target");
    fs::create_dir(&target).expect("it can be made");
    set_mode(&target, 0o700);
    symlink(&target, &path).expect("it can be linked");
    let expected = CacheError::NotADirectory {
        directory: path.clone(),
    };
    assert_eq!(refusal(&path), expected);
    assert_eq!(files(&target, "").len(), 0);

    fs::remove_file(&path).expect("it can be removed");
    fs::write(&path, "").expect("it can be written");
    assert_eq!(refusal(&path), expected);
}

/// Once opened, it is the directory that was judged, wherever the path leads later.
#[test]
fn a_path_that_is_swapped_changes_nothing() {
    let (folder, path) = folder();
    let runtime = of(open(&path));
    let moved = folder.path().join("moved");
    fs::rename(&path, &moved).expect("it can be moved");
    fs::create_dir(&path).expect("it can be made");
    assert_eq!(use_of(&runtime, &policy(1)), compiled());
    assert_eq!(files(&path, "").len(), 0);
    entry(&moved);
}

#[test]
fn a_key_that_others_could_read_is_refused() {
    let (_folder, path) = folder();
    drop(open(&path));
    set_mode(&path.join("key"), 0o640);
    let refusal = refusal(&path).to_string();
    assert!(
        refusal.contains("other users could have read it"),
        "{refusal}"
    );
}

#[test]
fn a_key_that_is_none_is_refused() {
    for bytes in [
        "",
        "short",
        "more than a key, more than a key, more than a key",
    ] {
        let (_folder, path) = folder();
        drop(open(&path));
        fs::write(path.join("key"), bytes).expect("it can be written");
        let refusal = refusal(&path).to_string();
        assert!(refusal.contains("it has another length"), "{refusal}");
    }
}

#[test]
fn a_key_that_is_a_link_is_refused() {
    let (folder, path) = folder();
    drop(open(&path));
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(path.join("key"), &elsewhere).expect("it can be moved");
    symlink(&elsewhere, path.join("key")).expect("it can be linked");
    let refusal = refusal(&path);
    assert!(matches!(refusal, CacheError::Refused { .. }), "{refusal}");
}

/// An entry that somebody else could have written is not even read.
#[test]
fn an_entry_that_others_can_write_is_not_read() {
    let (_folder, path) = folder();
    let runtime = runtime(&path);
    use_of(&runtime, &policy(1));
    set_mode(&entry(&path), 0o666);
    let used = use_of(&runtime, &policy(1));
    assert!(!used.found && used.kept, "{used:?}");
    assert_eq!(use_of(&runtime, &policy(1)), found());
}

/// As where the system tidies up its temporary files.
#[test]
fn a_directory_that_goes_away_is_no_error() {
    let (_folder, path) = folder();
    let runtime = runtime(&path);
    fs::remove_dir_all(&path).expect("it can be removed");
    let used = use_of(&runtime, &policy(1));
    let CacheUse {
        found: false,
        kept: false,
        trouble,
    } = &used
    else {
        panic!("it cannot be kept: {used:?}");
    };
    assert!(
        matches!(trouble[..], [CacheError::Refused { doing: "lock", .. }]),
        "{trouble:?}"
    );
}

#[test]
fn a_path_that_cannot_be_made_is_refused() {
    let (folder, _) = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").expect("it can be written");
    let refusal = refusal(&file.join("cache"));
    assert!(matches!(refusal, CacheError::Refused { .. }), "{refusal}");
}

#[test]
fn a_cache_that_is_looked_for_is_not_made() {
    let (_folder, path) = folder();
    let found = Cache::find(CacheOptions::new(&path)).expect("nothing is wrong");
    assert!(found.is_none());
    assert!(!path.exists());
    drop(open(&path));
    let found = Cache::find(CacheOptions::new(&path)).expect("nothing is wrong");
    assert_eq!(found.expect("it is there").path(), path);
}
