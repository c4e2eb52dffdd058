//! Where a run writes, and that it never writes over what it reads.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::Site;
use crate::exit;
use crate::report::{Failure, Report};
use crate::trace::STDIN;

/// Refuses a journal or a snapshot that is the configuration, a trace, or one another.
///
/// # Errors
///
/// Which file would be read as one thing and written as another.
pub(in crate::commands) fn check(
    site: &Site,
    traces: &[PathBuf],
    snapshot: Option<&Path>,
) -> Result<(), Failure> {
    let journals: Vec<PathBuf> = match site.journal() {
        Some(path) if traces.is_empty() => vec![path.to_path_buf()],
        Some(path) => (0..traces.len())
            .map(|index| journal_of(path, traces, index))
            .collect(),
        None => Vec::new(),
    };
    let journal = journals.iter().map(|path| (path.as_path(), "a journal"));
    let written: Vec<_> = journal
        .chain(snapshot.map(|path| (path, "a snapshot")))
        .collect();
    let read = traces.iter().map(|path| (path.as_path(), "a trace"));
    let above = site.above().map(|above| (above.file(), "the site's rules"));
    let read = read
        .chain([(site.file(), "the configuration")])
        .chain(above);
    for (path, reads) in read {
        for (target, writes) in &written {
            if is_same(path, target) {
                let text = format!(
                    "`{}` would be read as {reads} and written as {writes}",
                    target.display()
                );
                let hint = "copy it first, or name another file to write to";
                return Err(Failure::new(exit::USER, Report::new(text).hint(hint)));
            }
        }
    }
    match snapshot {
        Some(snapshot) if journals.iter().any(|journal| is_same(journal, snapshot)) => {
            let text = format!(
                "`{}` would be both journal and snapshot",
                snapshot.display()
            );
            Err(Failure::user(text))
        }
        _ => Ok(()),
    }
}

/// Whether two paths name one file; a file that is not there yet is no other.
fn is_same(one: &Path, other: &Path) -> bool {
    if let (Ok(one), Ok(other)) = (fs::canonicalize(one), fs::canonicalize(other)) {
        return one == other || is_linked(&one, &other);
    }
    one == other
}

/// Whether two names are hard links to one file.
#[cfg(unix)]
fn is_linked(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_linked(_: &Path, _: &Path) -> bool {
    false
}

/// Returns where the journal of one of the traces goes.
pub(super) fn journal_of(path: &Path, traces: &[PathBuf], index: usize) -> PathBuf {
    match traces {
        [_] => path.to_path_buf(),
        traces => numbered(path, traces, index),
    }
}

/// Several traces have a journal each: `decisions.jsonl` becomes `decisions.NAME.jsonl`, with a
/// number where two traces have one name.
fn numbered(path: &Path, traces: &[PathBuf], index: usize) -> PathBuf {
    let stem = |trace: &PathBuf| match trace.file_stem() {
        Some(stem) if trace.as_os_str() != STDIN => stem.to_string_lossy().into_owned(),
        _ => "stdin".to_owned(),
    };
    let own = stem(&traces[index]);
    let before = traces[..index]
        .iter()
        .filter(|trace| stem(trace) == own)
        .count();
    let own = if before == 0 {
        own
    } else {
        format!("{own}-{}", before + 1)
    };
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy());
    path.with_extension(match extension {
        Some(extension) => format!("{own}.{extension}"),
        None => own,
    })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    #[test]
    fn several_traces_have_a_journal_each() {
        let traces = ["a/run.jsonl", "b/run.jsonl", "-", "other"].map(PathBuf::from);
        let named = |index| super::numbered(Path::new("out/decisions.jsonl"), &traces, index);
        assert_eq!(named(0), Path::new("out/decisions.run.jsonl"));
        assert_eq!(named(1), Path::new("out/decisions.run-2.jsonl"));
        assert_eq!(named(2), Path::new("out/decisions.stdin.jsonl"));
        assert_eq!(named(3), Path::new("out/decisions.other.jsonl"));
        let bare = super::numbered(Path::new("journal"), &traces, 0);
        assert_eq!(bare, Path::new("journal.run"));
    }
}
