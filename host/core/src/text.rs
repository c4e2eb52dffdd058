//! Text of policies and files, made safe to show and to store.
//!
//! A policy's reason, a metric's name and a file's key are not ours. Shown as they are they could
//! move a terminal's cursor, hide a line, recolour the screen, or reverse the direction of writing
//! so that one text looks like another. Decides nothing about what a text may say.
//!
//! The invariant: what leaves here has no character of Unicode's category *other* (controls, format
//! and direction marks, private use, unassigned), and no line or paragraph separator.

use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};

use unicode_general_category::{GeneralCategory, get_general_category};

/// Displays text with all characters escaped that a terminal could obey, line breaks included.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a str);

impl Display for Printable<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match unprintable(self.0) {
            None => formatter.write_str(self.0),
            Some(_) => self.0.chars().try_for_each(|it| write_one(formatter, it)),
        }
    }
}

/// Returns the first character that is not to be shown as it is.
#[must_use]
pub fn unprintable(text: &str) -> Option<char> {
    text.chars().find(|character| !is_printable(*character))
}

/// Returns a text as [`Printable`] shows it, and no more of it than so many bytes; `…` says where
/// it was cut.
///
/// What is displayed is asked for no more than is shown of it, however long it would be.
#[must_use]
pub fn excerpt(text: impl Display, bytes: usize) -> String {
    let mut excerpt = Excerpt {
        shown: String::new(),
        most: bytes,
    };
    if write!(excerpt, "{text}").is_err() {
        excerpt.shown.push('…');
    }
    excerpt.shown
}

/// Returns a text of several lines, each as [`Printable`] shows it.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    if text.split('\n').all(|line| unprintable(line).is_none()) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<_> = text
        .split('\n')
        .map(|line| Printable(line).to_string())
        .collect();
    Cow::Owned(lines.join("\n"))
}

/// Returns a JSON document that says the same, without a character that a terminal could obey.
///
/// Such a character can stand nowhere but in a string, where JSON knows it by its number, or
/// between two values, where it is layout.
#[must_use]
pub fn json(document: String) -> String {
    let is_safe = |character| character == '\n' || is_printable(character);
    if document.chars().all(is_safe) {
        return document;
    }
    let mut safe = String::with_capacity(document.len() + document.len() / 8);
    for character in document.chars() {
        match character {
            '\r' | '\t' => safe.push(' '),
            _ if is_safe(character) => safe.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(safe, "\\u{unit:04x}");
                }
            }
        }
    }
    safe
}

fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    !matches!(
        get_general_category(character),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
    )
}

fn write_one(to: &mut impl fmt::Write, character: char) -> fmt::Result {
    match is_printable(character) {
        true => to.write_char(character),
        false => write!(to, "{}", character.escape_default()),
    }
}

/// Takes text until it is full, and then fails.
struct Excerpt {
    shown: String,
    most: usize,
}

impl fmt::Write for Excerpt {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let before = self.shown.len();
            write_one(&mut self.shown, character)?;
            if self.shown.len() > self.most {
                self.shown.truncate(before);
                return Err(fmt::Error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Printable, excerpt, json, lines, unprintable};

    /// What a terminal, or a reader's eye, could be misled with.
    const HOSTILE: [char; 14] = [
        '\u{1b}',
        '\r',
        '\u{7f}',
        '\u{9b}',
        '\u{ad}',
        '\u{61c}',
        '\u{200b}',
        '\u{200f}',
        '\u{2028}',
        '\u{202e}',
        '\u{2066}',
        '\u{feff}',
        '\u{e000}',
        '\u{e0041}',
    ];

    #[test]
    fn keeps_letters_and_escapes_commands() {
        let harmless = "größer 0.5 ≥ 0.4, 精度 ок नमस्ते 🚀 \\ \"";
        assert_eq!(Printable(harmless).to_string(), harmless);
        assert_eq!(Printable("a\nb\tc").to_string(), "a\\nb\\tc");
        assert_eq!(
            Printable("\u{9b}31m\u{7f}").to_string(),
            "\\u{9b}31m\\u{7f}"
        );
        for character in HOSTILE {
            let text = format!("a{character}b");
            assert_eq!(unprintable(&text), Some(character));
            let shown = Printable(&text).to_string();
            assert_eq!(unprintable(&shown), None, "{shown}");
            assert_eq!(Printable(&shown).to_string(), shown, "escaped once");
        }
    }

    #[test]
    fn cuts_what_is_escaped_and_asks_for_no_more() {
        assert_eq!(excerpt("short", 5), "short");
        assert_eq!(excerpt("longer", 5), "longe…");
        assert_eq!(
            excerpt("\u{1b}\u{1b}", 7),
            "\\u{1b}…",
            "no half of an escape"
        );
        assert_eq!(excerpt("äää", 3), "ä…", "no half of a letter");
        let endless = std::fmt::from_fn(|formatter| {
            loop {
                formatter.write_str("more ")?;
            }
        });
        assert_eq!(excerpt(endless, 9), "more more…");
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(lines("one\ntwo\n"), "one\ntwo\n");
        assert_eq!(lines("o\rne\ntwo\n"), "o\\rne\ntwo\n");
    }

    #[test]
    fn a_json_document_says_the_same() {
        let text: String = HOSTILE.iter().collect();
        let value = serde_json::json!({ text.clone(): [text, "精度"] });
        let document = format!("{value:#}\r\t\n");
        let safe = json(document);
        assert_eq!(unprintable(&safe.replace('\n', "")), None, "{safe}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&safe).ok(),
            Some(value)
        );
        assert!(
            safe.contains("精度") && safe.contains("\\udb40\\udc41"),
            "{safe}"
        );
    }
}
