//! Numbers as people read them in a reason.
//!
//! For people only: six significant digits, more where two numbers that decided would look equal.
//! Nothing is ever decided on the text.

use std::fmt::Write as _;

/// Returns a number with at most six significant digits.
///
/// # Examples
///
/// ```
/// use ckpt_policy_sdk::text::number;
///
/// assert_eq!(number(0.421_300_01), "0.4213");
/// assert_eq!(number(1e-9), "1e-9");
/// ```
#[must_use]
pub fn number(value: f64) -> String {
    digits(value, USUAL)
}

/// Returns two numbers with as many digits as it takes to tell them apart.
#[must_use]
pub fn pair(left: f64, right: f64) -> (String, String) {
    let mut texts = (digits(left, USUAL), digits(right, USUAL));
    if texts.0 == texts.1 && left != right {
        texts = (digits(left, ALL), digits(right, ALL));
    }
    texts
}

/// Returns a count with its noun, such as `1 rank` or `3 ranks`.
#[must_use]
pub fn count(number: u32, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Rounds to `precision` digits, then writes the shortest text of that.
fn digits(value: f64, precision: usize) -> String {
    if !value.is_finite() {
        return format!("{value}");
    }
    let scientific = format!("{value:.*e}", precision - 1);
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let (sign, mantissa) = mantissa
        .strip_prefix('-')
        .map_or(("", mantissa), |rest| ("-", rest));
    let figures: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let figures = figures.trim_end_matches('0');
    if figures.is_empty() {
        return "0".to_owned();
    }
    let exponent: i32 = exponent.parse().unwrap_or_default();
    format!("{sign}{}", place_point(figures, exponent))
}

/// Writes `figures` with the point after the first one, times ten to the `exponent`.
fn place_point(figures: &str, exponent: i32) -> String {
    let length = i32::try_from(figures.len()).unwrap_or(i32::MAX);
    if !(-5..=15).contains(&exponent) {
        let (first, rest) = figures.split_at(1);
        let mut text = first.to_owned();
        if !rest.is_empty() {
            text.push('.');
            text.push_str(rest);
        }
        let _ = write!(text, "e{exponent}");
        return text;
    }
    if exponent < 0 {
        return format!(
            "0.{}{figures}",
            "0".repeat(exponent.unsigned_abs() as usize - 1)
        );
    }
    if exponent + 1 >= length {
        return format!(
            "{figures}{}",
            "0".repeat((exponent + 1 - length).unsigned_abs() as usize)
        );
    }
    let (whole, fraction) = figures.split_at((exponent + 1).unsigned_abs() as usize);
    format!("{whole}.{fraction}")
}

const USUAL: usize = 6;
/// Enough to tell any two numbers apart.
const ALL: usize = 17;

#[cfg(test)]
mod tests {
    use super::{count, number, pair};

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (-0.5, "-0.5"),
            (1.0 / 3.0, "0.333333"),
            (123_456_789.0, "123457000"),
            (10.0, "10"),
            (12.5, "12.5"),
            (0.000_012, "0.000012"),
            (1.5e-7, "1.5e-7"),
            (1e300, "1e300"),
            (-2.25e20, "-2.25e20"),
            (999_999.95, "1000000"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
            (f64::from_bits(1), "4.94066e-324"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn two_numbers_are_told_apart() {
        assert_eq!(pair(0.5, 0.25), ("0.5".to_owned(), "0.25".to_owned()));
        let next = f64::from_bits(0.1_f64.to_bits() + 1);
        let (left, right) = pair(0.1, next);
        assert_ne!(left, right);
        assert_eq!(pair(0.1, 0.1), ("0.1".to_owned(), "0.1".to_owned()));
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(count(1, "rank"), "1 rank");
        assert_eq!(count(0, "rank"), "0 ranks");
    }
}
