//! The key under which a cache's entries are authenticated.
//!
//! Random bytes in a file that only this user can read, made once for each directory. Whoever can
//! read it can make entries that are believed; that is this user, and nobody else.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;

use super::directory::Directory;
use super::error::CacheError;
use super::partial::Partial;

/// A cache's key; it is never shown.
pub(super) struct Key([u8; LENGTH]);

impl Key {
    /// Reads the directory's key; where there is none, makes one.
    pub(super) fn of(directory: &Directory) -> Result<Self, CacheError> {
        let refused = |doing| {
            move |error: io::Error| CacheError::refused(doing, &directory.path_of(NAME), &error)
        };
        let file = match directory.read(NAME) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(directory).map_err(refused("write the key"))?;
                // Another process may have been faster, and then its key counts.
                directory.read(NAME)
            }
            found => found,
        };
        let read = file.and_then(read).map_err(refused("read the key"))?;
        read.map_err(|what| CacheError::Key {
            key: directory.path_of(NAME),
            what: what.to_owned(),
        })
    }

    pub(super) fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }
}

fn make(directory: &Directory) -> io::Result<()> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes)?;
    Partial::write(directory, &[&bytes])?.add(NAME)
}

fn read(file: File) -> io::Result<Result<Key, &'static str>> {
    if file.metadata()?.mode() & 0o077 != 0 {
        return Ok(Err("other users could have read it"));
    }
    let mut bytes = Vec::new();
    file.take(LENGTH as u64 + 1).read_to_end(&mut bytes)?;
    let key = <[u8; LENGTH]>::try_from(bytes);
    Ok(key.map(Key).map_err(|_| "it has another length"))
}

const NAME: &str = "key";

const LENGTH: usize = blake3::KEY_LEN;
