//! Who compiles a policy: one process, while the others wait.
//!
//! The lock is the kernel's and ends with the process that holds it, however it ends; a child that
//! was forked meanwhile keeps it, until it ends or runs another program. The
//! invariant: whoever holds a [`Lock`] holds the file that the name leads to, so a lock's file can
//! be removed without two processes holding locks of one name.

use std::fs::{File, TryLockError};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::directory::Directory;

/// What the names of locks end in.
pub(super) const SUFFIX: &str = ".lock";

/// A lock that this process holds; its file goes away with it.
pub(super) struct Lock<'a> {
    directory: &'a Directory,
    name: String,
    _file: File,
}

impl<'a> Lock<'a> {
    /// Takes a lock, waiting for it no longer than `most`; nothing where that was not enough.
    pub(super) fn wait(
        directory: &'a Directory,
        name: &str,
        most: Duration,
    ) -> io::Result<Option<Self>> {
        let start = Instant::now();
        let mut pause = SHORTEST;
        loop {
            if let Some(lock) = Self::try_take(directory, name)? {
                return Ok(Some(lock));
            }
            let left = most.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            thread::sleep(pause.min(left));
            pause = LONGEST.min(pause * 2);
        }
    }

    /// Takes a lock that nobody holds.
    pub(super) fn try_take(directory: &'a Directory, name: &str) -> io::Result<Option<Self>> {
        let file = directory.open_lock(name)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Whoever held it may have removed it since it was opened.
        let is_lock = directory.leads_to(name, &file)?;
        Ok(is_lock.then(|| Self {
            directory,
            name: name.to_owned(),
            _file: file,
        }))
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // Still locked here: who waits for it finds that the name leads elsewhere, and begins anew.
        let _ = self.directory.remove(&self.name);
    }
}

const SHORTEST: Duration = Duration::from_millis(1);

const LONGEST: Duration = Duration::from_millis(25);
