//! The commands, one file each: `Args`, and `run`.

use std::io::{self, Write};

use ckpt_policy_core::text;

use crate::render::Page;
use crate::report::Failure;

pub(crate) mod bench;
mod called;
pub(crate) mod check;
pub(crate) mod conform;
mod given;
pub(crate) mod inspect;
pub(crate) mod new;
pub(crate) mod run;
pub(crate) mod test;

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
}
