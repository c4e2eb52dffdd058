//! What is wrong with a configuration, with the place where it stands.

use std::fmt;
use std::path::PathBuf;

use crate::exit;
use crate::report::{Failure, Report};

/// A position in a text file, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Position {
    /// Returns the position of a byte offset in `text`.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// Whose fault a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The policy's: it trapped, or what it says of itself is unusable.
    Policy,
    /// This program's, or the machine's on which it runs.
    Program,
    /// The user's: a key, a value, a file.
    User,
}

/// One thing that is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file in which it stands.
    pub file: PathBuf,
    /// Where in the file, as far as that is known; JSON has no positions for its values.
    pub at: Option<Position>,
    /// The key in dotted form, such as `policy.best.config.top-k`; empty for the whole file.
    pub key: String,
    /// What is wrong.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whose fault it is.
    pub blame: Blame,
}

impl Problem {
    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Lays the fault on somebody else than the user.
    #[must_use]
    pub(crate) fn blame(mut self, blame: Blame) -> Self {
        self.blame = blame;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file.display())?;
        if let Some(Position { line, column }) = self.at {
            write!(formatter, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(formatter, ": `{}`", self.key)?;
        }
        write!(formatter, ": {}", self.text)
    }
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Returns `Err` where there are problems, in the order of files and lines.
    pub(crate) fn none_of(mut problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort_by(|one, other| (&one.file, one.at).cmp(&(&other.file, other.at)));
        Err(Self(problems))
    }

    /// Returns the problems.
    #[must_use]
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        let is_at_fault = |blame| problems.0.iter().any(|problem| problem.blame == blame);
        let code = match () {
            () if is_at_fault(Blame::User) => exit::USER,
            () if is_at_fault(Blame::Policy) => exit::POLICY,
            () => exit::OURS,
        };
        Self::all(code, problems.0.iter().map(report).collect())
    }
}

fn report(problem: &Problem) -> Report {
    let report = Report::new(problem.to_string());
    match &problem.hint {
        Some(hint) => report.hint(hint),
        None => report,
    }
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn positions_count_lines_and_characters() {
        let text = "a = 1\nmö = 2\n";
        assert_eq!(Position::of(text, 0), Position { line: 1, column: 1 });
        let two = text.find('2').expect("there is a 2");
        assert_eq!(Position::of(text, two), Position { line: 2, column: 6 });
        assert_eq!(Position::of(text, 999), Position { line: 3, column: 1 });
    }
}
