//! One entry: its name, its layout, and the proof that this user's cache has made it.
//!
//! ```text
//!  magic (8) │ MAC (32) │ length of the header (4, little endian) │ header │ native code
//! ```
//!
//! The MAC is BLAKE3 under the cache's key, over all but itself. The invariant: what
//! [`Entry::read`] returns lies in this process's memory and has been proved there.

use std::fs::File;
use std::io::{self, Read as _};

use serde::{Deserialize, Serialize};

use super::directory::Directory;
use super::key::Key;
use super::partial::Partial;
use super::stamp::Stamp;
use crate::limits::saturate;
use crate::native::{About, Native};

/// What the names of entries end in.
pub(super) const SUFFIX: &str = ".code";

/// The name of an entry without its ending: the policy's digest, and all that the code hangs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    /// Makes the name for the code of one policy, compiled under one set of settings.
    pub(super) fn new(policy: &str, settings: &blake3::Hash) -> Self {
        let settings = &settings.to_hex()[..SETTINGS_DIGITS];
        Self(format!("{policy}-{settings}"))
    }

    /// Reads the name of a file; nothing where it is no entry's.
    pub(super) fn of_file(file: &str) -> Option<Self> {
        let name = file.strip_suffix(SUFFIX)?;
        let (policy, settings) = name.split_once('-')?;
        let is_hex = |text: &str, digits| {
            text.len() == digits && text.bytes().all(|digit| digit.is_ascii_hexdigit())
        };
        let is_name = is_hex(policy, POLICY_DIGITS) && is_hex(settings, SETTINGS_DIGITS);
        is_name.then(|| Self(name.to_owned()))
    }

    /// Returns the digest of the policy's file.
    pub(super) fn policy(&self) -> &str {
        &self.0[..POLICY_DIGITS]
    }

    /// Returns the name of the entry's file.
    pub(super) fn file(&self) -> String {
        format!("{}{SUFFIX}", self.0)
    }

    /// Returns the name of the lock of whoever makes the entry.
    pub(super) fn lock(&self) -> String {
        format!("{}{}", self.0, super::lock::SUFFIX)
    }
}

/// An entry as it was read.
pub(super) struct Entry {
    pub(super) native: Native,
    pub(super) stamp: Stamp,
}

/// Why an entry is of no use.
pub(super) enum Flaw {
    /// It is not what this cache has written.
    Damaged(&'static str),
    /// It cannot be read; it may not be there.
    Unreadable(io::Error),
}

#[derive(Serialize, Deserialize)]
struct Header {
    /// So that an entry under another one's name is found out.
    name: String,
    about: About,
    stamp: Stamp,
}

impl Entry {
    /// Reads an entry, and proves it.
    pub(super) fn read(file: &mut File, name: &Name, key: &Key) -> Result<Self, Flaw> {
        let size = file.metadata().map_err(Flaw::Unreadable)?.len();
        if array(file)? != MAGIC {
            return Err(Flaw::Damaged("it is no entry of a cache of this kind"));
        }
        let mac = blake3::Hash::from_bytes(array(file)?);
        let length = u64::from(u32::from_le_bytes(array(file)?));
        let code = size.checked_sub(START + length);
        let Some(code) = code.filter(|_| length <= MOST_HEADER) else {
            return Err(CUT_SHORT);
        };
        let header = read_bytes(file, length)?;
        let code = read_bytes(file, code)?;
        // Hashes are compared in constant time. Nothing is made of the bytes before.
        if mac != make_mac(key, &header, &code) {
            return Err(Flaw::Damaged(
                "its code is not what this user's cache has written (the MAC differs)",
            ));
        }
        match postcard::from_bytes::<Header>(&header) {
            Ok(header) if header.name == name.0 => Ok(Self {
                native: Native::proved(code, header.about),
                stamp: header.stamp,
            }),
            Ok(_) => Err(Flaw::Damaged("it is another entry, renamed")),
            Err(_) => Err(Flaw::Damaged("its header is of another version")),
        }
    }

    /// Writes an entry under its name.
    pub(super) fn write(
        directory: &Directory,
        name: &Name,
        key: &Key,
        native: &Native,
    ) -> io::Result<()> {
        let header = Header {
            name: name.0.clone(),
            about: native.about().clone(),
            stamp: Stamp::own().clone(),
        };
        let header = postcard::to_allocvec(&header).map_err(io::Error::other)?;
        let mac = make_mac(key, &header, native.code());
        let length = (header.len() as u32).to_le_bytes();
        let parts: [&[u8]; 5] = [&MAGIC, mac.as_bytes(), &length, &header, native.code()];
        Partial::write(directory, &parts)?.replace(&name.file())
    }
}

fn make_mac(key: &Key, header: &[u8], code: &[u8]) -> blake3::Hash {
    let length = (header.len() as u32).to_le_bytes();
    let mut hasher = key.hasher();
    for part in [&MAGIC[..], &length, header, code] {
        hasher.update(part);
    }
    hasher.finalize()
}

fn array<const N: usize>(file: &mut File) -> Result<[u8; N], Flaw> {
    let mut bytes = [0; N];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(CUT_SHORT),
        Err(error) => Err(Flaw::Unreadable(error)),
    }
}

/// Reads so many bytes; where there is no memory for them, that is an error and not the end.
fn read_bytes(file: &mut File, length: u64) -> Result<Vec<u8>, Flaw> {
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(saturate(length))
        .map_err(|error| Flaw::Unreadable(io::Error::other(error)))?;
    prefer_large_pages(&mut bytes);
    match file.take(length).read_to_end(&mut bytes) {
        Ok(read) if read as u64 == length => Ok(bytes),
        Ok(_) => Err(CUT_SHORT),
        Err(error) => Err(Flaw::Unreadable(error)),
    }
}

/// Asks for large pages: of an interpreter's code, most of the time to read it goes into being handed
/// memory in small ones.
#[cfg(target_os = "linux")]
fn prefer_large_pages(bytes: &mut Vec<u8>) {
    let spare = bytes.spare_capacity_mut();
    let unaligned = spare.as_ptr().align_offset(LARGE_PAGE);
    let Some(aligned) = spare.get_mut(unaligned..) else {
        return;
    };
    let length = aligned.len() / LARGE_PAGE * LARGE_PAGE;
    if length == 0 {
        return;
    }
    let start = aligned.as_mut_ptr().cast();
    #[expect(
        unsafe_code,
        reason = "the pages of an allocation are no part of its safe interface"
    )]
    // SAFETY: the range lies within the vector's own allocation, and the advice changes neither what
    // is in it nor who may use it.
    let _advice = unsafe { rustix::mm::madvise(start, length, rustix::mm::Advice::LinuxHugepage) };
}

#[cfg(not(target_os = "linux"))]
fn prefer_large_pages(_bytes: &mut Vec<u8>) {}

const CUT_SHORT: Flaw = Flaw::Damaged("it is cut short");

/// The last byte is the layout's version.
const MAGIC: [u8; 8] = *b"ckptcod\x01";

#[cfg(target_os = "linux")]
const LARGE_PAGE: usize = 2 << 20;

/// Bytes before the header.
const START: u64 = 8 + 32 + 4;

/// Bytes of the header at most; the names of exports are in it.
const MOST_HEADER: u64 = 1 << 20;

const POLICY_DIGITS: usize = 64;

const SETTINGS_DIGITS: usize = 32;
