//! Takes typed values out of a table, key by key, and remembers everything that is wrong.
//!
//! Knows nothing of what the keys mean. Keeps one invariant: whatever is not taken by the time of
//! [`Fields::finish`] is reported as unknown, with the nearest key that would have been.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ckpt_policy_core::nearest;
use ckpt_policy_core::text::Printable;

use super::node::{Entry, Node, Value};
use super::problem::{Blame, Position, Problem};

/// One file that is being read, with the problems found in it so far.
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    /// What is read in place of a file, as JSON.
    pub(super) text: Option<String>,
    problems: RefCell<Vec<Problem>>,
}

impl Source {
    pub(crate) fn new(file: &Path) -> Self {
        Self {
            file: file.to_path_buf(),
            text: None,
            problems: RefCell::default(),
        }
    }

    /// A text that stands in no file, and the name that messages have for it.
    pub(super) fn text(name: &str, text: &str) -> Self {
        Self {
            text: Some(text.to_owned()),
            ..Self::new(name.as_ref())
        }
    }

    /// Records a problem; what `edit` adds is a hint, as a rule.
    pub(crate) fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    pub(crate) fn problem(&self, at: Option<Position>, key: &str, text: String) -> Problem {
        let (file, key) = (self.file.clone(), key.to_owned());
        Problem {
            file,
            at,
            key,
            // It may quote what stands there, which may be several lines.
            text: Printable(&text).to_string(),
            hint: None,
            blame: Blame::User,
        }
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}

/// The keys of one table that were not taken yet.
pub(crate) struct Fields<'a> {
    source: &'a Source,
    /// Where the table is, in dotted form; empty for the file itself.
    path: String,
    pub(crate) at: Option<Position>,
    entries: Vec<Entry>,
    known: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    /// Returns the fields of a table; anything else is a problem.
    pub(crate) fn of(source: &'a Source, path: &str, node: Node) -> Option<Self> {
        let (at, kind) = (node.at, node.kind());
        if let Value::Table(entries) = node.value {
            let known = BTreeSet::new();
            return Some(Self {
                source,
                path: path.to_owned(),
                at,
                entries,
                known,
            });
        }
        let text = format!("expected a table of keys and values, found {kind}");
        source.report(source.problem(at, path, text));
        None
    }

    /// Returns the file that is being read.
    pub(crate) fn file(&self) -> &Path {
        &self.source.file
    }

    /// Returns where the values stand that were not taken yet.
    pub(crate) fn places(&self) -> Vec<(String, Position)> {
        let entries = self.entries.iter();
        entries
            .filter_map(|entry| Some((entry.key.clone(), entry.node.at?)))
            .collect()
    }

    /// Returns the dotted keys of all values, those of tables within included, and where they
    /// stand; a list of tables is no value.
    pub(crate) fn stated(&self) -> Vec<(String, Option<Position>)> {
        let mut keys = Vec::new();
        collect(&self.entries, "", &mut keys);
        keys
    }

    /// Renames the table in messages, once it is known what it is called.
    pub(crate) fn rename(&mut self, path: String) {
        self.path = path;
    }

    /// Whether a key is there and was not taken yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Takes a value of whatever kind.
    pub(crate) fn any(&mut self, key: &'static str) -> Option<Node> {
        self.known.insert(key);
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(index).node)
    }

    /// Takes a text.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<(String, Option<Position>)> {
        let node = self.any(key)?;
        match node.value {
            Value::Text(text) => Some((text, node.at)),
            _ => self.wrong(key, &node, "a text in quotes"),
        }
    }

    /// Takes one of several words.
    pub(crate) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let (text, at) = self.text(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let list = list_of(words.iter().map(|(word, _)| *word));
        let problem = self.problem(at, key, format!("unknown value `{text}`, expected {list}"));
        self.source
            .report(match nearest(&text, words.iter().map(|(word, _)| *word)) {
                Some(word) => problem.hint(format!("did you mean `{word}`?")),
                None => problem,
            });
        None
    }

    /// Takes `true` or `false`.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let node = self.any(key)?;
        match node.value {
            Value::Bool(flag) => Some(flag),
            _ => self.wrong(key, &node, "`true` or `false`"),
        }
    }

    /// Takes a list of texts; an entry that is something else is left out.
    pub(crate) fn texts(&mut self, key: &'static str) -> Option<Vec<(String, Option<Position>)>> {
        let node = self.any(key)?;
        let Value::List(nodes) = node.value else {
            return self.wrong(key, &node, "a list of texts");
        };
        let text = |node: Node| match node.value {
            Value::Text(text) => Some((text, node.at)),
            _ => self.wrong(key, &node, "a text in quotes"),
        };
        Some(nodes.into_iter().filter_map(text).collect())
    }

    /// Takes an integer in a range.
    pub(crate) fn count(&mut self, key: &'static str, least: u64, most: u64) -> Option<u64> {
        let node = self.any(key)?;
        let expected = match most {
            u64::MAX => format!("an integer of at least {least}"),
            _ => format!("an integer from {least} to {most}"),
        };
        match &node.value {
            Value::Number(number) => match number.as_u64() {
                Some(value) if (least..=most).contains(&value) => Some(value),
                _ => {
                    let text = format!("expected {expected}, found {number}");
                    self.source.report(self.problem(node.at, key, text));
                    None
                }
            },
            _ => self.wrong(key, &node, &expected),
        }
    }

    /// Takes a size in bytes: an integer, or a text such as `"16MiB"`.
    pub(crate) fn size(&mut self, key: &'static str, least: u64) -> Option<u64> {
        let node = self.any(key)?;
        let expected = "a size such as \"16MiB\" or an integer of bytes";
        let (bytes, found) = match &node.value {
            Value::Number(number) => (number.as_u64(), number.to_string()),
            Value::Text(text) => {
                let size = text.trim().parse::<bytesize::ByteSize>();
                (size.ok().map(|size| size.as_u64()), format!("`{text}`"))
            }
            _ => return self.wrong(key, &node, expected),
        };
        match bytes {
            Some(bytes) if bytes >= least => Some(bytes),
            Some(_) => {
                let text = format!("expected at least {least} bytes, found {found}");
                self.source.report(self.problem(node.at, key, text));
                None
            }
            None => {
                let text = format!("expected {expected}, found {found}");
                self.source.report(self.problem(node.at, key, text));
                None
            }
        }
    }

    /// Takes a table; where it is absent the answer is an empty one.
    pub(crate) fn table(&mut self, key: &'static str) -> Self {
        let path = self.key(key);
        let taken = self
            .any(key)
            .and_then(|node| Self::of(self.source, &path, node));
        let source = self.source;
        taken.unwrap_or(Self {
            source,
            path,
            at: None,
            entries: Vec::new(),
            known: BTreeSet::new(),
        })
    }

    /// Takes a list of tables.
    pub(crate) fn tables(&mut self, key: &'static str) -> Vec<Self> {
        let path = self.key(key);
        let Some(node) = self.any(key) else {
            return Vec::new();
        };
        let Value::List(nodes) = node.value else {
            let expected = format!("a list of tables, written `[[{path}]]`");
            self.wrong::<()>(key, &node, &expected);
            return Vec::new();
        };
        let numbered = nodes.into_iter().enumerate();
        numbered
            .filter_map(|(index, node)| Self::of(self.source, &format!("{path}.{index}"), node))
            .collect()
    }

    /// Reports whatever was not taken.
    pub(crate) fn finish(self) {
        self.finish_or(None);
    }

    /// Reports whatever was not taken; `hint` is for a key that resembles no other.
    pub(crate) fn finish_or(self, hint: Option<&str>) {
        for entry in &self.entries {
            let known = || self.known.iter().copied();
            let text = format!("unknown key, expected one of {}", list_of(known()));
            let problem = self.problem(entry.at, &entry.key, text);
            self.source
                .report(match (nearest(&entry.key, known()), hint) {
                    (Some(key), _) => problem.hint(format!("did you mean `{key}`?")),
                    (None, Some(hint)) => problem.hint(hint),
                    (None, None) => problem,
                });
        }
    }

    /// Makes a problem with one of the table's keys.
    pub(crate) fn problem(&self, at: Option<Position>, key: &str, text: String) -> Problem {
        self.source.problem(at.or(self.at), &self.key(key), text)
    }

    /// Records a problem with one of the table's keys.
    pub(crate) fn report(&self, problem: Problem) {
        self.source.report(problem);
    }

    fn wrong<T>(&self, key: &str, node: &Node, expected: &str) -> Option<T> {
        let text = format!("expected {expected}, found {}", node.kind());
        self.source.report(self.problem(node.at, key, text));
        None
    }

    fn key(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path if key.is_empty() => path.to_owned(),
            path => format!("{path}.{key}"),
        }
    }
}

fn collect(entries: &[Entry], path: &str, keys: &mut Vec<(String, Option<Position>)>) {
    let is_table = |node: &Node| matches!(node.value, Value::Table(_));
    for Entry { key, node, .. } in entries {
        let key = match path {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        match &node.value {
            Value::Table(entries) => collect(entries, &key, keys),
            Value::List(nodes) if nodes.iter().any(is_table) => {}
            _ => keys.push((key, node.at)),
        }
    }
}

/// Returns words as a list for messages.
pub(crate) fn list_of<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
