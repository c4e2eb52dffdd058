//! The keys of a configuration that the built-in policies share.

use serde::{Deserialize, Serialize};

use crate::keeping::Keeper;
use crate::ranking::Direction;
use crate::{Operation, Plan, View};

/// The keys that the built-in policies share, all but `monitor`.
///
/// A policy's own configuration takes them in with `#[serde(flatten)]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", default)]
pub struct KeepConfig {
    /// Whether a smaller or a larger number is better.
    pub mode: Direction,
    /// How many checkpoints to keep: the best so many, 0 for none, -1 for all.
    #[cfg_attr(not(target_family = "wasm"), schemars(with = "i64", range(min = -1)))]
    pub top_k: TopK,
    /// Whether the newest complete checkpoint stays when the top-k lets it go; `"always"` also
    /// saves at every event asked, and keeps the newest such save beside the top-k.
    #[cfg_attr(
        not(target_family = "wasm"),
        schemars(schema_with = "save_last_schema")
    )]
    pub save_last: SaveLast,
    /// The moments at which to ask.
    #[cfg_attr(not(target_family = "wasm"), schemars(length(min = 1), extend("uniqueItems" = true)))]
    pub at: Vec<Moment>,
    /// At `step-end`, ask only when a multiple of this was reached; 0 counts as 1.
    pub every_steps: u64,
    /// What ranks the kept checkpoints when one must go: the score that decides, or the mean, the
    /// smallest or the largest of the ranks' numbers.
    pub evict_by: EvictBy,
}

impl Default for KeepConfig {
    fn default() -> Self {
        Self {
            mode: Direction::Min,
            top_k: TopK::Best(1),
            save_last: SaveLast::No,
            at: vec![Moment::ValidationEnd],
            every_steps: 1,
            evict_by: EvictBy::Score,
        }
    }
}

impl KeepConfig {
    /// Returns what a call needs of these keys.
    #[must_use]
    pub fn keeper(&self) -> Keeper {
        Keeper {
            direction: self.mode,
            top_k: self.top_k,
            save_last: self.save_last,
        }
    }

    /// Returns a plan with the moments, and the view that the rules need, still without inputs.
    ///
    /// A policy that keeps everything looks at no list, so that its cost does not grow with it.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let looks = match self.top_k {
            TopK::All => false,
            TopK::Best(0) => self.save_last == SaveLast::Always,
            TopK::Best(_) => true,
        };
        Plan {
            every_steps: self.every_steps,
            view: if looks { View::Mine } else { View::None },
            ..Plan::at(self.at.iter().map(|moment| moment.name()))
        }
    }

    /// Returns the operation behind `evict-by`; `None` where it is the policy's own score.
    #[must_use]
    pub fn eviction(&self) -> Option<Operation> {
        match self.evict_by {
            EvictBy::Max => Some(Operation::Max),
            EvictBy::Mean => Some(Operation::Mean),
            EvictBy::Min => Some(Operation::Min),
            EvictBy::Score => None,
        }
    }
}

/// How many checkpoints to keep; written as a number, -1 for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub enum TopK {
    /// All of them.
    All,
    /// The best so many.
    Best(u32),
}

impl TryFrom<i64> for TopK {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        match number {
            -1 => Ok(Self::All),
            _ => u32::try_from(number).map(Self::Best).map_err(|_| {
                format!(
                    "`top-k`: expected -1 or a number up to {}, found {number}",
                    u32::MAX
                )
            }),
        }
    }
}

impl From<TopK> for i64 {
    fn from(top_k: TopK) -> Self {
        match top_k {
            TopK::All => -1,
            TopK::Best(k) => Self::from(k),
        }
    }
}

/// Whether the newest complete checkpoint stays; written as `false`, `true` or `"always"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaveLast {
    /// Also save at every event asked, and keep the newest such save beside the top-k.
    Always,
    /// The top-k alone decides.
    #[default]
    No,
    /// The newest complete one stays when the top-k lets it go.
    Yes,
}

impl Serialize for SaveLast {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self, serializer.is_human_readable()) {
            (Self::Always, true) => serializer.serialize_str("always"),
            (Self::No, true) => serializer.serialize_bool(false),
            (Self::Yes, true) => serializer.serialize_bool(true),
            (Self::Always, false) => serializer.serialize_u8(2),
            (Self::No, false) => serializer.serialize_u8(0),
            (Self::Yes, false) => serializer.serialize_u8(1),
        }
    }
}

impl<'de> Deserialize<'de> for SaveLast {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(SaveLastVisitor)
        } else {
            deserializer.deserialize_u8(SaveLastVisitor)
        }
    }
}

struct SaveLastVisitor;

impl serde::de::Visitor<'_> for SaveLastVisitor {
    type Value = SaveLast;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("false, true or \"always\" for `save-last`")
    }

    fn visit_bool<E: serde::de::Error>(self, yes: bool) -> Result<SaveLast, E> {
        Ok(if yes { SaveLast::Yes } else { SaveLast::No })
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SaveLast, E> {
        match text {
            "always" => Ok(SaveLast::Always),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_u8<E: serde::de::Error>(self, number: u8) -> Result<SaveLast, E> {
        match number {
            0 => Ok(SaveLast::No),
            1 => Ok(SaveLast::Yes),
            2 => Ok(SaveLast::Always),
            _ => Err(E::invalid_value(
                serde::de::Unexpected::Unsigned(u64::from(number)),
                &self,
            )),
        }
    }
}

#[cfg(not(target_family = "wasm"))]
fn save_last_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "enum": [false, true, "always"] })
}

/// A moment at which a policy of checkpoints may be asked.
///
/// `settled` is not among them: ballots do not count there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    not(target_family = "wasm"),
    derive(schemars::JsonSchema),
    schemars(inline)
)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the contract says what each moment is")]
pub enum Moment {
    TrainStart,
    StepEnd,
    EpochEnd,
    ValidationEnd,
    TrainEnd,
    Interrupted,
}

impl Moment {
    /// Returns the name under which plans know the moment.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TrainStart => "train-start",
            Self::StepEnd => "step-end",
            Self::EpochEnd => "epoch-end",
            Self::ValidationEnd => "validation-end",
            Self::TrainEnd => "train-end",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What ranks the kept checkpoints when one must go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    not(target_family = "wasm"),
    derive(schemars::JsonSchema),
    schemars(inline)
)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the operation of that name")]
pub enum EvictBy {
    Max,
    Mean,
    Min,
    /// The policy's own agreed score; for a policy of votes, the mean.
    #[default]
    Score,
}

#[cfg(test)]
mod tests {
    use super::{KeepConfig, SaveLast, TopK};

    #[test]
    fn every_form_survives_both_encodings() {
        for save_last in [SaveLast::Always, SaveLast::No, SaveLast::Yes] {
            for top_k in [TopK::All, TopK::Best(0), TopK::Best(7)] {
                let config = KeepConfig {
                    save_last,
                    top_k,
                    ..KeepConfig::default()
                };
                let json = serde_json::to_string(&config).expect("plain data");
                assert_eq!(
                    serde_json::from_str::<KeepConfig>(&json).expect("its own"),
                    config
                );
                let bytes = postcard::to_allocvec(&config).expect("plain data");
                assert_eq!(
                    postcard::from_bytes::<KeepConfig>(&bytes).expect("its own"),
                    config
                );
            }
        }
    }

    #[test]
    fn other_values_are_refused() {
        for text in [
            r#"{"save-last": "never"}"#,
            r#"{"save-last": 1}"#,
            r#"{"top-k": -2}"#,
        ] {
            assert!(serde_json::from_str::<KeepConfig>(text).is_err(), "{text}");
        }
    }
}
