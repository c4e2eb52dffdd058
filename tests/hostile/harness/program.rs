//! The real program as a process of its own, and what it cost.
//!
//! Processor time and memory are those that the kernel counted for that process alone. Nothing here waits by the clock,
//! but for the minute after which `timeout` kills what hangs.

use std::env;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use libtest_mimic::Failed;
use serde::{Deserialize, Serialize};
use wait4::Wait4 as _;

/// What this program is started with to be the meter.
pub(crate) const METER: &str = "meter";

/// The file in which the meter leaves what it found.
const USED: &str = "used.json";

/// What became of one process.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) cpu: Duration,
    pub(crate) memory: u64,
}

/// Runs the program in a folder, where what it prints is left, too.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Result<Ran, Failed> {
    run_as(folder, &[], arguments)
}

/// Runs the program behind others that set the scene, such as `setpriv`.
pub(crate) fn run_as(folder: &Path, before: &[&str], arguments: &[&str]) -> Result<Ran, Failed> {
    let (out, err) = (folder.join("stdout"), folder.join("stderr"));
    // The kernel counts a process's memory from that of the one it comes from, which here is large.
    let mut command = Command::new(env::current_exe()?);
    command
        .arg(METER)
        .args(before)
        .arg(env!("CARGO_BIN_EXE_ckpt-policy"))
        .args(arguments);
    command
        .current_dir(folder)
        .env("CKPT_POLICY_CACHE", cache())
        .stdin(Stdio::null());
    command
        .stdout(File::create(&out)?)
        .stderr(File::create(&err)?);
    command.status()?;
    let read = |path| io::Result::Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned());
    let used: Used = serde_json::from_str(&read(folder.join(USED))?)?;
    Ok(Ran {
        status: ExitStatus::from_raw(used.status),
        stdout: read(out)?,
        stderr: read(err)?,
        cpu: Duration::from_micros(used.cpu),
        memory: used.memory,
    })
}

/// What this program does as a small one in between: it runs another, and writes down what that took.
pub(crate) fn meter() -> io::Result<()> {
    let mut command = Command::new("timeout");
    command
        .args(["--signal=KILL", "60"])
        .args(env::args_os().skip(2));
    let missing =
        |error| io::Error::other(format!("`timeout` of GNU coreutils is needed: {error}"));
    let taken = command.spawn().map_err(missing)?.wait4()?;
    let used = Used {
        status: taken.status.into_raw(),
        cpu: (taken.rusage.utime + taken.rusage.stime)
            .as_micros()
            .try_into()
            .map_err(io::Error::other)?,
        memory: taken.rusage.maxrss,
    };
    fs::write(USED, serde_json::to_string(&used)?)
}

#[derive(Deserialize, Serialize)]
struct Used {
    /// As the kernel tells it.
    status: i32,
    /// Microseconds of processor time.
    cpu: u64,
    /// Bytes.
    memory: u64,
}

/// Where all processes of one run of the tests keep compiled policies.
fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile-cache")
}

/// Forgets what earlier runs have compiled, so that each policy is compiled once more.
pub(crate) fn forget() {
    // Where there is none, that is just as well.
    let _ = fs::remove_dir_all(cache());
}

impl Ran {
    /// Checks that it ended by itself with this code, at a price that a site can bear, and said nothing that a terminal
    /// would obey.
    pub(crate) fn ended(&self, code: i32) -> Result<(), Failed> {
        let Self {
            status,
            stdout,
            stderr,
            ..
        } = self;
        if status.code() != Some(code) {
            return Err(
                format!("it ended with {status}, expected exit code {code}\n{stderr}").into(),
            );
        }
        if self.cpu > CPU || self.memory > MEMORY {
            return Err(format!(
                "it took {}, allowed are {CPU:?} and {} MiB",
                self.price(),
                MEMORY >> 20
            )
            .into());
        }
        for (stream, text, most) in [("output", stdout, OUTPUT), ("error", stderr, ERROR)] {
            if let Some(c) = text.chars().find(|c| is_obeyed(*c)) {
                return Err(format!("standard {stream} holds {c:?}:\n{text:?}").into());
            }
            if text.len() > most {
                return Err(format!(
                    "standard {stream} has {} bytes, expected at most {most}\n{text:.2000}",
                    text.len()
                )
                .into());
            }
        }
        Ok(())
    }

    /// Returns what it cost, for people.
    pub(crate) fn price(&self) -> String {
        format!(
            "{:.2} s of processor time and {} MiB",
            self.cpu.as_secs_f64(),
            self.memory >> 20
        )
    }
}

/// Whether a terminal would do something else than show it, or would show something else.
pub(crate) fn is_obeyed(c: char) -> bool {
    let hides_or_turns = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
    (c.is_control() && c != '\n') || hides_or_turns
}

/// Processor time that a process may take.
const CPU: Duration = Duration::from_secs(2);

/// Memory that a process may have at once.
const MEMORY: u64 = 256 << 20;

/// Bytes on standard error: a clear line for each policy that fails, with its remedy.
const ERROR: usize = 8 << 10;

/// Bytes on standard output: a run of a thousand rounds.
const OUTPUT: usize = 4 << 20;
