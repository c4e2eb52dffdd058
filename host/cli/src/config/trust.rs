//! Whose policies are run: `[trust]` of a configuration, and whether a policy's bytes pass it.
//!
//! Knows which keys are trusted and when a signature is asked for; what a signature proves is
//! [`signature`](crate::signature)'s part. Policies that are built in are part of this program and
//! need none.

use std::path::{Path, PathBuf};

use ckpt_policy_runtime::Compile;

use super::Site;
use super::fields::Fields;
use super::policy::{COMPILE, Entry, Wasm};
use super::problem::{Position, Problem};
use super::share::Shelf;
use crate::signature::{self, PublicKey, Refusal};

/// Whom a configuration trusts.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    pub(super) keys: Vec<Trusted>,
    /// A file without a signature is refused.
    pub(super) requires: bool,
    /// The most that `compile` may say in a configuration below these rules.
    pub(super) compile: Compile,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            requires: false,
            compile: Compile::Large,
        }
    }
}

/// A key, and where the configuration names it.
#[derive(Clone, Debug)]
pub(super) struct Trusted {
    pub(super) key: PublicKey,
    pub(super) at: Option<Position>,
}

impl Trust {
    /// Reads the table; what it does not say is as in `base`.
    pub(super) fn read(mut table: Fields<'_>, base: Self) -> Self {
        let requires = table.flag("require-signatures");
        let compile = table.choice("compile", &COMPILE);
        let given = table.texts("keys");
        let keys = given.map(|keys| {
            let read = |(text, at): (String, Option<Position>)| {
                let key = read_key(&table, &text, at)?;
                Some(Trusted { key, at })
            };
            keys.into_iter().filter_map(read).collect()
        });
        table.finish();
        Self {
            keys: keys.unwrap_or(base.keys),
            requires: requires.unwrap_or(base.requires),
            compile: compile.unwrap_or(base.compile),
        }
    }

    /// Returns the keys alone.
    pub(super) fn public_keys(&self) -> Vec<PublicKey> {
        self.keys
            .iter()
            .map(|trusted| trusted.key.clone())
            .collect()
    }

    /// Whether the bytes of a policy's file may be looked at any further.
    ///
    /// A signature that is there is always verified, where anybody is trusted: one that does not
    /// fit says that something was changed.
    pub(super) fn check(
        &self,
        entry: &Entry,
        file: &Path,
        bytes: &[u8],
        shelf: &Shelf,
    ) -> Result<(), Box<Problem>> {
        let is_named = entry.signature.is_some();
        let is_asked_for = self.requires || is_named;
        if self.keys.is_empty() {
            return match is_asked_for {
                true => Err(Box::new(nobody_is_trusted(entry))),
                false => Ok(()),
            };
        }
        let signature = signature_of(entry, file);
        let text = shelf.read(&signature, signature::LONGEST + 1);
        let text = text.and_then(signature::text);
        match signature::verify_by(bytes, text, &signature, &self.public_keys()) {
            Ok(_) => Ok(()),
            Err(Refusal::Unsigned { .. }) if !is_asked_for => Ok(()),
            Err(refusal) => {
                let key = if is_named { "signature" } else { "wasm" };
                let text = format!("`{}` is refused: {refusal}", file.display());
                Err(Box::new(entry.problem(key, text).hint(refusal.hint())))
            }
        }
    }
}

/// A file that can be verified.
#[derive(Debug)]
pub(crate) struct Signable {
    pub(crate) file: PathBuf,
    pub(crate) signature: PathBuf,
    /// Those that may have signed it.
    pub(crate) keys: Vec<PublicKey>,
}

impl Site {
    /// Returns the keys that the configuration trusts.
    pub(crate) fn trusted(&self) -> Vec<PublicKey> {
        self.trust.public_keys()
    }

    /// Returns the policies that are files.
    pub(crate) fn signables(&self) -> Vec<Signable> {
        let signable = |(entry, trust): (&Entry, &Trust)| match &entry.wasm {
            Wasm::Builtin(_) => None,
            Wasm::File(file) => Some(Signable {
                file: file.clone(),
                signature: signature_of(entry, file),
                keys: trust.public_keys(),
            }),
        };
        self.entries().filter_map(signable).collect()
    }
}

pub(super) fn signature_of(entry: &Entry, file: &Path) -> PathBuf {
    let beside = || signature::beside(file);
    entry.signature.clone().unwrap_or_else(beside)
}

fn read_key(table: &Fields<'_>, text: &str, at: Option<Position>) -> Option<PublicKey> {
    let key = PublicKey::read(text, &super::beside(table.file(), text));
    key.map_err(|what| {
        let problem = table.problem(at, "keys", format!("`{text}`: {what}"));
        table.report(problem.hint(
            "name a file such as `site.pub`, or write the key itself: 56 characters that begin \
             with `RW`",
        ));
    })
    .ok()
}

fn nobody_is_trusted(entry: &Entry) -> Problem {
    let (key, text) = match entry.signature {
        Some(_) => ("signature", "nobody is trusted who could have signed it"),
        None => ("wasm", "it must be signed, and nobody is trusted"),
    };
    let hint = "name the public keys of those who may sign as `keys` in `[trust]`";
    entry.problem(key, text.to_owned()).hint(hint)
}
