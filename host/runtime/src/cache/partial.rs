//! A file that is being written.
//!
//! The invariant: under a name that others read there is a whole file or none. Until it is whole
//! it has a name of its own and is locked; one that is not locked was left by a process that died.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};

use super::directory::Directory;
use crate::environment;

/// What the names of such files end in.
pub(super) const SUFFIX: &str = ".part";

/// A file that is being written; it goes away with this value, unless it has got its name.
pub(super) struct Partial<'a> {
    directory: &'a Directory,
    name: String,
    file: File,
}

impl<'a> Partial<'a> {
    /// Writes a file that nobody reads yet.
    pub(super) fn write(directory: &'a Directory, parts: &[&[u8]]) -> io::Result<Self> {
        refuse_beyond_limit(parts.iter().map(|part| part.len() as u64).sum())?;
        let mut partial = Self::create(directory)?;
        for part in parts {
            partial.file.write_all(part)?;
        }
        Ok(partial)
    }

    /// Gives the file its name, in place of whatever has it.
    pub(super) fn replace(self, name: &str) -> io::Result<()> {
        self.directory.rename(&self.name, name)
    }

    /// Gives the file its name for good, unless something has it.
    pub(super) fn add(self, name: &str) -> io::Result<()> {
        // What is written once must outlive a crash of the machine whole.
        self.file.sync_all()?;
        match self.directory.link(&self.name, name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    }

    fn create(directory: &'a Directory) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let name = format!("{:016x}{SUFFIX}", getrandom::u64()?);
            let file = directory.create_new(&name)?;
            let partial = Self {
                directory,
                name,
                file,
            };
            // Before it was locked, somebody may have taken it for a leftover.
            let is_locked = !matches!(partial.file.try_lock(), Err(TryLockError::WouldBlock));
            if is_locked && directory.leads_to(&partial.name, &partial.file)? {
                return Ok(partial);
            }
        }
        Err(io::Error::other("it is always removed while it is made"))
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // After a rename there is nothing to remove.
        let _ = self.directory.remove(&self.name);
    }
}

/// Beyond the process's limit for files a write does not fail, but ends the process.
fn refuse_beyond_limit(size: u64) -> io::Result<()> {
    match environment::file_limit() {
        Some(most) if size > most => Err(io::Error::other(format!(
            "it would have {size} bytes, and this process may write files of {most} (`ulimit -f`)"
        ))),
        _ => Ok(()),
    }
}

const ATTEMPTS: usize = 8;
