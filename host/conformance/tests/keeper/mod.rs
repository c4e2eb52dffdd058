//! A policy in plain Rust that keeps the checkpoint with the lowest mean of `x`.

use ckpt_policy_core::contract::{
    Ballot, Description, Fault, Figure, Input, Label, Observation, Operation, Plan, Policy,
    Prepared, Reduced, Reduction, Round, Source, Verdict, View,
};

/// Keeps the best one; `keep-all` keeps the others too, `top-k` is refused.
pub(crate) struct Keeper;

impl Policy for Keeper {
    fn describe(&mut self) -> Result<Description, Fault> {
        Ok(Description {
            name: "keeper".to_owned(),
            version: "1.0.0".to_owned(),
            summary: "Keeps the lowest mean.".to_owned(),
            config_schema: "{}".to_owned(),
        })
    }

    fn prepare(&mut self, config: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        if config.contains("top-k") {
            return Err(Fault::Config(
                "`top-k` is unknown: this policy keeps one".to_owned(),
            ));
        }
        let reduction = |index, operation| Reduction {
            source: Source::Input(index),
            operation,
        };
        Ok(Prepared {
            plan: Plan {
                inputs: vec![
                    Input {
                        name: "x".to_owned(),
                        required: false,
                    },
                    Input {
                        name: "host.save-requested".to_owned(),
                        required: false,
                    },
                    Input {
                        name: "host.interrupted".to_owned(),
                        required: false,
                    },
                ],
                features: 0,
                reductions: vec![reduction(0, Operation::Mean), reduction(1, Operation::Max)],
                view: View::Mine,
                moments: vec!["validation-end".to_owned(), "interrupted".to_owned()],
                every_steps: 0,
                passive: false,
            },
            settings: vec![u8::from(config.contains("keep-all"))],
            state: previous.unwrap_or_default().to_vec(),
        })
    }

    fn observe(&mut self, _: &[u8], _: &[u8], _: &Observation) -> Result<Vec<Option<f64>>, Fault> {
        Err(Fault::Failed("there are no features".to_owned()))
    }

    fn decide(&mut self, settings: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        let [Reduced::Statistic(mean), Reduced::Statistic(asked)] = &round.values[..] else {
            return Err(Fault::Failed("the host broke the plan".to_owned()));
        };
        let best = <[u8; 8]>::try_from(state).map(f64::from_le_bytes).ok();
        // As a careful policy does: what not every rank has is not to be trusted.
        let value = mean.value.filter(|_| mean.finite == round.world_size);
        let (ballot, reason) = match (value, best) {
            (Some(13.0), _) => return Err(Fault::Failed("thirteen is too much".to_owned())),
            _ if asked.value == Some(1.0) => (Ballot::Save, "asked for".to_owned()),
            (None, _) => (Ballot::Abstain, "some rank has no number".to_owned()),
            (Some(99.0), _) => (Ballot::Abstain, "the end".to_owned()),
            (Some(value), None) => (Ballot::Save, format!("the mean of {value} is the first")),
            (Some(value), Some(best)) if value < best => {
                (Ballot::Save, format!("the mean of {value} is below {best}"))
            }
            (Some(value), Some(best)) => (
                Ballot::Abstain,
                format!("the mean of {value} is not below {best}"),
            ),
        };
        Ok(verdict(settings, state, round, (ballot, reason, value)))
    }
}

fn verdict(
    settings: &[u8],
    state: &[u8],
    round: &Round,
    (ballot, reason, value): (Ballot, String, Option<f64>),
) -> Verdict {
    let saves = ballot == Ballot::Save;
    let mine = round.checkpoints.iter().map(|checkpoint| checkpoint.id);
    let best = if saves {
        Some(round.candidate)
    } else {
        mine.clone().next_back()
    };
    let state = match value {
        Some(value) if saves => value.to_le_bytes().to_vec(),
        _ => state.to_vec(),
    };
    Verdict {
        ballot,
        reason,
        figures: value
            .map(|value| Figure {
                name: "mean".to_owned(),
                value,
            })
            .into_iter()
            .collect(),
        tags: if saves {
            vec!["best".to_owned()]
        } else {
            Vec::new()
        },
        labels: best
            .map(|checkpoint| Label {
                name: "best".to_owned(),
                checkpoint,
            })
            .into_iter()
            .collect(),
        hold: Vec::new(),
        release: if saves && settings == [0] {
            mine.collect()
        } else {
            Vec::new()
        },
        stop: value == Some(99.0),
        not_before: (value == Some(99.0)).then_some(1000),
        state,
    }
}

/// Like [`Keeper`], but the odd one answers in another way, which no policy may.
pub(crate) struct Contrary {
    /// Whether this is the odd one.
    pub(crate) odd: bool,
    /// Whether the odd one forbids what the others want, or says something else of the same save.
    pub(crate) vetoes: bool,
}

impl Policy for Contrary {
    fn describe(&mut self) -> Result<Description, Fault> {
        Keeper.describe()
    }

    fn prepare(&mut self, config: &str, previous: Option<&[u8]>) -> Result<Prepared, Fault> {
        Keeper.prepare(config, previous)
    }

    fn observe(&mut self, _: &[u8], _: &[u8], _: &Observation) -> Result<Vec<Option<f64>>, Fault> {
        Ok(Vec::new())
    }

    fn decide(&mut self, settings: &[u8], state: &[u8], round: &Round) -> Result<Verdict, Fault> {
        let mut verdict = Keeper.decide(settings, state, round)?;
        if self.odd && self.vetoes {
            verdict.ballot = Ballot::Veto;
        } else if self.odd {
            verdict.tags.push("odd".to_owned());
        }
        Ok(verdict)
    }
}
