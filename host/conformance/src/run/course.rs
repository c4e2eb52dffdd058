//! A run in progress: plays round after round, cuts and goes on, and says what was found.
//!
//! Plays the trainer: writes, reports, settles and deletes in thought only. Names checkpoints by
//! their step, since ids are the host's own.

use std::collections::{BTreeMap, BTreeSet};

use ckpt_policy_core::contract::{CheckpointId, Policy};
use ckpt_policy_core::{Event, Held, Metrics, Opinion, Resume, Saved, Snapshot};

use super::stage::Stage;
use crate::report::Found;
use crate::scenario::{Cut, PolicySource, Round};
use crate::world::{self, Played, World, Write};

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error(transparent)]
    World(#[from] world::Error),
    #[error(transparent)]
    Snapshot(#[from] ckpt_policy_core::Error),
    #[error("there is no complete checkpoint of step {0} to go back to")]
    Absent(u64),
    #[error("the host speaks of checkpoint {0}, which it never had written")]
    Unknown(CheckpointId),
}

/// A run in progress.
pub(super) struct Run {
    world: World,
    steps: BTreeMap<CheckpointId, u64>,
    in_flight: Vec<InFlight>,
    /// By step: the checkpoint that a later round goes back to, and the snapshot that lies in it.
    returns: BTreeMap<u64, Option<(CheckpointId, Snapshot)>>,
}

/// A save that ends just before a later round.
struct InFlight {
    id: CheckpointId,
    ends_before: u64,
    write: Write,
}

impl Run {
    pub(super) fn new(world: World, rounds: &[Round]) -> Self {
        let wanted = rounds
            .iter()
            .filter_map(|round| round.resume.as_ref()?.from);
        let returns = wanted.map(|step| (step, None)).collect();
        Self {
            world,
            steps: BTreeMap::new(),
            in_flight: Vec::new(),
            returns,
        }
    }

    pub(super) fn round(&mut self, index: usize, round: &Round) -> Result<Found, Stopped> {
        let index = index as u64;
        self.end_saves(index)?;
        self.tell(round);
        let events: Vec<Event> = round
            .metrics
            .iter()
            .map(|metrics| event(round, metrics))
            .collect();
        let saved = Saved {
            bytes: round.save.bytes,
            ..Saved::default()
        };
        let write = Write {
            fails: round.save.fails.clone(),
            saved,
        };
        let played = match round.save.takes {
            0 => self.world.play(&events, &write)?,
            _ => self.world.play_in_flight(&events)?,
        };
        if let Some(id) = played.outcome.checkpoint.filter(|_| played.outcome.save) {
            self.steps.insert(id, round.step);
            if round.save.takes > 0 {
                let ends_before = index.saturating_add(round.save.takes);
                self.in_flight.push(InFlight {
                    id,
                    ends_before,
                    write,
                });
            }
            if let Some(kept) = self.returns.get_mut(&round.step) {
                *kept = Some((id, self.world.snapshot()?));
            }
        }
        self.found(&played)
    }

    /// Ends the saves that were in flight until this round.
    fn end_saves(&mut self, index: u64) -> Result<(), Stopped> {
        let ending = self
            .in_flight
            .extract_if(.., |save| save.ends_before <= index);
        for save in ending {
            self.world.report(save.id, &save.write)?;
        }
        Ok(())
    }

    fn tell(&mut self, round: &Round) {
        for host in self.world.hosts_mut() {
            let rank = host.place().rank;
            if round.signal.contains(&rank) {
                host.interrupt();
            }
            if round.request_save.contains(&rank) {
                host.request_save();
            }
        }
    }

    /// Throws the hosts away and goes on in fresh ones; a save in flight is lost with them.
    pub(super) fn resume<E, L>(
        &mut self,
        cut: &Cut,
        stage: &mut Stage<'_, L>,
    ) -> Result<Result<(), Stopped>, E>
    where
        L: FnMut(&PolicySource, u32) -> Result<Box<dyn Policy>, E>,
    {
        let resume = match self.cut(cut.from) {
            Ok(resume) => resume,
            Err(stopped) => return Ok(Err(stopped)),
        };
        stage.ranks = cut.ranks;
        if let Some(config) = &cut.config {
            stage.config.clone_from(config);
        }
        Ok(stage
            .open(Some(&resume))?
            .map_err(Stopped::from)
            .map(|mut world| {
                world.take_over(&self.world);
                self.world = world;
            }))
    }

    /// Takes what the run goes on from, by way of the text that would lie on disk.
    fn cut(&mut self, from: Option<u64>) -> Result<Resume, Stopped> {
        let newest = Snapshot::from_json(&self.world.snapshot()?.to_json())?;
        self.in_flight.clear();
        let disk = Some(newest.on_disk());
        let Some(step) = from else {
            return Ok(Resume {
                snapshot: newest,
                directory: None,
                from: None,
                disk,
            });
        };
        let kept = self.returns.get(&step).and_then(Option::as_ref);
        let on_disk = |id| {
            newest
                .on_disk()
                .iter()
                .any(|checkpoint| checkpoint.id == id)
        };
        let (id, snapshot) = kept
            .filter(|(id, _)| on_disk(*id))
            .ok_or(Stopped::Absent(step))?;
        Ok(Resume {
            snapshot: Snapshot::from_json(&snapshot.to_json())?,
            directory: Some(newest),
            from: Some(*id),
            disk,
        })
    }

    fn found(&self, played: &Played) -> Result<Found, Stopped> {
        let outcome = &played.outcome;
        let opinion = outcome.opinions.first();
        let all = || std::iter::once(outcome).chain(&played.settled);
        let mut opinions = all().flat_map(|outcome| &outcome.opinions);
        Ok(Found {
            asked: opinion.is_some(),
            ballot: opinion.and_then(|opinion| opinion.ballot),
            save: outcome.save,
            kept: self.listed(|_| true),
            held: self.listed(|held| held.holders.contains(&0)),
            deleted: played
                .deleted
                .iter()
                .map(|id| self.step(*id))
                .collect::<Result<_, _>>()?,
            labels: self.labels()?,
            tags: outcome.tags.iter().cloned().collect(),
            reason: opinion.map(|opinion| opinion.reason.clone()),
            figures: opinion.map(figures).unwrap_or_default(),
            not_before: opinion.and_then(|opinion| opinion.not_before),
            stop: all().any(|outcome| outcome.stop),
            refused: outcome.refused.clone(),
            interrupted: all().any(|outcome| outcome.interrupted),
            error: opinions.find_map(|opinion| opinion.error.clone()),
        })
    }

    fn listed(&self, wanted: impl Fn(&Held) -> bool) -> BTreeSet<u64> {
        let checkpoints = self.world.hosts()[0].checkpoints();
        let there = checkpoints.filter(|held| !self.world.is_gone(held.id));
        there
            .filter(|held| wanted(held))
            .map(|held| held.step)
            .collect()
    }

    fn labels(&self) -> Result<BTreeMap<String, u64>, Stopped> {
        let labels = self.world.hosts()[0].labels();
        labels
            .map(|(_, name, id)| Ok((name.to_owned(), self.step(id)?)))
            .collect()
    }

    fn step(&self, id: CheckpointId) -> Result<u64, Stopped> {
        self.steps.get(&id).copied().ok_or(Stopped::Unknown(id))
    }
}

fn event(round: &Round, metrics: &Metrics) -> Event {
    Event {
        moment: round.moment,
        step: round.step,
        epoch: round.epoch,
        metrics: metrics.clone(),
    }
}

fn figures(opinion: &Opinion) -> BTreeMap<String, f64> {
    opinion
        .figures
        .iter()
        .map(|figure| (figure.name.clone(), figure.value))
        .collect()
}
