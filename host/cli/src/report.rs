//! What went wrong, as people read it and as the exit code says it.
//!
//! Responsible for the shape of error messages: `error: …`, the causes, a blank line, and
//! `hint: …`. It prints nothing itself. Text that came from a policy or a file is escaped on the
//! way out, so that no message can move a terminal's cursor.

use std::error::Error;
use std::fmt;

use ckpt_policy_core::text::Printable;

use crate::exit;

/// One thing that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    text: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl Report {
    /// Starts a report: a lowercase fragment that says what went wrong, and where.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            causes: Vec::new(),
            hint: None,
        }
    }

    /// Adds an error and all that caused it.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            self.causes.push(cause.to_string());
            next = cause.source();
        }
        self
    }

    /// Says of whom it is.
    #[must_use]
    pub(crate) fn of(mut self, whom: &str) -> Self {
        self.text = format!("{whom}: {}", self.text);
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "error: {}", Printable(&self.text))?;
        for cause in &self.causes {
            writeln!(formatter, "  Caused by: {}", Printable(cause))?;
        }
        match &self.hint {
            Some(hint) => writeln!(formatter, "\nhint: {}", Printable(hint)),
            None => Ok(()),
        }
    }
}

/// Why the program ends early: the exit code and at least one report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    code: u8,
    reports: Vec<Report>,
}

impl Failure {
    /// One report with its exit code, one of those in [`exit`].
    #[must_use]
    pub fn new(code: u8, report: Report) -> Self {
        Self {
            code,
            reports: vec![report],
        }
    }

    /// Several reports at once.
    #[must_use]
    pub fn all(code: u8, reports: Vec<Report>) -> Self {
        Self { code, reports }
    }

    /// An error of the user's that needs nothing but its text.
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(exit::USER, Report::new(text))
    }

    /// Returns the reports.
    #[must_use]
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// Returns the first line of what is told, for other ranks: what went wrong, without `error: `.
    #[must_use]
    pub fn headline(&self) -> String {
        let text = self.to_string();
        let first = text.lines().next().unwrap_or_default();
        first.trim_start_matches("error: ").to_owned()
    }

    /// Returns the exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, report) in self.reports.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            report.fmt(formatter)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Report};
    use crate::exit;

    #[test]
    fn says_what_why_and_what_to_do() {
        let cause = std::io::Error::other("no such file");
        let report = Report::new("cannot read `x`")
            .caused_by(&cause)
            .hint("name another file");
        let text = Failure::new(exit::USER, report).to_string();
        assert_eq!(
            text,
            "error: cannot read `x`\n  Caused by: no such file\n\nhint: name another file\n"
        );
    }

    #[test]
    fn separates_several_reports() {
        let failure = Failure::all(exit::USER, vec![Report::new("one"), Report::new("two")]);
        assert_eq!(failure.to_string(), "error: one\n\nerror: two\n");
    }

    #[test]
    fn escapes_what_would_drive_a_terminal() {
        let text = Report::new("policy said `\u{1b}[2J`").to_string();
        assert_eq!(text, "error: policy said `\\u{1b}[2J`\n");
    }
}
