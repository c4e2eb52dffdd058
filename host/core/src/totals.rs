//! A round as integers that are summed on the way: the reduce encoding.
//!
//! Beside a [`Message`], which every rank gets of every rank, this is what a rank brings to a world
//! in which that would be too much. Its size follows from the agreed layout and not from the world.
//! Whatever cannot be summed (who differs, who failed) is not in it: the totals only say that there
//! is something to be told, and then the messages themselves are gathered once.
//!
//! The invariant: all ranks read the same from the same totals, also where the ranks differ. So they
//! all come to the same next step.

use crate::contract::{Plan, Reduced};
use crate::digest::Digest;
use crate::exchange::{Carried, Exchange};
use crate::layout::{ELAPSED_CHANNEL, Folding, Layout};
use crate::message::{Kind, Message, SaveStatus, Shape};
use crate::reduction::integers::{self, Width, halves, pair};
use crate::setup::Place;

/// Where everything stands among the integers.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    place: Place,
    saves: usize,
    /// Channels of inputs that some policy requires.
    required: Vec<usize>,
    reductions: Vec<(Folding, Width)>,
    size: Width,
}

/// What all ranks together have brought.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Totals {
    /// All ranks are at the same point with the same books.
    pub(crate) agree: bool,
    /// Some rank has to tell what can only be told by a message: a policy or a save that failed.
    pub(crate) trouble: bool,
    pub(crate) interrupted: bool,
    /// Deletions done on all ranks, a bit for each of the first ordered ones.
    pub(crate) deleted: u64,
    /// For each save that may be in flight, where it is saved on all ranks: its size in bytes.
    pub(crate) saved: Vec<Option<u64>>,
    pub(crate) elapsed: Option<f64>,
    /// Channels of required inputs that no rank has.
    pub(crate) missing: Vec<usize>,
    /// In the order of the layout's reductions.
    pub(crate) values: Vec<Reduced>,
}

/// A word of the digest needs its sum and the two halves of the sum of its square.
const WORD: usize = 3;
/// Words of the digest of what must agree.
const WORDS: usize = 4;
/// Ranks with trouble, and interrupted ones; the sum of the ranks.
const COUNTS: usize = 2;
/// Deletions done, two to an integer.
const DELETIONS: usize = 32;
/// Rank 0's time: that it has one, and the halves of its bits.
const ELAPSED: usize = 2;
/// What a save in flight needs: ranks that have saved it, and the halves of their sizes.
const SAVE: usize = 3;
/// What comes before the saves.
const HEAD: usize = WORDS * WORD + COUNTS + DELETIONS + ELAPSED;

impl Form {
    /// Returns the form for a layout; `None` where a reduction grows with the world.
    pub(crate) fn new<'a>(
        place: Place,
        layout: &Layout,
        plans: impl Iterator<Item = &'a Plan>,
        shape: Shape,
    ) -> Option<Self> {
        let mut required: Vec<_> = plans
            .zip(&layout.policies)
            .flat_map(|(plan, places)| plan.inputs.iter().zip(&places.inputs))
            .filter(|(input, _)| input.required)
            .map(|(_, channel)| *channel)
            .collect();
        required.sort_unstable();
        required.dedup();
        let reductions = layout
            .reductions
            .iter()
            .map(|folding| Some((*folding, integers::width(folding.operation)?)))
            .collect::<Option<Vec<_>>>()?;
        let own = HEAD + shape.saves * SAVE + required.len();
        let size = Width {
            sum: own + reductions.iter().map(|(_, width)| width.sum).sum::<usize>(),
            max: reductions.iter().map(|(_, width)| width.max).sum(),
        };
        let saves = shape.saves;
        Some(Self {
            place,
            saves,
            required,
            reductions,
            size,
        })
    }

    /// Returns how many bytes a rank brings, whatever the world.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<i64>() * (self.size.sum + self.size.max)
    }

    /// Writes what a rank brings; the size is always the same, whatever the message is about.
    pub(crate) fn encode(&self, message: &Message) -> Exchange {
        let mut sum = vec![0; self.size.sum];
        let mut max = vec![i64::MIN; self.size.max];
        let mut writer = Parts(&mut sum);
        agreement(message, writer.take(WORDS * WORD));
        let failed = message
            .saves
            .iter()
            .any(|(status, _)| *status == SaveStatus::Failed);
        let faulty = message.faults.iter().any(|code| *code != 0);
        // What a round learns; a confirmation or a snapshot has no use for it.
        let told = message.kind == Kind::Round && (faulty || failed);
        let trouble = message.machine.is_some() || told;
        let counts = writer.take(COUNTS);
        counts[0] = pair(u32::from(trouble), u32::from(message.interrupted));
        counts[1] = i64::from(message.rank);
        for (place, both) in writer.take(DELETIONS).iter_mut().enumerate() {
            let bit = |place: usize| u32::from(message.deleted & 1 << place != 0);
            *both = pair(bit(2 * place), bit(2 * place + 1));
        }
        let number = |channel: usize| message.numbers.get(channel).copied().flatten();
        let elapsed = writer.take(ELAPSED);
        if let (0, Some(seconds)) = (message.rank, number(ELAPSED_CHANNEL)) {
            let (low, high) = halves(seconds.to_bits() as i64);
            elapsed[0] = i64::from(low);
            elapsed[1] = PRESENT | i64::from(high);
        }
        for slot in 0..self.saves {
            let (status, bytes) = message.saves.get(slot).copied().unwrap_or_default();
            let save = writer.take(SAVE);
            save[0] = i64::from(status == SaveStatus::Saved);
            let (low, high) = halves(bytes as i64);
            (save[1], save[2]) = (i64::from(low), i64::from(high));
        }
        for channel in &self.required {
            writer.take(1)[0] = i64::from(number(*channel).is_some());
        }
        let mut largest = Parts(&mut max);
        for (folding, width) in &self.reductions {
            let (own, weight) = (number(folding.channel), folding.weight.and_then(number));
            let (sums, maxima) = (writer.take(width.sum), largest.take(width.max));
            integers::write(folding.operation, message.rank, own, weight, sums, maxima);
        }
        Exchange::Reduce { sum, max }
    }

    /// Reads what all ranks together have brought.
    ///
    /// # Errors
    ///
    /// What was expected and what was found.
    pub(crate) fn decode(&self, carried: Carried<'_>) -> Result<Totals, String> {
        let Carried::Reduced { sum, max } = carried else {
            return Err("gathered bytes arrived where reduced integers were expected".to_owned());
        };
        if (sum.len(), max.len()) != (self.size.sum, self.size.max) {
            let Width {
                sum: sums,
                max: maxima,
            } = self.size;
            return Err(format!(
                "{} sums and {} maxima arrived, {sums} and {maxima} were expected",
                sum.len(),
                max.len()
            ));
        }
        let world = self.place.world_size;
        let everybody = i64::from(world);
        let mut reader = Rest(sum);
        let agree = agrees(reader.take(WORDS * WORD), world);
        let counts = reader.take(COUNTS);
        let (trouble, interrupted) = halves(counts[0]);
        let done = reader.take(DELETIONS).iter().enumerate();
        let deleted = done.fold(0, |bits, (place, both)| {
            let (even, odd) = halves(*both);
            let bit = |count: u32, place: usize| u64::from(count == world) << place;
            bits | bit(even, 2 * place) | bit(odd, 2 * place + 1)
        });
        let elapsed = reader.take(ELAPSED);
        let bits = (elapsed[1] as u64) << 32 | elapsed[0] as u64;
        let elapsed = (elapsed[1] & PRESENT != 0).then_some(f64::from_bits(bits));
        let saved = (0..self.saves)
            .map(|_| reader.take(SAVE))
            .map(|save| {
                let bytes = (save[2] as u128) << 32;
                let bytes = bytes.saturating_add(save[1] as u128);
                let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
                (save[0] == everybody).then_some(bytes)
            })
            .collect();
        let missing = self
            .required
            .iter()
            .filter(|_| reader.take(1)[0] == 0)
            .copied()
            .collect();
        let mut largest = Rest(max);
        let values = self.reductions.iter().map(|(folding, width)| {
            let (sums, maxima) = (reader.take(width.sum), largest.take(width.max));
            let value = integers::read(folding.operation, world, sums, maxima);
            value.ok_or_else(|| format!("{world} ranks do not come to such sums"))
        });
        Ok(Totals {
            values: values.collect::<Result<_, _>>()?,
            agree: agree && counts[1] == sum_of_ranks(world),
            trouble: trouble > 0,
            interrupted: interrupted > 0,
            deleted,
            saved,
            elapsed,
            missing,
        })
    }
}

/// Marks that there is a number, above the upper half of its bits.
const PRESENT: i64 = 1 << 32;

/// Writes the digest of what must agree: each word, and its square.
fn agreement(message: &Message, integers: &mut [i64]) {
    let mut digest = Digest::new();
    digest
        .number(message.kind as u64)
        .number(message.moment as u64);
    digest
        .number(message.round)
        .number(message.step)
        .number(message.epoch);
    digest
        .wide(message.ledger)
        .wide(message.outcome)
        .ids(&message.states);
    write_words(&digest.long().to_le_bytes(), integers);
}

/// Writes bytes so that their sums show whether all ranks brought the same; three integers for each
/// word of four bytes.
pub(crate) fn write_words(bytes: &[u8], integers: &mut [i64]) {
    for (word, integers) in bytes.chunks_exact(4).zip(integers.chunks_exact_mut(WORD)) {
        let word = word
            .iter()
            .rev()
            .fold(0, |all, byte| all << 8 | u64::from(*byte));
        let (low, high) = halves((word * word) as i64);
        integers.copy_from_slice(&[word as i64, i64::from(low), i64::from(high)]);
    }
}

/// Returns what the numbers of all ranks come to, each of them once.
pub(crate) fn sum_of_ranks(world_size: u32) -> i64 {
    // Below 2^63, as half the product of two numbers of 32 bits is.
    (u64::from(world_size) * u64::from(world_size.saturating_sub(1)) / 2) as i64
}

/// Whether all ranks brought the same words.
///
/// By the inequality of Cauchy and Schwarz n times the sum of the squares is the square of the sum
/// just where all words are equal. Comparing the sum with n times one's own word would not do: one
/// rank of three may be the mean of the others, and would go on alone.
pub(crate) fn agrees(integers: &[i64], world_size: u32) -> bool {
    integers.chunks_exact(WORD).all(|word| {
        let squares = (word[1] as u128).wrapping_add((word[2] as u128) << 32);
        let sum = word[0] as u128;
        u128::from(world_size).wrapping_mul(squares) == sum.wrapping_mul(sum)
    })
}

/// What is left of integers that are written one after the other.
struct Parts<'a>(&'a mut [i64]);

impl<'a> Parts<'a> {
    fn take(&mut self, count: usize) -> &'a mut [i64] {
        let (taken, rest) = std::mem::take(&mut self.0).split_at_mut(count);
        self.0 = rest;
        taken
    }
}

/// What is left of integers that are read one after the other.
struct Rest<'a>(&'a [i64]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> &'a [i64] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }
}

#[cfg(test)]
mod tests;
