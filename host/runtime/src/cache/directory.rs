//! The directory of a cache, and the files in it.
//!
//! Responsible for the question who can write there, and for how files are opened. The invariant:
//! once opened, the directory is the one that was judged. Everything is done relative to it, no
//! symbolic link is followed, and nothing but a regular file is read, so whoever moves the path
//! elsewhere changes nothing.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::error::CacheError;

/// An opened directory that belongs to this user alone.
pub(super) struct Directory {
    path: PathBuf,
    handle: OwnedFd,
}

impl Directory {
    /// Makes the directory where it is missing, and opens it.
    pub(super) fn create(path: &Path) -> Result<Self, CacheError> {
        // Where something else stands there, opening it says what.
        match DirBuilder::new().recursive(true).mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(CacheError::refused("create the directory", path, &error))
            }
            _ => Self::open(path),
        }
    }

    /// Opens the directory, if it is fit to hold native code.
    pub(super) fn open(path: &Path) -> Result<Self, CacheError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = || path.to_path_buf();
        let handle = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::NOTDIR | Errno::LOOP) => {
                return Err(CacheError::NotADirectory {
                    directory: directory(),
                });
            }
            Err(error) => return Err(CacheError::refused("open", path, &error.into())),
        };
        let found = rustix::fs::fstat(&handle)
            .map_err(|error| CacheError::refused("examine", path, &error.into()))?;
        let user = rustix::process::geteuid().as_raw();
        if found.st_uid != user {
            return Err(CacheError::Owner {
                directory: directory(),
                owner: found.st_uid,
                user,
            });
        }
        let mode = Mode::from_raw_mode(found.st_mode);
        if mode.intersects(Mode::RWXG | Mode::RWXO) {
            return Err(CacheError::Open {
                directory: directory(),
                mode: mode.as_raw_mode() & 0o7777,
            });
        }
        Ok(Self {
            path: directory(),
            handle,
        })
    }

    /// Returns the path of a file in it, for messages.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Opens a file to read it; one that others could have written is none.
    pub(super) fn read(&self, name: &str) -> io::Result<File> {
        // Not to be kept waiting by a pipe.
        let file = self.open_at(name, OFlags::RDONLY | OFlags::NONBLOCK)?;
        let found = file.metadata()?;
        let is_ours = found.uid() == rustix::process::geteuid().as_raw();
        match found.is_file() && is_ours && found.mode() & 0o022 == 0 {
            true => Ok(file),
            false => Err(io::Error::other(
                "it is no file that only this user can write",
            )),
        }
    }

    /// Opens a file that is there to be locked, and makes it where it is missing.
    pub(super) fn open_lock(&self, name: &str) -> io::Result<File> {
        self.open_at(name, OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK)
    }

    /// Makes a new file.
    pub(super) fn create_new(&self, name: &str) -> io::Result<File> {
        self.open_at(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
    }

    /// Whether the name still leads to an open file.
    pub(super) fn leads_to(&self, name: &str, file: &File) -> io::Result<bool> {
        let opened = rustix::fs::fstat(file)?;
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok((named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a file another name, in place of whatever has it.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.handle, from, &self.handle, to)?)
    }

    /// Gives a file a second name, unless something has it.
    pub(super) fn link(&self, from: &str, to: &str) -> io::Result<()> {
        let (here, flags) = (&self.handle, AtFlags::empty());
        Ok(rustix::fs::linkat(here, from, here, to, flags)?)
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::empty())?)
    }

    /// Returns the names in it that are text, sorted; no other is the cache's.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.handle)? {
            if let Ok(name) = entry?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    fn open_at(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        Ok(rustix::fs::openat(&self.handle, name, flags, mode)?.into())
    }
}
