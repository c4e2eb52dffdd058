//! Reads a recorded run; the format is described in `tests/traces/README.md`.

use std::collections::BTreeMap;
use std::fs;

use ckpt_policy_core::{Event, Metrics, Moment, Number};
use serde::Deserialize;

use crate::components::root;

/// A recorded run, whole.
pub(crate) struct Trace {
    pub(crate) ranks: u32,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Header {
    trace: u32,
    world_size: u32,
}

#[derive(Deserialize)]
struct Line {
    moment: Moment,
    step: u64,
    epoch: u64,
    metrics: BTreeMap<String, Vec<Option<Number>>>,
}

impl Trace {
    /// Reads one of the recorded runs of this repository.
    pub(crate) fn read(name: &str) -> Self {
        let path = root().join(format!("tests/traces/{name}.jsonl"));
        let shown = path.display();
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let mut lines = text.lines();
        let header = lines.next().unwrap_or_default();
        let header: Header = serde_json::from_str(header).expect("a trace begins with a header");
        assert_eq!(header.trace, 1, "{shown} is of another version");
        let lines = lines.map(|line| serde_json::from_str(line).expect("a line is an event"));
        Self {
            ranks: header.world_size,
            lines: lines.collect(),
        }
    }

    /// Returns how many events the run has.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns what each rank reported at each event.
    pub(crate) fn events(&self) -> impl Iterator<Item = Vec<Event>> + '_ {
        let of_rank = |line: &Line, rank| Event {
            moment: line.moment,
            step: line.step,
            epoch: line.epoch,
            metrics: line.metrics_of(rank),
        };
        let of_all = move |line| {
            (0..self.ranks as usize)
                .map(|rank| of_rank(line, rank))
                .collect()
        };
        self.lines.iter().map(of_all)
    }

    /// Returns what the ranks had of a metric at one event.
    pub(crate) fn values(&self, event: usize, metric: &str) -> Vec<f64> {
        let values = self.lines[event].metrics.get(metric).into_iter().flatten();
        values.flatten().map(|number| number.0).collect()
    }
}

impl Line {
    fn metrics_of(&self, rank: usize) -> Metrics {
        let known = self.metrics.iter().filter_map(|(name, values)| {
            let value = values.get(rank).copied().flatten()?;
            Some((name.as_str(), value.0))
        });
        known.collect()
    }
}
