//! What stands in a policy's place and is no quiet file: a folder, a pipe, a device, a file that moves.
//!
//! Where the permissions of a file are what counts, the program runs as a user who has none, since tests may run as one
//! who has all.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::guest;
use crate::program::{self, Ran};

/// Puts something in a policy's place, and judges what came of it.
type Check = fn() -> Result<(), Failed>;

/// One trial for each place.
pub(crate) fn trials() -> Vec<Trial> {
    let trials: [(&str, Check); 13] = [
        ("missing", missing),
        ("folder", folder),
        ("pipe", pipe),
        ("socket", socket),
        ("endless-device", endless_device),
        ("empty-device", empty_device),
        ("circle-of-links", circle_of_links),
        ("no-permission", no_permission),
        ("too-large", too_large),
        ("file-in-place-of-a-folder", file_in_place_of_a_folder),
        ("name-that-a-terminal-obeys", name_that_a_terminal_obeys),
        ("written-while-it-is-read", written_while_it_is_read),
        ("replaced-while-it-is-used", replaced_while_it_is_used),
    ];
    trials
        .into_iter()
        .map(|(name, check)| Trial::test(format!("place/{name}"), check))
        .collect()
}

fn missing() -> Result<(), Failed> {
    refused(&site("policy.wasm")?, "No such file")
}

fn folder() -> Result<(), Failed> {
    let site = site("policy.wasm")?;
    fs::create_dir(site.path().join("policy.wasm"))?;
    refused(&site, "directory")
}

fn pipe() -> Result<(), Failed> {
    let site = site("policy.wasm")?;
    // Nobody ever writes into it: whoever waits for that waits for ever.
    tool(
        "mkfifo",
        &[&site.path().join("policy.wasm").to_string_lossy()],
    )?;
    refused(&site, "FIFO")
}

fn socket() -> Result<(), Failed> {
    let site = site("policy.wasm")?;
    let _listens = std::os::unix::net::UnixListener::bind(site.path().join("policy.wasm"))?;
    refused(&site, "socket")
}

fn endless_device() -> Result<(), Failed> {
    refused(&site("/dev/zero")?, "device")
}

fn empty_device() -> Result<(), Failed> {
    refused(&site("/dev/null")?, "device")
}

fn circle_of_links() -> Result<(), Failed> {
    let site = site("policy.wasm")?;
    symlink("other.wasm", site.path().join("policy.wasm"))?;
    symlink("policy.wasm", site.path().join("other.wasm"))?;
    refused(&site, "symbolic links")
}

fn no_permission() -> Result<(), Failed> {
    let site = site("policy.wasm")?;
    let path = site.path().join("policy.wasm");
    fs::write(&path, guest::plain()?)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000))?;
    fs::set_permissions(site.path(), fs::Permissions::from_mode(0o755))?;
    let me = Command::new("id").arg("-u").output()?;
    let nobody = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let before: &[&str] = if me.stdout == b"0\n" { &nobody } else { &[] };
    judged(
        &program::run_as(site.path(), before, RUN)?,
        "Permission denied",
    )
}

fn too_large() -> Result<(), Failed> {
    let site = site("policy.wasm")?;
    // It has that length, and no blocks on the disk.
    File::create(site.path().join("policy.wasm"))?.set_len(1 << 40)?;
    refused(&site, "`file` in `[limits]`")
}

fn file_in_place_of_a_folder() -> Result<(), Failed> {
    let site = site("policy.wasm/inside.wasm")?;
    fs::write(site.path().join("policy.wasm"), guest::plain()?)?;
    refused(&site, "Not a directory")
}

fn name_that_a_terminal_obeys() -> Result<(), Failed> {
    refused(&site("\\u001b[2J\\u202egone\\u009b.wasm")?, "No such file")
}

/// Another program never stops writing into the file: it is read as it once was, or refused.
fn written_while_it_is_read() -> Result<(), Failed> {
    let site = site("policy.wasm")?;
    let path = site.path().join("policy.wasm");
    let good = guest::plain()?;
    fs::write(&path, &good)?;
    while_it_runs(
        || {
            let mut file = File::options().write(true).truncate(true).open(&path)?;
            good.chunks(64).try_for_each(|chunk| file.write_all(chunk))
        },
        || {
            for _ in 0..20 {
                let ran = program::run(site.path(), RUN)?;
                match ran.status.code() {
                    Some(0) => ran.ended(0)?,
                    _ => judged(&ran, "policy.wasm")?,
                }
            }
            Ok(())
        },
    )
}

/// Another program puts one file after the other into its place: one of both is used, and as a whole.
fn replaced_while_it_is_used() -> Result<(), Failed> {
    let site = site("policy.wasm")?;
    let at = |name: &str| site.path().join(name);
    let good = guest::plain()?;
    fs::write(at("policy.wasm"), &good)?;
    while_it_runs(
        || {
            fs::write(at("next"), b"(module)")?;
            fs::rename(at("next"), at("policy.wasm"))?;
            fs::write(at("next"), &good)?;
            fs::rename(at("next"), at("policy.wasm"))
        },
        || {
            for _ in 0..20 {
                let ran = program::run(site.path(), RUN)?;
                match ran.status.code() {
                    Some(0) => ran.ended(0)?,
                    _ => judged(&ran, "is text that begins with `(module)`")?,
                }
            }
            Ok(())
        },
    )
}

/// Repeats one thing until another one is done.
fn while_it_runs(
    mut again: impl FnMut() -> std::io::Result<()> + Send,
    run: impl FnOnce() -> Result<(), Failed>,
) -> Result<(), Failed> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let busy = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                again()?;
            }
            std::io::Result::Ok(())
        });
        let ran = run();
        done.store(true, Ordering::Relaxed);
        busy.join().map_err(|_| "the other program ended")??;
        ran
    })
}

/// A folder with a site whose only policy is at this path.
fn site(path: &str) -> Result<TempDir, Failed> {
    let folder = tempfile::tempdir()?;
    let site = format!("[[policy]]\nname = \"hostile\"\nwasm = \"{path}\"\n");
    fs::write(folder.path().join("site.toml"), site)?;
    let trace = "{\"trace\": 1, \"name\": \"t\", \"world_size\": 1, \"notes\": \"\"}\n\
                 {\"moment\": \"validation-end\", \"step\": 1, \"epoch\": 0, \"metrics\": {}}\n";
    fs::write(folder.path().join("trace.jsonl"), trace)?;
    Ok(folder)
}

fn refused(site: &TempDir, says: &str) -> Result<(), Failed> {
    judged(&program::run(site.path(), RUN)?, says)?;
    let path = fs::read_to_string(site.path().join("site.toml"))?;
    let path = path.split('"').nth(3).ok_or("the site names a path")?;
    // What authors use reads the file by the same way.
    match path.starts_with('\\') {
        true => Ok(()),
        false => judged(&program::run(site.path(), &["inspect", path])?, says),
    }
}

fn judged(ran: &Ran, says: &str) -> Result<(), Failed> {
    ran.ended(2)?;
    match ran.stderr.contains(says) && ran.stderr.starts_with("error:") {
        true => Ok(()),
        false => Err(format!("nothing says `{says}` in\n{}", ran.stderr).into()),
    }
}

fn tool(name: &str, arguments: &[&str]) -> Result<(), Failed> {
    let status = Command::new(name).args(arguments).status();
    match status
        .map_err(|error| format!("`{name}` is needed: {error}"))?
        .success()
    {
        true => Ok(()),
        false => Err(format!("`{name} {}` failed", arguments.join(" ")).into()),
    }
}

const RUN: &[&str] = &["run", "--config", "site.toml", "trace.jsonl"];
