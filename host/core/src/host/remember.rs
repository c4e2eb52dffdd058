//! A snapshot: what each rank alone remembers, brought together.
//!
//! Where all messages are gathered anyway that is one exchange. Where they are summed on the way the
//! totals prove first that all ranks take a snapshot at the same point, since only then will all of
//! them come to the gather, which is the one thing that grows with the world.

use crate::error::Error;
use crate::event::Moment;
use crate::exchange::{Carried, Exchange};
use crate::ledger::Ledger;
use crate::message::{Kind, Shape};
use crate::seat::Instant;
use crate::snapshot::Snapshot;

use super::receive::{Agreed, Received};
use super::{Course, Host, Pending, Progress, Stage, Travels};

impl Host {
    /// Whether a rank remembers anything that the others do not.
    pub(super) fn remembers(&self) -> bool {
        !self.layout.memory.is_empty() || self.own_inputs_matter()
    }

    /// Whether a rank alone has its inputs of old checkpoints, and some policy looks at them.
    fn own_inputs_matter(&self) -> bool {
        let mut places = self.layout.policies.iter();
        self.form.is_some() && places.any(|places| !places.features.is_empty())
    }

    pub(super) fn remember_together(&mut self) -> Progress<Snapshot> {
        let Course { step, epoch, .. } = self.course;
        let at = Instant {
            moment: Moment::Settled,
            step,
            epoch,
        };
        let mut message = self.message(Kind::Snapshot, at);
        message.memory = self.memory();
        let exchange = self.bring(at, Vec::new(), Stage::Remembering, message);
        Progress::Exchange(exchange)
    }

    pub(super) fn remembered_together(
        &mut self,
        pending: Pending,
        carried: Carried<'_>,
    ) -> Result<Progress<Snapshot>, Error> {
        match self.receive(pending, carried)? {
            Received::Break(exchange) => Ok(Progress::Exchange(exchange)),
            Received::Continue((_, Agreed::Messages(messages))) => {
                Ok(Progress::Done(self.to_snapshot(&messages)))
            }
            Received::Continue((mut pending, Agreed::Totals(_))) => {
                pending.travels = Travels::Messages;
                pending.own.numbers = self.own_inputs();
                let message = pending.own.encode(self.remembering());
                self.pending = Some(pending);
                Ok(Progress::Exchange(Exchange::Gather(message)))
            }
        }
    }

    /// Returns the shape of a message with all that a rank remembers: in place of the numbers of a
    /// round it has the rank's inputs of all checkpoints, in the order of [`Host::ledgers`].
    pub(super) fn remembering(&self) -> Shape {
        match self.form {
            Some(_) => Shape {
                channels: self.kept() * self.layout.inputs.len(),
                ..self.shape
            },
            None => self.shape,
        }
    }

    /// How many checkpoints there are of which a rank remembers its inputs.
    fn kept(&self) -> usize {
        match self.own_inputs_matter() {
            true => self.ledgers().map(|it| it.entries().count()).sum(),
            false => 0,
        }
    }

    fn own_inputs(&self) -> Vec<Option<f64>> {
        let (rank, count) = (self.place.rank, self.layout.inputs.len());
        let entries = self.ledgers().flat_map(Ledger::entries).take(self.kept());
        entries
            .flat_map(|entry| entry.facts.inputs.own(rank, count).iter().copied())
            .collect()
    }

    /// Returns the enforced ledger, and then those of the shadows in the order of the policies.
    pub(super) fn ledgers(&self) -> impl Iterator<Item = &Ledger> {
        let shadows = self.seats.iter().filter_map(|seat| seat.shadow.as_ref());
        std::iter::once(&self.ledger).chain(shadows)
    }
}
