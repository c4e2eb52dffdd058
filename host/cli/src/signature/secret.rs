//! Secret keys: made, kept in files that only their owner may read, and used to sign.
//!
//! Asks nobody for a password: it is an argument. A file that exists is never written over, and no
//! secret is part of an error or of what is printed.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use minisign::{ErrorKind, KeyPair, SecretKey, SecretKeyBox};

use super::{KeyId, PublicKey};

/// A key that signs, in the form in which a file holds it.
pub(crate) struct Locked {
    boxed: String,
    /// As it stands there; without a password that is the key.
    raw: SecretKey,
}

/// A key that signs.
pub(crate) struct Secret {
    key: SecretKey,
    public: minisign::PublicKey,
    id: KeyId,
}

/// A new key, with both its files still to be written.
pub(crate) struct Fresh {
    secret: String,
    public: String,
    id: KeyId,
}

impl Fresh {
    /// Makes a key; without a password, whoever can read its file can sign with it.
    ///
    /// # Errors
    ///
    /// The system has no randomness, or no memory for deriving a key from the password.
    pub(crate) fn new(password: Option<String>) -> Result<Self, String> {
        let pair = match password {
            Some(password) => KeyPair::generate_encrypted_keypair(Some(password)),
            None => KeyPair::generate_unencrypted_keypair(),
        };
        let KeyPair { pk, sk } = pair.map_err(|error| error.to_string())?;
        let line = pk.to_base64();
        let public = PublicKey::from_line(&line).ok_or("it is no key")?;
        let comment = format!("ckpt-policy secret key {}", public.id);
        let secret = sk
            .to_box(Some(&comment))
            .map_err(|error| error.to_string())?;
        Ok(Self {
            secret: secret.to_string(),
            public: format!("untrusted comment: public key {}\n{line}\n", public.id),
            id: public.id,
        })
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// Writes the secret part, for its owner alone.
    ///
    /// # Errors
    ///
    /// The file cannot be written, or is there already.
    pub(crate) fn write_secret(&self, path: &Path) -> io::Result<()> {
        write_new(path, &self.secret, 0o600)
    }

    /// Writes the public part.
    ///
    /// # Errors
    ///
    /// The file cannot be written, or is there already.
    pub(crate) fn write_public(&self, path: &Path) -> io::Result<()> {
        write_new(path, &self.public, 0o644)
    }
}

impl Locked {
    /// Reads a secret key's file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or holds no secret key.
    pub(crate) fn from_file(path: &Path) -> Result<Self, String> {
        let boxed = super::read(path).map_err(|error| error.to_string())?;
        let bytes = boxed
            .lines()
            .nth(1)
            .and_then(|line| BASE64.decode(line.trim()).ok());
        let raw = bytes.and_then(|bytes| SecretKey::from_bytes(&bytes).ok());
        let raw = raw.ok_or("it holds no secret key")?;
        Ok(Self { boxed, raw })
    }

    pub(crate) fn has_password(&self) -> bool {
        self.raw.is_encrypted()
    }

    /// Unlocks the key; the password is not looked at where it has none.
    ///
    /// # Errors
    ///
    /// The password is wrong, or the file is damaged.
    pub(crate) fn unlock(self, password: String) -> Result<Secret, String> {
        let key = match self.has_password() {
            true => SecretKeyBox::from(self.boxed).into_secret_key(Some(password)),
            // The program `minisign` leaves the checksum of such a key out, so nothing can be
            // compared with it; a damaged one shows when it signs.
            false => Ok(self.raw),
        };
        let key = key.map_err(|error| error.to_string().to_lowercase())?;
        let public =
            minisign::PublicKey::from_secret_key(&key).map_err(|error| error.to_string())?;
        let id = PublicKey::from_line(&public.to_base64()).ok_or("it holds no secret key")?;
        Ok(Secret {
            key,
            public,
            id: id.id,
        })
    }
}

impl Secret {
    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// Signs bytes and a comment, which is one line, and returns the signature's file.
    ///
    /// # Errors
    ///
    /// The key is damaged, or the system has no randomness.
    pub(crate) fn sign(&self, bytes: &[u8], comment: &str) -> Result<String, String> {
        let untrusted = format!("signature of key {}", self.id);
        let public = Some(&self.public);
        minisign::sign(public, &self.key, bytes, Some(comment), Some(&untrusted))
            .map(|signature| signature.to_string())
            .map_err(|error| match error.kind() {
                ErrorKind::Verify => "the secret key is damaged".to_owned(),
                _ => error.to_string(),
            })
    }
}

/// Writes a file that was not there; one that could not be finished is taken away again.
fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes()).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}
