//! The names of facts that the host knows of, beginning with `host.`.

/// All facts of this version; what a host does not know is missing, never a guess.
pub const FACTS: [&str; 13] = [
    // Given by whoever embeds the host, as metrics of an event.
    "host.elapsed-seconds",
    "host.unix-seconds",
    "host.free-bytes",
    "host.remaining-seconds",
    "host.max-steps",
    // Derived by the host from reports, unless an event gives them.
    "host.save-seconds",
    "host.stall-seconds",
    "host.saves-in-flight",
    "host.failed-saves",
    "host.checkpoint-bytes",
    "host.interrupted",
    "host.save-requested",
    "host.restarts",
];

/// Where the value of an input comes from, resolved once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The event's metric of this name.
    Metric,
    /// The newest known value of the metric.
    Last(String),
    /// The age in steps of the newest known value of the metric.
    Age(String),
    /// Seconds of this rank's last complete save.
    SaveSeconds,
    /// Of those, seconds for which training stood still.
    StallSeconds,
    /// Saves in flight.
    SavesInFlight,
    /// Saves that failed in this run.
    FailedSaves,
    /// This rank's part of the last complete checkpoint.
    CheckpointBytes,
    /// 1 where this rank was told to leave.
    Interrupted,
    /// 1 where a save was asked for on this rank.
    SaveRequested,
    /// How often the run was resumed.
    Restarts,
}

impl Origin {
    pub(crate) fn of(name: &str) -> Self {
        if let Some(metric) = name.strip_prefix("last:") {
            return Self::Last(metric.to_owned());
        }
        if let Some(metric) = name.strip_prefix("age:") {
            return Self::Age(metric.to_owned());
        }
        match name {
            "host.save-seconds" => Self::SaveSeconds,
            "host.stall-seconds" => Self::StallSeconds,
            "host.saves-in-flight" => Self::SavesInFlight,
            "host.failed-saves" => Self::FailedSaves,
            "host.checkpoint-bytes" => Self::CheckpointBytes,
            "host.interrupted" => Self::Interrupted,
            "host.save-requested" => Self::SaveRequested,
            "host.restarts" => Self::Restarts,
            _ => Self::Metric,
        }
    }

    /// Whether a resumed host cannot know the value but from its snapshot.
    pub(crate) fn is_remembered(&self) -> bool {
        matches!(
            self,
            Self::Last(_)
                | Self::Age(_)
                | Self::SaveSeconds
                | Self::StallSeconds
                | Self::CheckpointBytes
                | Self::Interrupted
                | Self::SaveRequested
        )
    }
}

/// Returns the names nearest to `name`, the best first, for a hint.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= name.len().max(candidate.len()).div_ceil(2))
        .min()
        .map(|(_, candidate)| candidate)
}
