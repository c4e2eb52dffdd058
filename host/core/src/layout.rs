//! Where each number stands in a message: the union of all policies' plans, equal parts once.
//!
//! Follows from the plans alone, so ranks that agree on the policies agree on the layout and on
//! the length of a message. Does not hold any number.

use std::collections::HashMap;
use std::ops::Range;

use crate::contract::{Operation, Plan, Reduction, Source};
use crate::event::Moment;
use crate::facts::{Origin, nearest};

/// The fact that is in every layout: a round tells the time of rank 0.
const ELAPSED: &str = "host.elapsed-seconds";
/// The channel of [`ELAPSED`].
pub(crate) const ELAPSED_CHANNEL: usize = 0;

/// More inputs, features or reductions than any policy needs, and a bound on a message's length.
const MOST: usize = 4096;

/// What travels, and where. A *channel* is one number of each rank: first all inputs, then the
/// features of each policy.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Names of the inputs; an input's position is its channel.
    pub(crate) inputs: Vec<String>,
    /// Where each input comes from.
    pub(crate) origins: Vec<Origin>,
    /// Inputs and features together.
    pub(crate) channels: usize,
    /// Every reduction that any policy wants, once.
    pub(crate) reductions: Vec<Folding>,
    /// A name for each of them, the same for the same reduction under another configuration.
    pub(crate) labels: Vec<String>,
    /// Names of numbers that a rank remembers between events.
    pub(crate) memory: Vec<String>,
    /// Where each policy finds its own.
    pub(crate) policies: Vec<Places>,
}

/// One reduction, in channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Folding {
    pub(crate) channel: usize,
    /// The operation; a weight is named by `weight`, not by what it says.
    pub(crate) operation: Operation,
    pub(crate) weight: Option<usize>,
}

/// Where one policy finds its own numbers.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The channel of each of the plan's inputs.
    pub(crate) inputs: Vec<usize>,
    /// The channels of its features.
    pub(crate) features: Range<usize>,
    /// The position of each of the plan's reductions in [`Layout::reductions`].
    pub(crate) reductions: Vec<usize>,
    /// The plan's moments.
    pub(crate) moments: Vec<Moment>,
}

impl Layout {
    /// Lays the plans of all policies side by side; each comes with its policy's name.
    ///
    /// # Errors
    ///
    /// The policy's position, and what in its plan breaks the contract.
    pub(crate) fn new(plans: &[(&str, &Plan)]) -> Result<Self, (usize, String)> {
        let mut layout = Self {
            inputs: vec![ELAPSED.to_owned()],
            origins: vec![Origin::of(ELAPSED)],
            channels: 0,
            reductions: Vec::new(),
            labels: Vec::new(),
            memory: Vec::new(),
            policies: Vec::new(),
        };
        for (position, (_, plan)) in plans.iter().enumerate() {
            let places = layout.add_inputs(plan).map_err(|what| (position, what))?;
            layout.policies.push(places);
        }
        layout.channels = layout.inputs.len();
        let mut known = HashMap::new();
        for (position, (name, plan)) in plans.iter().enumerate() {
            let end = layout.channels + plan.features as usize;
            layout.policies[position].features = layout.channels..end;
            layout.channels = end;
            layout.add_reductions(position, name, plan, &mut known);
        }
        layout.memory = layout.remembered();
        Ok(layout)
    }

    fn add_inputs(&mut self, plan: &Plan) -> Result<Places, String> {
        check_plan(plan)?;
        let inputs = plan
            .inputs
            .iter()
            .map(
                |input| match self.inputs.iter().position(|known| *known == input.name) {
                    Some(channel) => channel,
                    None => {
                        self.inputs.push(input.name.clone());
                        self.origins.push(Origin::of(&input.name));
                        self.inputs.len() - 1
                    }
                },
            )
            .collect();
        let moments = plan
            .moments
            .iter()
            .map(|name| moment(name))
            .collect::<Result<_, _>>()?;
        Ok(Places {
            inputs,
            features: 0..0,
            reductions: Vec::new(),
            moments,
        })
    }

    fn add_reductions(
        &mut self,
        position: usize,
        name: &str,
        plan: &Plan,
        known: &mut HashMap<Folding, usize>,
    ) {
        for reduction in &plan.reductions {
            let places = &self.policies[position];
            let weight = match reduction.operation {
                Operation::WeightedMean(weight) => Some(places.channel(weight)),
                _ => None,
            };
            let operation = match reduction.operation {
                // The weight is named by its channel, so that equal reductions are equal.
                Operation::WeightedMean(_) => Operation::WeightedMean(Source::Input(0)),
                operation => operation,
            };
            let folding = Folding {
                channel: places.channel(reduction.source),
                operation,
                weight,
            };
            let next = self.reductions.len();
            let place = *known.entry(folding).or_insert(next);
            if place == next {
                self.reductions.push(folding);
                self.labels
                    .push(label(reduction, plan, &format!(" of {name}")));
            }
            self.policies[position].reductions.push(place);
        }
    }

    fn remembered(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (name, origin) in self.inputs.iter().zip(&self.origins) {
            let remembered = match origin {
                Origin::Last(metric) | Origin::Age(metric) => metric.clone(),
                origin if origin.is_remembered() => name.clone(),
                _ => continue,
            };
            if !names.contains(&remembered) {
                names.push(remembered);
            }
        }
        names
    }
}

impl Places {
    fn channel(&self, source: Source) -> usize {
        match source {
            Source::Input(index) => self.inputs[index as usize],
            Source::Feature(index) => self.features.start + index as usize,
        }
    }
}

/// Returns the labels of a plan's reductions, such as `mean(val_loss)`.
///
/// A source that the plan does not have is named by its number.
#[must_use]
pub fn reduction_labels(plan: &Plan) -> Vec<String> {
    plan.reductions
        .iter()
        .map(|reduction| label(reduction, plan, ""))
        .collect()
}

fn label(reduction: &Reduction, plan: &Plan, owner: &str) -> String {
    let name = |source| match source {
        Source::Input(index) => match plan.inputs.get(index as usize) {
            Some(input) => input.name.clone(),
            None => format!("input-{index}"),
        },
        Source::Feature(index) => format!("feature-{index}{owner}"),
    };
    let source = name(reduction.source);
    match reduction.operation {
        Operation::Sum => format!("sum({source})"),
        Operation::Mean => format!("mean({source})"),
        Operation::WeightedMean(weight) => format!("weighted-mean({source} by {})", name(weight)),
        Operation::Variance => format!("variance({source})"),
        Operation::Min => format!("min({source})"),
        Operation::Max => format!("max({source})"),
        Operation::Tally => format!("tally({source})"),
        Operation::FromRank(rank) => format!("rank-{rank}({source})"),
        Operation::EveryRank => format!("every-rank({source})"),
    }
}

fn check_plan(plan: &Plan) -> Result<(), String> {
    for (what, count) in [
        ("inputs", plan.inputs.len()),
        ("features", plan.features as usize),
        ("reductions", plan.reductions.len()),
    ] {
        if count > MOST {
            return Err(format!("it has {count} {what}, at most {MOST} are allowed"));
        }
    }
    for (index, reduction) in plan.reductions.iter().enumerate() {
        check_source(plan, index, reduction.source)?;
        if let Operation::WeightedMean(weight) = reduction.operation {
            check_source(plan, index, weight)?;
        }
    }
    Ok(())
}

fn check_source(plan: &Plan, index: usize, source: Source) -> Result<(), String> {
    let (what, at, count) = match source {
        Source::Input(at) => ("input", at, plan.inputs.len()),
        Source::Feature(at) => ("feature", at, plan.features as usize),
    };
    if (at as usize) < count {
        return Ok(());
    }
    Err(format!(
        "reduction {index} reads {what} {at}, but the plan has {count}"
    ))
}

fn moment(name: &str) -> Result<Moment, String> {
    Moment::from_name(name).ok_or_else(|| {
        let known = Moment::ALL.map(Moment::name);
        let near = nearest(name, known.into_iter()).unwrap_or(known[0]);
        format!(
            "the moment `{name}` is unknown; did it mean `{near}`? this host knows {}",
            known.map(|name| format!("`{name}`")).join(", ")
        )
    })
}
