//! What travels between the ranks, as bytes.
//!
//! All messages of one host have one length, which follows from the agreed layout: rounds,
//! confirmations and snapshots. So ranks that have come apart still meet in a collective of equal
//! sizes, and find out from the head of the message instead of from a crash in the transport.
//! Numbers are little-endian. Nothing here is trusted: sizes, magic, version and codes are checked.

use crate::event::Moment;

/// The version of the encoding; ranks compare it when they open.
pub(crate) const ENCODING: u32 = 1;

const MAGIC: [u8; 4] = *b"ckpm";
const HEAD: usize = 4 + 1 + 1 + 1 + 1 + 4 + 4 + 8 + 8 + 8 + 16 + 16 + 8;
const SLOT: usize = 1 + 8;
const MEMORY: usize = 1 + 8 + 8;

/// How many parts a message has of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Policies.
    pub(crate) policies: usize,
    /// Saves that may be in flight.
    pub(crate) saves: usize,
    /// Numbers of a rank.
    pub(crate) channels: usize,
    /// Remembered numbers of a rank.
    pub(crate) memory: usize,
}

impl Shape {
    /// Returns the length of every message, in bytes.
    pub(crate) fn length(self) -> usize {
        HEAD + self.policies * (8 + 1)
            + self.saves * SLOT
            + self.channels.div_ceil(8)
            + self.channels * 8
            + self.memory * MEMORY
    }
}

/// What a rank is doing when it sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Its numbers for a round.
    Round,
    /// The digest of what the round came to, before it is acted on.
    Confirm,
    /// What it remembers, for a snapshot.
    Snapshot,
}

/// How a save in flight stands on one rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SaveStatus {
    /// Not reported yet, or the slot is empty.
    #[default]
    Pending,
    /// Durable here.
    Saved,
    /// Could not be written here.
    Failed,
}

/// A number that a rank remembers, and the step at which it was new.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Remembered {
    pub(crate) value: Option<f64>,
    pub(crate) step: u64,
}

/// One rank's message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) moment: Moment,
    pub(crate) interrupted: bool,
    /// The policy that this machine could not run.
    pub(crate) machine: Option<u32>,
    pub(crate) rank: u32,
    pub(crate) round: u64,
    pub(crate) step: u64,
    pub(crate) epoch: u64,
    /// Of the enforced ledger before the round.
    pub(crate) ledger: u128,
    /// Of the outcome: the one before or, in a confirmation, this one.
    pub(crate) outcome: u128,
    /// Deletions done here, a bit for each of the first 64 ordered ones.
    pub(crate) deleted: u64,
    /// For each policy: its state before or, in a confirmation, its verdict.
    pub(crate) states: Vec<u64>,
    /// For each policy the code of what `observe` failed with; zero: it did not.
    pub(crate) faults: Vec<u8>,
    pub(crate) saves: Vec<(SaveStatus, u64)>,
    pub(crate) numbers: Vec<Option<f64>>,
    pub(crate) memory: Vec<Remembered>,
}

impl Message {
    /// Encodes; the result has the length of `shape`, whatever is in the message.
    pub(crate) fn encode(&self, shape: Shape) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(shape.length());
        self.encode_head(&mut bytes);
        for index in 0..shape.policies {
            bytes.extend(self.states.get(index).copied().unwrap_or(0).to_le_bytes());
            bytes.push(self.faults.get(index).copied().unwrap_or(0));
        }
        for index in 0..shape.saves {
            let (status, size) = self.saves.get(index).copied().unwrap_or_default();
            bytes.push(status as u8);
            bytes.extend(size.to_le_bytes());
        }
        self.encode_numbers(&mut bytes, shape);
        for index in 0..shape.memory {
            let remembered = self.memory.get(index).copied().unwrap_or_default();
            bytes.push(u8::from(remembered.value.is_some()));
            bytes.extend(remembered.value.unwrap_or(0.0).to_bits().to_le_bytes());
            bytes.extend(remembered.step.to_le_bytes());
        }
        bytes
    }

    fn encode_head(&self, bytes: &mut Vec<u8>) {
        bytes.extend(MAGIC);
        bytes.push(ENCODING as u8);
        bytes.push(self.kind as u8);
        bytes.push(self.moment as u8);
        bytes.push(u8::from(self.interrupted));
        // Zero: no policy; a machine's fault is never hidden by a default.
        bytes.extend(self.machine.map_or(0, |policy| policy + 1).to_le_bytes());
        bytes.extend(self.rank.to_le_bytes());
        bytes.extend(self.round.to_le_bytes());
        bytes.extend(self.step.to_le_bytes());
        bytes.extend(self.epoch.to_le_bytes());
        bytes.extend(self.ledger.to_le_bytes());
        bytes.extend(self.outcome.to_le_bytes());
        bytes.extend(self.deleted.to_le_bytes());
    }

    fn encode_numbers(&self, bytes: &mut Vec<u8>, shape: Shape) {
        let start = bytes.len();
        bytes.resize(start + shape.channels.div_ceil(8), 0);
        for (index, number) in self.numbers.iter().enumerate().take(shape.channels) {
            if number.is_some() {
                bytes[start + index / 8] |= 1 << (index % 8);
            }
        }
        for index in 0..shape.channels {
            let number = self.numbers.get(index).copied().flatten().unwrap_or(0.0);
            bytes.extend(number.to_bits().to_le_bytes());
        }
    }

    /// Whether another rank is at the same point with the same books.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        (self.kind, self.moment, self.round) == (other.kind, other.moment, other.round)
            && (self.step, self.epoch) == (other.step, other.epoch)
            && (self.ledger, self.outcome) == (other.ledger, other.outcome)
            && self.states == other.states
    }

    /// Decodes one rank's message.
    ///
    /// # Errors
    ///
    /// What was expected and what was found.
    pub(crate) fn decode(bytes: &[u8], shape: Shape) -> Result<Self, String> {
        if bytes.len() != shape.length() {
            let length = shape.length();
            return Err(format!(
                "it has {} bytes, {length} were expected",
                bytes.len()
            ));
        }
        let mut reader = Reader(bytes);
        let mut message = Self::decode_head(&mut reader)?;
        message.reserve(shape);
        for _ in 0..shape.policies {
            message.states.push(reader.long());
            message.faults.push(reader.byte());
        }
        for _ in 0..shape.saves {
            let status = match reader.byte() {
                0 => SaveStatus::Pending,
                1 => SaveStatus::Saved,
                2 => SaveStatus::Failed,
                other => return Err(format!("the status {other} of a save is unknown")),
            };
            message.saves.push((status, reader.long()));
        }
        let presence = reader.take(shape.channels.div_ceil(8));
        let padding = presence.len() * 8 - shape.channels;
        if presence
            .last()
            .is_some_and(|last| (last.leading_zeros() as usize) < padding)
        {
            return Err("it has numbers beyond the last one".to_owned());
        }
        for index in 0..shape.channels {
            let number = f64::from_bits(reader.long());
            let present = presence[index / 8] & (1 << (index % 8)) != 0;
            message.numbers.push(present.then_some(number));
        }
        for _ in 0..shape.memory {
            let present = reader.flag()?;
            let value = f64::from_bits(reader.long());
            let step = reader.long();
            message.memory.push(Remembered {
                value: present.then_some(value),
                step,
            });
        }
        Ok(message)
    }

    fn reserve(&mut self, shape: Shape) {
        self.states.reserve_exact(shape.policies);
        self.faults.reserve_exact(shape.policies);
        self.saves.reserve_exact(shape.saves);
        self.numbers.reserve_exact(shape.channels);
        self.memory.reserve_exact(shape.memory);
    }

    fn decode_head(reader: &mut Reader<'_>) -> Result<Self, String> {
        if reader.take(4) != MAGIC {
            return Err("it is not a message of this host".to_owned());
        }
        let version = reader.byte();
        if u32::from(version) != ENCODING {
            return Err(format!(
                "its encoding is version {version}, expected {ENCODING}"
            ));
        }
        let kind = match reader.byte() {
            0 => Kind::Round,
            1 => Kind::Confirm,
            2 => Kind::Snapshot,
            other => return Err(format!("its kind {other} is unknown")),
        };
        let code = reader.byte();
        let moment = *Moment::ALL
            .get(usize::from(code))
            .ok_or_else(|| format!("its moment {code} is unknown"))?;
        Ok(Self {
            kind,
            moment,
            interrupted: reader.flag()?,
            machine: reader.word().checked_sub(1),
            rank: reader.word(),
            round: reader.long(),
            step: reader.long(),
            epoch: reader.long(),
            ledger: reader.wide(),
            outcome: reader.wide(),
            deleted: reader.long(),
            states: Vec::new(),
            faults: Vec::new(),
            saves: Vec::new(),
            numbers: Vec::new(),
            memory: Vec::new(),
        })
    }
}

/// Splits the concatenated messages of a world and decodes each.
///
/// # Errors
///
/// Whose message is unusable, and why.
pub(crate) fn decode_all(bytes: &[u8], world: u32, shape: Shape) -> Result<Vec<Message>, String> {
    let expected = shape.length() * world as usize;
    if bytes.len() != expected {
        return Err(format!(
            "{} bytes arrived, {expected} were expected ({world} ranks of {})",
            bytes.len(),
            shape.length()
        ));
    }
    let mut messages = Vec::with_capacity(world as usize);
    for (rank, part) in bytes.chunks_exact(shape.length()).enumerate() {
        let message =
            Message::decode(part, shape).map_err(|what| format!("rank {rank}: {what}"))?;
        if message.rank as usize != rank {
            return Err(format!(
                "the message at position {rank} is of rank {}; the engine must keep the order of the ranks",
                message.rank
            ));
        }
        messages.push(message);
    }
    Ok(messages)
}

/// Reads a message whose length has been checked.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N));
        array
    }

    fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    fn flag(&mut self) -> Result<bool, String> {
        match self.byte() {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("its flag {other} is neither 0 nor 1")),
        }
    }

    fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    fn long(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    fn wide(&mut self) -> u128 {
        u128::from_le_bytes(self.array())
    }
}

#[cfg(test)]
mod tests;
