//! The commands, one file each: `Args`, and `run`.

use std::io::{self, Write};

use ckpt_policy_core::text;
use ckpt_policy_runtime::{Cache, Loaded};

use crate::config::{self, CacheSettings};
use crate::render::Page;
use crate::report::Failure;

pub(crate) mod bench;
pub(crate) mod cache;
mod called;
pub(crate) mod check;
pub(crate) mod conform;
mod given;
pub(crate) mod inspect;
pub(crate) mod keygen;
pub(crate) mod new;
mod password;
mod rules;
pub(crate) mod run;
pub(crate) mod sign;
pub(crate) mod simulate;
pub(crate) mod test;
pub(crate) mod verify;

pub use rules::survey;

/// Where a command writes: data to `out`, talk to `err`.
pub struct Streams<'a> {
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error.
    pub err: &'a mut dyn Write,
    /// Characters in a line of standard output; `None` where it is no terminal.
    pub width: Option<u16>,
    /// Standard error is a terminal, which may show progress.
    pub shows_progress: bool,
}

/// How data is written to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

impl Streams<'_> {
    pub(crate) fn page(&self) -> Page {
        Page { width: self.width }
    }

    /// Writes data, safe for a terminal. A reader that went away has seen enough: that is no error.
    pub(crate) fn print(&mut self, text: &str) -> Result<(), Failure> {
        let written = self
            .out
            .write_all(text::lines(text).as_bytes())
            .and_then(|()| self.out.flush());
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::user(format!(
                "cannot write to standard output: {error}"
            ))),
            _ => Ok(()),
        }
    }

    /// Says something beside the data; where nobody can hear it, nothing is lost.
    pub(crate) fn say(&mut self, text: &str) {
        let _ = writeln!(self.err, "{}", text::lines(text));
    }

    /// Opens the compile cache of those who have no configuration; why there is none is said.
    pub(crate) fn usual_cache(&mut self) -> Option<Cache> {
        let (cache, note) = CacheSettings::default().open();
        if let Some(note) = note {
            self.say(&note);
        }
        cache
    }

    /// Says what was wrong with the cache while a policy was loaded.
    pub(crate) fn tell_of_cache(&mut self, loaded: &Loaded) {
        for trouble in config::cache_troubles(loaded) {
            self.say(&trouble);
        }
    }
}
