//! Waits for files to change.
//!
//! What is watched are directories: a build that replaces its output, as most do, leaves a watcher of
//! the file itself with one that is gone. Which file has changed does not matter, as everything is
//! played again.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::exit;
use crate::report::{Failure, Report};

/// What waits.
pub(super) struct Watch {
    watcher: RecommendedWatcher,
    events: Receiver<notify::Result<Event>>,
    directories: BTreeSet<PathBuf>,
}

impl Watch {
    pub(super) fn new() -> Result<Self, Failure> {
        let (sender, events) = channel();
        Ok(Self {
            watcher: notify::recommended_watcher(sender).map_err(|error| broken(&error))?,
            events,
            directories: BTreeSet::new(),
        })
    }

    /// Watches directories with all that is in them, and the directories in which files lie. One that
    /// is not there cannot be watched; that it is not there is said where it is read.
    pub(super) fn add_all<'a>(&mut self, paths: impl Iterator<Item = &'a Path>) {
        for path in paths {
            let (directory, mode) = match path.is_dir() {
                true => (path, RecursiveMode::Recursive),
                false => (parent(path), RecursiveMode::NonRecursive),
            };
            let is_new = !self.directories.contains(directory);
            if is_new && self.watcher.watch(directory, mode).is_ok() {
                self.directories.insert(directory.to_owned());
            }
        }
    }

    /// Waits until a scenario or a policy has changed, and until whoever changes it is done.
    pub(super) fn wait(&self) -> Result<(), Failure> {
        loop {
            let event = self.events.recv().map_err(|error| broken(&error))?;
            if event.is_ok_and(|event| matters(&event)) {
                break;
            }
        }
        loop {
            match self.events.recv_timeout(QUIET) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(error) => return Err(broken(&error)),
            }
        }
    }
}

/// A build writes a file in pieces, an editor by way of another: so long nothing must happen.
const QUIET: Duration = Duration::from_millis(100);

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Whether something has changed that is played; that a file was read is none.
fn matters(event: &Event) -> bool {
    let changed = !matches!(event.kind, EventKind::Access(_));
    let is_ours = |path: &PathBuf| {
        let extension = path.extension().and_then(OsStr::to_str);
        matches!(extension, Some("toml" | "wasm"))
    };
    changed && event.paths.iter().any(is_ours)
}

fn broken(error: &dyn std::error::Error) -> Failure {
    let report = Report::new("cannot watch for changes").caused_by(error);
    Failure::new(exit::USER, report.hint("run it without `--watch`"))
}
