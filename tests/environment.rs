//! An environment that gives little: address space, stack, descriptors, threads, folders, open streams; and programs
//! that embed the host and have signal handlers, forks and threads of their own.
//!
//! Each test runs in processes of its own. Wherever the program cannot work it must end by itself, with an exit code of
//! its own and one clear line; where it can, what it prints must be what it always prints.

#![expect(
    clippy::print_stdout,
    reason = "what a child prints is what its parent waits for"
)]

#[path = "environment/embedded.rs"]
mod embedded;
#[path = "environment/signals.rs"]
mod signals;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ckpt-policy");

/// Plays a recorded run of four ranks with all four built-in policies, behind a line of shell.
fn play(before: &str) -> Output {
    shell(
        &format!("{before} exec \"$0\" run --config four.toml digits-mlp-ddp4.jsonl"),
        site().path(),
    )
}

fn shell(script: &str, folder: &Path) -> Output {
    shell_with(script, "", folder)
}

/// Runs a script whose `$0` is the program, and whose `$1` is handed over.
fn shell_with(script: &str, argument: &str, folder: &Path) -> Output {
    let mut command = Command::new("bash");
    command
        .args(["-c", script, PROGRAM, argument])
        .current_dir(folder)
        .stdin(Stdio::null());
    command.env("CKPT_POLICY_CACHE", "off");
    command.output().expect("`bash` runs")
}

/// A folder that anybody may read, with a site and a trace.
fn site() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (from, name) in [("sites", "four.toml"), ("traces", "digits-mlp-ddp4.jsonl")] {
        fs::copy(tests().join(from).join(name), folder.path().join(name)).expect("it is copied");
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is mine");
    folder
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// It works, and prints what it prints elsewhere.
fn works(ran: &Output) {
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    assert_eq!(text(&ran.stdout), text(&play("").stdout));
}

/// It ends by itself, and says why.
fn gives_up(ran: &Output, says: &str) {
    let stderr = text(&ran.stderr);
    let code = ran.status.code();
    assert!(
        code.is_some_and(|code| (2..=4).contains(&code)),
        "{}: {stderr}",
        ran.status
    );
    assert!(
        stderr.contains("error: ") && stderr.contains(says),
        "{stderr}"
    );
}

#[test]
fn address_space_of_two_gib() {
    works(&play("ulimit -v 2097152;"));
}

#[test]
fn too_little_address_space_for_a_memory() {
    // Enough for the program, and not for the memory that a policy may grow to.
    let site = site();
    let limits = "\n[limits]\nmemory = \"4GiB\"\n";
    let four = fs::read_to_string(site.path().join("four.toml")).expect("it is there");
    fs::write(site.path().join("four.toml"), limits.to_owned() + &four).expect("it is written");
    let script = "ulimit -v 2097152; exec \"$0\" run --config four.toml digits-mlp-ddp4.jsonl";
    gives_up(&shell(script, site.path()), "memory");
}

#[test]
fn a_small_stack_of_the_main_thread() {
    works(&play("ulimit -s 64;"));
}

#[test]
fn no_variables_at_all() {
    let script =
        "exec env -i CKPT_POLICY_CACHE=off \"$0\" run --config four.toml digits-mlp-ddp4.jsonl";
    works(&shell(script, site().path()));
}

#[test]
fn no_home_and_no_folder_for_temporary_files() {
    let ran = play("unset HOME CKPT_POLICY_CACHE; export TMPDIR=/nonexistent;");
    works(&ran);
}

#[test]
fn closed_streams() {
    works(&play("exec <&-;"));
    works(&play("exec 2>&-;"));
    works(&play("exec <&- 2>&-;"));
    let quiet = play("exec >&-;");
    assert_eq!(quiet.status.code(), Some(0), "{}", text(&quiet.stderr));
    let silent = shell(
        "exec <&- >&- 2>&-; exec \"$0\" check --config missing.toml",
        site().path(),
    );
    assert_eq!(silent.status.code(), Some(2));
}

#[test]
fn streams_that_nobody_reads() {
    let site = site();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let code = |arguments: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .current_dir(site.path())
            .env("CKPT_POLICY_CACHE", "off")
            .stdin(Stdio::null());
        command
            .stdout(writer.try_clone().expect("a copy"))
            .stderr(writer.try_clone().expect("a copy"));
        command.status().expect("it runs").code()
    };
    assert_eq!(
        code(&["run", "--config", "four.toml", "digits-mlp-ddp4.jsonl"]),
        Some(0)
    );
    assert_eq!(code(&["check", "--config", "missing.toml"]), Some(2));
}

#[test]
fn few_descriptors() {
    works(&play("ulimit -n 16;"));
    // Enough to begin with, and too few for the memories of four policies.
    gives_up(
        &play("ulimit -n 4;"),
        "this machine could not run the policy",
    );
}

/// The number of threads is limited for a user who is not root: the tests may run as root.
#[test]
fn no_more_threads() {
    let folder = program_for_all();
    let ran = as_nobody(folder.path(), "ulimit -u 1;");
    gives_up(&ran, "thread");
}

/// Folders in which nothing can be written, of a user who has no home.
#[test]
fn nothing_may_be_written() {
    let folder = program_for_all();
    let ran = as_nobody(
        folder.path(),
        "unset CKPT_POLICY_CACHE; export HOME=/ TMPDIR=$PWD; ! touch new 2>&- || exit 9;",
    );
    works(&ran);
}

/// A root that nothing can be written to, whoever asks: every mount is made read-only, in a namespace of its own.
#[test]
fn a_read_only_root() {
    let site = site();
    let inside = r#"
        set -e
        while read -r _ target _; do
            [ "$target" = /proc ] || mount -o remount,bind,ro "$target" 2>&- || true
        done < /proc/self/mounts
        for folder in . / "$HOME" "$TMPDIR"; do
            ! touch "$folder/new" 2>&- || { echo "$folder can be written to" >&2; exit 9; }
        done
        exec "$0" run --config four.toml digits-mlp-ddp4.jsonl
    "#;
    let script = r#"unset CKPT_POLICY_CACHE; export HOME=/root TMPDIR=/tmp; exec unshare --mount --map-root-user bash -c "$1" "$0""#;
    let ran = shell_with(script, inside, site.path());
    let why = text(&ran.stderr);
    assert!(
        !why.contains("unshare:"),
        "a mount namespace is needed, as root or where user namespaces are allowed \
         (`sysctl kernel.unprivileged_userns_clone=1`): {why}"
    );
    works(&ran);
}

fn as_nobody(folder: &Path, before: &str) -> Output {
    let run = format!("{before} exec ./ckpt-policy run --config four.toml digits-mlp-ddp4.jsonl");
    let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    let script = match text(
        &Command::new("id")
            .arg("-u")
            .output()
            .expect("`id` runs")
            .stdout,
    )
    .trim()
    {
        "0" => format!("exec {nobody} bash -c '{run}'"),
        _ => format!("chmod a-w . && {run}"),
    };
    shell(&script, folder)
}

/// A site with a copy of the program, since the build's folder may be closed to others.
fn program_for_all() -> TempDir {
    let site = site();
    let copy = site.path().join("ckpt-policy");
    fs::hard_link(PROGRAM, &copy)
        .or_else(|_| fs::copy(PROGRAM, &copy).map(drop))
        .expect("it is copied");
    site
}
