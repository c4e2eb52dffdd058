//! A policy that uses all of contract 0.1.0, compiled once and kept for good.
//!
//! It keeps the checkpoint with the lowest mean of one metric, and on the way asks for every
//! operation, reads every field and fills every field of its answers. A host that still speaks
//! 0.1.0 must load it and get the same verdicts from it. Do not change it: see ../../README.md.

wit_bindgen::generate!({ path: "../policy.wit", world: "decision-policy" });

use exports::ckpt::policy::policy::{
    Ballot, Description, Error, Figure, Guest, Input, Label, Observation, Operation, Plan,
    Prepared, Reduced, Reduction, Round, Source, Verdict, View,
};

struct Frozen;

impl Guest for Frozen {
    fn describe() -> Description {
        Description {
            name: "frozen".to_owned(),
            version: "0.1.0".to_owned(),
            summary: "Keeps the checkpoint with the lowest mean, and uses all of the contract."
                .to_owned(),
            config_schema: SCHEMA.to_owned(),
        }
    }

    /// Settings are the metric's name; the state is the best mean, eight bytes, little endian.
    fn prepare(config: String, previous: Option<Vec<u8>>) -> Result<Prepared, Error> {
        let monitor = monitor(&config).ok_or_else(|| {
            Error::Config(format!("`monitor`: expected a string, found `{config}`"))
        })?;
        let state = previous.unwrap_or_else(|| f64::INFINITY.to_le_bytes().to_vec());
        best(&state)?;
        Ok(Prepared {
            plan: plan(monitor),
            settings: monitor.as_bytes().to_vec(),
            state,
        })
    }

    /// Features: a vote against the newest checkpoint, and a weight.
    fn observe(
        _settings: Vec<u8>,
        _state: Vec<u8>,
        observation: Observation,
    ) -> Result<Vec<Option<f64>>, Error> {
        let own = observation.values.first().copied().flatten();
        let newest = observation
            .checkpoints
            .iter()
            .rev()
            .find(|one| one.mine && one.complete);
        let before = newest.and_then(|one| one.values.first().copied().flatten());
        let vote = own.map(|own| f64::from(before.is_none_or(|before| own < before)));
        let share = f64::from(observation.rank + 1) / f64::from(observation.world_size);
        Ok(vec![vote, Some(share)])
    }

    fn decide(settings: Vec<u8>, state: Vec<u8>, round: Round) -> Result<Verdict, Error> {
        let best = best(&state)?;
        let monitor = String::from_utf8(settings)
            .map_err(|_| Error::Failed("the settings are not text".to_owned()))?;
        let mean = match round.values.first() {
            Some(Reduced::Statistic(statistic)) => statistic.value,
            _ => return Err(Error::Failed("expected a statistic first".to_owned())),
        };
        let saves = round.moment == 0 && mean.is_some_and(|mean| mean < best);
        let kept = round
            .checkpoints
            .iter()
            .filter(|one| one.mine && one.id != round.candidate);
        let kept: Vec<u64> = kept.map(|one| one.id).collect();
        let pointed = if saves {
            Some(round.candidate)
        } else {
            kept.last().copied()
        };
        let label = |checkpoint| Label {
            name: "best".to_owned(),
            checkpoint,
        };
        let state = if saves {
            mean.unwrap_or(best).to_le_bytes().to_vec()
        } else {
            state
        };
        Ok(Verdict {
            ballot: if saves { Ballot::Save } else { Ballot::Abstain },
            reason: reason(&monitor, mean, best),
            figures: figures(&round),
            tags: if saves {
                vec!["best".to_owned()]
            } else {
                Vec::new()
            },
            labels: pointed.map(label).into_iter().collect(),
            hold: if saves {
                vec![round.candidate]
            } else {
                Vec::new()
            },
            release: if saves { kept } else { Vec::new() },
            stop: round.moment == 1,
            not_before: saves.then_some(round.step + 1),
            state,
        })
    }
}

export!(Frozen);

fn plan(monitor: &str) -> Plan {
    let input = |name: &str, required| Input {
        name: name.to_owned(),
        required,
    };
    let of = |source, operation| Reduction { source, operation };
    Plan {
        inputs: vec![input(monitor, true), input("host.interrupted", false)],
        features: 2,
        reductions: vec![
            of(Source::Input(0), Operation::Mean),
            of(Source::Input(0), Operation::Sum),
            of(
                Source::Input(0),
                Operation::WeightedMean(Source::Feature(1)),
            ),
            of(Source::Input(0), Operation::Variance),
            of(Source::Input(0), Operation::Min),
            of(Source::Input(0), Operation::Max),
            of(Source::Feature(0), Operation::Tally),
            of(Source::Input(0), Operation::FromRank(0)),
            of(Source::Input(1), Operation::EveryRank),
        ],
        view: View::All,
        moments: vec!["validation-end".to_owned(), "interrupted".to_owned()],
        every_steps: 0,
        passive: false,
    }
}

fn figures(round: &Round) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (value, name) in round.values.iter().zip(NAMES) {
        let value = match value {
            Reduced::Statistic(statistic) => statistic.value,
            Reduced::Tally(tally) => Some(f64::from(tally.yes) - f64::from(tally.no)),
            Reduced::EveryRank(numbers) => Some(numbers.iter().flatten().sum()),
        };
        figures.extend(value.map(|value| Figure {
            name: name.to_owned(),
            value,
        }));
    }
    figures
}

fn reason(monitor: &str, mean: Option<f64>, best: f64) -> String {
    match mean {
        Some(mean) if mean < best => format!("{monitor} {mean} is below {best}"),
        Some(mean) => format!("{monitor} {mean} is not below {best}"),
        None => format!("no rank has {monitor}"),
    }
}

fn best(state: &[u8]) -> Result<f64, Error> {
    let bytes = state
        .try_into()
        .map_err(|_| Error::State(format!("expected 8 bytes, found {}", state.len())))?;
    Ok(f64::from_le_bytes(bytes))
}

/// Reads the only key, without a JSON parser: names with escapes are not for this policy.
fn monitor(config: &str) -> Option<&str> {
    let mut parts = config.split('"');
    parts.find(|part| *part == "monitor")?;
    let separator = parts.next()?;
    parts
        .next()
        .filter(|name| separator.trim() == ":" && !name.is_empty())
}

const NAMES: [&str; 9] = [
    "mean",
    "sum",
    "weighted-mean",
    "variance",
    "min",
    "max",
    "votes",
    "rank-0",
    "interrupted",
];

const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": { "monitor": { "type": "string", "minLength": 1 } },
  "required": ["monitor"],
  "additionalProperties": false,
  "examples": [{ "monitor": "val_loss" }]
}"#;
