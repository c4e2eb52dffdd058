//! Settings and states as bytes, so that foreign or damaged ones are recognised.
//!
//! Layout: one byte of version, the value as `postcard`, four bytes of checksum over the policy's
//! name, the version and the value. A checksum, not a signature: it finds mistakes, not malice.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Makes bytes of a value. Only a value that `postcard` cannot carry has none.
pub(crate) fn seal<T: Serialize>(name: &str, version: u8, value: &T) -> Result<Vec<u8>, String> {
    let mut bytes = postcard::to_extend(value, vec![version])
        .map_err(|error| format!("it cannot be written as bytes: {error}"))?;
    let sum = checksum(name, &bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    Ok(bytes)
}

/// Reads what [`seal`] made.
pub(crate) fn unseal<T: DeserializeOwned>(
    name: &str,
    version: u8,
    bytes: &[u8],
) -> Result<T, String> {
    let Some((body, sum)) = bytes.split_last_chunk::<4>() else {
        return Err(format!("expected at least 5 bytes, found {}", bytes.len()));
    };
    if checksum(name, body) != u32::from_le_bytes(*sum) {
        return Err(format!(
            "it is damaged, or not one of `{name}`: its checksum does not fit"
        ));
    }
    let Some((found, value)) = body.split_first() else {
        return Err("it is empty".to_owned());
    };
    if *found != version {
        return Err(format!("expected version {version}, found version {found}"));
    }
    match postcard::take_from_bytes(value) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(format!("{} bytes are left over", rest.len())),
        Err(error) => Err(format!("it does not fit this version of `{name}`: {error}")),
    }
}

/// FNV-1a over the name and the bytes, folded to 32 bits.
fn checksum(name: &str, bytes: &[u8]) -> u32 {
    let hash = fnv(fnv(FNV_BASIS, name.as_bytes()), bytes);
    (hash ^ (hash >> 32)) as u32
}

/// One run of 64-bit FNV-1a.
pub(crate) fn fnv(basis: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(basis, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub(crate) const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

#[cfg(test)]
mod tests {
    use super::{seal, unseal};

    #[test]
    fn a_value_comes_back() {
        let bytes = seal("best", 1, &(7_u64, Some(0.5_f64))).expect("plain numbers");
        assert_eq!(unseal("best", 1, &bytes), Ok((7_u64, Some(0.5_f64))));
    }

    #[test]
    fn every_damaged_byte_is_found() {
        let bytes = seal("best", 1, &(7_u64, 0.5_f64)).expect("plain numbers");
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[position] ^= 1 << bit;
                assert!(
                    unseal::<(u64, f64)>("best", 1, &damaged).is_err(),
                    "byte {position}"
                );
            }
            assert!(unseal::<(u64, f64)>("best", 1, &bytes[..position]).is_err());
        }
    }

    #[test]
    fn another_policy_and_another_version_are_told_apart() {
        let bytes = seal("best", 1, &7_u64).expect("a plain number");
        let foreign = unseal::<u64>("worst", 1, &bytes).expect_err("another name");
        assert_eq!(
            foreign,
            "it is damaged, or not one of `worst`: its checksum does not fit"
        );
        let old = unseal::<u64>("best", 2, &bytes).expect_err("another version");
        assert_eq!(old, "expected version 2, found version 1");
    }
}
