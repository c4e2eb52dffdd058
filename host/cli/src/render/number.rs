//! Text of policies and files, made safe for a terminal.

use std::fmt::{self, Write as _};

/// Displays text with control characters escaped, line breaks included.
///
/// A policy's reason, a metric's name and a file's key are not ours: printed as they are they
/// could move the cursor, hide a line or recolour the screen. Marks that reverse the direction of
/// writing are escaped too, since they make one text look like another.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if is_safe(character) {
                formatter.write_char(character)?;
            } else {
                write!(formatter, "{}", character.escape_default())?;
            }
        }
        Ok(())
    }
}

fn is_safe(character: char) -> bool {
    let reorders = matches!(
        character,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let breaks_line = matches!(character, '\u{2028}' | '\u{2029}');
    !(character.is_control() || reorders || breaks_line)
}

/// Returns a number as people read it: at most six significant digits.
pub(crate) fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return value.to_string();
    }
    let exponent = value.abs().log10().floor();
    if !(-5.0..15.0).contains(&exponent) {
        return format!("{value:.5e}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 10"
    )]
    let decimals = (5.0 - exponent).clamp(0.0, 10.0) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{Printable, short};

    #[test]
    fn keeps_letters_and_escapes_commands() {
        assert_eq!(
            Printable("größer 0.5 ≥ 0.4").to_string(),
            "größer 0.5 ≥ 0.4"
        );
        assert_eq!(Printable("a\nb\tc").to_string(), "a\\nb\\tc");
        assert_eq!(
            Printable("\u{9b}31m\u{7f}").to_string(),
            "\\u{9b}31m\\u{7f}"
        );
        assert_eq!(Printable("\u{202e}evas").to_string(), "\\u{202e}evas");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(short(0.0), "0");
        assert_eq!(short(0.503_640_012), "0.50364");
        assert_eq!(short(-1.0), "-1");
        assert_eq!(short(123_456_789.0), "123456789");
        assert_eq!(short(1.25e-9), "1.25000e-9");
        assert_eq!(short(1e300), "1.00000e300");
        assert_eq!(short(f64::INFINITY), "inf");
    }
}
