//! How a host comes into being: fresh, or from a snapshot; and how it becomes one.
//!
//! Rules of a resume, beyond putting everything back by name:
//! - World size changed: rank r takes old rank r's numbers, new ranks have none.
//! - Checkpoints that are not on disk are dropped; unknown ones are entered as complete and pinned.
//! - What is younger than the checkpoint that the weights come from is an abandoned future.
//! - What was held by a policy that is not enforced any more is pinned: a change of configuration
//!   is no reason to delete.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::contract::{CONTRACT_VERSION, CheckpointId, Label};
use crate::error::Error;
use crate::layout::{self, Layout};
use crate::ledger::{Entry, Facts, Ledger, PolicySet, bit, policies};
use crate::message::{Remembered, Shape};
use crate::number::Number;
use crate::opening::canonical_json;
use crate::outcome::Mode;
use crate::seat::{Memory, Seat};
use crate::setup::{PolicySetup, Setup};
use crate::snapshot::{Body, EntryPart, LedgerPart, OnDisk, PolicyPart, Resume, Snapshot};

use super::{Course, Host, Local};

/// The ledger has a bit for each policy, and a message a bit for each deletion.
const MOST: usize = 64;

impl Host {
    /// Prepares the policies and puts back what a snapshot knows.
    pub(crate) fn new(setup: Setup, resume: Option<Resume>) -> Result<Self, Error> {
        check(&setup)?;
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
        let plans: Vec<_> = seats
            .iter()
            .map(|seat| (seat.info.name.as_str(), &seat.info.plan))
            .collect();
        let layout = Layout::new(&plans).map_err(|(policy, what)| {
            let name = seats[policy].info.name.clone();
            Error::Plan { name, what }
        })?;
        for seat in &mut seats {
            seat.info.reductions = layout::labels(&seat.info.plan);
        }
        let shape = Shape {
            policies: seats.len(),
            saves: rules.in_flight as usize,
            channels: layout.channels,
            memory: layout.memory.len(),
        };
        let local = Local {
            memory: vec![Remembered::default(); layout.memory.len()],
            ..Local::default()
        };
        let mut host = Self {
            place,
            rules,
            shape,
            infos: seats.iter().map(|seat| seat.info.clone()).collect(),
            layout,
            seats,
            ledger: Ledger::default(),
            course: Course::start(),
            local,
            pending: None,
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
        let mut ledger = self.real_ledger(resume)?;
        take_stock(&mut ledger, resume);
        self.course.next_id = self
            .course
            .next_id
            .max(ledger.largest_id().saturating_add(1));
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
        let own = &resume.snapshot.body.ledger;
        let newest = resume
            .directory
            .as_ref()
            .map_or(own, |newest| &newest.body.ledger);
        let mut ledger = Ledger::default();
        for part in &newest.checkpoints {
            // What the resumed checkpoint's own time knew of it, holds above all, is what counts.
            let then = own
                .checkpoints
                .iter()
                .find(|own| own.id == part.id)
                .unwrap_or(part);
            let enforced = |index: usize| self.seats[index].is_enforced();
            let mut entry = self.entry(then, enforced);
            entry.pinned |= part.pinned;
            entry.complete |= part.complete;
            entry.bytes = entry.bytes.max(part.bytes);
            if resume.from.is_some_and(|from| part.id > from) {
                entry.abandoned = true;
                (entry.holders, entry.askers) = (0, 0);
            }
            ledger.put(entry);
        }
        for id in &newest.deleting {
            ledger.order_deletion(*id);
        }
        let Some(from) = resume.from else {
            return Ok(ledger);
        };
        let found = resume.disk.iter().flatten().find(|found| found.id == from);
        match (ledger.get(from).is_some(), found) {
            (true, _) => {}
            (false, Some(found)) => ledger.put(stranger(found)),
            (false, None) => {
                return Err(Error::Snapshot(format!(
                    "checkpoint {from}, from which the run is to go on, is neither in the ledger nor on disk"
                )));
            }
        }
        // Somebody has just restored from it, so it is complete, whatever was learnt in time.
        let bytes = ledger.get(from).map_or(0, |entry| entry.bytes);
        ledger.complete(from, bytes);
        ledger.change(from, |entry| {
            entry.pinned = true;
            entry.abandoned = false;
        });
        Ok(ledger)
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
        let ranks = 0..self.place.world_size;
        let inputs = ranks
            .flat_map(|rank| columns.iter().map(move |column| number(rank, column)))
            .collect();
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

    /// Writes down all that a run needs to go on; `memory` is what each rank remembers.
    pub(super) fn to_snapshot(&self, memory: &[Vec<Remembered>]) -> Snapshot {
        let names = self.layout.memory.iter().enumerate();
        let memory = names.map(|(slot, name)| {
            let ranks = memory
                .iter()
                .map(|rank| (rank[slot].value.map(Number), rank[slot].step));
            (name.clone(), ranks.collect())
        });
        let course = &self.course;
        Snapshot {
            body: Body {
                contract: CONTRACT_VERSION.to_owned(),
                world_size: self.place.world_size,
                round: course.round,
                next_id: course.next_id,
                restarts: course.restarts,
                failed_saves: course.failed_saves,
                step: course.step,
                epoch: course.epoch,
                step_end: course.step_end,
                round_step: course.round_step,
                interrupted: course.interrupted,
                outcome: format!("{:032x}", course.outcome),
                policies: self
                    .seats
                    .iter()
                    .map(|seat| self.policy_part(seat))
                    .collect(),
                ledger: self.ledger_part(&self.ledger),
                memory: memory.collect(),
            },
        }
    }

    fn policy_part(&self, seat: &Seat) -> PolicyPart {
        let labels = seat.memory.labels.iter();
        PolicyPart {
            name: seat.info.name.clone(),
            mode: seat.info.mode,
            sha256: seat.info.digest.clone(),
            config: canonical_json(&seat.config),
            state: STANDARD.encode(&seat.memory.state),
            not_before: seat.memory.not_before,
            labels: labels
                .map(|label| (label.name.clone(), label.checkpoint))
                .collect(),
            ledger: seat.shadow.as_ref().map(|ledger| self.ledger_part(ledger)),
        }
    }

    fn ledger_part(&self, ledger: &Ledger) -> LedgerPart {
        LedgerPart {
            checkpoints: ledger
                .entries()
                .map(|entry| self.entry_part(entry))
                .collect(),
            deleting: ledger.all_deleting().collect(),
        }
    }

    fn entry_part(&self, entry: &Entry) -> EntryPart {
        let facts = &entry.facts;
        let name = |policy: usize| self.seats[policy].info.name.clone();
        let names = |set: PolicySet| policies(set).map(name).collect();
        let numbers = |values: &[Option<f64>]| -> Vec<_> {
            values.iter().map(|value| value.map(Number)).collect()
        };
        let mut values: BTreeMap<_, _> = facts
            .other_values
            .iter()
            .map(|(k, value)| (k.clone(), value.map(Number)))
            .collect();
        for (label, value) in self.layout.labels.iter().zip(&facts.values) {
            values.insert(label.clone(), value.map(Number));
        }
        let mut inputs: BTreeMap<_, _> = facts
            .other_inputs
            .iter()
            .map(|(name, ranks)| (name.clone(), numbers(ranks)))
            .collect();
        let width = self.layout.inputs.len();
        for (column, name) in self.layout.inputs.iter().enumerate() {
            let ranks = facts.inputs.iter().skip(column).step_by(width);
            inputs.insert(name.clone(), ranks.map(|value| value.map(Number)).collect());
        }
        let releases = entry.releases.iter();
        EntryPart {
            id: facts.id,
            step: facts.step,
            epoch: facts.epoch,
            elapsed_seconds: facts.elapsed.map(Number),
            complete: entry.complete,
            bytes: entry.bytes,
            pinned: entry.pinned,
            abandoned: entry.abandoned,
            tags: entry.tags.clone(),
            held_by: names(entry.holders),
            asked_by: names(entry.askers),
            releases: releases
                .map(|(policy, ids)| (name(*policy), ids.clone()))
                .collect(),
            values,
            inputs,
        }
    }
}

fn plain(number: Option<Number>) -> Option<f64> {
    number.map(|Number(value)| value)
}

fn check(setup: &Setup) -> Result<(), Error> {
    let refuse = |text: String| Err(Error::Setup(text));
    let place = setup.place;
    if place.rank >= place.world_size {
        return refuse(format!(
            "rank {} is not in a world of {} ranks, which are counted from 0",
            place.rank, place.world_size
        ));
    }
    let count = setup.policies.len();
    if count == 0 || count > MOST {
        return refuse(format!("there are {count} policies, expected 1 to {MOST}"));
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
    Seat::new(index, setup, memory).map_err(|fault| Error::Policy { name, fault })
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
    })
}

fn course(body: &Body, resume: &Resume) -> Result<Course, Error> {
    let outcome = u128::from_str_radix(&body.outcome, 16)
        .map_err(|error| Error::Snapshot(format!("its `outcome` is not hex: {error}")))?;
    let newest = resume
        .directory
        .as_ref()
        .map_or(0, |newest| newest.body.next_id);
    let again = resume.from.is_some();
    Ok(Course {
        round: body.round,
        next_id: body.next_id.max(newest),
        restarts: body.restarts + u64::from(again),
        failed_saves: body.failed_saves,
        step_end: body.step_end,
        round_step: body.round_step,
        step: body.step,
        epoch: body.epoch,
        interrupted: body.interrupted && !again,
        outcome,
    })
}

/// Brings the ledger in line with the disk.
fn take_stock(ledger: &mut Ledger, resume: &Resume) {
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
        .filter(|id| !found.contains_key(id))
        .for_each(|id| ledger.forget(id));
    let ordered: Vec<_> = ledger.all_deleting().collect();
    ordered
        .iter()
        .filter(|id| !found.contains_key(id))
        .for_each(|id| ledger.deletion_done(*id));
    for (id, found) in found {
        if ledger.get(id).is_none() && !ledger.is_deleting(id) {
            ledger.put(stranger(found));
        }
    }
}

/// Enters a checkpoint that the ledger did not know: complete, and nobody's to delete.
fn stranger(found: &OnDisk) -> Entry {
    let facts = Facts {
        id: found.id,
        step: found.step,
        epoch: found.epoch,
        ..Facts::default()
    };
    let mut entry = Entry::new(facts);
    (entry.complete, entry.pinned, entry.bytes) = (true, true, found.bytes);
    entry
}
