//! Compiled policies on a disk of this machine, so that they start without being compiled again.
//!
//! A policy is looked up by its digest and by all that its code hangs on: the versions, the
//! settings, the limits, the processor. Eight processes that want the same compile it once; the
//! others wait for it, or take over from one that dies. A cache only makes loading faster:
//! whatever is wrong with it, the policy is compiled as if there were none, and what was wrong is
//! something to tell ([`CacheUse`]).
//!
//! # Who is trusted
//!
//! What a cache holds is native code that will run outside of the sandbox. So its directory must
//! belong to this user and be closed to all others, and each entry carries a MAC under a random
//! key that lies beside it. Where nobody else can write, why the MAC? Since a directory's mode
//! says nothing of the past, or of the disk: entries may come from a directory that was copied,
//! restored or synchronised from elsewhere, a file may be torn by a crash, or damaged. None of
//! these is run. It does not defend against this very user, or root, who could as well run code
//! of their own; nor does it vouch for the policy, which stays in its sandbox.
//!
//! The bytes are read into memory, proved there, and never mapped: a mapped file could be changed
//! after the proof, and one on a network file system that goes away ends the process.
//!
//! What it deliberately does not do: guess a directory, read the environment, or speak.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

mod directory;
mod entry;
mod error;
mod key;
mod lock;
mod partial;
mod stamp;
mod upkeep;
mod visit;

pub use error::CacheError;
pub(crate) use stamp::settings;
pub use upkeep::{CacheEntry, EntryState, Freed};
pub use visit::CacheUse;

use directory::Directory;
use entry::Name;
use key::Key;
use visit::Visit;

/// Where a cache is, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// The directory. On a disk of this machine: on a network file system it works, but what it is
    /// to save is lost in reading it.
    pub directory: PathBuf,
    /// Bytes that all entries may have together. By default 1 GiB: where the folder for
    /// temporary files lies in memory, it is the job's memory.
    pub size: u64,
    /// How long to wait for another process that compiles the same policy. By default a minute.
    pub wait: Duration,
}

impl CacheOptions {
    /// Returns the defaults, for one directory.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            size: 1 << 30,
            wait: Duration::from_secs(60),
        }
    }
}

/// A directory with compiled policies; cheap to clone.
///
/// [`Options::cache`](crate::Options::cache) hands it to a runtime.
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    directory: Directory,
    key: Key,
    size: u64,
    wait: Duration,
}

impl Cache {
    /// Opens a cache; where there is none, makes one.
    ///
    /// # Errors
    ///
    /// Why this directory is not used.
    pub fn open(options: CacheOptions) -> Result<Self, CacheError> {
        let directory = Directory::create(&options.directory)?;
        Self::with(options, directory)
    }

    /// Opens a cache that is there; nothing where its directory does not exist.
    ///
    /// # Errors
    ///
    /// As [`Cache::open`].
    pub fn find(options: CacheOptions) -> Result<Option<Self>, CacheError> {
        match options.directory.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            _ => {
                let directory = Directory::open(&options.directory)?;
                Self::with(options, directory).map(Some)
            }
        }
    }

    /// Returns where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Returns how many bytes its entries may have together.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.inner.size
    }

    /// Lists its entries, those that were used last first. Each is read and proved.
    ///
    /// # Errors
    ///
    /// The directory cannot be listed.
    pub fn entries(&self) -> Result<Vec<CacheEntry>, CacheError> {
        upkeep::list(&self.inner.directory, &self.inner.key)
            .map_err(|error| CacheError::refused("list", &self.inner.path, &error))
    }

    /// Removes the entries of the policy whose digest begins so, or all entries. Processes that go
    /// on meanwhile are not disturbed: they have what they need in memory.
    ///
    /// # Errors
    ///
    /// Something cannot be removed.
    pub fn clear(&self, policy: Option<&str>) -> Result<Freed, CacheError> {
        upkeep::clear(&self.inner.directory, policy)
            .map_err(|error| CacheError::refused("clear", &self.inner.path, &error))
    }

    /// Begins to look a policy up.
    pub(crate) fn visit(&self, policy: &str, settings: &blake3::Hash) -> Visit<'_> {
        Visit::new(&self.inner, Name::new(policy, settings))
    }

    fn with(options: CacheOptions, directory: Directory) -> Result<Self, CacheError> {
        let CacheOptions {
            directory: path,
            size,
            wait,
        } = options;
        let key = Key::of(&directory)?;
        Ok(Self {
            inner: Arc::new(Inner {
                path,
                directory,
                key,
                size,
                wait,
            }),
        })
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cache")
            .field("path", &self.inner.path)
            .field("size", &self.inner.size)
            .field("wait", &self.inner.wait)
            .finish_non_exhaustive()
    }
}
