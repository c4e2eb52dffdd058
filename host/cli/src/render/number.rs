//! Numbers, as people read them.

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
    use super::short;

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
