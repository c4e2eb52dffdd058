//! One run of simulated ranks, with a trainer that does what it is told, and what must hold after
//! each of its steps.
//!
//! The world itself proves that all ranks come to the same result. Here it is proved of that result
//! that nothing is lost: no checkpoint goes that is in flight, pinned, held, or among the newest
//! that stay; no id comes twice; nobody is overruled who forbade; an error changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use ckpt_policy_conformance::world::{Error as WorldError, World, Write};
use ckpt_policy_core::contract::{Ballot, CheckpointId};
use ckpt_policy_core::{
    Error, Event, Held, Metrics, Mode, Moment, OnError, Opening, Opinion, Outcome, Place, Resume,
    Saved, Setup, Snapshot,
};

use crate::host::Cast;

/// What happens to a run.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// All ranks reach a moment.
    Event {
        moment: Moment,
        steps: u64,
        /// For each rank: `x` and `y`.
        numbers: Vec<(Option<f64>, Option<f64>)>,
        /// A save of this event stays in flight.
        in_flight: bool,
        fails: Vec<u32>,
    },
    /// The oldest save in flight ends.
    End { fails: Vec<u32> },
    /// A rank is told to leave.
    Interrupt(u32),
    /// A rank is asked for a save.
    Request(u32),
    /// A rank reports what nobody may be able to report.
    Nonsense { rank: u32, id: CheckpointId },
    /// A settling round that nobody asked for.
    Settle,
    /// The process ends, and another goes on from its snapshot.
    Cut,
}

/// One run and what the trainer knows of it, which outlives a host.
pub(crate) struct Run {
    world: World,
    step: u64,
    in_flight: Vec<CheckpointId>,
    /// What was reported and is not settled; a new host has to be told again.
    reported: BTreeMap<CheckpointId, Write>,
    interrupted: BTreeSet<u32>,
    ordered: BTreeSet<CheckpointId>,
    books: Books,
    /// These hosts have seen an event, whose numbers a settling round uses again.
    warm: bool,
    newest: String,
}

/// What was seen so far of checkpoints.
#[derive(Default)]
struct Books {
    saved: BTreeSet<CheckpointId>,
    /// Which policy ever held which checkpoint.
    held: BTreeSet<(usize, CheckpointId)>,
    /// Which policy ever said that it needs which no longer.
    released: BTreeSet<(usize, CheckpointId)>,
}

impl Run {
    /// Opens the hosts of all ranks, from a snapshot if there is one.
    pub(crate) fn start(cast: &Cast, snapshot: Option<&Snapshot>) -> Self {
        let openings = (0..cast.ranks).map(|rank| {
            let policies = cast.policies.iter().zip(0..);
            let setup = Setup {
                place: Place {
                    rank,
                    world_size: cast.ranks,
                },
                rules: cast.rules.clone(),
                policies: policies
                    .map(|(policy, index)| policy.setup(index))
                    .collect(),
                facts: Vec::new(),
            };
            match snapshot {
                Some(snapshot) => Opening::resume(setup, Resume::seamless(snapshot.clone())),
                None => Opening::new(setup),
            }
        });
        Self {
            world: World::open(openings.collect()).expect("the world opens"),
            step: 0,
            in_flight: Vec::new(),
            reported: BTreeMap::new(),
            interrupted: BTreeSet::new(),
            ordered: BTreeSet::new(),
            books: Books::default(),
            warm: false,
            newest: String::new(),
        }
    }

    /// Goes on with new hosts from a snapshot that was a file in between.
    pub(crate) fn resume(mut self, cast: &Cast) -> Self {
        let text = self.snapshot();
        let snapshot = Snapshot::from_json(&text).expect("the snapshot is whole");
        let mut world = Self::start(cast, Some(&snapshot)).world;
        world.take_over(&self.world);
        for (id, write) in &self.reported {
            world.report(*id, write).expect("it is in flight");
        }
        for rank in &self.interrupted {
            world.hosts_mut()[*rank as usize].interrupt();
        }
        for host in world.hosts_mut() {
            for id in &self.ordered {
                // What all ranks have learnt is not waited for any more.
                let _known = host.deleted(*id);
            }
        }
        Self {
            world,
            warm: false,
            ..self
        }
    }

    /// Lets something happen, and proves what must hold afterwards.
    pub(crate) fn play(&mut self, cast: &Cast, happening: &Happening) {
        match happening {
            Happening::Event {
                moment,
                steps,
                numbers,
                in_flight,
                fails,
            } => {
                self.step += steps;
                let events = numbers
                    .iter()
                    .map(|numbers| self.event(*moment, *numbers))
                    .collect();
                let write = (!in_flight).then_some(fails.as_slice());
                self.event_and_settle(cast, events, write);
            }
            Happening::End { fails } => self.end(fails),
            Happening::Interrupt(rank) => {
                self.interrupted.insert(*rank);
                self.world.hosts_mut()[*rank as usize].interrupt();
            }
            Happening::Request(rank) => self.world.hosts_mut()[*rank as usize].request_save(),
            Happening::Nonsense { rank, id } => self.nonsense(*rank, *id),
            Happening::Settle => drop(self.round(cast, World::settle)),
            Happening::Cut => {}
        }
    }

    /// Whether a settling round has the numbers of an event. A snapshot does not keep them, so one
    /// straight after a cut is without, and is the one thing that a cut may change.
    pub(crate) fn is_warm(&self) -> bool {
        self.warm
    }

    /// What the newest step came to, as text: a NaN is not equal to itself.
    pub(crate) fn newest(&self) -> &str {
        &self.newest
    }

    /// Ends what is in flight and settles; returns what came of it, and the snapshot.
    pub(crate) fn finish(mut self) -> String {
        while !self
            .in_flight
            .iter()
            .all(|id| self.reported.contains_key(id))
        {
            self.end(&[]);
        }
        let finished = self.world.finish();
        if let Err(error) = &finished {
            assert!(is_machines(error), "the end is refused: {error}");
        }
        format!("{finished:?} {}", self.snapshot())
    }

    fn snapshot(&mut self) -> String {
        self.world.snapshot().expect("a snapshot").to_json()
    }

    fn event(&self, moment: Moment, (x, y): (Option<f64>, Option<f64>)) -> Event {
        // On all ranks and first of all names: hints at a missing input are alike on all ranks.
        let mut metrics: Metrics = [("a", 0.0)].into_iter().collect();
        let given = [("x", x), ("y", y)].into_iter();
        for (name, value) in given.filter_map(|(name, value)| Some((name, value?))) {
            metrics.insert(name, value);
        }
        Event {
            moment,
            step: self.step,
            epoch: self.step / 10,
            metrics,
        }
    }

    /// Plays an event; a save of it is reported at once where `fails` says on which ranks it fails.
    fn event_and_settle(&mut self, cast: &Cast, events: Vec<Event>, fails: Option<&[u32]>) {
        let Some(outcome) = self.round(cast, |world| world.round(&events)) else {
            return;
        };
        self.warm = true;
        let saved = outcome.checkpoint.filter(|_| outcome.save);
        if let (Some(id), Some(fails)) = (saved, fails) {
            self.report(id, fails);
        }
        if outcome.settle || (saved.is_some() && fails.is_some()) {
            self.round(cast, World::settle);
        }
    }

    /// Runs one round, proves its outcome and does what it orders; `None` after an error.
    fn round(
        &mut self,
        cast: &Cast,
        round: impl FnOnce(&mut World) -> Result<Outcome, WorldError>,
    ) -> Option<Outcome> {
        let before = self.listed();
        let outcome = match round(&mut self.world) {
            Ok(outcome) => outcome,
            Err(error) => {
                assert!(is_machines(&error), "an honest round is refused: {error}");
                assert_eq!(before, self.listed(), "an error has changed something");
                self.newest = format!("{error:?}");
                return None;
            }
        };
        self.newest = format!("{outcome:?}");
        prove_act(cast, &outcome);
        self.note(&outcome);
        self.prove_books(cast, &before, &outcome);
        let deletions = self.world.delete(&outcome.delete, &mut Vec::new());
        deletions.expect("they were ordered");
        self.ordered.extend(&outcome.delete);
        Some(outcome)
    }

    fn note(&mut self, outcome: &Outcome) {
        if let Some(id) = outcome.checkpoint.filter(|_| outcome.save) {
            let newest = self.books.saved.last().copied();
            assert!(
                newest.is_none_or(|newest| id > newest),
                "id {id} after {newest:?}"
            );
            self.books.saved.insert(id);
            self.in_flight.push(id);
        }
        for ended in &outcome.ended {
            self.in_flight.retain(|id| *id != ended.id);
            self.reported.remove(&ended.id);
        }
        if outcome.interrupted {
            self.interrupted.clear();
        }
        for opinion in &outcome.opinions {
            let released = opinion.release.iter().map(|id| (opinion.policy, *id));
            self.books.released.extend(released);
        }
    }

    /// Proves of a ledger before and after a round that nothing is lost.
    fn prove_books(&mut self, cast: &Cast, before: &[Held], outcome: &Outcome) {
        let after = self.listed();
        let in_flight = after.iter().filter(|held| !held.complete).count();
        assert!(in_flight <= cast.rules.in_flight as usize, "{after:?}");
        let went_well = outcome
            .ended
            .iter()
            .filter(|ended| ended.failed_ranks.is_empty());
        let mut complete: Vec<_> = before
            .iter()
            .filter(|held| held.complete)
            .map(|it| it.id)
            .collect();
        complete.extend(went_well.map(|ended| ended.id));
        complete.sort_unstable();
        for id in complete
            .iter()
            .rev()
            .take(cast.rules.keep_at_least as usize)
        {
            assert!(
                after.iter().any(|held| held.id == *id),
                "{id} of the newest went: {outcome:?}"
            );
        }
        for id in outcome
            .delete
            .iter()
            .filter(|id| !self.ordered.contains(id))
        {
            assert!(
                !after.iter().any(|held| held.id == *id),
                "{id} is listed and ordered to go"
            );
            self.prove_may_go(*id, before, outcome);
        }
        for held in &after {
            assert!(!self.ordered.contains(&held.id), "{} is back", held.id);
            self.books
                .held
                .extend(held.holders.iter().map(|policy| (*policy, held.id)));
        }
    }

    /// Proves of a checkpoint that is ordered to go for the first time that it may.
    fn prove_may_go(&self, id: CheckpointId, before: &[Held], outcome: &Outcome) {
        if outcome
            .ended
            .iter()
            .any(|ended| ended.id == id && !ended.failed_ranks.is_empty())
        {
            return;
        }
        let held = before.iter().find(|held| held.id == id);
        let ended = outcome.ended.iter().any(|ended| ended.id == id);
        let held = held.unwrap_or_else(|| panic!("{id} was not listed: {before:?}"));
        assert!((held.complete || ended) && !held.pinned, "{held:?}");
        let holders = self.books.held.iter().filter(|(_, of)| *of == id);
        for holder in holders {
            assert!(
                self.books.released.contains(holder),
                "{holder:?} has not let go"
            );
        }
        let enforced = outcome
            .opinions
            .iter()
            .filter(|opinion| opinion.shadow.is_none());
        let wanted = enforced
            .filter(|opinion| opinion.hold.contains(&id))
            .count();
        assert_eq!(wanted, 0, "{id} is wanted and goes: {outcome:?}");
    }

    /// Ends the oldest save that nobody has reported.
    fn end(&mut self, fails: &[u32]) {
        let known = |id: &&CheckpointId| !self.reported.contains_key(id);
        if let Some(id) = self.in_flight.iter().find(known).copied() {
            self.report(id, fails);
        }
    }

    fn report(&mut self, id: CheckpointId, fails: &[u32]) {
        let saved = Saved {
            bytes: id * 3,
            seconds: Some(0.5),
            stall_seconds: None,
        };
        let write = Write {
            fails: fails.to_vec(),
            saved,
        };
        self.world.report(id, &write).expect("it is in flight");
        self.reported.insert(id, write);
    }

    /// Reports of one rank that only make sense for an order that the trainer has followed; then
    /// they change nothing either.
    fn nonsense(&mut self, rank: u32, id: CheckpointId) {
        if self.in_flight.contains(&id) {
            return;
        }
        let before = self.listed();
        let host = &mut self.world.hosts_mut()[rank as usize];
        let results = [
            host.saved(id, Saved::default()),
            host.failed(id),
            host.deleted(id),
        ];
        let was_ordered = self.ordered.contains(&id);
        assert!(
            was_ordered || results.iter().all(Result::is_err),
            "{id}: {results:?}"
        );
        assert_eq!(before, self.listed(), "a report has moved the ledger");
    }

    /// The ledger, which all ranks have in common.
    fn listed(&self) -> Vec<Held> {
        let hosts = self.world.hosts();
        let listed: Vec<Held> = hosts[0].checkpoints().collect();
        for host in &hosts[1..] {
            assert_eq!(
                host.checkpoints().collect::<Vec<_>>(),
                listed,
                "ledgers differ"
            );
        }
        listed
    }
}

/// Whether a script made a machine fail, which is the only error that an honest run may come to.
fn is_machines(error: &WorldError) -> bool {
    let of_machine = |error: &_| matches!(error, Error::Machine { .. });
    matches!(error, WorldError::Refused(errors) if errors.iter().all(of_machine))
}

/// Proves that what an outcome does was wished by somebody who may.
fn prove_act(cast: &Cast, outcome: &Outcome) {
    let is_enforced = |opinion: &&Opinion| cast.policies[opinion.policy].mode == Mode::Enforce;
    let enforced: Vec<_> = outcome.opinions.iter().filter(is_enforced).collect();
    let failed = |on_error| {
        let mut failed = enforced.iter().filter(|opinion| opinion.error.is_some());
        failed.any(|opinion| cast.policies[opinion.policy].on_error == on_error)
    };
    let said = |ballot| {
        enforced
            .iter()
            .any(|opinion| opinion.ballot == Some(ballot))
    };
    if outcome.save {
        assert!(
            said(Ballot::Save) || failed(OnError::Save),
            "nobody asked: {outcome:?}"
        );
        assert!(!said(Ballot::Veto), "it was forbidden: {outcome:?}");
    }
    if outcome.stop {
        let said = enforced.iter().any(|opinion| opinion.stop);
        assert!(said || failed(OnError::Stop), "nobody stops: {outcome:?}");
    }
}
