//! What a host is told before its first round: who it is, the rules, and the policies.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::contract::{Description, Plan, Policy};
use crate::event::Moment;
use crate::outcome::Mode;

/// What happens in a round in which a policy cannot answer.
///
/// It never deletes: what the policy holds stays held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// The policy abstains.
    #[default]
    Skip,
    /// The policy counts as one that asks for a save, and holds it.
    Save,
    /// The training ends after this moment.
    Stop,
}

impl fmt::Display for OnError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Skip => "skip",
            Self::Save => "save",
            Self::Stop => "stop",
        })
    }
}

/// How the wishes of several policies become one. A veto forbids the save under each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Combine {
    /// One policy that asks for a save is enough.
    #[default]
    Any,
    /// At least one asks, and none says `skip`.
    All,
    /// More policies ask for the save than say `skip`.
    Majority,
}

impl fmt::Display for Combine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Any => "any",
            Self::All => "all",
            Self::Majority => "majority",
        })
    }
}

/// When the ranks compare what they are about to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirm {
    /// Before a save, a deletion or a stop: one more exchange.
    #[default]
    Acts,
    /// Not before the next round, which carries the digest of the outcome before.
    Never,
}

impl fmt::Display for Confirm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Acts => "acts",
            Self::Never => "never",
        })
    }
}

/// Bytes that a rank gets in one gather before numbers are summed on the way instead: what a
/// node's network carries in some ten microseconds, and a few hundred ranks of a usual layout.
pub(crate) const MOST_GATHERED: usize = 64 << 10;

/// How the ranks' numbers travel in a round. All encodings give the same bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// `Gather` for as long as a rank gets at most 64 KiB in a round by it, or a policy wants the
    /// numbers of every rank; beyond that `Reduce`.
    #[default]
    Auto,
    /// Every rank gets every rank's numbers: what travels grows with the world.
    Gather,
    /// The ranks' numbers are summed on the way: what travels does not grow with the world.
    Reduce,
}

impl fmt::Display for Encoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Auto => "auto",
            Self::Gather => "gather",
            Self::Reduce => "reduce",
        })
    }
}

/// One rank's place in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// This rank, from 0.
    pub rank: u32,
    /// Number of ranks, at least 1.
    pub world_size: u32,
}

/// The rules under which a host combines and keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How the wishes of several policies become one. By default any of them is enough.
    pub combine: Combine,
    /// When the ranks compare what they are about to do. By default before anything acts.
    pub confirm: Confirm,
    /// How the ranks' numbers travel. By default as the world's size and the plans have it.
    pub encoding: Encoding,
    /// The newest complete checkpoints that are never deleted. By default 1.
    pub keep_at_least: u32,
    /// Saves that may be in flight at once, 1 to 64; one more is refused. By default 4.
    pub in_flight: u32,
    /// Steps after which a round happens while saves are in flight. By default 100.
    pub settle_steps: u64,
    /// Steps after which a round happens where a policy cares for interruptions. By default 25.
    pub signal_steps: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            combine: Combine::Any,
            confirm: Confirm::Acts,
            encoding: Encoding::Auto,
            keep_at_least: 1,
            in_flight: 4,
            settle_steps: 100,
            signal_steps: 25,
        }
    }
}

/// One policy of the configuration.
pub struct PolicySetup {
    /// Its name in the configuration, unique there.
    pub name: String,
    /// Whether it acts or only watches.
    pub mode: Mode,
    /// What happens where it cannot answer.
    pub on_error: OnError,
    /// How often in a row it may fail before it is not asked any more. By default without end:
    /// what a failure counts as is said by `on_error`, and a policy that stands for `save` must not
    /// fall silent unless somebody wants that.
    pub disable_after: Option<NonZeroU64>,
    /// Its configuration, a JSON object.
    pub config: serde_json::Value,
    /// SHA-256 of the policy's file, hex; all ranks must run the same bytes.
    pub digest: String,
    /// The policy itself.
    pub policy: Box<dyn Policy>,
}

/// All that a host is made of, on one rank.
pub struct Setup {
    /// Which rank of how many.
    pub place: Place,
    /// The rules.
    pub rules: Rules,
    /// The policies, at most 64, in the order of the configuration.
    pub policies: Vec<PolicySetup>,
    /// More that all ranks must agree on, such as the engine's version and the limits.
    pub facts: Vec<(String, String)>,
}

/// What is known of a policy once it is prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyInfo {
    /// Its name in the configuration.
    pub name: String,
    /// Whether it acts or only watches.
    pub mode: Mode,
    /// What happens where it cannot answer.
    pub on_error: OnError,
    /// How often in a row it may fail before it is not asked any more.
    pub disable_after: Option<NonZeroU64>,
    /// SHA-256 of its file, hex.
    pub digest: String,
    /// What it says of itself.
    pub description: Description,
    /// What it needs.
    pub plan: Plan,
    /// Labels of the plan's reductions, in its order, such as `mean(val_loss)`.
    pub reductions: Vec<String>,
}

impl PolicyInfo {
    /// Returns the moments of the plan at which a trainer's event asks the policy: those apart that
    /// the host brings about by itself.
    pub fn asked_at(&self) -> impl Iterator<Item = Moment> + Clone + '_ {
        let named = self.plan.moments.iter();
        named
            .filter_map(|name| Moment::from_name(name))
            .filter(|moment| !matches!(moment, Moment::Settled | Moment::Interrupted))
    }
}
