//! What a policy returns, as wasmtime lifts it, and its way into the contract's own types.
//!
//! Strings and lists are moved, not copied. Sizes are judged elsewhere.

use ckpt_policy_core::contract;
use wasmtime::component::{ComponentType, Lift};

/// What each function of a policy but `describe` returns.
pub(crate) type Answer<T> = Result<T, Error>;

#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Error {
    #[component(name = "config")]
    Config(String),
    #[component(name = "state")]
    State(String),
    #[component(name = "failed")]
    Failed(String),
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Description {
    name: String,
    version: String,
    summary: String,
    #[component(name = "config-schema")]
    config_schema: String,
}

impl From<Description> for contract::Description {
    fn from(from: Description) -> Self {
        Self {
            name: from.name,
            version: from.version,
            summary: from.summary,
            config_schema: from.config_schema,
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Prepared {
    plan: Plan,
    settings: Vec<u8>,
    state: Vec<u8>,
}

impl From<Prepared> for contract::Prepared {
    fn from(from: Prepared) -> Self {
        Self {
            plan: from.plan.into(),
            settings: from.settings,
            state: from.state,
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Plan {
    inputs: Vec<Input>,
    features: u32,
    reductions: Vec<Reduction>,
    view: View,
    moments: Vec<String>,
    #[component(name = "every-steps")]
    every_steps: u64,
    passive: bool,
}

impl From<Plan> for contract::Plan {
    fn from(from: Plan) -> Self {
        Self {
            inputs: from
                .inputs
                .into_iter()
                .map(|input| contract::Input {
                    name: input.name,
                    required: input.required,
                })
                .collect(),
            features: from.features,
            reductions: from
                .reductions
                .into_iter()
                .map(|reduction| contract::Reduction {
                    source: reduction.source.into(),
                    operation: reduction.operation.into(),
                })
                .collect(),
            view: from.view.into(),
            moments: from.moments,
            every_steps: from.every_steps,
            passive: from.passive,
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Input {
    name: String,
    required: bool,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Reduction {
    source: Source,
    operation: Operation,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Source {
    #[component(name = "input")]
    Input(u32),
    #[component(name = "feature")]
    Feature(u32),
}

impl From<Source> for contract::Source {
    fn from(from: Source) -> Self {
        match from {
            Source::Input(index) => Self::Input(index),
            Source::Feature(index) => Self::Feature(index),
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Operation {
    #[component(name = "sum")]
    Sum,
    #[component(name = "mean")]
    Mean,
    #[component(name = "weighted-mean")]
    WeightedMean(Source),
    #[component(name = "variance")]
    Variance,
    #[component(name = "min")]
    Min,
    #[component(name = "max")]
    Max,
    #[component(name = "tally")]
    Tally,
    #[component(name = "from-rank")]
    FromRank(u32),
    #[component(name = "every-rank")]
    EveryRank,
}

impl From<Operation> for contract::Operation {
    fn from(from: Operation) -> Self {
        match from {
            Operation::Sum => Self::Sum,
            Operation::Mean => Self::Mean,
            Operation::WeightedMean(weight) => Self::WeightedMean(weight.into()),
            Operation::Variance => Self::Variance,
            Operation::Min => Self::Min,
            Operation::Max => Self::Max,
            Operation::Tally => Self::Tally,
            Operation::FromRank(rank) => Self::FromRank(rank),
            Operation::EveryRank => Self::EveryRank,
        }
    }
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[expect(dead_code, reason = "lifted by its number, never built by name")]
#[repr(u8)]
pub(crate) enum View {
    #[component(name = "none")]
    None,
    #[component(name = "mine")]
    Mine,
    #[component(name = "all")]
    All,
}

impl From<View> for contract::View {
    fn from(from: View) -> Self {
        match from {
            View::None => Self::None,
            View::Mine => Self::Mine,
            View::All => Self::All,
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Verdict {
    ballot: Ballot,
    reason: String,
    figures: Vec<Figure>,
    tags: Vec<String>,
    labels: Vec<Label>,
    hold: Vec<u64>,
    release: Vec<u64>,
    stop: bool,
    #[component(name = "not-before")]
    not_before: Option<u64>,
    state: Vec<u8>,
}

impl From<Verdict> for contract::Verdict {
    fn from(from: Verdict) -> Self {
        Self {
            ballot: from.ballot.into(),
            reason: from.reason,
            figures: from
                .figures
                .into_iter()
                .map(|figure| contract::Figure {
                    name: figure.name,
                    value: figure.value,
                })
                .collect(),
            tags: from.tags,
            labels: from
                .labels
                .into_iter()
                .map(|label| contract::Label {
                    name: label.name,
                    checkpoint: label.checkpoint,
                })
                .collect(),
            hold: from.hold,
            release: from.release,
            stop: from.stop,
            not_before: from.not_before,
            state: from.state,
        }
    }
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[expect(dead_code, reason = "lifted by its number, never built by name")]
#[repr(u8)]
pub(crate) enum Ballot {
    #[component(name = "abstain")]
    Abstain,
    #[component(name = "save")]
    Save,
    #[component(name = "skip")]
    Skip,
    #[component(name = "veto")]
    Veto,
}

impl From<Ballot> for contract::Ballot {
    fn from(from: Ballot) -> Self {
        match from {
            Ballot::Abstain => Self::Abstain,
            Ballot::Save => Self::Save,
            Ballot::Skip => Self::Skip,
            Ballot::Veto => Self::Veto,
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Figure {
    name: String,
    value: f64,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Label {
    name: String,
    checkpoint: u64,
}
