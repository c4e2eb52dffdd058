//! What arrives from all ranks: decoded, and proved to be of the same point with the same books.
//!
//! All ranks look at the same bytes or totals, so all of them come to the same error, and to the same
//! wish for more.

use std::ops::ControlFlow;

use crate::agreement;
use crate::error::Error;
use crate::event::Moment;
use crate::exchange::{Carried, Exchange};
use crate::message::{self, Kind, Message};
use crate::totals::Totals;

use super::{Host, Pending, Stage, Travels};

/// What has arrived of ranks that agree; or one more exchange, where the totals say that the messages
/// themselves are needed.
pub(super) type Received = ControlFlow<Exchange, (Pending, Agreed)>;

/// What ranks that agree have brought.
pub(super) enum Agreed {
    /// The messages of all.
    Messages(Vec<Message>),
    /// Their totals, and nobody has anything to be told.
    Totals(Totals),
}

impl Host {
    /// Takes in what was carried; whatever is wrong is told by messages.
    pub(super) fn receive(
        &mut self,
        mut pending: Pending,
        carried: Carried<'_>,
    ) -> Result<Received, Error> {
        if let (Travels::Totals, Some(form)) = (pending.travels, &self.form) {
            let totals = form.decode(carried).map_err(|what| self.unusable(what))?;
            if totals.agree && !totals.trouble {
                return Ok(Received::Continue((pending, Agreed::Totals(totals))));
            }
            let differ = !totals.agree;
            pending.travels = Travels::Reasons { differ };
            let exchange = Exchange::Gather(pending.own.encode(self.shape));
            self.pending = Some(pending);
            return Ok(Received::Break(exchange));
        }
        let messages = self.messages(&pending, carried)?;
        if pending.travels == (Travels::Reasons { differ: true }) {
            let what = "the totals of the ranks differ from what they have brought";
            return Err(self.unusable(what.to_owned()));
        }
        Ok(Received::Continue((pending, Agreed::Messages(messages))))
    }

    fn unusable(&self, what: String) -> Error {
        let when = format!("in round {}", self.course.round + 1);
        Error::Message { when, what }
    }

    /// Decodes the messages and proves that all ranks are at the same point with the same books.
    fn messages(&self, pending: &Pending, carried: Carried<'_>) -> Result<Vec<Message>, Error> {
        let shape = match (&pending.stage, pending.travels) {
            (Stage::Remembering, Travels::Messages) => self.remembering(),
            _ => self.shape,
        };
        let messages = carried
            .gathered()
            .and_then(|bytes| message::decode_all(bytes, self.place.world_size, shape))
            .map_err(|what| self.unusable(what))?;
        self.check_machines(&messages)?;
        if messages
            .iter()
            .all(|message| message.agrees_with(&messages[0]))
        {
            return Ok(messages);
        }
        let mut differences = positions(&messages);
        if differences.is_empty() {
            differences = self.books(&messages, &pending.stage);
        }
        // Ranks may be in different rounds; each names the earliest one.
        let earliest = messages.iter().map(|message| message.round).min();
        Err(Error::Disagreement {
            when: format!("in round {}", earliest.unwrap_or(0)),
            differences,
        })
    }

    fn check_machines(&self, messages: &[Message]) -> Result<(), Error> {
        for message in messages {
            if let Some(policy) = message.machine {
                let seat = self.seats.get(policy as usize);
                let name = seat.map_or_else(|| policy.to_string(), |seat| seat.info.name.clone());
                let (rank, round) = (message.rank, message.round);
                return Err(Error::Machine { rank, name, round });
            }
        }
        Ok(())
    }

    /// Compares what the ranks hold or, in a confirmation, what they decided.
    fn books(&self, messages: &[Message], stage: &Stage) -> Vec<String> {
        let confirming = matches!(stage, Stage::Confirming(_));
        let mut differences = Vec::new();
        for (index, seat) in self.seats.iter().enumerate() {
            let states: Vec<_> = messages
                .iter()
                .map(|message| message.states[index])
                .collect();
            let what = if confirming { "verdict" } else { "state" };
            let what = format!("{what} of policy `{}`", seat.info.name);
            differences.extend(agreement::compare_hidden(&states, &what));
        }
        let ledgers: Vec<_> = messages.iter().map(|message| message.ledger).collect();
        differences.extend(agreement::compare_hidden(&ledgers, "ledger of checkpoints"));
        let outcomes: Vec<_> = messages.iter().map(|message| message.outcome).collect();
        let what = if confirming {
            "outcome of this round"
        } else {
            "outcome of the round before"
        };
        differences.extend(agreement::compare_hidden(&outcomes, what));
        differences
    }
}

/// Compares where the ranks are.
fn positions(messages: &[Message]) -> Vec<String> {
    let doings: Vec<_> = messages
        .iter()
        .map(|message| (message.kind, message.round))
        .collect();
    let doing = |(kind, round): &(Kind, u64)| match kind {
        Kind::Round => format!("round {round}"),
        Kind::Confirm => format!("the confirmation of round {round}"),
        Kind::Snapshot => format!("a snapshot before round {round}"),
    };
    let moments: Vec<_> = messages.iter().map(|message| message.moment).collect();
    let steps: Vec<_> = messages.iter().map(|message| message.step).collect();
    let epochs: Vec<_> = messages.iter().map(|message| message.epoch).collect();
    let moment = |moment: &Moment| format!("`{moment}`");
    [
        agreement::compare(&steps, ["is at step", "are at step"], u64::to_string),
        agreement::compare(&epochs, ["is in epoch", "are in epoch"], u64::to_string),
        agreement::compare(&moments, ["is at the moment", "are at the moment"], moment),
        agreement::compare(&doings, ["is in", "are in"], doing),
    ]
    .into_iter()
    .flatten()
    .collect()
}
