//! Runs a policy as plain Rust in the host's core, without a sandbox.
//!
//! For tests, and for benchmarks that price the sandbox. A site never runs this: there, a policy is
//! a component. It does not catch what only a sandbox can catch, fuel and traps.

use std::fmt;
use std::marker::PhantomData;

use ckpt_policy_core::contract;

use crate::{Policy, call};

/// A policy for [`PolicySetup::policy`](ckpt_policy_core::PolicySetup::policy), without a sandbox.
pub struct Native<P>(PhantomData<fn() -> P>);

impl<P> Native<P> {
    /// Returns the policy.
    #[must_use]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<P> Default for Native<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Policy> fmt::Debug for Native<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Native({})", P::NAME)
    }
}

impl<P: Policy> contract::Policy for Native<P> {
    fn describe(&mut self) -> Result<contract::Description, contract::Fault> {
        let description = call::describe::<P>();
        Ok(contract::Description {
            name: description.name,
            version: description.version,
            summary: description.summary,
            config_schema: description.config_schema,
        })
    }

    fn prepare(
        &mut self,
        config: &str,
        previous: Option<&[u8]>,
    ) -> Result<contract::Prepared, contract::Fault> {
        let prepared = call::prepare::<P>(config, previous).map_err(fault)?;
        Ok(contract::Prepared {
            plan: plan(prepared.plan),
            settings: prepared.settings,
            state: prepared.state,
        })
    }

    fn observe(
        &mut self,
        settings: &[u8],
        state: &[u8],
        observation: &contract::Observation,
    ) -> Result<Vec<Option<f64>>, contract::Fault> {
        let observation = crate::Observation {
            moment: observation.moment,
            step: observation.step,
            epoch: observation.epoch,
            rank: observation.rank,
            world_size: observation.world_size,
            values: observation.values.clone(),
            checkpoints: observation.checkpoints.iter().map(checkpoint).collect(),
        };
        call::observe::<P>(settings, state, &observation).map_err(fault)
    }

    fn decide(
        &mut self,
        settings: &[u8],
        state: &[u8],
        round: &contract::Round,
    ) -> Result<contract::Verdict, contract::Fault> {
        let round = crate::Round {
            moment: round.moment,
            step: round.step,
            epoch: round.epoch,
            world_size: round.world_size,
            elapsed_seconds: round.elapsed_seconds,
            candidate: round.candidate,
            values: round.values.iter().map(reduced).collect(),
            checkpoints: round.checkpoints.iter().map(checkpoint).collect(),
        };
        call::decide::<P>(settings, state, &round)
            .map(verdict)
            .map_err(fault)
    }
}

fn fault(error: crate::Error) -> contract::Fault {
    match error {
        crate::Error::Config(text) => contract::Fault::Config(text),
        crate::Error::State(text) => contract::Fault::State(text),
        crate::Error::Failed(text) => contract::Fault::Failed(text),
    }
}

fn plan(plan: crate::Plan) -> contract::Plan {
    contract::Plan {
        inputs: plan
            .inputs
            .into_iter()
            .map(|input| contract::Input {
                name: input.name,
                required: input.required,
            })
            .collect(),
        features: plan.features,
        reductions: plan
            .reductions
            .into_iter()
            .map(|reduction| contract::Reduction {
                source: source(reduction.source),
                operation: operation(reduction.operation),
            })
            .collect(),
        view: match plan.view {
            crate::View::None => contract::View::None,
            crate::View::Mine => contract::View::Mine,
            crate::View::All => contract::View::All,
        },
        moments: plan.moments,
        every_steps: plan.every_steps,
        passive: plan.passive,
    }
}

fn source(source: crate::Source) -> contract::Source {
    match source {
        crate::Source::Input(index) => contract::Source::Input(index),
        crate::Source::Feature(index) => contract::Source::Feature(index),
    }
}

fn operation(operation: crate::Operation) -> contract::Operation {
    match operation {
        crate::Operation::Sum => contract::Operation::Sum,
        crate::Operation::Mean => contract::Operation::Mean,
        crate::Operation::WeightedMean(weight) => contract::Operation::WeightedMean(source(weight)),
        crate::Operation::Variance => contract::Operation::Variance,
        crate::Operation::Min => contract::Operation::Min,
        crate::Operation::Max => contract::Operation::Max,
        crate::Operation::Tally => contract::Operation::Tally,
        crate::Operation::FromRank(rank) => contract::Operation::FromRank(rank),
        crate::Operation::EveryRank => contract::Operation::EveryRank,
    }
}

fn reduced(reduced: &contract::Reduced) -> crate::Reduced {
    match reduced {
        contract::Reduced::Statistic(statistic) => crate::Reduced::Statistic(crate::Statistic {
            value: statistic.value,
            finite: statistic.finite,
            non_finite: statistic.non_finite,
            missing: statistic.missing,
        }),
        contract::Reduced::Tally(tally) => crate::Reduced::Tally(crate::Tally {
            yes: tally.yes,
            no: tally.no,
            abstaining: tally.abstaining,
        }),
        contract::Reduced::EveryRank(numbers) => crate::Reduced::EveryRank(numbers.clone()),
    }
}

fn checkpoint(checkpoint: &contract::Checkpoint) -> crate::Checkpoint {
    crate::Checkpoint {
        id: checkpoint.id,
        step: checkpoint.step,
        epoch: checkpoint.epoch,
        elapsed_seconds: checkpoint.elapsed_seconds,
        complete: checkpoint.complete,
        mine: checkpoint.mine,
        pinned: checkpoint.pinned,
        bytes: checkpoint.bytes,
        tags: checkpoint.tags.clone(),
        values: checkpoint.values.clone(),
    }
}

fn verdict(answer: call::Answer) -> contract::Verdict {
    contract::Verdict {
        ballot: match answer.ballot {
            crate::Ballot::Abstain => contract::Ballot::Abstain,
            crate::Ballot::Save => contract::Ballot::Save,
            crate::Ballot::Skip => contract::Ballot::Skip,
            crate::Ballot::Veto => contract::Ballot::Veto,
        },
        reason: answer.reason,
        figures: answer
            .figures
            .into_iter()
            .map(|figure| contract::Figure {
                name: figure.name,
                value: figure.value,
            })
            .collect(),
        tags: answer.tags,
        labels: answer
            .labels
            .into_iter()
            .map(|label| contract::Label {
                name: label.name,
                checkpoint: label.checkpoint,
            })
            .collect(),
        hold: answer.hold,
        release: answer.release,
        stop: answer.stop,
        not_before: answer.not_before,
        state: answer.state,
    }
}
