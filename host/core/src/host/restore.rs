//! How a host comes into being: fresh, or from a snapshot.
//!
//! Rules of a resume, beyond putting everything back by name:
//! - World size changed: rank r takes old rank r's numbers, new ranks have none.
//! - Checkpoints that are not on disk are dropped; unknown ones are entered as complete and pinned.
//! - What the weights come from is pinned, until the run goes on from another one.
//! - What is younger than the checkpoint that the weights come from is an abandoned future.
//! - A policy that had failed too often still has: the same file under the same configuration would
//!   fail again where it failed. A larger `disable-after` lets it in again.
//! - What was held by a policy that is not enforced any more is pinned: a change of configuration
//!   is no reason to delete.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::contract::{CheckpointId, Fault, Label, Operation};
use crate::error::Error;
use crate::facts::{FACTS, nearest};
use crate::layout::{self, Layout};
use crate::ledger::{Entry, Facts, Inputs, Ledger, bit};
use crate::message::{Remembered, Shape};
use crate::number::Number;
use crate::opening::canonical_json;
use crate::outcome::Mode;
use crate::reduction::integers::MOST_RANKS;
use crate::seat::{Memory, Seat};
use crate::setup::{Encoding, MOST_GATHERED, Place, PolicySetup, Rules, Setup};
use crate::snapshot::{Body, EntryPart, OnDisk, PolicyPart, Resume};
use crate::totals::Form;

use super::{Course, Host, Local};

/// The ledger has a bit for each policy, and a message a bit for each deletion.
const MOST: usize = 64;

impl Host {
    /// Prepares the policies and puts back what a snapshot knows.
    pub(crate) fn new(setup: Setup, resume: Option<Resume>) -> Result<Self, Error> {
        Self::prepare(setup, resume, 1)
    }

    /// Prepares a host of a world that only meets.
    pub(crate) fn without_policies(place: Place) -> Result<Self, Error> {
        let setup = Setup {
            place,
            rules: Rules::default(),
            policies: Vec::new(),
            facts: Vec::new(),
        };
        Self::prepare(setup, None, 0)
    }

    fn prepare(setup: Setup, resume: Option<Resume>, least: usize) -> Result<Self, Error> {
        check(&setup, least)?;
        let Setup {
            place,
            rules,
            policies,
            ..
        } = setup;
        let mut seats = Vec::with_capacity(policies.len());
        for policy in policies {
            seats.push(seat(seats.len(), policy, resume.as_ref())?);
        }
        seats.iter().try_for_each(check_facts)?;
        let plans: Vec<_> = seats
            .iter()
            .map(|seat| (seat.info.name.as_str(), &seat.info.plan))
            .collect();
        let layout = Layout::new(&plans).map_err(|(policy, what)| {
            let name = seats[policy].info.name.clone();
            Error::Plan { name, what }
        })?;
        for seat in &mut seats {
            seat.info.reductions = layout::reduction_labels(&seat.info.plan);
        }
        let shape = Shape {
            policies: seats.len(),
            saves: rules.in_flight as usize,
            channels: layout.channels,
            memory: layout.memory.len(),
        };
        let form = choose(place, &rules, &layout, &seats, shape)?;
        let local = Local {
            memory: vec![Remembered::default(); layout.memory.len()],
            ..Local::default()
        };
        let mut host = Self {
            place,
            rules,
            shape,
            form,
            infos: seats.iter().map(|seat| seat.info.clone()).collect(),
            layout,
            seats,
            ledger: Ledger::default(),
            course: Course::start(),
            local,
            pending: None,
            before: None,
            faults: Vec::new(),
        };
        if let Some(resume) = resume {
            host.restore(&resume)?;
        }
        Ok(host)
    }

    fn restore(&mut self, resume: &Resume) -> Result<(), Error> {
        let body = &resume.snapshot.body;
        self.course = course(body, resume)?;
        self.recall(body);
        if resume.from.is_none() {
            self.recall_flags();
        }
        let mut ledger = self.real_ledger(resume)?;
        if let Some(from) = resume.from {
            let is_pinned_by_this = self.protect(&mut ledger, from, resume)?;
            self.course.came_from = is_pinned_by_this.then_some(from);
        }
        self.take_stock(&mut ledger, resume);
        self.course.next_id = self.course.next_id.max(after(ledger.largest_id())?);
        ledger.commit();
        self.ledger = ledger;
        for index in 0..self.seats.len() {
            let name = &self.seats[index].info.name;
            let part = body.policies.iter().find(|part| part.name == *name);
            let own = part.and_then(|part| part.ledger.as_ref());
            if let (Mode::Shadow, Some(own)) = (self.seats[index].info.mode, own) {
                let mut ledger = Ledger::default();
                for part in &own.checkpoints {
                    ledger.put(self.entry(part, |_| true));
                }
                ledger.commit();
                self.seats[index].shadow = Some(ledger);
            }
        }
        Ok(())
    }

    /// Gives this rank what it, or its predecessor in another world, remembered.
    fn recall(&mut self, body: &Body) {
        for (slot, name) in self.layout.memory.iter().enumerate() {
            let ranks = body.memory.get(name);
            if let Some((value, step)) = ranks.and_then(|it| it.get(self.place.rank as usize)) {
                let value = value.map(|Number(value)| value);
                self.local.memory[slot] = Remembered { value, step: *step };
            }
        }
    }

    /// Rebuilds the enforced ledger.
    fn real_ledger(&self, resume: &Resume) -> Result<Ledger, Error> {
        let body = &resume.snapshot.body;
        let newest_body = resume
            .directory
            .as_ref()
            .map_or(body, |newest| &newest.body);
        let (own, newest) = (&body.ledger, &newest_body.ledger);
        // What the run came from before goes as all others do, once it comes from elsewhere.
        let is_pinned = |body: &Body, part: &EntryPart| {
            part.pinned && (resume.from.is_none() || body.came_from != Some(part.id))
        };
        let mut ledger = Ledger::default();
        for part in &newest.checkpoints {
            // What the resumed checkpoint's own time knew of it, holds above all, is what counts.
            let then = own
                .checkpoints
                .iter()
                .find(|own| own.id == part.id)
                .unwrap_or(part);
            let mut entry = self.enforced_entry(&EntryPart {
                pinned: is_pinned(body, then) || is_pinned(newest_body, part),
                ..then.clone()
            });
            entry.bytes = entry.bytes.max(part.bytes);
            if is_future(resume, part.id) {
                entry.abandoned = true;
                entry.complete |= part.complete;
                (entry.holders, entry.askers) = (0, 0);
                entry.releases.clear();
            }
            ledger.put(entry);
            if part.complete {
                // Also one that the resumed checkpoint's own time knew in flight: what waited for
                // its end counts now.
                ledger.complete(part.id, part.bytes);
            }
        }
        for id in newest
            .deleting
            .iter()
            .filter(|id| resume.from != Some(**id))
        {
            ledger.order_deletion(*id);
        }
        Ok(ledger)
    }

    /// Enters the checkpoint that the weights come from as complete and pinned; returns whether it
    /// was not pinned before.
    fn protect(
        &self,
        ledger: &mut Ledger,
        from: CheckpointId,
        resume: &Resume,
    ) -> Result<bool, Error> {
        if ledger.get(from).is_none() {
            // Dropped or ordered to go since, but somebody has just restored from it.
            let own = &resume.snapshot.body.ledger.checkpoints;
            let found = resume.disk.iter().flatten().find(|found| found.id == from);
            let entry = match (own.iter().find(|own| own.id == from), found) {
                (Some(own), _) => self.enforced_entry(own),
                (None, Some(found)) => self.stranger(found),
                (None, None) => {
                    return Err(Error::Snapshot(format!(
                        "checkpoint {from}, from which the run is to go on, is neither in the ledger nor on disk"
                    )));
                }
            };
            ledger.put(entry);
        }
        // It is complete, whatever was learnt in time; its size is what is on disk where it was still
        // in flight.
        let known = ledger.get(from).filter(|entry| entry.complete);
        let found = || resume.disk.iter().flatten().find(|it| it.id == from);
        let bytes = known
            .map(|entry| entry.bytes)
            .or_else(|| found().map(|it| it.bytes));
        let was_pinned = ledger.get(from).is_some_and(|entry| entry.pinned);
        ledger.complete(from, bytes.unwrap_or_default());
        ledger.change(from, |entry| {
            entry.pinned = true;
            entry.abandoned = false;
        });
        Ok(!was_pinned)
    }

    /// Brings the ledger in line with the disk.
    fn take_stock(&self, ledger: &mut Ledger, resume: &Resume) {
        let Some(disk) = &resume.disk else {
            if resume.from.is_some() {
                // The process that was writing them is gone, and nobody says that they are whole.
                for id in ledger.in_flight() {
                    ledger.fail(id);
                }
            }
            return;
        };
        let found: BTreeMap<CheckpointId, &OnDisk> = disk.iter().map(|it| (it.id, it)).collect();
        for id in ledger.in_flight() {
            if let Some(found) = found.get(&id) {
                ledger.complete(id, found.bytes);
            }
        }
        let ids: Vec<_> = ledger.entries().map(Entry::id).collect();
        ids.into_iter()
            .filter(|id| !found.contains_key(id) && resume.from != Some(*id))
            .for_each(|id| ledger.forget(id));
        let ordered: Vec<_> = ledger.all_deleting().collect();
        ordered
            .iter()
            .filter(|id| !found.contains_key(id))
            .for_each(|id| ledger.deletion_done(*id));
        for (id, found) in found {
            if ledger.get(id).is_none() && !ledger.is_deleting(id) {
                let mut entry = self.stranger(found);
                entry.abandoned = is_future(resume, id);
                ledger.put(entry);
            }
        }
    }

    /// Turns a snapshot's checkpoint into an entry of the enforced ledger.
    fn enforced_entry(&self, part: &EntryPart) -> Entry {
        self.entry(part, |index| self.seats[index].is_enforced())
    }

    /// Makes an entry of a checkpoint that the ledger did not know: complete, and nobody's to
    /// delete.
    fn stranger(&self, found: &OnDisk) -> Entry {
        let count = self.layout.inputs.len();
        let facts = Facts {
            id: found.id,
            step: found.step,
            epoch: found.epoch,
            values: vec![None; self.layout.reductions.len()],
            inputs: match self.form {
                Some(_) => Inputs::Own(vec![None; count]),
                None => Inputs::All(vec![None; count * self.place.world_size as usize]),
            },
            ..Facts::default()
        };
        let mut entry = Entry::new(facts);
        (entry.complete, entry.pinned, entry.bytes) = (true, true, found.bytes);
        entry
    }

    /// Turns a snapshot's checkpoint into an entry under the present layout.
    fn entry(&self, part: &EntryPart, counts: impl Fn(usize) -> bool) -> Entry {
        let mut other_values: BTreeMap<_, _> = part
            .values
            .iter()
            .map(|(name, value)| (name.clone(), plain(*value)))
            .collect();
        let mut other_inputs: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (name, ranks) in &part.inputs {
            other_inputs.insert(
                name.clone(),
                ranks.iter().map(|value| plain(*value)).collect(),
            );
        }
        let labels = self.layout.labels.iter();
        let values = labels
            .map(|label| other_values.remove(label).flatten())
            .collect();
        let columns: Vec<_> = self
            .layout
            .inputs
            .iter()
            .map(|name| other_inputs.remove(name))
            .collect();
        let number = |rank: u32, column: &Option<Vec<Option<f64>>>| {
            column
                .as_ref()
                .and_then(|ranks| ranks.get(rank as usize).copied().flatten())
        };
        let of_rank = |rank| columns.iter().map(move |column| number(rank, column));
        let inputs = match self.form {
            Some(_) => Inputs::Own(of_rank(self.place.rank).collect()),
            None => Inputs::All((0..self.place.world_size).flat_map(of_rank).collect()),
        };
        let facts = Facts {
            id: part.id,
            step: part.step,
            epoch: part.epoch,
            elapsed: plain(part.elapsed_seconds),
            values,
            inputs,
            other_values,
            other_inputs,
        };
        let known = |name: &String| self.seat_of(name).filter(|index| counts(*index));
        let set = |names: &[String]| {
            names
                .iter()
                .filter_map(known)
                .fold(0, |set, at| set | bit(at))
        };
        let releases = part.releases.iter();
        Entry {
            facts: Arc::new(facts),
            complete: part.complete,
            bytes: part.bytes,
            pinned: part.pinned || part.held_by.iter().any(|name| known(name).is_none()),
            abandoned: part.abandoned,
            holders: set(&part.held_by),
            askers: set(&part.asked_by),
            tags: part.tags.clone(),
            releases: releases
                .filter_map(|(name, ids)| known(name).map(|policy| (policy, ids.clone())))
                .collect(),
        }
    }

    fn seat_of(&self, name: &str) -> Option<usize> {
        self.seats.iter().position(|seat| seat.info.name == name)
    }
}

fn plain(number: Option<Number>) -> Option<f64> {
    number.map(|Number(value)| value)
}

/// Checks what needs no policy to be asked; `least` is how few of them there may be.
fn check(setup: &Setup, least: usize) -> Result<(), Error> {
    let refuse = |text: String| Err(Error::Setup(text));
    let place = setup.place;
    if place.rank >= place.world_size {
        return refuse(format!(
            "rank {} is not in a world of {} ranks, which are counted from 0",
            place.rank, place.world_size
        ));
    }
    let count = setup.policies.len();
    if !(least..=MOST).contains(&count) {
        return refuse(format!(
            "there are {count} policies, expected {least} to {MOST}"
        ));
    }
    let in_flight = setup.rules.in_flight as usize;
    if in_flight == 0 || in_flight > MOST {
        return refuse(format!("`in-flight` is {in_flight}, expected 1 to {MOST}"));
    }
    let mut names = BTreeSet::new();
    for policy in &setup.policies {
        if !names.insert(policy.name.as_str()) {
            return refuse(format!(
                "two policies are called `{}`; give each its own `name`",
                policy.name
            ));
        }
    }
    Ok(())
}

/// Says how the ranks' numbers travel: the form of the totals, or nothing where messages are
/// gathered. Follows from what all ranks have in common.
fn choose(
    place: Place,
    rules: &Rules,
    layout: &Layout,
    seats: &[Seat],
    shape: Shape,
) -> Result<Option<Form>, Error> {
    let form = || {
        let plans = seats.iter().map(|seat| &seat.info.plan);
        let fits = place.world_size <= MOST_RANKS;
        Form::new(place, layout, plans, shape).filter(|_| fits)
    };
    let gathered = shape.length().saturating_mul(place.world_size as usize);
    match rules.encoding {
        Encoding::Gather => Ok(None),
        Encoding::Auto if gathered <= MOST_GATHERED => Ok(None),
        Encoding::Auto => Ok(form().filter(|form| form.bytes() < gathered)),
        Encoding::Reduce => form().map(Some).ok_or_else(|| {
            let lists = |seat: &&Seat| {
                let mut reductions = seat.info.plan.reductions.iter();
                reductions.any(|it| it.operation == Operation::EveryRank)
            };
            let why = match seats.iter().find(lists) {
                Some(seat) => format!(
                    "policy `{}` wants the number of every rank, which no sum has",
                    seat.info.name
                ),
                None => format!("it is for at most {MOST_RANKS} ranks"),
            };
            Error::Setup(format!(
                "`encoding = \"reduce\"` is impossible: {why}; use `auto` or `gather`"
            ))
        }),
    }
}

/// A fact that this host does not know stays missing for ever, so nobody may require it.
fn check_facts(seat: &Seat) -> Result<(), Error> {
    let required = seat.info.plan.inputs.iter().filter(|input| input.required);
    let mut facts = required
        .map(|input| &input.name)
        .filter(|name| name.starts_with("host."));
    let Some(fact) = facts.find(|name| !FACTS.contains(&name.as_str())) else {
        return Ok(());
    };
    let hint = nearest(fact, FACTS.into_iter()).map_or_else(String::new, |near| {
        format!("; the nearest that it knows is `{near}`")
    });
    Err(Error::Fact {
        name: seat.info.name.clone(),
        fact: fact.clone(),
        hint,
    })
}

/// Prepares one policy with what the snapshot remembers of it.
fn seat(index: usize, setup: PolicySetup, resume: Option<&Resume>) -> Result<Seat, Error> {
    let name = setup.name.clone();
    let parts = resume
        .map(|resume| resume.snapshot.body.policies.as_slice())
        .unwrap_or_default();
    let part = parts.iter().find(|part| part.name == name);
    let seamless = resume.is_some_and(|resume| resume.from.is_none());
    let memory = part
        .map(|part| memory(part, &setup, seamless))
        .transpose()?;
    Seat::new(index, setup, memory).map_err(|fault| match fault {
        Fault::State(text) => Error::State { name, text },
        fault => Error::Policy { name, fault },
    })
}

fn memory(part: &PolicyPart, setup: &PolicySetup, seamless: bool) -> Result<Memory, Error> {
    let state = STANDARD.decode(&part.state).map_err(|error| {
        Error::Snapshot(format!(
            "the state of policy `{}` is not base64: {error}",
            part.name
        ))
    })?;
    let same = part.config == canonical_json(&setup.config) && part.sha256 == setup.digest;
    // It lapses on a resume and when the configuration changes.
    let not_before = part.not_before.filter(|_| seamless && same);
    // What another file, or the same under another configuration, failed with says nothing of it.
    let failures = if same { part.failures } else { 0 };
    let labels = part.labels.iter();
    let labels = labels
        .map(|(name, id)| Label {
            name: name.clone(),
            checkpoint: *id,
        })
        .collect();
    Ok(Memory {
        state,
        not_before,
        labels,
        failures: setup.disable_after.map_or(0, |_| failures),
    })
}

fn course(body: &Body, resume: &Resume) -> Result<Course, Error> {
    let outcome = u128::from_str_radix(&body.outcome, 16)
        .map_err(|error| Error::Snapshot(format!("its `outcome` is not hex: {error}")))?;
    let newest = resume
        .directory
        .as_ref()
        .map_or(body, |newest| &newest.body);
    let restarts = body.restarts.max(newest.restarts);
    let again = resume.from.is_some();
    for number in [body.round, body.failed_saves, body.next_id, newest.next_id] {
        after(number)?;
    }
    Ok(Course {
        round: body.round,
        next_id: body.next_id.max(newest.next_id),
        // Each time that the run went on from any of its checkpoints, also from an older one.
        restarts: if again { after(restarts)? } else { restarts },
        came_from: body.came_from,
        failed_saves: body.failed_saves,
        step_end: body.step_end,
        round_step: body.round_step,
        step: body.step,
        epoch: body.epoch,
        interrupted: body.interrupted && !again,
        outcome,
    })
}

/// Whether a checkpoint is younger than the one that the run goes on from.
fn is_future(resume: &Resume, id: CheckpointId) -> bool {
    resume.from.is_some_and(|from| id > from)
}

/// Returns the number after one that is written down somewhere.
fn after(number: u64) -> Result<u64, Error> {
    // Far beyond any run, and far enough from the end of the integers to count on from.
    match number <= u64::MAX / 2 {
        true => Ok(number + 1),
        false => Err(Error::Snapshot(format!(
            "the number {number} is beyond any id, round or restart that a run can have reached"
        ))),
    }
}
