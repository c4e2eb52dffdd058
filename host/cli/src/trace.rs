//! Traces: what the ranks of a run saw, read line by line.
//!
//! Responsible for the format of `tests/traces/README.md` (see also `FORMATS.md`), and for giving
//! a run another number of ranks. Holds one line at a time, so a trace may be longer than the
//! memory. A journal is a trace: the decisions in it are left out. Nothing here decides anything.

mod line;
mod row;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::value::RawValue;

pub use self::line::Line;
pub use self::row::{Cost, Row, Series};

/// The version of the format that this program reads and writes.
pub const VERSION: u64 = 1;

/// The name under which standard input is read.
pub const STDIN: &str = "-";

/// Keys that a journal adds to a trace's header.
pub(crate) const HEADER_DECISIONS: [&str; 2] = ["journal", "decided-by"];

/// A line that is longer than this is not a line of a trace; it would only fill the memory.
const LONGEST_LINE: u64 = 256 << 20;

/// A trace that is being read.
pub struct Trace {
    lines: Lines,
    header: Header,
    ranks: Ranks,
}

/// The first line of a trace.
#[derive(Clone, Debug)]
pub struct Header {
    /// The run's name: the header's, or the file's.
    pub name: String,
    /// Number of ranks that are driven.
    pub world_size: u32,
    /// The line itself, for the journal.
    pub line: Line,
}

/// How the trace's ranks become those that are driven: cut, or repeated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranks {
    pub(crate) recorded: u32,
    pub(crate) driven: u32,
}

/// What is wrong with a trace, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {text}")]
pub struct TraceError {
    /// The file, and the line where there is one.
    place: String,
    text: String,
}

impl Trace {
    /// Opens a trace, or standard input for `-`, and reads its header.
    ///
    /// With `ranks` the trace's ranks are cut to that number, or repeated until there are as many.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or its first line is no header.
    pub fn open(path: &Path, ranks: Option<u32>) -> Result<Self, TraceError> {
        let file = path.display().to_string();
        if path.as_os_str() == STDIN {
            return Self::read(
                "standard input",
                Box::new(BufReader::new(io::stdin())),
                ranks,
            );
        }
        let opened = File::open(path).map_err(|error| TraceError {
            place: file.clone(),
            text: format!("cannot read the file: {error}"),
        })?;
        let mut trace = Self::read(&file, Box::new(BufReader::new(opened)), ranks)?;
        if trace.header.name.is_empty() {
            let stem = path.file_stem().unwrap_or(path.as_os_str());
            trace.header.name = stem.to_string_lossy().into_owned();
        }
        Ok(trace)
    }

    /// Reads a trace from somewhere else; `file` is what messages call it.
    ///
    /// # Errors
    ///
    /// The first line is no header.
    pub fn read(
        file: &str,
        from: Box<dyn BufRead + Send>,
        ranks: Option<u32>,
    ) -> Result<Self, TraceError> {
        let bytes = Arc::default();
        let mut lines = Lines {
            file: file.to_owned(),
            from,
            number: 0,
            buffer: Vec::new(),
            bytes,
        };
        let parsed = match lines.next_line()? {
            Some(text) => read_header(text, ranks),
            None => Err(
                "the file is empty, expected a header such as {\"trace\": 1, \"world_size\": 4}"
                    .to_owned(),
            ),
        };
        let (header, ranks) = parsed.map_err(|text| lines.wrong(text))?;
        Ok(Self {
            lines,
            header,
            ranks,
        })
    }

    /// Returns the header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns a counter of the bytes that were read, for a progress bar.
    #[must_use]
    pub fn bytes(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.lines.bytes)
    }
}

impl Iterator for Trace {
    type Item = Result<Row, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match self.lines.next_line() {
            Ok(Some(text)) => Row::parse(text, self.ranks),
            Ok(None) => return None,
            Err(error) => return Some(Err(error)),
        };
        Some(row.map_err(|text| self.lines.wrong(text)))
    }
}

fn read_header(text: &str, ranks: Option<u32>) -> Result<(Header, Ranks), String> {
    let mut line = Line::parse(text).map_err(|error| format!("this is no header: {error}"))?;
    let version = line.get("trace").ok_or(
        "this is no header: it has no key `trace`, expected {\"trace\": 1, \"world_size\": 4}",
    )?;
    if version.get().parse() != Ok(VERSION) {
        return Err(format!(
            "the trace has version {}, and this program reads version {VERSION}",
            version.get()
        ));
    }
    let world_size = line.get("world_size").map(RawValue::get);
    let recorded = world_size
        .and_then(|size| size.parse().ok())
        .filter(|size| *size > 0);
    let recorded: u32 = recorded.ok_or_else(|| {
        let found = world_size.unwrap_or("nothing");
        format!("`world_size`: expected the number of ranks, at least 1, found {found}")
    })?;
    let name = match line.get("name") {
        Some(name) => serde_json::from_str::<Option<String>>(name.get())
            .map_err(|_| format!("`name`: expected a text, found {}", name.get()))?,
        None => None,
    };
    let driven = ranks.unwrap_or(recorded);
    if driven > MOST_RANKS {
        return Err(format!(
            "`world_size`: a replay has a thread a rank and takes at most {MOST_RANKS}, found {driven}; `--ranks N` plays fewer"
        ));
    }
    line.remove(&HEADER_DECISIONS);
    if driven != recorded {
        line.set("world_size", &driven);
    }
    let header = Header {
        name: name.unwrap_or_default(),
        world_size: driven,
        line,
    };
    Ok((header, Ranks { recorded, driven }))
}

/// Ranks that a replay takes: each is a thread that gets what all others say.
pub(crate) const MOST_RANKS: u32 = 4096;

/// The lines of a file, with their numbers.
struct Lines {
    file: String,
    from: Box<dyn BufRead + Send>,
    number: u64,
    buffer: Vec<u8>,
    bytes: Arc<AtomicU64>,
}

impl Lines {
    /// Returns the next line that is not blank.
    fn next_line(&mut self) -> Result<Option<&str>, TraceError> {
        loop {
            self.buffer.clear();
            self.number += 1;
            let read = (&mut self.from)
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut self.buffer);
            let length = read.map_err(|error| self.wrong(format!("cannot read on: {error}")))?;
            self.bytes.fetch_add(length as u64, Ordering::Relaxed);
            if length == 0 {
                return Ok(None);
            }
            if length as u64 == LONGEST_LINE && !self.buffer.ends_with(b"\n") {
                let most = LONGEST_LINE >> 20;
                return Err(self.wrong(format!("the line is longer than {most} MiB")));
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        match std::str::from_utf8(self.buffer.trim_ascii()) {
            Ok(text) => Ok(Some(text)),
            Err(error) => {
                let text = format!("the line is not UTF-8 from byte {} on", error.valid_up_to());
                Err(TraceError {
                    place: format!("{}:{}", self.file, self.number),
                    text,
                })
            }
        }
    }

    fn wrong(&self, text: String) -> TraceError {
        TraceError {
            place: format!("{}:{}", self.file, self.number),
            text,
        }
    }
}

#[cfg(test)]
mod tests;
