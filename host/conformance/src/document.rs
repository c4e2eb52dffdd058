//! Reads a TOML document with an eye for the person who wrote it.
//!
//! Every refusal names the file, the line, the key, what was expected and what was found; an
//! unknown key names the nearest known one. Knows nothing of scenarios, and no path is opened.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ckpt_policy_core::nearest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Why a file is refused: where, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {message}", path.display())]
pub struct Error {
    path: PathBuf,
    line: usize,
    message: String,
}

impl Error {
    /// Returns the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the line, counting from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns what is wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// One file: its text, and where it lies.
#[derive(Clone, Copy)]
pub(crate) struct Document<'a> {
    text: &'a str,
    path: &'a Path,
}

impl<'a> Document<'a> {
    pub(crate) fn new(text: &'a str, path: &'a Path) -> Self {
        Self { text, path }
    }

    pub(crate) fn parse(self) -> Result<Spanned<DeTable<'a>>, Error> {
        DeTable::parse(self.text).map_err(|error| {
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            self.error(
                error.span().unwrap_or(0..0),
                format!("this is not TOML: {message}"),
            )
        })
    }

    fn error(self, span: Range<usize>, message: String) -> Error {
        let line = self.line(span.start);
        Error {
            path: self.path.to_owned(),
            line,
            message,
        }
    }

    fn line(self, offset: usize) -> usize {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }
}

/// One table of which every key is known.
pub(crate) struct Table<'a> {
    document: Document<'a>,
    name: &'static str,
    span: Range<usize>,
    entries: &'a DeTable<'a>,
}

impl<'a> Table<'a> {
    /// Takes a table that may have no other keys than `known`.
    pub(crate) fn new(
        document: Document<'a>,
        name: &'static str,
        table: &'a Spanned<DeTable<'a>>,
        known: &[&str],
    ) -> Result<Self, Error> {
        let table = Self {
            document,
            name,
            span: table.span(),
            entries: table.get_ref(),
        };
        table.refuse_unknown(known)?;
        Ok(table)
    }

    pub(crate) fn get(&self, key: &str) -> Option<Entry<'a>> {
        let value = self.entries.get(key)?;
        Some(Entry {
            document: self.document,
            key: key.to_owned(),
            value,
        })
    }

    pub(crate) fn need(&self, key: &str) -> Result<Entry<'a>, Error> {
        self.get(key)
            .ok_or_else(|| self.error(format!("`{key}` is missing in {}", self.name)))
    }

    /// Returns an error at the beginning of the table.
    pub(crate) fn error(&self, message: String) -> Error {
        self.document.error(self.span.clone(), message)
    }

    pub(crate) fn line(&self) -> usize {
        self.document.line(self.span.start)
    }

    fn refuse_unknown(&self, known: &[&str]) -> Result<(), Error> {
        // By place, not by name: the first mistake of the file is the one to mend first.
        let unknown = self
            .entries
            .keys()
            .filter(|key| !known.contains(&key.get_ref().as_ref()));
        let Some(key) = unknown.min_by_key(|key| key.span().start) else {
            return Ok(());
        };
        let name = key.get_ref();
        let remedy = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected one of {}", listed(known)),
        };
        let message = format!("unknown key `{name}` in {}, {remedy}", self.name);
        Err(self.document.error(key.span(), message))
    }
}

/// One value and the key under which it stands.
pub(crate) struct Entry<'a> {
    document: Document<'a>,
    key: String,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Entry<'a> {
    pub(crate) fn value(&self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    pub(crate) fn text(&self) -> Result<&'a str, Error> {
        self.value()
            .as_str()
            .ok_or_else(|| self.unexpected("a text"))
    }

    pub(crate) fn flag(&self) -> Result<bool, Error> {
        self.value()
            .as_bool()
            .ok_or_else(|| self.unexpected("`true` or `false`"))
    }

    pub(crate) fn whole(&self) -> Result<u64, Error> {
        self.integer()
            .and_then(|value| u64::try_from(value).ok())
            .ok_or_else(|| self.unexpected("a whole number, not negative"))
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self.value() {
            DeValue::Float(value) => value.as_str().parse().ok(),
            #[expect(
                clippy::cast_precision_loss,
                reason = "an integer is read as the nearest f64"
            )]
            DeValue::Integer(_) => self.integer().map(|value| value as f64),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> Result<Vec<Self>, Error> {
        let list = self
            .value()
            .as_array()
            .ok_or_else(|| self.unexpected("a list"))?;
        Ok(list.iter().map(|value| self.part(value)).collect())
    }

    /// Returns the table's keys and values, whatever they are.
    pub(crate) fn entries(&self) -> Result<Vec<Self>, Error> {
        let table = self
            .value()
            .as_table()
            .ok_or_else(|| self.unexpected("a table"))?;
        let entry = |(key, value): (&'a Spanned<_>, _)| {
            let key: &std::borrow::Cow<'a, str> = key.get_ref();
            Entry {
                document: self.document,
                key: key.clone().into_owned(),
                value,
            }
        };
        Ok(table.iter().map(entry).collect())
    }

    /// Returns the value as a table of which every key is known.
    pub(crate) fn table(&self, name: &'static str, known: &[&str]) -> Result<Table<'a>, Error> {
        let entries = self
            .value()
            .as_table()
            .ok_or_else(|| self.unexpected("a table"))?;
        let table = Table {
            document: self.document,
            name,
            span: self.value.span(),
            entries,
        };
        table.refuse_unknown(known)?;
        Ok(table)
    }

    /// Returns the choice of this name.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, Error> {
        let name = self.text()?;
        if let Some((_, choice)) = choices.iter().find(|(known, _)| *known == name) {
            return Ok(*choice);
        }
        let names: Vec<&str> = choices.iter().map(|(known, _)| *known).collect();
        let hint = nearest(name, names.iter().copied());
        let hint = hint
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        Err(self.error(format!(
            "`{}` must be one of {}, found `{name}`{hint}",
            self.key,
            listed(&names)
        )))
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn unexpected(&self, expected: &str) -> Error {
        self.error(format!(
            "`{}` must be {expected}, found {}",
            self.key,
            Shown(self.value())
        ))
    }

    pub(crate) fn error(&self, message: String) -> Error {
        self.document.error(self.value.span(), message)
    }

    fn part(&self, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self {
            document: self.document,
            key: self.key.clone(),
            value,
        }
    }

    fn integer(&self) -> Option<i64> {
        let integer = self.value().as_integer()?;
        i64::from_str_radix(integer.as_str(), integer.radix()).ok()
    }
}

/// Shows a value as the writer of the file would know it again.
struct Shown<'a>(&'a DeValue<'a>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            DeValue::String(text) => write!(formatter, "the text {text:?}"),
            DeValue::Integer(number) => write!(formatter, "`{number}`"),
            DeValue::Float(number) => write!(formatter, "`{number}`"),
            DeValue::Boolean(flag) => write!(formatter, "`{flag}`"),
            DeValue::Datetime(date) => write!(formatter, "the date `{date}`"),
            DeValue::Array(list) => write!(formatter, "a list of {}", list.len()),
            DeValue::Table(_) => formatter.write_str("a table"),
        }
    }
}

/// Writes names as a list in backticks.
pub(crate) fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
