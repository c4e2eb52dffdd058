//! What can be wrong with a cache. None of it keeps a policy from being loaded.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a cache, or an entry of it, is not used.
///
/// It is something to tell, not something that has failed: the policy is compiled instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// Another process is compiling the same policy, and takes too long.
    #[error(
        "another process has held `{}` for more than {} s, so the policy was compiled here too",
        lock.display(),
        waited.as_secs()
    )]
    Busy {
        /// The lock that it holds.
        lock: PathBuf,
        /// How long this one has waited.
        waited: Duration,
    },
    /// An entry is not what this cache has written.
    #[error("`{}` was dropped: {what}", entry.display())]
    Damaged {
        /// The entry's file.
        entry: PathBuf,
        /// How that shows.
        what: String,
    },
    /// The key under which entries are authenticated is unusable.
    #[error(
        "the key `{}` cannot be trusted: {what}; remove it, and the entries are compiled anew",
        key.display()
    )]
    Key {
        /// The key's file.
        key: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The cache's path leads to something else than a directory.
    #[error("`{}` is a file or a symbolic link, expected a directory", directory.display())]
    NotADirectory {
        /// The path.
        directory: PathBuf,
    },
    /// Others than the owner can enter the directory.
    #[error(
        "`{}` is open to other users (mode {mode:04o}, expected 0700); what it holds is run as \
         native code, so close it with `chmod 700` or name another directory",
        directory.display()
    )]
    Open {
        /// The directory.
        directory: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The directory belongs to somebody else.
    #[error(
        "`{}` belongs to user {owner}, expected {user}; what it holds is run as native code, so \
         name a directory of your own",
        directory.display()
    )]
    Owner {
        /// The directory.
        directory: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who runs this process.
        user: u32,
    },
    /// The machine refuses something.
    #[error("cannot {doing} `{}`: {why}", path.display())]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// The machine's reason.
        why: String,
    },
    /// One policy's code alone is more than the cache may hold.
    #[error(
        "the compiled code has {size} bytes, more than the cache may hold ({most}); raise `size` \
         in `[cache]`"
    )]
    TooLarge {
        /// Bytes of the code.
        size: u64,
        /// The bound.
        most: u64,
    },
}

impl CacheError {
    /// Makes what the machine refused something to tell.
    pub(super) fn refused(doing: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::Refused {
            doing,
            path: path.to_path_buf(),
            why: error.to_string(),
        }
    }
}
