//! The first half of a round: what this rank has to say.

use crate::contract::Fault;
use crate::message::Kind;
use crate::outcome::Outcome;
use crate::seat::{Glance, Instant};

use super::{Host, Pending, Progress, Stage};

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
        self.pending = Some(Pending {
            at,
            asked,
            stage: Stage::Gathering,
        });
        Progress::Exchange(message.encode(self.shape))
    }

    /// Asks every policy that has features, whether it decides in this round or not: they are
    /// stored with a checkpoint, whoever saves it.
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
