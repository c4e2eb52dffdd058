//! A small policy of votes that is good but for one flaw.
//!
//! A rank votes for a save where its number is below the best mean so far; the state is that mean under a
//! checksum. What a sandbox would make a trap is returned as one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ckpt_policy_conformance::conform::Way;
use ckpt_policy_core::contract::{
    Ballot, Description, Fault, Input, Observation, Operation, Plan, Prepared, Reduced, Reduction,
    Round, Source, Statistic, Verdict, View,
};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    // What it says of itself.
    SummaryOfTwoLines,
    VersionIsAWord,
    DescribeTraps,
    SchemaIsNoSchema,
    SchemaRefusesItsExample,
    SchemaHasNoExample,
    SchemaIsOpen,
    RefusesTheLargestTopK,
    TrapsOnAConfiguration,
    AcceptsAnyMode,
    TrapsOnWhatIsNoJson,
    FailsWithTheWrongError,
    AcceptsUnknownKeys,
    DoesNotNameTheKey,
    ReducesWhatIsNotThere,
    NamesAnUnknownMoment,
    NamesAnInputTwice,
    LeavesOutAMissingVote,
    // What it remembers.
    DiffersFromInstanceToInstance,
    CountsInAGlobal,
    RemembersThatItFailed,
    CachesItsConfiguration,
    // What must not matter.
    KeepsTheFirstKey,
    KeepsTheConfigurationAsItIs,
    CachesItsRank,
    DependsOnTheCompiler,
    // What it has no answer to.
    TrapsAlways,
    TrapsAtItsSecondMoment,
    TrapsOnNan,
    TrapsOnAllMissing,
    TrapsOnMinusZero,
    DividesByOtherRanks,
    TakesTheSquareOfTheRanks,
    NeedsACheckpoint,
    TakesTheSquareOfTheLedger,
    NeedsTheNumbersOfCheckpoints,
    NeedsCompleteCheckpoints,
    NeedsIdsWithoutGaps,
    AddsToTheLargestId,
    AddsToTheLargestStep,
    SubtractsSteps,
    NeedsAClock,
    IndexesItsState,
    LoopsInAnotherState,
    TrapsOnADamagedPreviousState,
}

/// One instance, with the globals that it should not have.
pub(crate) struct Flawed {
    flaw: Flaw,
    way: Way,
    shared: Arc<AtomicU64>,
    calls: u64,
    failed: bool,
    settings: Option<Vec<u8>>,
    rank: Option<u32>,
}

const SCHEMA: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "monitor": { "type": "string", "minLength": 1 },
        "mode": { "enum": ["min", "max"] },
        "top-k": { "type": "integer", "minimum": 1, "maximum": 10 }
    },
    "required": ["monitor"],
    "additionalProperties": false,
    "examples": [{ "monitor": "val_loss" }, { "monitor": "val_acc", "mode": "max", "top-k": 3 }]
}"#;

impl Flawed {
    pub(crate) fn new(flaw: Flaw, way: Way, shared: Arc<AtomicU64>) -> Self {
        Self {
            flaw,
            way,
            shared,
            calls: 0,
            failed: false,
            settings: None,
            rank: None,
        }
    }

    pub(crate) fn describe(&mut self) -> Result<Description, Fault> {
        self.traps(Flaw::DescribeTraps, true)?;
        let schema = match self.flaw {
            Flaw::SchemaIsNoSchema => SCHEMA.replace("\"minLength\": 1", "\"minLength\": -1"),
            Flaw::SchemaRefusesItsExample => SCHEMA.replace("\"top-k\": 3 }", "\"top-k\": 11 }"),
            Flaw::SchemaHasNoExample => SCHEMA.replace("\"examples\"", "\"$comment-examples\""),
            Flaw::SchemaIsOpen => SCHEMA.replace("\"additionalProperties\": false,", ""),
            _ => SCHEMA.to_owned(),
        };
        let or = |flaw, wrong: &str, right: &str| match self.flaw == flaw {
            true => wrong.to_owned(),
            false => right.to_owned(),
        };
        Ok(Description {
            name: "flawed".to_owned(),
            version: or(Flaw::VersionIsAWord, "newest", "1.0.0"),
            summary: or(Flaw::SummaryOfTwoLines, "Two\nlines.", "Saves by vote."),
            config_schema: schema,
        })
    }

    pub(crate) fn prepare(
        &mut self,
        config: &str,
        previous: Option<&[u8]>,
    ) -> Result<Prepared, Fault> {
        let parsed = self.parsed(config)?;
        let whole = previous.is_none_or(|state| best(state).is_ok());
        self.traps(Flaw::TrapsOnADamagedPreviousState, !whole)?;
        let state = match previous {
            Some(state) => best(state).map(|_| state.to_vec())?,
            None => sealed(f64::INFINITY),
        };
        let monitor = parsed["monitor"].as_str().unwrap_or_default();
        let mut settings = vec![u8::from(parsed["mode"] == "max")];
        if self.flaw == Flaw::KeepsTheFirstKey {
            settings.push(config.trim_start_matches(['{', ' ']).as_bytes()[1]);
        }
        if self.flaw == Flaw::KeepsTheConfigurationAsItIs {
            settings.extend(config.bytes());
        }
        self.settings.get_or_insert_with(|| settings.clone());
        Ok(Prepared {
            plan: self.plan(monitor),
            settings,
            state,
        })
    }

    pub(crate) fn observe(
        &mut self,
        settings: &[u8],
        state: &[u8],
        observation: &Observation,
    ) -> Result<Vec<Option<f64>>, Fault> {
        let best = self.opened(state)?;
        let value = observation.values[0];
        self.traps(Flaw::TrapsOnNan, value.is_some_and(f64::is_nan))?;
        let minus_zero = value.is_some_and(|value| value == 0.0 && value.is_sign_negative());
        self.traps(Flaw::TrapsOnMinusZero, minus_zero)?;
        let rank = *self.rank.get_or_insert(observation.rank);
        let own = match self.flaw {
            Flaw::CachesItsRank => rank,
            _ => observation.rank,
        };
        let votes = value.map(|value| match self.settings(settings)[0] {
            0 => f64::from(value < best && own < u32::MAX),
            _ => f64::from(value > best && own < u32::MAX),
        });
        Ok(match (self.flaw, votes) {
            (Flaw::LeavesOutAMissingVote, None) => Vec::new(),
            (Flaw::CachesItsRank, votes) => vec![votes.map(|vote| vote + f64::from(own))],
            (_, votes) => vec![votes],
        })
    }

    pub(crate) fn decide(
        &mut self,
        settings: &[u8],
        state: &[u8],
        round: &Round,
    ) -> Result<Verdict, Fault> {
        self.calls += 1;
        let best = self.opened(state)?;
        let [Reduced::Statistic(mean), Reduced::Tally(votes), ..] = &round.values[..] else {
            self.failed = true;
            return Err(Fault::Failed("the numbers do not fit the plan".to_owned()));
        };
        self.has_no_answer(round, *mean)?;
        let saves = votes.yes > votes.no;
        let mode = self.settings(settings)[0];
        Ok(Verdict {
            ballot: if saves { Ballot::Save } else { Ballot::Skip },
            reason: format!(
                "{} of {}, mode {mode}{}",
                votes.yes,
                round.world_size,
                self.leak(settings)
            ),
            state: match mean.value.filter(|_| saves) {
                Some(value) => sealed(value),
                None => sealed(best),
            },
            ..Verdict::default()
        })
    }

    fn plan(&self, monitor: &str) -> Plan {
        let input = |name: &str| Input {
            name: name.to_owned(),
            required: false,
        };
        let reduction = |source, operation| Reduction { source, operation };
        let mut plan = Plan {
            inputs: vec![input(monitor), input("host.interrupted")],
            features: 1,
            reductions: vec![
                reduction(Source::Input(0), Operation::Mean),
                reduction(Source::Feature(0), Operation::Tally),
                reduction(Source::Input(0), Operation::EveryRank),
            ],
            view: View::All,
            moments: vec!["validation-end".to_owned(), "step-end".to_owned()],
            every_steps: 1,
            passive: false,
        };
        match self.flaw {
            Flaw::ReducesWhatIsNotThere => plan.reductions[1].source = Source::Feature(1),
            Flaw::NamesAnUnknownMoment => plan.moments.push("validation-ends".to_owned()),
            Flaw::NamesAnInputTwice => plan.inputs.push(input(monitor)),
            _ => {}
        }
        plan
    }

    fn parsed(&mut self, config: &str) -> Result<Value, Fault> {
        let parsed: Result<Value, _> = serde_json::from_str(config);
        self.traps(Flaw::TrapsOnWhatIsNoJson, parsed.is_err())?;
        let refuse = |what: String| Err(Fault::Config(what));
        let Ok(Value::Object(fields)) = &parsed else {
            return refuse("expected a JSON object".to_owned());
        };
        let monitor = fields.get("monitor").and_then(Value::as_str);
        if monitor.is_none_or(str::is_empty) {
            return refuse("`monitor`: expected a name".to_owned());
        }
        let known = ["monitor", "mode", "top-k"];
        match fields.keys().find(|key| !known.contains(&key.as_str())) {
            Some(_) if self.flaw == Flaw::AcceptsUnknownKeys => {}
            Some(_) if self.flaw == Flaw::DoesNotNameTheKey => {
                return refuse("there is an unknown key".to_owned());
            }
            Some(key) => return refuse(format!("unknown key `{key}`")),
            None => {}
        }
        let mode = fields.get("mode");
        let words = [Value::from("min"), Value::from("max")];
        if mode.is_some_and(|mode| !words.contains(mode)) && self.flaw != Flaw::AcceptsAnyMode {
            let what = "`mode`: expected `min` or `max`".to_owned();
            return match self.flaw {
                Flaw::FailsWithTheWrongError => Err(Fault::Failed(what)),
                _ => refuse(what),
            };
        }
        let most = if self.flaw == Flaw::RefusesTheLargestTopK {
            9
        } else {
            10
        };
        let top_k = fields.get("top-k");
        if top_k.is_some_and(|k| !k.as_i64().is_some_and(|k| (1..=most).contains(&k))) {
            return refuse("`top-k`: expected 1 to 10".to_owned());
        }
        let large = top_k.and_then(Value::as_i64) == Some(10);
        self.traps(Flaw::TrapsOnAConfiguration, large)?;
        Ok(parsed.unwrap_or_default())
    }

    fn opened(&self, state: &[u8]) -> Result<f64, Fault> {
        self.traps(Flaw::IndexesItsState, state.len() < 9)?;
        if self.flaw == Flaw::LoopsInAnotherState && best(state).is_err() {
            return Err(Fault::Fuel { fuel: 50_000_000 });
        }
        best(state)
    }

    fn settings<'a>(&'a self, settings: &'a [u8]) -> &'a [u8] {
        match (self.flaw, &self.settings) {
            (Flaw::CachesItsConfiguration, Some(first)) => first,
            _ if settings.is_empty() => &[0],
            _ => settings,
        }
    }

    /// What should not be in an answer.
    fn leak(&self, settings: &[u8]) -> String {
        match self.flaw {
            Flaw::DiffersFromInstanceToInstance => {
                format!(", {}", self.shared.fetch_add(1, Ordering::Relaxed))
            }
            Flaw::CountsInAGlobal => format!(", call {}", self.calls),
            Flaw::RemembersThatItFailed => format!(", failed {}", self.failed),
            Flaw::KeepsTheFirstKey => format!(", {}", settings[1]),
            Flaw::DependsOnTheCompiler => format!(", {}", self.way == Way::Optimized),
            _ => String::new(),
        }
    }

    fn has_no_answer(&self, round: &Round, mean: Statistic) -> Result<(), Fault> {
        let ledger = &round.checkpoints;
        let is_long = |length: usize| length >= 1000;
        let world = round.world_size;
        let steps = ledger.iter().map(|one| one.step);
        let ids: Vec<u64> = ledger.iter().map(|one| one.id).collect();
        let traps = [
            (Flaw::TrapsAlways, true),
            (Flaw::TrapsAtItsSecondMoment, round.moment == 1),
            (Flaw::TrapsOnAllMissing, mean.missing == world),
            (Flaw::DividesByOtherRanks, world == 1),
            (Flaw::NeedsACheckpoint, ledger.is_empty()),
            (
                Flaw::NeedsTheNumbersOfCheckpoints,
                ledger
                    .iter()
                    .any(|one| one.values[0].is_none() && mean.value.is_some()),
            ),
            (
                Flaw::NeedsCompleteCheckpoints,
                ledger.iter().any(|one| !one.complete),
            ),
            (
                Flaw::NeedsIdsWithoutGaps,
                ids.windows(2).any(|pair| pair[1] != pair[0] + 1),
            ),
            (
                Flaw::AddsToTheLargestId,
                round.candidate.checked_add(1000).is_none(),
            ),
            (
                Flaw::AddsToTheLargestStep,
                round.step.checked_add(1).is_none(),
            ),
            (
                Flaw::SubtractsSteps,
                steps.max().is_some_and(|step| step > round.step),
            ),
            (Flaw::NeedsAClock, round.elapsed_seconds.is_none()),
        ];
        for (flaw, meets) in traps {
            self.traps(flaw, meets)?;
        }
        let squares = [
            (Flaw::TakesTheSquareOfTheRanks, is_long(world as usize)),
            (Flaw::TakesTheSquareOfTheLedger, is_long(ledger.len())),
        ];
        match squares.contains(&(self.flaw, true)) {
            true => Err(Fault::Fuel { fuel: 50_000_000 }),
            false => Ok(()),
        }
    }

    fn traps(&self, flaw: Flaw, meets: bool) -> Result<(), Fault> {
        match self.flaw == flaw && meets {
            true => Err(Fault::Trap("`unreachable` executed".to_owned())),
            false => Ok(()),
        }
    }
}

/// Puts the best mean under a checksum.
fn sealed(best: f64) -> Vec<u8> {
    let mut bytes = best.to_bits().to_le_bytes().to_vec();
    bytes.push(checksum(&bytes));
    bytes
}

fn best(state: &[u8]) -> Result<f64, Fault> {
    let damaged = || Fault::State("it is damaged".to_owned());
    let (sum, number) = state.split_last().ok_or_else(damaged)?;
    let number: [u8; 8] = number.try_into().map_err(|_| damaged())?;
    match checksum(&number) == *sum {
        true => Ok(f64::from_le_bytes(number)),
        false => Err(damaged()),
    }
}

fn checksum(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0x5a, |sum, byte| sum.rotate_left(3) ^ byte)
}
