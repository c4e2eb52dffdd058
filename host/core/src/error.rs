//! What can go wrong, by family.

use crate::contract::{CheckpointId, Fault};

/// Whose error it is, for exit codes and exception types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The configuration or a file is wrong.
    User,
    /// A policy misbehaved.
    Policy,
    /// The ranks differ, or a message did not arrive whole.
    Agreement,
    /// The embedding program called out of order.
    Usage,
}

/// What can go wrong in a host.
///
/// None of them changes the ledger or a policy's state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The rules or the list of policies are wrong; the text names the key and the remedy.
    #[error("{0}")]
    Setup(String),
    /// A policy refused its configuration, or failed in `describe` or `prepare`.
    #[error("policy `{name}`: {fault}")]
    Policy {
        /// The policy's name in the configuration.
        name: String,
        /// What it said, or what it did.
        fault: Fault,
    },
    /// A policy refused the state that was left under its name.
    #[error(
        "policy `{name}` cannot use the state that was left under its name: {text}; if it is another policy now, give it another name: then it begins anew, and what the old one held stays"
    )]
    State {
        /// The policy's name in the configuration.
        name: String,
        /// What it said.
        text: String,
    },
    /// A policy's plan breaks the contract.
    #[error("policy `{name}`: its plan is refused: {what}")]
    Plan {
        /// The policy's name in the configuration.
        name: String,
        /// What is wrong with the plan.
        what: String,
    },
    /// A policy requires a fact that this host does not know: its configuration misspells it, or it
    /// was written for a newer host.
    #[error(
        "policy `{name}`: its plan is refused: it requires `{fact}`, a fact that this host does not know{hint}"
    )]
    Fact {
        /// The policy's name in the configuration.
        name: String,
        /// The fact, which begins with `host.`.
        fact: String,
        /// The nearest one that the host knows.
        hint: String,
    },
    /// The ranks differ; nothing was changed on any of them.
    #[error("the ranks disagree {}: {}", when, differences.join("; "))]
    Disagreement {
        /// At which point, such as `in round 12`.
        when: String,
        /// Each difference with the ranks and both values.
        differences: Vec<String>,
    },
    /// A machine could not run a policy; nobody acts in this round.
    #[error(
        "rank {rank} could not run policy `{name}` in round {round}, for a reason of that machine alone; see that rank's log"
    )]
    Machine {
        /// The rank.
        rank: u32,
        /// The policy's name in the configuration.
        name: String,
        /// The round.
        round: u64,
    },
    /// A rank could not open its host; its own text.
    #[error("rank {rank} could not open the host: {text}")]
    Open {
        /// The rank.
        rank: u32,
        /// That rank's error.
        text: String,
    },
    /// Bytes that arrived are not the messages of this round.
    #[error("the messages {when} are unusable: {what}")]
    Message {
        /// At which point, such as `in round 12`.
        when: String,
        /// What was expected and what was found.
        what: String,
    },
    /// A report names a checkpoint that is not in that state.
    #[error("checkpoint {id} was reported as {report}, but {found}")]
    Report {
        /// The checkpoint.
        id: CheckpointId,
        /// What was reported.
        report: &'static str,
        /// How the ledger knows it.
        found: &'static str,
    },
    /// A call out of order.
    #[error("{0}")]
    Order(&'static str),
    /// A snapshot that cannot be used.
    #[error("the snapshot cannot be used: {0}")]
    Snapshot(String),
}

impl Error {
    /// Returns whose error it is.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            Self::Policy {
                fault: Fault::Config(_) | Fault::State(_),
                ..
            }
            | Self::State { .. }
            | Self::Fact { .. }
            | Self::Setup(_)
            | Self::Snapshot(_) => Family::User,
            Self::Policy { .. } | Self::Plan { .. } => Family::Policy,
            Self::Disagreement { .. }
            | Self::Machine { .. }
            | Self::Open { .. }
            | Self::Message { .. } => Family::Agreement,
            Self::Report { .. } | Self::Order(_) => Family::Usage,
        }
    }
}
