//! The name of a policy: what a folder, a package and a file can be called everywhere.

use std::fmt;
use std::str::FromStr;

/// A name in kebab case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_part = |part: &str| {
            let all = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            !part.is_empty() && part.bytes().all(all)
        };
        let begins_well = text.starts_with(|first: char| first.is_ascii_lowercase());
        if begins_well && text.split('-').all(is_part) && text.len() <= LONGEST {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "expected lowercase letters, digits and single hyphens, a letter first, at most \
             {LONGEST} in all, such as `three-quarters`"
        ))
    }
}

const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn kebab_case_it_is() {
        for good in ["a", "mine", "three-quarters", "top-3", "x1-2-y"] {
            assert_eq!(
                good.parse::<Name>().map(|name| name.to_string()),
                Ok(good.to_owned())
            );
        }
        let long = "a".repeat(65);
        for bad in [
            "", "-", "-a", "a-", "a--b", "3-a", "A", "a_b", "a.b", "../a", "a b", "é", &long,
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
