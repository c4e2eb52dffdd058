//! Compares figures with those of before, and judges.

use serde::Serialize;

use super::{Calls, Figures};
use crate::exit;
use crate::report::{Failure, Report};

/// One figure then and now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Change {
    /// What was measured, such as `decide fresh: p50 (µs)`.
    pub(crate) figure: String,
    pub(crate) before: f64,
    pub(crate) now: f64,
    /// Now as a multiple of before; absent where before was nothing.
    pub(crate) ratio: Option<f64>,
    /// It has grown by more than is allowed.
    pub(crate) regressed: bool,
}

/// All figures then and now.
pub(crate) struct Comparison {
    changes: Vec<Change>,
    allowed: f64,
}

impl Comparison {
    /// Compares; fuel only where the same engine counted it.
    ///
    /// # Errors
    ///
    /// The user's, where the baseline is of another policy, configuration or run.
    pub(crate) fn new(before: &Figures, now: &Figures, allowed: f64) -> Result<Self, Failure> {
        let same = [
            ("name", before.name.clone(), now.name.clone()),
            ("config", before.config.to_string(), now.config.to_string()),
            ("ranks", before.ranks.to_string(), now.ranks.to_string()),
            ("rounds", before.rounds.to_string(), now.rounds.to_string()),
        ];
        if let Some((key, before, now)) = same.into_iter().find(|(_, before, now)| before != now) {
            let text = format!(
                "the baseline cannot be compared: its `{key}` is {before}, of this run {now}"
            );
            let hint = match key {
                "name" => "a baseline is of the same policy, in whichever version".to_owned(),
                _ => format!("measure with the same `--{key}`, or write the baseline anew"),
            };
            return Err(Failure::new(exit::USER, Report::new(text).hint(hint)));
        }
        let mut comparison = Self {
            changes: Vec::new(),
            allowed,
        };
        comparison.compare(
            "load: compile (ms)",
            before.load.compile_ms,
            now.load.compile_ms,
        );
        comparison.compare(
            "load: reload (ms)",
            before.load.reload_ms,
            now.load.reload_ms,
        );
        let same_engine = before.wasmtime == now.wasmtime;
        for now in &now.calls {
            let is_same =
                |one: &&Calls| one.function == now.function && one.instances == now.instances;
            if let Some(before) = before.calls.iter().find(is_same) {
                comparison.calls(before, now, same_engine);
            }
        }
        Ok(comparison)
    }

    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Fails where a figure has grown by more than is allowed.
    pub(crate) fn judge(self) -> Result<(), Failure> {
        let reports: Vec<_> = self
            .changes
            .iter()
            .filter(|change| change.regressed)
            .map(|change| {
                let Change {
                    figure,
                    before,
                    now,
                    ..
                } = change;
                Report::new(format!(
                    "{figure}: {now:.2}, the baseline is {before:.2} and {} times that is allowed",
                    self.allowed
                ))
            })
            .collect();
        match reports.is_empty() {
            true => Ok(()),
            false => Err(Failure::all(exit::JUDGED, reports)),
        }
    }

    fn calls(&mut self, before: &Calls, now: &Calls, same_engine: bool) {
        let name = format!("{} {}", now.function, now.instances);
        self.compare(&format!("{name}: p50 (µs)"), before.p50_us, now.p50_us);
        if same_engine {
            let fuel = |calls: &Calls| (calls.fuel + calls.start_fuel) as f64;
            self.compare(&format!("{name}: fuel"), fuel(before), fuel(now));
        }
        let (before, now) = (before.memory as f64, now.memory as f64);
        self.compare(&format!("{name}: memory (bytes)"), before, now);
    }

    fn compare(&mut self, figure: &str, before: f64, now: f64) {
        self.changes.push(Change {
            figure: figure.to_owned(),
            before,
            now,
            ratio: (before > 0.0).then(|| now / before),
            regressed: now > before * self.allowed,
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Comparison;
    use crate::commands::bench::{Calls, Figures, Load};

    fn figures(fuel: u64, p50_us: f64) -> Figures {
        let calls = Calls {
            function: "decide".to_owned(),
            instances: "fresh".to_owned(),
            calls: 10,
            p50_us,
            p95_us: 9.0,
            fuel,
            start_fuel: 0,
            memory: 65_536,
        };
        Figures {
            bench: Figures::FORM,
            name: "mine".to_owned(),
            version: "1.0.0".to_owned(),
            sha256: "0".repeat(64),
            size: 1,
            wasmtime: "48.0.8".to_owned(),
            config: json!({}),
            ranks: 4,
            rounds: 10,
            load: Load {
                compile_ms: 20.0,
                reload_ms: 1.0,
                native_bytes: 1,
            },
            calls: vec![calls],
        }
    }

    fn regressed(before: &Figures, now: &Figures) -> Vec<String> {
        let comparison = Comparison::new(before, now, 1.5).expect("comparable");
        let regressed = comparison.changes().iter().filter(|one| one.regressed);
        regressed.map(|one| one.figure.clone()).collect()
    }

    #[test]
    fn only_what_grew_by_more_than_the_ratio_is_a_regression() {
        let before = figures(1000, 10.0);
        assert!(regressed(&before, &figures(1500, 15.0)).is_empty());
        assert_eq!(
            regressed(&before, &figures(1501, 9.0)),
            ["decide fresh: fuel"]
        );
        assert_eq!(
            regressed(&before, &figures(10, 15.1)),
            ["decide fresh: p50 (µs)"]
        );
    }

    #[test]
    fn fuel_of_another_engine_is_another_unit() {
        let mut before = figures(1, 10.0);
        before.wasmtime = "36.0.0".to_owned();
        assert!(regressed(&before, &figures(1000, 10.0)).is_empty());
    }

    #[test]
    fn another_configuration_cannot_be_compared() {
        let mut now = figures(1, 1.0);
        now.config = json!({"top-k": 3});
        let failure = Comparison::new(&figures(1, 1.0), &now, 1.5).err();
        let text = failure.expect("refused").to_string();
        assert!(
            text.contains("its `config` is {}, of this run {\"top-k\":3}"),
            "{text}"
        );
    }
}
