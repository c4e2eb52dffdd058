//! The first half of a round: what this rank has to say.

use crate::contract::Fault;
use crate::exchange::Exchange;
use crate::message::{Kind, Message, SaveStatus};
use crate::outcome::Outcome;
use crate::seat::{Glance, Instant};

use super::{Host, Pending, Progress, Stage, Travels};

/// What `observe` of all policies came to on this rank.
struct Features {
    numbers: Vec<Option<f64>>,
    codes: Vec<u8>,
    texts: Vec<(usize, String)>,
    machine: Option<u32>,
}

impl Host {
    /// Makes this rank's message for a round.
    pub(super) fn contribute(&mut self, at: Instant, asked: Vec<bool>) -> Progress<Outcome> {
        let features = self.observe(at, &asked);
        let mut message = self.message(Kind::Round, at);
        message.numbers = features.numbers;
        message.faults = features.codes;
        message.machine = features.machine;
        self.faults = features.texts;
        Progress::Exchange(self.bring(at, asked, Stage::Gathering, message))
    }

    /// Begins an exchange with what this rank says.
    pub(super) fn bring(
        &mut self,
        at: Instant,
        asked: Vec<bool>,
        stage: Stage,
        own: Message,
    ) -> Exchange {
        let (exchange, travels) = match &self.form {
            Some(form) => (form.encode(&own), Travels::Totals),
            None => (Exchange::Gather(own.encode(self.shape)), Travels::Messages),
        };
        self.pending = Some(Pending {
            at,
            asked,
            stage,
            own,
            travels,
        });
        exchange
    }

    /// Asks every policy that has features, whether it decides in this round or not: they are
    /// stored with a checkpoint, whoever saves it. Those of a disabled one are missing.
    fn observe(&mut self, at: Instant, asked: &[bool]) -> Features {
        let policies = self.seats.len();
        let mut features = Features {
            numbers: self.inputs(),
            codes: vec![0; policies],
            texts: Vec::new(),
            machine: None,
        };
        for (index, seat) in self.seats.iter_mut().enumerate() {
            let places = &self.layout.policies[index];
            if places.features.is_empty() {
                continue;
            }
            if seat.is_disabled() {
                features.numbers.extend(vec![None; places.features.len()]);
                continue;
            }
            let glance = Glance {
                at,
                place: self.place,
                numbers: &features.numbers,
                layout: &self.layout,
                asked: asked[index],
            };
            match seat.observe(&self.ledger, &glance) {
                Ok(own) => features.numbers.extend(own),
                Err(fault) => {
                    features.numbers.extend(vec![None; places.features.len()]);
                    features.note(index, &fault);
                }
            }
        }
        features
    }

    /// Fills in what a message of any kind says of this rank.
    pub(super) fn message(&self, kind: Kind, at: Instant) -> Message {
        Message {
            kind,
            moment: at.moment,
            interrupted: self.local.interrupted,
            machine: None,
            rank: self.place.rank,
            round: self.course.round + 1,
            step: at.step,
            epoch: at.epoch,
            ledger: self.ledger.digest(),
            outcome: self.course.outcome,
            deleted: self.deletions_done(),
            states: self.state_digests(),
            faults: Vec::new(),
            saves: self.save_reports(),
            numbers: Vec::new(),
            memory: Vec::new(),
        }
    }

    fn deletions_done(&self) -> u64 {
        let ordered = self.ledger.deleting();
        let done = ordered.iter().map(|id| self.local.deleted.contains(id));
        done.enumerate()
            .fold(0, |bits, (place, done)| bits | (u64::from(done) << place))
    }

    fn save_reports(&self) -> Vec<(SaveStatus, u64)> {
        let in_flight = self.ledger.in_flight();
        let report = |id| self.local.reports.get(id);
        in_flight
            .iter()
            .map(|id| report(id).map_or((SaveStatus::Pending, 0), |it| (it.status, it.saved.bytes)))
            .collect()
    }

    fn state_digests(&self) -> Vec<u64> {
        self.seats
            .iter()
            .map(|seat| seat.memory.digest(seat.shadow.as_ref()))
            .collect()
    }
}

impl Features {
    fn note(&mut self, policy: usize, fault: &Fault) {
        self.codes[policy] = fault.code();
        self.texts.push((policy, fault.to_string()));
        if matches!(fault, Fault::Machine(_)) {
            self.machine = u32::try_from(policy).ok();
        }
    }
}
