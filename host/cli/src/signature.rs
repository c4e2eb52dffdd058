//! Signatures in minisign's format: public keys, signatures, and whether one fits the other.
//!
//! Responsible for what a signature proves of some bytes; which keys to trust is the caller's
//! matter, and where secret keys are kept that of [`secret`]. Files that were signed, and keys that
//! were made, with the program `minisign` work here, and the other way round.
//!
//! Invariant: bytes pass only under a signature that one of the given keys made of exactly these
//! bytes. No file, whatever it holds, makes this panic.

pub(crate) mod secret;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ckpt_policy_runtime::Limits;
use minisign_verify as format;

use crate::config::read_most;

/// What tells keys apart, as minisign prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyId(u64);

/// A key that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    id: KeyId,
    key: format::PublicKey,
}

/// What a signature file holds.
struct Signature {
    id: KeyId,
    signature: format::Signature,
}

/// Who signed some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    /// The key.
    pub(crate) by: KeyId,
    /// What its owner said in the signature, and signed too.
    pub(crate) comment: String,
}

/// Why bytes do not pass.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no signature.
    #[error("it is not signed: there is no `{}`", path.display())]
    Unsigned { path: PathBuf },
    /// Its file cannot be read.
    #[error("its signature `{}` cannot be read: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: String },
    /// Its file holds something else.
    #[error("its signature `{}` {what}", path.display())]
    Malformed { path: PathBuf, what: &'static str },
    /// The key that signed is not one of those that are trusted.
    #[error("it is signed with the key `{id}`, which is not trusted; trusted {known}")]
    UnknownKey { id: KeyId, known: Known },
    /// A trusted key signed something else.
    #[error("the key `{id}` did not sign these bytes: the file or `{}` was changed", path.display())]
    Altered { id: KeyId, path: PathBuf },
}

/// The ids of all trusted keys, for messages.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Known(Vec<KeyId>);

impl Refusal {
    /// Returns what to do about it.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Unsigned { .. } => {
                "let somebody whose key is trusted sign it: `ckpt-policy sign FILE --key SECRET`"
            }
            Self::Unreadable { .. } => {
                "make it readable, or have the file signed again with `ckpt-policy sign`"
            }
            Self::Malformed { .. } => {
                "copy the signature again, or have the file signed again with `ckpt-policy sign`"
            }
            Self::UnknownKey { .. } => {
                "if you trust that key's owner, add the public key to `keys` in `[trust]`"
            }
            Self::Altered { .. } => {
                "find out who changed it; if the change is wanted, have the file signed again with \
                 `ckpt-policy sign`"
            }
        }
    }
}

/// Returns where a file's signature is, if nobody says otherwise.
pub(crate) fn beside(file: &Path) -> PathBuf {
    let mut path = OsString::from(file);
    path.push(".minisig");
    PathBuf::from(path)
}

/// Proves that one of the keys signed these bytes, with the signature in the file at `path`.
///
/// # Errors
///
/// Why that is not proved.
pub(crate) fn verify(bytes: &[u8], path: &Path, keys: &[PublicKey]) -> Result<Signed, Refusal> {
    verify_by(bytes, read(path), path, keys)
}

/// Proves the same by a signature that was read already.
///
/// # Errors
///
/// Why that is not proved.
pub(crate) fn verify_by(
    bytes: &[u8],
    signature: io::Result<String>,
    path: &Path,
    keys: &[PublicKey],
) -> Result<Signed, Refusal> {
    let text = signature.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Refusal::Unsigned { path: path.into() },
        _ => Refusal::Unreadable {
            path: path.into(),
            cause: error.to_string(),
        },
    })?;
    let Signature { id, signature } = Signature::parse(&text).map_err(|what| {
        let path = path.into();
        Refusal::Malformed { path, what }
    })?;
    let mut candidates = keys.iter().filter(|key| key.id == id).peekable();
    if candidates.peek().is_none() {
        let known = Known(keys.iter().map(|key| key.id).collect());
        return Err(Refusal::UnknownKey { id, known });
    }
    // Hashed signatures only: one in minisign's old format says nothing that these do not say.
    if !candidates.any(|key| key.key.verify(bytes, &signature, false).is_ok()) {
        let path = path.into();
        return Err(Refusal::Altered { id, path });
    }
    Ok(Signed {
        by: id,
        comment: signature.trusted_comment().to_owned(),
    })
}

/// Reads a key or a signature: text, and short.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    text(read_most(path, LONGEST + 1)?)
}

/// Returns what a key or a signature says.
pub(crate) fn text(bytes: Vec<u8>) -> io::Result<String> {
    let bytes = bounded(bytes, LONGEST)?;
    String::from_utf8(bytes).map_err(|_| unusable("it is not text"))
}

/// Reads what is signed.
pub(crate) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let most = Limits::default().file;
    bounded(read_most(path, most.saturating_add(1))?, most)
}

fn bounded(bytes: Vec<u8>, most: u64) -> io::Result<Vec<u8>> {
    match bytes.len() as u64 > most {
        true => Err(unusable(&format!("it has more than {most} bytes"))),
        false => Ok(bytes),
    }
}

fn unusable(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

impl KeyId {
    /// Returns the id in a key or a signature: it follows the two letters of the algorithm.
    fn within(base64: &str) -> Option<Self> {
        let bytes = BASE64.decode(base64).ok()?;
        let id = bytes.get(2..10)?.try_into().ok()?;
        Some(Self(u64::from_le_bytes(id)))
    }
}

impl PublicKey {
    /// Reads the one line that a key is; nothing where it is no key.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let line = line.trim();
        let (id, key) = (KeyId::within(line)?, format::PublicKey::from_base64(line));
        key.ok().map(|key| Self { id, key })
    }

    /// Reads a key that is given itself, or else as the path of a file.
    ///
    /// # Errors
    ///
    /// It is neither.
    pub(crate) fn read(given: &str, path: &Path) -> Result<Self, String> {
        if let Some(key) = Self::from_line(given) {
            return Ok(key);
        }
        Self::from_file(path).map_err(|what| {
            format!("this is no public key, and as a file it cannot be used: {what}")
        })
    }

    /// Reads a key from a file: that line, below a comment.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no key.
    fn from_file(path: &Path) -> Result<Self, String> {
        let text = read(path).map_err(|error| error.to_string())?;
        let is_key =
            |line: &&str| !line.trim().is_empty() && !line.starts_with("untrusted comment:");
        let line = text.lines().find(is_key);
        line.and_then(Self::from_line)
            .ok_or_else(|| "it holds no public key".to_owned())
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }
}

impl Signature {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let what = "is not in minisign's format";
        let line = text.lines().nth(1).ok_or(what)?;
        let id = KeyId::within(line).ok_or(what)?;
        let signature = format::Signature::decode(text).map_err(|_| what)?;
        match BASE64
            .decode(line)
            .is_ok_and(|bytes| bytes.starts_with(HASHED))
        {
            true => Ok(Self { id, signature }),
            false => Err("is in minisign's old format, without a hash"),
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016X}", self.0)
    }
}

impl fmt::Display for Known {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => formatter.write_str("is none"),
            [one] => write!(formatter, "is `{one}`"),
            [first, more @ ..] => {
                write!(formatter, "are `{first}`")?;
                more.iter().try_for_each(|id| write!(formatter, ", `{id}`"))
            }
        }
    }
}

/// Bytes of a key's or a signature's file; minisign's own are some hundreds.
pub(crate) const LONGEST: u64 = 16 << 10;

/// The algorithm of a signature over the bytes' hash.
const HASHED: &[u8] = b"ED";

#[cfg(test)]
mod tests;
