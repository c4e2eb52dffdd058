//! Makes plans, rules, events and numbers of an input's bytes.
//!
//! Every function takes what it needs from the front and makes something of whatever it finds, so
//! that a changed byte is another run and seldom no run.

use arbitrary::{Result, Unstructured};
use ckpt_policy_core::contract::{Input, Operation, Plan, Reduction, Source, View};
use ckpt_policy_core::{Combine, Confirm, Encoding, Mode, Moment, OnError, Rules};

/// Inputs that plans read. `a` is on every rank, the next two come and go.
pub(crate) const INPUTS: [&str; 12] = [
    "a",
    "x",
    "y",
    "last:x",
    "age:x",
    "host.interrupted",
    "host.save-requested",
    "host.failed-saves",
    "host.saves-in-flight",
    "host.checkpoint-bytes",
    "host.elapsed-seconds",
    "host.restarts",
];

/// Draws a plan that keeps to the contract.
pub(crate) fn plan(input: &mut Unstructured<'_>, ranks: u32) -> Result<Plan> {
    let count = input.int_in_range(0..=3)?;
    let names = (0..count).map(|_| Ok((*input.choose(&INPUTS)?, input.ratio(1, 8)?)));
    let inputs: Vec<Input> = names
        .map(|drawn| {
            let (name, required) = drawn?;
            let name = name.to_owned();
            Ok(Input { name, required })
        })
        .collect::<Result<_>>()?;
    let features = input.int_in_range(0..=2)?;
    let sources: Vec<_> = (0..count)
        .map(Source::Input)
        .chain((0..features).map(Source::Feature))
        .collect();
    let mut reductions = Vec::new();
    for source in &sources {
        let weight = *input.choose(&sources)?;
        let operation = operation(input, weight, ranks)?;
        reductions.push(Reduction {
            source: *source,
            operation,
        });
    }
    Ok(Plan {
        inputs,
        features,
        reductions,
        view: *input.choose(&[View::All, View::Mine, View::None])?,
        moments: moments(input.arbitrary()?),
        every_steps: *input.choose(&[0, 3, 10])?,
        passive: input.ratio(1, 8)?,
    })
}

/// Draws rules under which a host opens.
pub(crate) fn rules(input: &mut Unstructured<'_>) -> Result<Rules> {
    Ok(Rules {
        combine: *input.choose(&[Combine::Any, Combine::All, Combine::Majority])?,
        confirm: *input.choose(&[Confirm::Acts, Confirm::Never])?,
        encoding: Encoding::Auto,
        keep_at_least: input.int_in_range(0..=3)?,
        in_flight: input.int_in_range(1..=4)?,
        settle_steps: 7,
        signal_steps: 9,
    })
}

pub(crate) fn mode(input: &mut Unstructured<'_>) -> Result<Mode> {
    let shadow = input.ratio(1, 4)?;
    Ok(if shadow { Mode::Shadow } else { Mode::Enforce })
}

pub(crate) fn on_error(input: &mut Unstructured<'_>) -> Result<OnError> {
    Ok(*input.choose(&[OnError::Skip, OnError::Save, OnError::Stop])?)
}

/// A moment that an event may bring about.
pub(crate) fn moment(input: &mut Unstructured<'_>) -> Result<Moment> {
    Ok(*input.choose(&[
        Moment::ValidationEnd,
        Moment::StepEnd,
        Moment::TrainStart,
        Moment::EpochEnd,
        Moment::TrainEnd,
        Moment::Interrupted,
    ])?)
}

/// Draws a number that is missing, small, odd, or any at all.
pub(crate) fn number(input: &mut Unstructured<'_>) -> Result<Option<f64>> {
    Ok(match input.arbitrary::<u8>()? {
        0 => None,
        1 => Some(f64::NAN),
        2 => Some(f64::INFINITY),
        3 => Some(f64::NEG_INFINITY),
        4 => Some(-0.0),
        5 => Some(f64::MAX),
        6 => Some(f64::MIN_POSITIVE / 2.0),
        7 => Some(f64::from_bits(input.arbitrary()?)),
        small => Some(f64::from(small) / 4.0),
    })
}

/// A set of ranks as bits, empty where no bit below `ranks` is set.
pub(crate) fn ranks_of(bits: u8, ranks: u32) -> Vec<u32> {
    (0..ranks).filter(|rank| bits & (1 << rank) != 0).collect()
}

fn moments(bits: u8) -> Vec<String> {
    let all = Moment::ALL.into_iter().enumerate();
    let chosen = all.filter(|(at, _)| bits & (1 << at) != 0);
    let names: Vec<_> = chosen.map(|(_, moment)| moment.name().to_owned()).collect();
    match names.is_empty() {
        true => vec![Moment::ValidationEnd.name().to_owned()],
        false => names,
    }
}

fn operation(input: &mut Unstructured<'_>, weight: Source, ranks: u32) -> Result<Operation> {
    Ok(match input.int_in_range(0..=8)? {
        0 => Operation::Sum,
        1 => Operation::Mean,
        2 => Operation::WeightedMean(weight),
        3 => Operation::Variance,
        4 => Operation::Min,
        5 => Operation::Max,
        6 => Operation::Tally,
        7 => Operation::FromRank(input.int_in_range(0..=ranks)?),
        _ => Operation::EveryRank,
    })
}
