//! What a cache holds, and what goes when it holds too much.
//!
//! Responsible for listing, for the bound on the size, and for what dead processes have left. It
//! asks no clock: what was used longest ago goes first, whatever the time says, and a leftover is
//! known by nobody's holding its lock.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::time::SystemTime;

use super::directory::Directory;
use super::entry::{Entry, Name};
use super::key::Key;
use super::lock::{self, Lock};
use super::partial;
use super::stamp::Stamp;

/// An entry of a cache, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheEntry {
    /// The SHA-256 of the policy's file, hex.
    pub policy: String,
    /// Bytes of the entry.
    pub size: u64,
    /// When it was used last.
    pub used: SystemTime,
    /// The version of wasmtime that made it; nothing where that cannot be read.
    pub wasmtime: Option<String>,
    /// Whether this program can use it on this machine.
    pub state: EntryState,
}

/// Whether an entry can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryState {
    /// It is not what this cache has written; it is dropped as soon as it is asked for.
    Damaged,
    /// It is for another processor.
    OtherMachine,
    /// Another version of this program, or of wasmtime, has made it.
    OtherVersion,
    /// It is loaded wherever the policy is, under the settings with which it was compiled.
    Usable,
}

/// How much has gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// Entries.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Lists all entries, those that were used last first.
pub(super) fn list(directory: &Directory, key: &Key) -> io::Result<Vec<CacheEntry>> {
    let mut entries: Vec<CacheEntry> = kept(directory)?
        .into_iter()
        .map(|kept| describe(directory, kept, key))
        .collect();
    entries.reverse();
    Ok(entries)
}

/// Removes the entries of one policy, or all of them, and what dead processes have left.
pub(super) fn clear(directory: &Directory, policy: Option<&str>) -> io::Result<Freed> {
    let mut freed = Freed::default();
    for kept in kept(directory)? {
        if policy.is_none_or(|policy| kept.name.policy().starts_with(policy)) {
            remove(directory, &kept)?;
            freed.entries += 1;
            freed.bytes += kept.size;
        }
    }
    sweep(directory);
    Ok(freed)
}

/// Removes what was used longest ago until the rest fits; never what was just written. A cache
/// that cannot be tidied up is no reason to fail: the next process tries again.
pub(super) fn make_room(directory: &Directory, most: u64, newest: &Name) {
    sweep(directory);
    let Ok(kept) = kept(directory) else {
        return;
    };
    let mut total: u64 = kept.iter().map(|kept| kept.size).sum();
    for oldest in kept.iter().filter(|kept| kept.name != *newest) {
        if total <= most {
            break;
        }
        if remove(directory, oldest).is_ok() {
            total -= oldest.size;
        }
    }
}

/// An entry's file.
struct Kept {
    name: Name,
    size: u64,
    used: SystemTime,
}

/// Returns the entries, those that were used longest ago first.
fn kept(directory: &Directory) -> io::Result<Vec<Kept>> {
    let names = directory.names()?;
    let names = names.iter().filter_map(|name| Name::of_file(name));
    // One that has just gone is none.
    let mut kept: Vec<Kept> = names
        .filter_map(|name| examine(directory, name).ok())
        .collect();
    kept.sort_by_key(|kept| kept.used);
    Ok(kept)
}

fn examine(directory: &Directory, name: Name) -> io::Result<Kept> {
    let found = directory.read(&name.file())?.metadata()?;
    Ok(Kept {
        name,
        size: found.size(),
        used: found.modified()?,
    })
}

fn remove(directory: &Directory, kept: &Kept) -> io::Result<()> {
    match directory.remove(&kept.name.file()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn describe(directory: &Directory, kept: Kept, key: &Key) -> CacheEntry {
    let file = directory.read(&kept.name.file());
    let entry = file.map(|mut file| Entry::read(&mut file, &kept.name, key));
    let stamp = match entry {
        Ok(Ok(entry)) => Some(entry.stamp),
        _ => None,
    };
    let own = Stamp::own();
    let state = match &stamp {
        None => EntryState::Damaged,
        Some(stamp) if (&stamp.runtime, &stamp.wasmtime) != (&own.runtime, &own.wasmtime) => {
            EntryState::OtherVersion
        }
        Some(stamp) if stamp.machine != own.machine => EntryState::OtherMachine,
        Some(_) => EntryState::Usable,
    };
    CacheEntry {
        policy: kept.name.policy().to_owned(),
        size: kept.size,
        used: kept.used,
        wasmtime: stamp.map(|stamp| stamp.wasmtime),
        state,
    }
}

/// Removes what processes have left that died while they wrote, or held a lock. What cannot be
/// removed stays for the next time.
fn sweep(directory: &Directory) {
    for name in directory.names().unwrap_or_default() {
        if name.ends_with(lock::SUFFIX) {
            // One that nobody holds goes with being taken.
            drop(Lock::try_take(directory, &name));
        } else if name.ends_with(partial::SUFFIX) {
            drop(remove_abandoned(directory, &name));
        }
    }
}

fn remove_abandoned(directory: &Directory, name: &str) -> io::Result<()> {
    let file = directory.read(name)?;
    match file.try_lock() {
        Ok(()) => directory.remove(name),
        Err(_) => Ok(()),
    }
}
