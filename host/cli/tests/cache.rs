//! The compile cache between real processes: who compiles, and what happens when one dies.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The program, told to have a policy compiled in this cache.
fn warm(cache: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ckpt-policy"));
    command.args(["cache", "warm", "builtin:aggregate", "--directory"]);
    command.arg(cache);
    command
}

/// Starts eight of them at once.
fn eight(cache: &Path) -> Vec<Child> {
    (0..8).map(|_| one(cache)).collect()
}

fn one(cache: &Path) -> Child {
    let mut command = warm(cache);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program can be started")
}

/// Waits until each has ended, and returns how many have compiled; the others have found it.
fn compiled(processes: Vec<Child>) -> usize {
    let ended = processes.into_iter().map(Child::wait_with_output);
    let told = ended.map(|output| told(&output.expect("it ends")));
    told.filter(|told| told == "builtin:aggregate: compiled\n")
        .count()
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it prints UTF-8");
    let (told, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}: {said}", output.status);
    assert_eq!(said, "", "nothing is wrong with the cache");
    assert!(
        told.ends_with(": compiled\n") || told.ends_with(": was there\n"),
        "{told}"
    );
    told
}

fn names(cache: &Path) -> Vec<String> {
    let entries = fs::read_dir(cache).expect("the cache is a directory");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.expect("it can be listed");
        entry.file_name().to_string_lossy().into_owned()
    };
    entries.map(name).collect()
}

#[test]
fn eight_processes_compile_once() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let cache = folder.path().join("cache");
    assert_eq!(compiled(eight(&cache)), 1);
    assert_eq!(names(&cache).len(), 2, "an entry and the key");
    assert_eq!(compiled(eight(&cache)), 0);
}

/// Whenever it is that one of them is killed, the others come to an end, and compile once at most.
#[test]
fn one_that_is_killed_stops_nobody() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    for run in 0..4 {
        let cache = folder.path().join(run.to_string());
        let mut processes = eight(&cache);
        let mut killed = processes.swap_remove(run);
        killed.kill().expect("it is a child of this process");
        killed.wait().expect("it has ended");
        assert!(compiled(processes) <= 1);
        assert_eq!(compiled(eight(&cache)), 0);
    }
}

/// The one that holds the lock is killed for sure; one of those that wait takes its place.
#[test]
fn one_that_is_killed_while_it_compiles_is_replaced() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let cache = folder.path().join("cache");
    let mut holder = hold(&lock_of(&cache));
    let waiting = eight(&cache);
    holder.kill().expect("it is a child of this process");
    holder.wait().expect("it has ended");
    assert_eq!(compiled(waiting), 1);
    assert_eq!(names(&cache).len(), 2, "an entry and the key");
}

/// One that is stopped for good holds the lock for ever.
#[test]
fn one_that_never_ends_is_not_waited_for() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let cache = folder.path().join("cache");
    let mut holder = hold(&lock_of(&cache));
    let site = folder.path().join("site.toml");
    let text = format!(
        "[cache]\ndirectory = {cache:?}\nwait-seconds = 0\n\
         [[policy]]\nname = \"best\"\nwasm = \"builtin:aggregate\"\n\
         config = {{ monitor = \"val_loss\" }}\n"
    );
    fs::write(&site, text).expect("it can be written");
    let check = || {
        let mut check = Command::new(env!("CARGO_BIN_EXE_ckpt-policy"));
        check.env_remove("CKPT_POLICY_CACHE");
        check.args(["check", "--config"]).arg(&site).output()
    };
    let first = check().expect("the program can be started");
    let said = String::from_utf8(first.stderr).expect("it prints UTF-8");
    assert!(first.status.success(), "{said}");
    assert!(
        said.contains("another process has held") && said.lines().count() == 1,
        "{said}"
    );
    let second = check().expect("the program can be started");
    assert_eq!(String::from_utf8_lossy(&second.stderr), "");
    holder.kill().expect("it is a child of this process");
    holder.wait().expect("it has ended");
}

/// Returns the lock of whoever compiles the policy in this cache, which is empty then.
fn lock_of(cache: &Path) -> PathBuf {
    assert_eq!(compiled(vec![one(cache)]), 1);
    let names = names(cache);
    let entry = names.iter().find(|name| name.ends_with(".code"));
    let entry = cache.join(entry.expect("it was kept"));
    fs::remove_file(&entry).expect("it can be removed");
    entry.with_extension("lock")
}

/// Starts a process that holds a lock and does nothing: it gets the locked file from this one, which
/// lets go of it.
fn hold(lock: &Path) -> Child {
    let file = File::create(lock).expect("it can be made");
    file.lock().expect("nobody else has it");
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stderr(file);
    command.spawn().expect("every system has `cat`")
}

/// A write beyond the limit would not fail, but end the process: that of an entry, and that of what a
/// policy's memory begins with.
#[test]
fn a_limit_on_the_size_of_files_is_no_error() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let cache = folder.path().join("cache");
    let program = env!("CARGO_BIN_EXE_ckpt-policy");
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -f 8 && exec \"$0\" inspect builtin:aggregate",
            program,
        ])
        .env("CKPT_POLICY_CACHE", &cache)
        .output()
        .expect("every system has `sh`");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    assert!(
        said.contains("ulimit -f") && said.lines().count() == 1,
        "{said}"
    );
    assert_eq!(names(&cache), ["key"]);
}

/// Neither a home nor a folder for temporary files is needed; without a cache there is a line more.
#[test]
fn a_machine_without_a_place_for_it_is_no_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_ckpt-policy"))
        .args(["inspect", "builtin:aggregate"])
        .env_clear()
        .env("TMPDIR", "/dev/null/none")
        .output()
        .expect("the program can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    assert!(
        said.starts_with("note: no compile cache: cannot create the directory")
            && said.lines().count() == 1,
        "{said}"
    );
}
