//! Where a replay was cut: a snapshot of the host, and how far the trace was played.
//!
//! The file is one JSON document around the host's own, which has a version and a checksum.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use ckpt_policy_core::text;
use ckpt_policy_core::{Error, Snapshot};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::config::hex;
use crate::summary::Tally;

/// The version of the format that this program reads and writes.
const VERSION: u32 = 1;

/// A replay that was cut, and can go on.
#[derive(Debug)]
pub struct Cut {
    /// The name of the trace.
    pub trace: String,
    /// Events of the trace that were played.
    pub events: u64,
    /// The run had ended at an agreed stop.
    pub stopped: bool,
    /// The host.
    pub snapshot: Snapshot,
    /// What the summary counted so far.
    pub(crate) tally: Tally,
}

/// Why a file cannot be gone on from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CutError {
    /// It cannot be read.
    #[error("`{file}` cannot be read: {source}")]
    Read {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not such a document.
    #[error("`{file}` is not a snapshot that `run --snapshot` wrote: {what}")]
    Document {
        /// The file.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// The host's part cannot be used.
    #[error("`{file}`: {source}")]
    Snapshot {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: Error,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    replay: u32,
    trace: String,
    events: u64,
    stopped: bool,
    summary: Tally,
    host: Box<RawValue>,
    /// SHA-256 of the document without it, hex.
    checksum: String,
}

#[derive(Serialize)]
struct DocumentRef<'a> {
    replay: u32,
    trace: &'a str,
    events: u64,
    stopped: bool,
    summary: &'a Tally,
    host: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
}

impl<'a> DocumentRef<'a> {
    fn of(document: &'a Document) -> Self {
        Self {
            replay: document.replay,
            trace: &document.trace,
            events: document.events,
            stopped: document.stopped,
            summary: &document.summary,
            host: &document.host,
            checksum: None,
        }
    }

    /// Returns the digest of the document without a checksum.
    fn checksum(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        hex(&Sha256::digest(text))
    }
}

impl Cut {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// The file is missing, damaged, or of another version.
    pub fn read(path: &Path) -> Result<Self, CutError> {
        let file = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|source| CutError::Read {
            file: file.clone(),
            source,
        })?;
        let document: Document =
            serde_json::from_str(&text).map_err(|error| CutError::Document {
                file: file.clone(),
                what: error.to_string(),
            })?;
        if document.replay != VERSION {
            let found = document.replay;
            let what = format!("it has version {found}, and this program reads version {VERSION}");
            return Err(CutError::Document { file, what });
        }
        let found = DocumentRef::of(&document).checksum();
        if found != document.checksum {
            let what = format!(
                "its checksum is `{}`, but its content gives `{found}`; the file was cut or changed",
                document.checksum
            );
            return Err(CutError::Document { file, what });
        }
        let snapshot = Snapshot::from_json(document.host.get())
            .map_err(|source| CutError::Snapshot { file, source })?;
        let Document {
            trace,
            events,
            stopped,
            summary: tally,
            ..
        } = document;
        Ok(Self {
            trace,
            events,
            stopped,
            snapshot,
            tally,
        })
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let host = RawValue::from_string(self.snapshot.to_json())?;
        let (events, stopped, summary) = (self.events, self.stopped, &self.tally);
        let (replay, trace, host) = (VERSION, self.trace.as_str(), &*host);
        let mut document = DocumentRef {
            replay,
            trace,
            events,
            stopped,
            summary,
            host,
            checksum: None,
        };
        document.checksum = Some(document.checksum());
        let mut beside = path.as_os_str().to_owned();
        beside.push(".part");
        let mut file = BufWriter::new(File::create(&beside)?);
        let document = text::json(serde_json::to_string(&document)?);
        file.write_all(document.as_bytes())?;
        file.write_all(b"\n")?;
        file.into_inner()?.sync_all()?;
        fs::rename(beside, path)
    }
}
