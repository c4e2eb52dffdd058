//! The files that policies are in: read, compared with their pins and signatures, and compiled
//! once each.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::ptr;

use ckpt_policy_runtime::{Error, Loaded, Runtime};
use sha2::{Digest as _, Sha256};

use super::policy::{Entry, Wasm};
use super::problem::{Blame, Problem};
use super::trust::Trust;

/// Files that were loaded so far; two policies in one file share it, if the same signature by the
/// same people speaks for both.
pub(super) struct Files<'a> {
    runtime: &'a Runtime,
    /// Without the file where it cannot be used, which is said once.
    known: Vec<(&'a Entry, &'a Trust, Option<Loaded>)>,
}

impl<'a> Files<'a> {
    pub(super) fn new(runtime: &'a Runtime) -> Self {
        Self {
            runtime,
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
            (&known.wasm, &known.signature) == (&entry.wasm, &entry.signature)
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
                let file = read_file(path, self.runtime);
                read = file.map_err(|error| unreadable(entry, path, &error))?;
                &read
            }
        };
        // Bytes that are not the pinned ones, or that nobody answers for, are not looked at.
        check_pin(entry, || hex(&Sha256::digest(bytes)))?;
        if let Wasm::File(path) = &entry.wasm {
            trust.check(entry, path, bytes)?;
        }
        let loaded = self.runtime.load(bytes);
        self.known
            .push((entry, trust, loaded.as_ref().ok().cloned()));
        loaded
            .map(Some)
            .map_err(|error| Box::new(unusable(entry, &error)))
    }
}

/// Reads a file, one byte more than a policy may have at most.
pub(super) fn read_file(path: &Path, runtime: &Runtime) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = runtime.limits().file.saturating_add(1);
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
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
