//! The files that policies are in: read, compared with their pins and signatures, and compiled
//! once each.

use std::fs::{File, FileType, Metadata};
use std::io::{self, Read as _};
#[cfg(unix)]
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::ptr;

use ckpt_policy_runtime::{Error, Limits, Loaded, Runtime};
use sha2::{Digest as _, Sha256};

use super::policy::{Entry, Wasm};
use super::problem::{Blame, Problem};
use super::share::Shelf;
use super::trust::Trust;

/// Files that were loaded so far; two policies in one file share it, if the same signature by the
/// same people speaks for both.
pub(super) struct Files<'a> {
    runtime: &'a Runtime,
    shelf: &'a Shelf,
    /// Without the file where it cannot be used, which is said once for each way to compile it.
    known: Vec<(&'a Entry, &'a Trust, Option<Loaded>)>,
}

impl<'a> Files<'a> {
    pub(super) fn new(runtime: &'a Runtime, shelf: &'a Shelf) -> Self {
        Self {
            runtime,
            shelf,
            known: Vec::new(),
        }
    }

    /// Returns an entry's file; nothing where it is known to be unusable.
    ///
    /// # Errors
    ///
    /// The file cannot be used, is another one than the entry's pin allows, or is not signed as it
    /// must be.
    pub(super) fn load(
        &mut self,
        entry: &'a Entry,
        trust: &'a Trust,
    ) -> Result<Option<Loaded>, Box<Problem>> {
        let is_known = |(known, by, _): &&(&Entry, &Trust, _)| {
            (&known.wasm, known.compile, &known.signature)
                == (&entry.wasm, entry.compile, &entry.signature)
                && ptr::eq(*by, trust)
        };
        if let Some((.., file)) = self.known.iter().find(is_known) {
            let digest = file.as_ref().map(Loaded::digest);
            digest.map_or(Ok(()), |digest| check_pin(entry, || digest.to_owned()))?;
            return Ok(file.clone());
        }
        let read;
        let bytes = match &entry.wasm {
            Wasm::Builtin(name) => ckpt_policy_builtins::get(name).unwrap_or_default(),
            Wasm::File(path) => {
                let file = self.shelf.read(path, longest(self.runtime.limits()));
                read = file.map_err(|error| unreadable(entry, path, &error))?;
                &read
            }
        };
        // Bytes that are not the pinned ones, or that nobody answers for, are not looked at.
        check_pin(entry, || hex(&Sha256::digest(bytes)))?;
        if let Wasm::File(path) = &entry.wasm {
            trust.check(entry, path, bytes, self.shelf)?;
        }
        let loaded = self.runtime.load_as(bytes, entry.compile);
        self.known
            .push((entry, trust, loaded.as_ref().ok().cloned()));
        loaded
            .map(Some)
            .map_err(|error| Box::new(unusable(entry, &error)))
    }
}

/// Reads a policy's file, one byte more than one may have at most.
pub(super) fn read_file(path: &Path, runtime: &Runtime) -> io::Result<Vec<u8>> {
    read_most(path, longest(runtime.limits()))
}

/// Bytes of a policy's file that are read: one more than one may have at most.
pub(super) fn longest(limits: &Limits) -> u64 {
    limits.file.saturating_add(1)
}

/// Reads a file, or this many bytes of it. Neither waits nor reads on and on, whatever the path
/// leads to.
pub(crate) fn read_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut options = File::options();
    options.read(true);
    // Nobody may ever write into a FIFO: opening it is not to wait for that.
    #[cfg(unix)]
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let mut file = options.open(path).map_err(|error| match path.metadata() {
        // A socket, for one, cannot even be opened.
        Ok(found) if !found.is_file() => unexpected(found.file_type()),
        _ => error,
    })?;
    // What is opened is looked at, not what the path leads to by now.
    let before = file.metadata()?;
    if !before.is_file() {
        return Err(unexpected(before.file_type()));
    }
    let mut bytes = Vec::new();
    file.by_ref().take(most).read_to_end(&mut bytes)?;
    match is_unchanged(&before, &file.metadata()?, bytes.len() as u64, most) {
        true => Ok(bytes),
        false => Err(io::Error::other(
            "it changed while it was read; write to another name beside it, then rename that",
        )),
    }
}

/// Whether what was read is one file, and not the beginning of one and the end of another.
fn is_unchanged(before: &Metadata, after: &Metadata, read: u64, most: u64) -> bool {
    let same_time = match (before.modified(), after.modified()) {
        (Ok(before), Ok(after)) => before == after,
        _ => true,
    };
    same_time && before.len() == after.len() && read == before.len().min(most)
}

fn unexpected(file: FileType) -> io::Error {
    io::Error::other(format!("it is {}, expected a file", kind_of(file)))
}

fn kind_of(file: FileType) -> &'static str {
    if file.is_dir() {
        return "a directory";
    }
    #[cfg(unix)]
    if file.is_fifo() {
        return "a FIFO";
    } else if file.is_socket() {
        return "a socket";
    } else if file.is_block_device() || file.is_char_device() {
        return "a device";
    }
    "something else"
}

fn check_pin(entry: &Entry, digest: impl FnOnce() -> String) -> Result<(), Box<Problem>> {
    let Some(pin) = &entry.pin else {
        return Ok(());
    };
    let digest = digest();
    if digest == *pin {
        return Ok(());
    }
    let text = format!(
        "`{}` has the digest `{digest}`, expected `{pin}`",
        entry.wasm
    );
    Err(Box::new(entry.problem("sha256", text).hint(
        "find out who changed the file; if the change is wanted, write its digest into `sha256`",
    )))
}

fn unusable(entry: &Entry, error: &Error) -> Problem {
    let text = format!("`{}` cannot be used: {error}", entry.wasm);
    let problem = entry.problem("wasm", text);
    match error {
        Error::Start(_) => problem.blame(Blame::Policy),
        _ => problem,
    }
}

fn unreadable(entry: &Entry, path: &Path, error: &io::Error) -> Box<Problem> {
    let problem = entry.problem("wasm", format!("cannot read `{}`: {error}", path.display()));
    let name = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    let is_builtin = ckpt_policy_builtins::names().any(|builtin| builtin == name);
    Box::new(problem.hint(match is_builtin {
        true => format!("for the policy that is built in write `wasm = \"builtin:{name}\"`"),
        false => format!("the path is relative to `{}`", entry.file().display()),
    }))
}

/// Writes bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(all(test, unix))]
mod tests;
