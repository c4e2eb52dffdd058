//! The files of policies, read by rank 0 alone and carried to all others: a hundred thousand ranks
//! must not open one file.
//!
//! First the ranks meet, by an opening of a host without policies, which proves that all of them have
//! been told so; a rank that could not read its configuration is heard of there. Then two sums, in which
//! only rank 0 brings anything but zeros, carry the length of what it has read, and that itself.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use ckpt_policy_core::{Carried, Error, Exchange, Opening, Place, bytes_of, integers_of};
use ckpt_policy_runtime::{Engine, Session, SessionError, carry};
use serde::{Deserialize, Serialize};

use super::files::{longest, read_most};
use super::policy::Wasm;
use super::problem::Problems;
use super::trust::signature_of;
use super::{Policies, Site, Survey};
use crate::report::Failure;
use crate::signature;

/// Which ranks read the files of policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readers {
    /// Each rank for itself.
    #[default]
    Each,
    /// Rank 0, for all.
    RankZero,
}

/// Files as rank 0 has read them; the default is the disk itself.
#[derive(Clone, Debug, Default)]
pub struct Shelf(Option<BTreeMap<PathBuf, Copy>>);

/// What rank 0 has found at a path.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Copy {
    Bytes(Vec<u8>),
    Missing,
    Unreadable(String),
}

/// The exchanges by which what rank 0 has read comes to all.
pub struct Sharing {
    paths: Vec<PathBuf>,
    /// What rank 0 has read; nothing on the others.
    own: Vec<u8>,
    /// Bytes of it, once all know that.
    length: Option<usize>,
}

/// What came of an exchange.
pub enum Shared {
    /// One more exchange.
    Exchange(Sharing, Exchange),
    /// The files.
    Shelf(Shelf),
}

/// Why policies could not be loaded on this rank.
pub enum LoadError {
    /// Something is wrong with the configuration or a policy, and the other ranks do not know of it yet:
    /// they learn of it by [`Opening::failed`].
    Problems(Problems),
    /// The ranks differ, or could not meet; all of them know.
    Session(SessionError),
}

impl Survey {
    /// Returns which ranks read the files of policies; each, where the configuration cannot be read.
    #[must_use]
    pub fn readers(&self) -> Readers {
        self.site
            .as_ref()
            .map(|site| site.readers)
            .unwrap_or_default()
    }

    /// Returns the opening by which the ranks prove that rank 0 reads for all of them.
    #[must_use]
    pub fn meeting(&self, place: Place) -> Opening {
        let entries = self.site.iter().flat_map(Site::entries);
        let names: Vec<_> = entries.map(|(entry, _)| entry.name.as_str()).collect();
        let facts = [
            ("exchange.files", "rank-zero"),
            ("policies", &names.join(", ")),
        ];
        let facts = facts.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Opening::meeting(place, facts.into())
    }

    /// Reads the files on rank 0, for after the meeting.
    #[must_use]
    pub fn sharing(&self, place: Place) -> Sharing {
        let files = self.site.as_ref().map(Site::files).unwrap_or_default();
        let read = |(path, most): &(PathBuf, u64)| Copy::of(read_most(path, *most));
        let own = match place.rank {
            0 => pack(&files.iter().map(read).collect::<Vec<_>>()),
            _ => Vec::new(),
        };
        Sharing {
            paths: files.into_iter().map(|(path, _)| path).collect(),
            own,
            length: None,
        }
    }

    /// Loads and prepares the policies, whose files rank 0 may read for all.
    ///
    /// # Errors
    ///
    /// See [`LoadError`].
    pub fn load_over(&self, engine: &mut dyn Engine) -> Result<Policies<'_>, LoadError> {
        if self.readers() == Readers::Each {
            return self.load().map_err(LoadError::Problems);
        }
        let place = Place {
            rank: engine.rank(),
            world_size: engine.world_size(),
        };
        Session::open(self.meeting(place), &mut *engine)?;
        let mut sharing = self.sharing(place);
        let mut exchange = sharing.begin();
        loop {
            let carried = carry(engine, exchange).map_err(|source| SessionError::Engine {
                when: WHEN.to_owned(),
                source,
            })?;
            match sharing.complete(&carried)? {
                Shared::Exchange(more, next) => (sharing, exchange) = (more, next),
                Shared::Shelf(shelf) => {
                    return self.load_from(&shelf).map_err(LoadError::Problems);
                }
            }
        }
    }
}

impl Site {
    /// Returns the files that policies and their signatures are in, and how much of each is read.
    fn files(&self) -> Vec<(PathBuf, u64)> {
        let mut files = Vec::new();
        for (entry, _) in self.entries() {
            if let Wasm::File(path) = &entry.wasm {
                files.push((path.clone(), longest(&self.limits)));
                files.push((signature_of(entry, path), signature::LONGEST + 1));
            }
        }
        files
    }
}

impl Shelf {
    /// Reads a file, or this many bytes of it.
    pub(super) fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let Some(copies) = &self.0 else {
            return read_most(path, most);
        };
        match copies.get(path) {
            Some(Copy::Bytes(bytes)) => Ok(bytes.clone()),
            Some(Copy::Unreadable(text)) => Err(io::Error::other(format!("on rank 0: {text}"))),
            Some(Copy::Missing) | None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "there is no such file on rank 0",
            )),
        }
    }
}

impl Copy {
    fn of(read: io::Result<Vec<u8>>) -> Self {
        match read {
            Ok(bytes) => Self::Bytes(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::Missing,
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }
}

impl Sharing {
    /// Returns the first exchange.
    #[must_use]
    pub fn begin(&self) -> Exchange {
        let length = i64::try_from(self.own.len()).unwrap_or(i64::MAX);
        Exchange::Reduce {
            sum: vec![length],
            max: Vec::new(),
        }
    }

    /// Takes what came of an exchange.
    ///
    /// # Errors
    ///
    /// [`Error::Message`] where that is nothing that rank 0 could have brought.
    pub fn complete<'a>(mut self, carried: impl Into<Carried<'a>>) -> Result<Shared, Error> {
        let Carried::Reduced { sum, .. } = carried.into() else {
            return Err(unusable("gathered bytes arrived where sums were expected"));
        };
        let Some(length) = self.length else {
            let length = sum.first().and_then(|sum| usize::try_from(*sum).ok());
            let length = length.filter(|length| *length <= MOST);
            let length = length.ok_or_else(|| unusable("the length of the files is none"))?;
            self.length = Some(length);
            let mut sum: Vec<i64> = integers_of(&self.own).collect();
            sum.resize(length.div_ceil(8), 0);
            let max = Vec::new();
            return Ok(Shared::Exchange(self, Exchange::Reduce { sum, max }));
        };
        let mut bytes = bytes_of(sum);
        bytes.truncate(length);
        let copies: Vec<Copy> = postcard::from_bytes(&bytes)
            .map_err(|error| unusable(&format!("the files cannot be read: {error}")))?;
        let shelf = self.paths.into_iter().zip(copies).collect();
        Ok(Shared::Shelf(Shelf(Some(shelf))))
    }
}

/// More than any number of files needs.
const MOST: usize = 4 << 30;
const WHEN: &str = "while rank 0 shares the policies' files";

fn pack(copies: &[Copy]) -> Vec<u8> {
    postcard::to_allocvec(copies).unwrap_or_default()
}

fn unusable(what: &str) -> Error {
    Error::Message {
        when: WHEN.to_owned(),
        what: what.to_owned(),
    }
}

impl From<SessionError> for LoadError {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl From<Error> for LoadError {
    fn from(error: Error) -> Self {
        Self::Session(error.into())
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Problems(problems) => problems.into(),
            LoadError::Session(error) => crate::replay::ReplayError::from(error).into(),
        }
    }
}
