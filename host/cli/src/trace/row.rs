//! One event of a trace, as all its ranks saw it.

use std::fmt;

use ckpt_policy_core::{Event, Metrics, Moment, Number, nearest};
use serde::de::{self, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Line, Ranks};

/// Keys that a journal adds to a trace's event.
const EVENT_DECISIONS: [&str; 4] = ["outcome", "policies", "settled", "interrupted"];

/// One event: its moment, and each rank's numbers.
#[derive(Debug)]
pub struct Row {
    /// Which moment it is.
    pub moment: Moment,
    /// Optimizer steps done.
    pub step: u64,
    /// Epoch in progress, from 0.
    pub epoch: u64,
    /// What a save at this event costs.
    pub cost: Cost,
    /// The line itself, for the journal, without the decisions of an earlier one.
    pub line: Line,
    metrics: Vec<(String, Series)>,
    ranks: Ranks,
}

/// One metric on all ranks.
#[derive(Debug)]
pub enum Series {
    /// The same number on all ranks.
    All(Number),
    /// One entry a rank; `None` is missing there.
    Each(Vec<Option<Number>>),
    /// Missing on all ranks.
    Missing,
}

/// What a save costs, and where it fails.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// Bytes of the whole checkpoint.
    pub bytes: u64,
    /// Seconds until it is durable; `None` where nobody measured.
    pub seconds: Option<f64>,
    /// Recorded ranks on which it fails.
    fails: Vec<u32>,
}

impl Row {
    pub(super) fn parse(text: &str, ranks: Ranks) -> Result<Self, String> {
        let mut line = Line::parse(text)?;
        line.remove(&EVENT_DECISIONS);
        let moment = read_moment(line.get("moment"))?;
        let step = read_count(&line, "step")?;
        let epoch = read_count(&line, "epoch")?;
        let metrics = match line.get("metrics") {
            Some(metrics) => read_metrics(metrics, ranks.recorded)?,
            None => Vec::new(),
        };
        let cost = match line.get("save") {
            Some(cost) => read_cost(cost, ranks.recorded)?,
            None => Cost::default(),
        };
        let mut row = Self {
            moment,
            step,
            epoch,
            cost,
            line,
            metrics,
            ranks,
        };
        if ranks.driven != ranks.recorded {
            row.resize()?;
        }
        Ok(row)
    }

    /// Returns what one rank tells its host.
    #[must_use]
    pub fn event(&self, rank: u32) -> Event {
        let metrics: Metrics = self
            .metrics
            .iter()
            .filter_map(|(name, series)| Some((name.as_str(), series.on(self.recorded(rank))?.0)))
            .collect();
        Event {
            moment: self.moment,
            step: self.step,
            epoch: self.epoch,
            metrics,
        }
    }

    /// Whether a save at this event fails on a rank.
    #[must_use]
    pub fn fails(&self, rank: u32) -> bool {
        self.cost.fails.contains(&self.recorded(rank))
    }

    /// Returns a metric's number on each rank that is driven.
    pub fn numbers(&self, name: &str) -> impl Iterator<Item = Option<f64>> {
        let series = self.metrics.iter().find(|(metric, _)| metric == name);
        (0..self.ranks.driven).map(move |rank| Some(series?.1.on(self.recorded(rank))?.0))
    }

    /// Returns the names of the metrics that at least one rank has.
    pub fn logged(&self) -> impl Iterator<Item = &str> {
        self.metrics
            .iter()
            .filter(|(_, series)| match series {
                Series::All(_) => true,
                Series::Each(numbers) => numbers.iter().any(Option::is_some),
                Series::Missing => false,
            })
            .map(|(name, _)| name.as_str())
    }

    fn recorded(&self, rank: u32) -> u32 {
        rank % self.ranks.recorded
    }

    /// Gives the line as many entries as there are ranks, so that the journal is a trace again.
    fn resize(&mut self) -> Result<(), String> {
        if let Some(metrics) = self.line.get("metrics") {
            let mut metrics = Line::parse(metrics.get())?;
            for (name, series) in metrics.clone().into_entries() {
                if series.get().starts_with('[') {
                    let entries: Vec<Box<RawValue>> =
                        serde_json::from_str(series.get()).map_err(|error| error.to_string())?;
                    let resized: Vec<&RawValue> = (0..self.ranks.driven)
                        .map(|rank| &*entries[self.recorded(rank) as usize])
                        .collect();
                    metrics.set(&name, &resized);
                }
            }
            self.line.set("metrics", &metrics);
        }
        if let (Some(save), false) = (self.line.get("save"), self.cost.fails.is_empty()) {
            let mut save = Line::parse(save.get())?;
            let fails: Vec<u32> = (0..self.ranks.driven)
                .filter(|rank| self.fails(*rank))
                .collect();
            save.set("fails", &fails);
            self.line.set("save", &save);
        }
        Ok(())
    }
}

impl Series {
    fn on(&self, rank: u32) -> Option<Number> {
        match self {
            Self::All(number) => Some(*number),
            Self::Each(numbers) => *numbers.get(rank as usize)?,
            Self::Missing => None,
        }
    }
}

fn read_moment(value: Option<&RawValue>) -> Result<Moment, String> {
    let text = value.map_or("nothing", RawValue::get);
    let given = || {
        Moment::ALL
            .into_iter()
            .filter(|moment| *moment != Moment::Settled)
    };
    let name: String = serde_json::from_str(text)
        .map_err(|_| format!("`moment`: expected the name of a moment, found {text}"))?;
    match Moment::from_name(&name) {
        Some(Moment::Settled) => Err(
            "`moment`: the host makes `settled` itself, after a save; leave the line out"
                .to_owned(),
        ),
        Some(moment) => Ok(moment),
        None => {
            let names = given()
                .map(|moment| format!("`{moment}`"))
                .collect::<Vec<_>>()
                .join(", ");
            let hint = match nearest(&name, given().map(Moment::name)) {
                Some(name) => format!("; did you mean `{name}`?"),
                None => String::new(),
            };
            Err(format!(
                "`moment`: unknown moment `{name}`, expected one of {names}{hint}"
            ))
        }
    }
}

fn read_count(line: &Line, key: &str) -> Result<u64, String> {
    let text = line.get(key).map_or("nothing", RawValue::get);
    serde_json::from_str(text)
        .map_err(|_| format!("`{key}`: expected an integer from 0, found {text}"))
}

fn read_metrics(value: &RawValue, ranks: u32) -> Result<Vec<(String, Series)>, String> {
    let entries = Line::parse(value.get()).map_err(|error| format!("`metrics`: {error}"))?;
    entries
        .into_entries()
        .into_iter()
        .map(|(name, value)| {
            let series: Series = serde_json::from_str(value.get())
                .map_err(|error| format!("`metrics.{name}`: {}", without_place(&error)))?;
            match &series {
                Series::Each(numbers) if numbers.len() != ranks as usize => Err(format!(
                    "`metrics.{name}`: expected {ranks} entries, one for each rank of the header's \
                     `world_size`, found {}",
                    numbers.len()
                )),
                _ => Ok((name, series)),
            }
        })
        .collect()
}

fn read_cost(value: &RawValue, ranks: u32) -> Result<Cost, String> {
    let raw: Option<RawCost> = serde_json::from_str(value.get())
        .map_err(|error| format!("`save`: {}", without_place(&error)))?;
    let Some(raw) = raw else {
        return Ok(Cost::default());
    };
    if let Some(rank) = raw.fails.iter().find(|rank| **rank >= ranks) {
        return Err(format!(
            "`save.fails`: there is no rank {rank}, the last one is {}",
            ranks - 1
        ));
    }
    let bytes = raw.bytes.unwrap_or(0.0);
    if !(0.0..=2f64.powi(53)).contains(&bytes) {
        return Err(format!(
            "`save.bytes`: expected a number of bytes from 0, found {bytes}"
        ));
    }
    if raw.seconds.is_some_and(|seconds| seconds < 0.0) {
        return Err("`save.seconds`: expected a number of seconds from 0".to_owned());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 2^53"
    )]
    let bytes = bytes as u64;
    Ok(Cost {
        bytes,
        seconds: raw.seconds,
        fails: raw.fails,
    })
}

/// `save` as it is written.
#[derive(Deserialize)]
struct RawCost {
    #[serde(default)]
    bytes: Option<f64>,
    #[serde(default)]
    seconds: Option<f64>,
    #[serde(default)]
    fails: Vec<u32>,
}

/// The parser counts from the start of the value, which helps nobody.
fn without_place(error: &serde_json::Error) -> String {
    let full = error.to_string();
    full.split(" at line ").next().unwrap_or(&full).to_owned()
}

impl<'de> Deserialize<'de> for Series {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SeriesVisitor)
    }
}

struct SeriesVisitor;

impl<'de> Visitor<'de> for SeriesVisitor {
    type Value = Series;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            r#"a list with a number, null, "NaN", "Infinity" or "-Infinity" for each rank, one number for all, or null"#,
        )
    }

    fn visit_unit<E>(self) -> Result<Series, E> {
        Ok(Series::Missing)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Series, E> {
        Number::deserialize(value.into_deserializer()).map(Series::All)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Series, E> {
        Number::deserialize(value.into_deserializer()).map(Series::All)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Series, E> {
        Number::deserialize(value.into_deserializer()).map(Series::All)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Series, E> {
        Number::deserialize(value.into_deserializer()).map(Series::All)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Series, A::Error> {
        let mut numbers = Vec::with_capacity(list.size_hint().unwrap_or(0));
        while let Some(number) = list.next_element::<Option<Number>>()? {
            numbers.push(number);
        }
        Ok(Series::Each(numbers))
    }
}
