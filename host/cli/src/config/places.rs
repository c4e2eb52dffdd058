//! The folders that a configuration names: are they there, and may they be written?
//!
//! Only `check` asks; a replay writes no checkpoint. Leaves nothing behind.

use std::path::Path;

use super::Site;
use super::fields::Source;
use super::problem::{Position, Problem};

impl Site {
    /// Returns what is wrong with the folders of checkpoints and journal.
    pub(crate) fn wrong_places(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some((file, directory)) = self.place(|site| site.directory.as_ref()) {
            let source = Source::new(file);
            check_directory(&source, &directory.path, directory.at);
            problems.extend(source.into_problems());
        }
        if let Some((file, journal)) = self.place(|site| site.journal.as_ref()) {
            let source = Source::new(file);
            check_journal(&source, &journal.path, journal.at);
            problems.extend(source.into_problems());
        }
        problems
    }
}

/// The directory itself may still be missing, since the trainer makes it; its parent may not.
fn check_directory(source: &Source, path: &Path, at: Option<Position>) {
    let key = "checkpoints.directory";
    let shown = path.display();
    if path.exists() && !path.is_dir() {
        let problem = source.problem(at, key, format!("`{shown}` is no directory"));
        return source.report(problem.hint("name another one"));
    }
    let folder = if path.exists() { path } else { parent(path) };
    if !folder.is_dir() {
        let text = format!("`{shown}` does not exist, nor does the folder around it");
        let problem = source.problem(at, key, text);
        return source.report(problem.hint("create it; paths are relative to the configuration"));
    }
    check_writable(source, folder, key, at);
}

fn check_journal(source: &Source, path: &Path, at: Option<Position>) {
    let key = "journal.path";
    let shown = path.display();
    if path.is_dir() {
        let problem = source.problem(at, key, format!("`{shown}` is a directory"));
        return source.report(problem.hint("name a file in it, such as `decisions.jsonl`"));
    }
    let folder = parent(path);
    if !folder.is_dir() {
        let text = format!("the folder of `{shown}` does not exist");
        let problem = source.problem(at, key, text);
        return source.report(problem.hint("create it; paths are relative to the configuration"));
    }
    check_writable(source, folder, key, at);
}

fn check_writable(source: &Source, folder: &Path, key: &str, at: Option<Position>) {
    // Permissions do not tell: read-only mounts and access lists count too. The file has no name
    // where the system allows that, and is gone at once.
    if let Err(error) = tempfile::tempfile_in(folder) {
        let text = format!("`{}` cannot be written: {error}", folder.display());
        source.report(
            source
                .problem(at, key, text)
                .hint("change its permissions, or the path"),
        );
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
