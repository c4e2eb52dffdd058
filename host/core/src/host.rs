//! One rank's host: asks the policies, combines their verdicts, keeps the ledger.
//!
//! Does no IO, reads no clock and waits for nobody: whoever owns the process group moves the bytes
//! between `begin` and `complete`. There are three kinds of methods: those that begin an exchange
//! ([`Host::begin`], [`Host::settle`], [`Host::finish`], [`Host::snapshot`]), those that go on with
//! it ([`Host::complete`], [`Host::complete_snapshot`]), and reports ([`Host::saved`],
//! [`Host::failed`], [`Host::deleted`], [`Host::interrupt`], [`Host::request_save`]), which only
//! record on this rank; all ranks learn of them in the next round.
//!
//! Invariant: ledger and states move when a round completes, all together, or not at all.

mod contribute;
mod digests;
mod due;
mod facts;
mod judge;
mod learn;
mod news;
mod receive;
mod remember;
mod restore;
mod store;

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::CheckpointId;
use crate::error::Error;
use crate::event::{Event, Moment};
use crate::exchange::{Carried, Exchange};
use crate::layout::Layout;
use crate::ledger::Ledger;
use crate::message::{Message, Remembered, SaveStatus, Shape};
use crate::outcome::Outcome;
use crate::seat::{Instant, Seat};
use crate::setup::{Encoding, Place, PolicyInfo, Rules};
use crate::snapshot::Snapshot;
use crate::totals::Form;

use judge::Judged;
use receive::{Agreed, Received};

/// One answer of the host: an exchange that must come first, or the result.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress<T> {
    /// Carry this between all ranks and hand what comes of it to the matching `complete`.
    Exchange(Exchange),
    /// Nothing more has to travel.
    Done(T),
}

/// How a save went on this rank.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Saved {
    /// Bytes that this rank wrote.
    pub bytes: u64,
    /// Seconds from the start to durable; `None` where nobody measured.
    pub seconds: Option<f64>,
    /// Of those, seconds for which training stood still.
    pub stall_seconds: Option<f64>,
}

/// One checkpoint of the enforced ledger, for people and adapters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its id.
    pub id: CheckpointId,
    /// Optimizer steps done when it was saved.
    pub step: u64,
    /// Epoch in progress then.
    pub epoch: u64,
    /// Written and durable on every rank.
    pub complete: bool,
    /// Something outside protects it.
    pub pinned: bool,
    /// Size in bytes over all ranks; zero until it is complete.
    pub bytes: u64,
    /// Of all policies that asked for it.
    pub tags: Vec<String>,
    /// Indices of the policies that hold it, in the order of the configuration.
    pub holders: Vec<usize>,
}

/// One rank's host; see the [module](crate) for the loop around it.
pub struct Host {
    place: Place,
    rules: Rules,
    layout: Layout,
    shape: Shape,
    /// Where numbers are summed on the way; `None` where all messages are gathered.
    form: Option<Form>,
    seats: Vec<Seat>,
    infos: Vec<PolicyInfo>,
    ledger: Ledger,
    course: Course,
    local: Local,
    pending: Option<Pending>,
    /// What the event under way moved, for when its round ends in an error.
    before: Option<Before>,
    /// What policies failed with on this rank in the newest round.
    faults: Vec<(usize, String)>,
}

/// Where the run is; the same on all ranks that have seen the same events.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Course {
    /// Rounds completed.
    pub(crate) round: u64,
    /// What a new checkpoint would be called.
    pub(crate) next_id: CheckpointId,
    /// How often the run went on from a checkpoint.
    pub(crate) restarts: u64,
    /// The checkpoint that is pinned for no other reason than that the run came from it.
    pub(crate) came_from: Option<CheckpointId>,
    pub(crate) failed_saves: u64,
    /// The step of the newest `step-end`.
    pub(crate) step_end: u64,
    /// The step of the newest round.
    pub(crate) round_step: u64,
    /// Step and epoch of the newest event.
    pub(crate) step: u64,
    pub(crate) epoch: u64,
    /// All ranks have learnt that the run must leave.
    pub(crate) interrupted: bool,
    /// Digest of the newest outcome.
    pub(crate) outcome: u128,
}

/// What only this rank knows until the next round.
#[derive(Debug, Default)]
struct Local {
    memory: Vec<Remembered>,
    reports: BTreeMap<CheckpointId, Report>,
    deleted: BTreeSet<CheckpointId>,
    interrupted: bool,
    save_requested: bool,
    /// What the newest event gave for each input; a settling round uses it again.
    given: Vec<Option<f64>>,
    /// Names of the newest event's metrics where it lacks one that is required, for the hint.
    logged: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Report {
    status: SaveStatus,
    saved: Saved,
}

/// What an event moves before its round completes.
struct Before {
    course: Course,
    memory: Vec<Remembered>,
    given: Vec<Option<f64>>,
}

/// An exchange under way.
struct Pending {
    at: Instant,
    /// For each policy, whether this round asks it.
    asked: Vec<bool>,
    stage: Stage,
    /// What this rank says, for when the others must have it word for word.
    own: Message,
    travels: Travels,
}

/// What is carried for an exchange under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Travels {
    /// Every rank's message, as the first thing or after the totals of a snapshot have agreed.
    Messages,
    /// The totals of all messages.
    Totals,
    /// Every rank's message, because the totals say that there is something to be told: the ranks
    /// differ (`true`), or something failed on one of them.
    Reasons { differ: bool },
}

enum Stage {
    Gathering,
    Confirming(Box<Judged>),
    /// This machine could not run a policy; the others learn it in the next exchange.
    Broken,
    Remembering,
}

impl Host {
    /// Begins the round of one event; where nobody is due the answer is an idle outcome.
    ///
    /// # Errors
    ///
    /// [`Error::Order`] while another exchange is open, and for the moment `settled`, which only
    /// [`Host::settle`] brings about.
    pub fn begin(&mut self, event: &Event) -> Result<Progress<Outcome>, Error> {
        self.check_free()?;
        if event.moment == Moment::Settled {
            return Err(Error::Order(
                "the moment `settled` is begun by `settle`, not by an event",
            ));
        }
        let at = Instant {
            moment: event.moment,
            step: event.step,
            epoch: event.epoch,
        };
        let asked = self.asked(at);
        let wanted = self.is_round_wanted(at, &asked);
        self.before = wanted.then(|| Before {
            course: self.course.clone(),
            memory: self.local.memory.clone(),
            given: std::mem::take(&mut self.local.given),
        });
        self.remember(event);
        if at.moment == Moment::StepEnd {
            self.course.step_end = at.step;
        }
        (self.course.step, self.course.epoch) = (at.step, at.epoch);
        if !wanted {
            return Ok(Progress::Done(Outcome::idle(at.moment)));
        }
        Ok(self.contribute(at, asked))
    }

    /// Begins a settling round (moment `settled`), with the numbers of the event before it.
    ///
    /// All ranks call it after a synchronous save, also the one on which the save failed, and
    /// where an outcome says [`settle`](Outcome::settle). A snapshot does not keep those numbers:
    /// straight after a resume they are missing, until the next event.
    ///
    /// # Errors
    ///
    /// [`Error::Order`] while another exchange is open.
    pub fn settle(&mut self) -> Result<Progress<Outcome>, Error> {
        self.check_free()?;
        let Course { step, epoch, .. } = self.course;
        let at = Instant {
            moment: Moment::Settled,
            step,
            epoch,
        };
        let asked = self.asked(at);
        Ok(self.contribute(at, asked))
    }

    /// Settles what is left at the end of a run: saves whose end not all ranks know, and deletions
    /// that not all ranks have reported. Report first what has ended on this rank.
    ///
    /// # Errors
    ///
    /// [`Error::Order`] while another exchange is open.
    pub fn finish(&mut self) -> Result<Progress<Outcome>, Error> {
        self.check_free()?;
        if self.ledger.in_flight_count() == 0 && self.ledger.all_deleting().next().is_none() {
            return Ok(Progress::Done(Outcome::idle(Moment::Settled)));
        }
        self.settle()
    }

    /// Takes what came of the exchange and goes on: to the outcome, or to one more exchange, such as
    /// the one that confirms it.
    ///
    /// # Errors
    ///
    /// A disagreement, a machine's fault, or unusable messages. Nothing has changed then, and the
    /// same error is returned on all ranks that took part.
    pub fn complete<'a>(
        &mut self,
        carried: impl Into<Carried<'a>>,
    ) -> Result<Progress<Outcome>, Error> {
        let under_way = self
            .pending
            .take_if(|pending| !matches!(pending.stage, Stage::Remembering));
        let Some(pending) = under_way else {
            return Err(Error::Order("`complete` without a round under way"));
        };
        let result = self.go_on(pending, carried.into());
        if result.is_err() {
            self.rollback();
        }
        result
    }

    /// Gives up the exchange under way, since what was to carry it has failed: the host is as it was
    /// before the round. The other ranks do not learn of it, so the run ends here, and goes on from a
    /// snapshot.
    pub fn give_up(&mut self) {
        if self.pending.take().is_some() {
            self.rollback();
        }
    }

    /// Reports that this rank's part of a checkpoint is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Report`] where it is not in flight, or was reported before.
    pub fn saved(&mut self, id: CheckpointId, saved: Saved) -> Result<(), Error> {
        self.report(
            id,
            "saved",
            Report {
                status: SaveStatus::Saved,
                saved,
            },
        )
    }

    /// Reports that this rank's part of a checkpoint could not be written.
    ///
    /// # Errors
    ///
    /// [`Error::Report`] where it is not in flight, or was reported before.
    pub fn failed(&mut self, id: CheckpointId) -> Result<(), Error> {
        let saved = Saved::default();
        self.report(
            id,
            "failed",
            Report {
                status: SaveStatus::Failed,
                saved,
            },
        )
    }

    /// Reports that this rank's part of a checkpoint is gone.
    ///
    /// # Errors
    ///
    /// [`Error::Report`] where nobody ordered its deletion.
    pub fn deleted(&mut self, id: CheckpointId) -> Result<(), Error> {
        if self.ledger.is_deleting(id) {
            self.local.deleted.insert(id);
            return Ok(());
        }
        let found = match self.ledger.get(id) {
            Some(_) => "it is to be kept",
            None => "the ledger does not know it",
        };
        Err(Error::Report {
            id,
            report: "deleted",
            found,
        })
    }

    /// Notes that this rank was told to leave; all ranks learn it in the next round.
    pub fn interrupt(&mut self) {
        self.local.interrupted = true;
    }

    /// Notes that somebody asked this rank for a save; policies see `host.save-requested` until
    /// the next save.
    pub fn request_save(&mut self) {
        self.local.save_requested = true;
    }

    /// Takes a snapshot; where ranks remember numbers of their own, these travel first.
    ///
    /// # Errors
    ///
    /// [`Error::Order`] while another exchange is open.
    pub fn snapshot(&mut self) -> Result<Progress<Snapshot>, Error> {
        self.check_free()?;
        if !self.remembers() {
            return Ok(Progress::Done(self.to_snapshot(&[])));
        }
        Ok(self.remember_together())
    }

    /// Takes what came of the exchange that [`Host::snapshot`] asked for, and goes on: to the
    /// snapshot, or to one more exchange.
    ///
    /// # Errors
    ///
    /// A disagreement, or unusable messages.
    pub fn complete_snapshot<'a>(
        &mut self,
        carried: impl Into<Carried<'a>>,
    ) -> Result<Progress<Snapshot>, Error> {
        let under_way = self
            .pending
            .take_if(|pending| matches!(pending.stage, Stage::Remembering));
        let Some(pending) = under_way else {
            return Err(Error::Order(
                "`complete_snapshot` without a snapshot under way",
            ));
        };
        self.remembered_together(pending, carried.into())
    }

    /// Returns which rank of how many this is.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Returns how the ranks' numbers travel in this world under these policies: never
    /// [`Encoding::Auto`].
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        match self.form {
            Some(_) => Encoding::Reduce,
            None => Encoding::Gather,
        }
    }

    /// Returns how many rounds have been completed; one that is under way is the next.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.course.round
    }

    /// Returns the policies in the order of the configuration.
    #[must_use]
    pub fn policies(&self) -> &[PolicyInfo] {
        &self.infos
    }

    /// Returns the checkpoints of the enforced ledger, oldest first.
    pub fn checkpoints(&self) -> impl Iterator<Item = Held> + '_ {
        self.ledger.listed().map(|entry| Held {
            id: entry.id(),
            step: entry.facts.step,
            epoch: entry.facts.epoch,
            complete: entry.complete,
            pinned: entry.pinned,
            bytes: entry.bytes,
            tags: entry.tags.clone(),
            holders: crate::ledger::policies(entry.holders).collect(),
        })
    }

    /// Returns the checkpoints that a shadow would have kept, oldest first; none for a policy that
    /// is enforced.
    pub fn shadow_checkpoints(&self, policy: usize) -> impl Iterator<Item = CheckpointId> + '_ {
        let ledger = self.seats.get(policy).and_then(|seat| seat.shadow.as_ref());
        ledger
            .into_iter()
            .flat_map(Ledger::listed)
            .map(crate::ledger::Entry::id)
    }

    /// Returns the labels that point at a checkpoint: policy, name, checkpoint. A shadow's labels
    /// point into its own ledger.
    pub fn labels(&self) -> impl Iterator<Item = (usize, &str, CheckpointId)> + '_ {
        self.seats
            .iter()
            .enumerate()
            .flat_map(move |(policy, seat)| {
                let ledger = seat.shadow.as_ref().unwrap_or(&self.ledger);
                seat.memory
                    .labels
                    .iter()
                    .filter(|label| ledger.get(label.checkpoint).is_some())
                    .map(move |label| (policy, label.name.as_str(), label.checkpoint))
            })
    }

    /// Returns the policies that have failed so often in a row that they are not asked any more: how
    /// often, by their index. After a resume they may be so from the start.
    pub fn disabled(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let disabled = self.seats.iter().filter(|seat| seat.is_disabled());
        disabled.map(|seat| (seat.index, seat.memory.failures))
    }

    /// Returns what policies failed with on this rank in the newest round, for this rank's log:
    /// the policy's index and its own text. Other ranks know no more than that it failed here.
    pub fn faults(&self) -> impl Iterator<Item = (usize, &str)> + '_ {
        self.faults
            .iter()
            .map(|(policy, text)| (*policy, text.as_str()))
    }

    fn check_free(&self) -> Result<(), Error> {
        match &self.pending {
            Some(Pending {
                stage: Stage::Remembering,
                ..
            }) => Err(Error::Order(
                "a snapshot is under way: call `complete_snapshot` first",
            )),
            Some(_) => Err(Error::Order(
                "an exchange is under way: call `complete` first",
            )),
            None => Ok(()),
        }
    }

    fn go_on(
        &mut self,
        pending: Pending,
        carried: Carried<'_>,
    ) -> Result<Progress<Outcome>, Error> {
        let (pending, agreed) = match self.receive(pending, carried)? {
            Received::Continue(agreed) => agreed,
            Received::Break(exchange) => return Ok(Progress::Exchange(exchange)),
        };
        match pending.stage {
            Stage::Gathering => {
                let news = match agreed {
                    Agreed::Messages(messages) => self.fold(&messages),
                    Agreed::Totals(totals) => self.take(totals, &pending.own),
                };
                self.judge(pending, news)
            }
            Stage::Confirming(judged) => Ok(Progress::Done(self.commit(*judged))),
            Stage::Broken | Stage::Remembering => {
                Err(Error::Order("a machine's fault was not among the messages"))
            }
        }
    }

    fn report(
        &mut self,
        id: CheckpointId,
        report: &'static str,
        what: Report,
    ) -> Result<(), Error> {
        let in_flight = self.ledger.get(id).map(|entry| !entry.complete);
        let found = match in_flight {
            Some(true) if self.local.reports.contains_key(&id) => "it was reported before",
            Some(true) => {
                self.local.reports.insert(id, what);
                return Ok(());
            }
            Some(false) => "it is complete",
            // The save failed on another rank and was settled; this rank's end came later.
            None if self.ledger.is_deleting(id) => return Ok(()),
            None => "the ledger does not know it",
        };
        Err(Error::Report { id, report, found })
    }

    fn rollback(&mut self) {
        self.ledger.rollback();
        for seat in &mut self.seats {
            seat.rollback();
        }
        if let Some(before) = self.before.take() {
            self.course = before.course;
            self.local.memory = before.memory;
            self.local.given = before.given;
        }
    }
}

impl Course {
    /// Returns the course of a run that begins.
    pub(crate) fn start() -> Self {
        Self {
            next_id: 1,
            ..Self::default()
        }
    }
}
