//! The contract with a policy, as plain Rust data.
//!
//! Mirrors `wit/policy.wit` field by field and means the same; the WIT file is the reference for
//! what each field says. The [`Policy`] trait is the contract's four functions: the runtime
//! implements it over WebAssembly, tests implement it in plain Rust.
//!
//! What is deliberately absent: anything that a policy could use to look at the world other than
//! its arguments.

use std::fmt;

/// Names one checkpoint for the whole run, resumes included.
///
/// It rises from round to round; one that was offered and not used stays unused.
pub type CheckpointId = u64;

/// The version of the contract that this host speaks.
pub const CONTRACT_VERSION: &str = "0.1.0";

/// One number that a policy reads on each rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// A metric's name, or a fact's, which begins with `host.`.
    pub name: String,
    /// Where no rank has a required input the policy is not asked, and its `on-error` applies.
    pub required: bool,
}

/// What is reduced: an input as it is, or a number that `observe` made of the inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Index into [`Plan::inputs`].
    Input(u32),
    /// Index into the list that `observe` returns.
    Feature(u32),
}

/// How the numbers of all ranks become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// The exact sum of the finite numbers, rounded once.
    Sum,
    /// The exact mean of the finite numbers, rounded once.
    Mean,
    /// The mean weighted by the source named here.
    WeightedMean(Source),
    /// The population variance.
    Variance,
    /// The smallest finite number.
    Min,
    /// The largest finite number.
    Max,
    /// Counts a rank as yes (not zero), no (zero) or abstaining (missing or NaN).
    Tally,
    /// The number of that one rank.
    FromRank(u32),
    /// Every rank's number, in the order of the ranks.
    EveryRank,
}

/// One number wanted of all ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reduction {
    /// What is reduced.
    pub source: Source,
    /// How.
    pub operation: Operation,
}

/// Which checkpoints a policy is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// No checkpoint.
    None,
    /// Those that it holds.
    Mine,
    /// All that this run has, or is writing.
    All,
}

impl View {
    /// Whether a checkpoint is shown, by whether it is the policy's own.
    #[must_use]
    pub fn shows(self, mine: bool) -> bool {
        match self {
            Self::None => false,
            Self::Mine => mine,
            Self::All => true,
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "none",
            Self::Mine => "mine",
            Self::All => "all",
        })
    }
}

/// What a policy needs, fixed for as long as its configuration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The numbers read on each rank.
    pub inputs: Vec<Input>,
    /// How many numbers `observe` returns; zero: it is never called.
    pub features: u32,
    /// The numbers wanted of all ranks.
    pub reductions: Vec<Reduction>,
    /// Which checkpoints the policy is shown.
    pub view: View,
    /// The moments at which to ask, by name.
    pub moments: Vec<String>,
    /// Ask at `step-end` only when a multiple of this was reached; zero counts as one.
    pub every_steps: u64,
    /// Never a reason for a round by itself.
    pub passive: bool,
}

/// A reduced number and the ranks behind it; the three counts add up to the world size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistic {
    /// Over the ranks with a finite number; `None` where there is none. Never NaN or −0.
    pub value: Option<f64>,
    /// Ranks with a finite number.
    pub finite: u32,
    /// Ranks with NaN or an infinity.
    pub non_finite: u32,
    /// Ranks without the number.
    pub missing: u32,
}

/// How the ranks voted; the three counts add up to the world size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Ranks whose number is not zero.
    pub yes: u32,
    /// Ranks whose number is zero.
    pub no: u32,
    /// Ranks whose number is missing or NaN.
    pub abstaining: u32,
}

/// The answer to one [`Reduction`].
#[derive(Clone, Debug, PartialEq)]
pub enum Reduced {
    /// For the operations that make one number.
    Statistic(Statistic),
    /// For [`Operation::Tally`].
    Tally(Tally),
    /// For [`Operation::EveryRank`].
    EveryRank(Vec<Option<f64>>),
}

/// A checkpoint that this run has, or is writing, as one policy sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Its name for the whole run.
    pub id: CheckpointId,
    /// Optimizer steps done when it was saved.
    pub step: u64,
    /// Epoch in progress, from 0.
    pub epoch: u64,
    /// Rank 0's seconds since the run began, then; `None` where the host had no clock.
    pub elapsed_seconds: Option<f64>,
    /// Written and durable on every rank.
    pub complete: bool,
    /// The policy that looks asked for it or holds it, and has not released it.
    pub mine: bool,
    /// Something outside protects it.
    pub pinned: bool,
    /// Size in bytes over all ranks; zero until it is complete.
    pub bytes: u64,
    /// Of all policies that asked for it.
    pub tags: Vec<String>,
    /// In `observe`: this rank's inputs then. In `decide`: the reduced values then.
    pub values: Vec<Option<f64>>,
}

/// One rank's own view.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Index into [`Plan::moments`]; `None` where only other policies are asked in this round.
    pub moment: Option<u32>,
    /// Optimizer steps done.
    pub step: u64,
    /// Epoch in progress, from 0.
    pub epoch: u64,
    /// This rank.
    pub rank: u32,
    /// Number of ranks.
    pub world_size: u32,
    /// In the order of [`Plan::inputs`].
    pub values: Vec<Option<f64>>,
    /// Oldest first.
    pub checkpoints: Vec<Checkpoint>,
}

/// What all ranks share, the same bits on each of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// Index into [`Plan::moments`].
    pub moment: u32,
    /// Optimizer steps done.
    pub step: u64,
    /// Epoch in progress, from 0.
    pub epoch: u64,
    /// Number of ranks.
    pub world_size: u32,
    /// Rank 0's seconds since the run began; `None` where the host has no clock.
    pub elapsed_seconds: Option<f64>,
    /// What a checkpoint saved now would be called.
    pub candidate: CheckpointId,
    /// In the order of [`Plan::reductions`].
    pub values: Vec<Reduced>,
    /// Oldest first.
    pub checkpoints: Vec<Checkpoint>,
}

/// A policy's wish for this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ballot {
    /// No opinion: the others decide.
    #[default]
    Abstain,
    /// Save.
    Save,
    /// Against a save, without forbidding it.
    Skip,
    /// Forbid a save that another policy asks for.
    Veto,
}

impl fmt::Display for Ballot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Abstain => "abstain",
            Self::Save => "save",
            Self::Skip => "skip",
            Self::Veto => "veto",
        })
    }
}

/// A number by name, for plots and the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What the number is.
    pub name: String,
    /// The number.
    pub value: f64,
}

/// A name that points at one checkpoint, and moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Such as `best` or `last`.
    pub name: String,
    /// Where it points.
    pub checkpoint: CheckpointId,
}

/// What a policy answers in a round; by default it has nothing to say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// The wish for this moment.
    pub ballot: Ballot,
    /// For people: why, with the numbers that decided.
    pub reason: String,
    /// For plots and the journal.
    pub figures: Vec<Figure>,
    /// For the trainer, saved or not.
    pub tags: Vec<String>,
    /// Where all of this policy's labels point from now on.
    pub labels: Vec<Label>,
    /// Checkpoints that this policy wants kept from now on.
    pub hold: Vec<CheckpointId>,
    /// Checkpoints that this policy no longer needs.
    pub release: Vec<CheckpointId>,
    /// End the training after this moment.
    pub stop: bool,
    /// No need to ask again before this step.
    pub not_before: Option<u64>,
    /// Handed back at the next call.
    pub state: Vec<u8>,
}

/// Says what a policy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The policy's own name.
    pub name: String,
    /// Semantic version of the policy.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// JSON Schema (draft 2020-12) of the configuration.
    pub config_schema: String,
}

/// What a policy needs under one configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// What it wants to see, and when.
    pub plan: Plan,
    /// The configuration in the policy's own form; handed to each call.
    pub settings: Vec<u8>,
    /// The first state.
    pub state: Vec<u8>,
}

/// What went wrong in a call of a policy.
///
/// The first family is the same on all ranks, since the same bytes met the same arguments, and
/// follows the policy's `on-error`. [`Fault::Machine`] is what one machine alone causes; it is
/// never a verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The policy refused its configuration.
    #[error("the configuration is wrong: {0}")]
    Config(String),
    /// The policy refused the state that was handed in.
    #[error("the state handed in cannot be used: {0}")]
    State(String),
    /// The policy said that it cannot answer.
    #[error("the policy cannot answer: {0}")]
    Failed(String),
    /// The policy trapped.
    #[error("the policy trapped: {0}")]
    Trap(String),
    /// The policy used up its fuel.
    #[error(
        "the policy used up its fuel of {fuel} in one call; raise `fuel` in `[limits]` if that is not an endless loop"
    )]
    Fuel {
        /// The limit, in units of the engine's fuel.
        fuel: u64,
    },
    /// An answer was too large or broke the contract.
    #[error("the policy's answer is refused: {0}")]
    Answer(String),
    /// This machine could not run the policy, whatever the policy is.
    #[error("this machine could not run the policy: {0}")]
    Machine(String),
}

impl Fault {
    /// Returns the code under which the fault travels: 1 to 6, or 255 for [`Fault::Machine`].
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Config(_) => 1,
            Self::State(_) => 2,
            Self::Failed(_) => 3,
            Self::Trap(_) => 4,
            Self::Fuel { .. } => 5,
            Self::Answer(_) => 6,
            Self::Machine(_) => 255,
        }
    }

    /// Returns what a fault of this code is, for ranks that do not have its text.
    #[must_use]
    pub fn name(code: u8) -> &'static str {
        match code {
            1 => "it refused its configuration",
            2 => "it refused its state",
            3 => "it cannot answer",
            4 => "it trapped",
            5 => "it used up its fuel",
            6 => "its answer is refused",
            _ => "the machine could not run it",
        }
    }
}

/// A decision policy: four pure functions over plain data.
///
/// The same arguments give the same answer, on every rank and at every call; whatever a policy
/// wants to remember is in the `state` that it returns. `&mut self` lets an implementation keep
/// an instance for reuse, not a memory.
///
/// # Errors
///
/// Each function returns a [`Fault`] where the policy, or the machine, cannot answer.
pub trait Policy: Send {
    /// Says what this policy is.
    fn describe(&mut self) -> Result<Description, Fault>;

    /// Checks a configuration (a JSON object) and says what the policy needs under it.
    fn prepare(&mut self, config: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault>;

    /// Makes this rank's features of its own numbers.
    fn observe(
        &mut self,
        settings: &[u8],
        state: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault>;

    /// Decides, on numbers that are the same on every rank.
    fn decide(&mut self, settings: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault>;
}
