//! One policy's way through the cache, step by step, as the runtime takes it.
//!
//! Look; where there is nothing, wait for whoever compiles the same; compile; keep. The invariant:
//! no step fails. What goes wrong is remembered for [`CacheUse`], and means one thing: compile.

use std::io;
use std::time::SystemTime;

use super::entry::{Entry, Flaw, Name};
use super::error::CacheError;
use super::lock::Lock;
use super::{Inner, upkeep};
use crate::native::Native;

/// What a cache did for a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheUse {
    /// The code came from the cache; otherwise it was compiled.
    pub found: bool,
    /// The next process finds it there.
    pub kept: bool,
    /// What was wrong with the cache, in the order in which it showed.
    pub trouble: Vec<CacheError>,
}

/// One policy's way through the cache.
pub(crate) struct Visit<'a> {
    cache: &'a Inner,
    name: Name,
    lock: Option<Lock<'a>>,
    /// Something can be written into the cache, as far as is known.
    keeps: bool,
    kept: bool,
    trouble: Vec<CacheError>,
}

impl<'a> Visit<'a> {
    pub(super) fn new(cache: &'a Inner, name: Name) -> Self {
        Self {
            cache,
            name,
            lock: None,
            keeps: true,
            kept: false,
            trouble: Vec::new(),
        }
    }

    /// Returns what the cache has, without waiting for anybody.
    pub(crate) fn look(&self) -> Option<Native> {
        // What is wrong with an entry somebody else may be about to mend.
        self.read().ok()
    }

    /// Waits until nobody else compiles the policy, and looks again; where there is nothing still,
    /// it is this process's turn.
    pub(crate) fn wait(&mut self) -> Option<Native> {
        let (directory, name) = (&self.cache.directory, self.name.lock());
        let lock = Lock::wait(directory, &name, self.cache.wait);
        match self.read() {
            Ok(native) => return Some(native),
            Err(Flaw::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(Flaw::Unreadable(error)) => self.refused("read", &self.name.file(), &error),
            Err(Flaw::Damaged(what)) => self.damaged(what),
        }
        match lock {
            Ok(Some(lock)) => self.lock = Some(lock),
            // Who holds it may never end, and the next process is to find the code all the same.
            Ok(None) => self.trouble.push(CacheError::Busy {
                lock: directory.path_of(&name),
                waited: self.cache.wait,
            }),
            Err(error) => {
                self.keeps = false;
                self.refused("lock", &name, &error);
            }
        }
        None
    }

    /// Says that what the cache had could not be used, although it is what was written.
    pub(crate) fn damaged(&mut self, what: impl Into<String>) {
        let entry = self.cache.directory.path_of(&self.name.file());
        let what = what.into();
        self.trouble.push(CacheError::Damaged { entry, what });
        // Where it cannot be removed, it is replaced.
        let _ = self.cache.directory.remove(&self.name.file());
    }

    /// Keeps what was compiled, and makes room for it.
    pub(crate) fn keep(&mut self, native: &Native) {
        if !self.keeps {
            return;
        }
        let cache = self.cache;
        let (size, most) = (native.size() as u64, cache.size);
        if size > most {
            self.trouble.push(CacheError::TooLarge { size, most });
            return;
        }
        match Entry::write(&cache.directory, &self.name, &cache.key, native) {
            Ok(()) => {
                self.kept = true;
                upkeep::make_room(&cache.directory, most, &self.name);
            }
            Err(error) => self.refused("write", &self.name.file(), &error),
        }
    }

    /// Ends the visit, and lets the next process in.
    pub(crate) fn end(self, found: bool) -> CacheUse {
        CacheUse {
            found,
            kept: found || self.kept,
            trouble: self.trouble,
        }
    }

    fn read(&self) -> Result<Native, Flaw> {
        let file = self.cache.directory.read(&self.name.file());
        let mut file = file.map_err(Flaw::Unreadable)?;
        let entry = Entry::read(&mut file, &self.name, &self.cache.key)?;
        // What is used stays longest; where that cannot be noted down, it goes a little sooner.
        let _ = file.set_modified(SystemTime::now());
        Ok(entry.native)
    }

    fn refused(&mut self, doing: &'static str, name: &str, error: &io::Error) {
        let path = self.cache.directory.path_of(name);
        self.trouble.push(CacheError::refused(doing, &path, error));
    }
}
