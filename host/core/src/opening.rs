//! Before the first round: proves that all ranks run the same thing.
//!
//! A first exchange of a fixed size, the same in every program of this encoding, carries a digest of
//! all that must be equal. Where the digests differ, or a rank could not open its host, more of an
//! agreed size carry the readable part, so that the error on every rank names ranks, key and values.
//! Paths, caches, the machine's CPU and the journal are not among what must agree.
//!
//! A small world gathers the *heads* of all ranks, and then, of those that differ, the readable parts.
//! A large one sums the digests first, in which every rank reads whether all are equal; only where
//! they are not it gathers the heads, and sums the readable parts of one rank for each digest.

use std::collections::{BTreeSet, HashMap};

use sha2::{Digest as _, Sha256};

use crate::agreement::compare_some;
use crate::digest::Digest;
use crate::error::Error;
use crate::exchange::{Carried, Exchange, bytes_of, integers_of};
use crate::host::Host;
use crate::message::ENCODING;
use crate::setup::{MOST_GATHERED, Place, PolicySetup, Setup};
use crate::snapshot::Resume;
use crate::totals::{agrees, sum_of_ranks, write_words};

const MAGIC: [u8; 4] = *b"ckpo";
/// Magic, encoding, status, rank, world size, length of the readable part, digest.
const LENGTH: usize = 4 + 4 + 4 + 4 + 4 + 4 + 32;
/// More than any readable part needs; a bound on what a confused rank may ask others to carry.
const MOST: usize = 1 << 20;
/// Bytes of a value that travel whole; 64 configurations of this length fit.
const READABLE: usize = 8 << 10;
const WHEN: &str = "at the opening";

/// Digests of which the readable parts are told in a large world.
const TOLD: usize = 8;
/// Integers that a rank of a large world brings first: the sum of the ranks, how many could not
/// open, and the words of the digest.
const DIGESTS: usize = 2 + 3 * 8;

/// A host before its first round.
pub struct Opening {
    place: Place,
    host: Result<Box<Host>, Error>,
    /// What must be equal, by key.
    facts: Vec<(String, String)>,
    expects: Expects,
}

/// What comes of the exchange under way.
enum Expects {
    /// The totals of all digests.
    Digests,
    /// The heads of all ranks.
    Heads,
    /// The readable parts behind the heads, of these ranks.
    Parts(Told),
}

/// Whose readable parts are told.
struct Told {
    /// Ranks with the same head, for each head; the first of each group tells its part.
    groups: Vec<Vec<usize>>,
    /// Ranks of groups of which nothing is told.
    untold: usize,
    /// Bytes of each group's part.
    lengths: Vec<usize>,
    /// The first group could not open.
    failed: bool,
}

/// What an opening exchange came to.
pub enum Opened {
    /// The ranks differ: one more exchange, with the readable part, names how.
    Exchange(Box<Opening>, Exchange),
    /// All ranks agree.
    Host(Box<Host>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Head {
    failed: bool,
    length: usize,
    digest: [u8; 32],
}

impl Opening {
    /// Prepares the policies of a fresh run.
    ///
    /// Never fails here: a rank that cannot open must still take part in the exchange, so that the
    /// others learn of it.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let place = setup.place;
        let facts = facts(&setup, None);
        Self::with(place, Host::new(setup, None), facts)
    }

    /// Prepares the policies of a run that goes on from a snapshot.
    #[must_use]
    pub fn resume(setup: Setup, resume: Resume) -> Self {
        let place = setup.place;
        let facts = facts(&setup, Some(&resume));
        Self::with(place, Host::new(setup, Some(resume)), facts)
    }

    /// Prepares a meeting before the opening: the ranks prove that they have these facts in common, and
    /// learn of one that could not come as far. The host that it opens has no policies.
    #[must_use]
    pub fn meeting(place: Place, facts: Vec<(String, String)>) -> Self {
        Self::with(place, Host::without_policies(place), facts)
    }

    /// Takes part for a rank that could not even get as far as a [`Setup`].
    #[must_use]
    pub fn failed(place: Place, text: impl Into<String>) -> Self {
        Self::with(place, Err(Error::Setup(text.into())), Vec::new())
    }

    fn with(place: Place, host: Result<Host, Error>, mut facts: Vec<(String, String)>) -> Self {
        // The layout, and with it the length of each message, follows from the plans.
        for policy in host.iter().flat_map(Host::policies) {
            let mut digest = Digest::new();
            digest.text(&format!("{:?}", policy.plan));
            let key = format!("policy `{}` plan", policy.name);
            facts.push((key, format!("{:016x}", digest.short())));
        }
        facts.sort();
        Self {
            place,
            host: host.map(Box::new),
            facts,
            expects: match is_large(place) {
                true => Expects::Digests,
                false => Expects::Heads,
            },
        }
    }

    /// Returns the first exchange; its size is the same in every program of this version.
    #[must_use]
    pub fn begin(&self) -> Exchange {
        match self.expects {
            Expects::Digests => Exchange::Reduce {
                sum: self.digests(),
                max: Vec::new(),
            },
            Expects::Heads | Expects::Parts(_) => Exchange::Gather(self.head()),
        }
    }

    /// Takes what came of the exchange.
    ///
    /// # Errors
    ///
    /// The rank's own error, what another rank failed with, or the disagreement.
    pub fn complete<'a>(self, carried: impl Into<Carried<'a>>) -> Result<Opened, Error> {
        let carried = carried.into();
        match &self.expects {
            Expects::Digests => self.compare_digests(carried.summed(DIGESTS).map_err(unusable)?),
            Expects::Heads => {
                let heads = carried.gathered().and_then(|it| heads(it, self.place));
                self.compare_heads(&heads.map_err(unusable)?)
            }
            Expects::Parts(told) => {
                let parts = told.parts(carried, self.place).map_err(unusable)?;
                Err(told.explain(&parts, self.host.as_ref().err()))
            }
        }
    }

    /// Returns what a rank of a large world brings first.
    fn digests(&self) -> Vec<i64> {
        let mut integers = vec![0; DIGESTS];
        integers[0] = i64::from(self.place.rank);
        integers[1] = i64::from(self.host.is_err());
        write_words(&self.digest(), &mut integers[2..]);
        integers
    }

    fn compare_digests(mut self, sum: &[i64]) -> Result<Opened, Error> {
        let world_size = self.place.world_size;
        if sum[0] == sum_of_ranks(world_size) && sum[1] == 0 && agrees(&sum[2..], world_size) {
            return self.host.map(Opened::Host);
        }
        self.expects = Expects::Heads;
        let exchange = self.begin();
        Ok(Opened::Exchange(Box::new(self), exchange))
    }

    fn compare_heads(mut self, heads: &[Head]) -> Result<Opened, Error> {
        let agreed = heads
            .iter()
            .all(|head| !head.failed && head.digest == heads[0].digest);
        if agreed {
            return self.host.map(Opened::Host);
        }
        let told = Told::new(heads, is_large(self.place));
        let exchange = told.ask(self.detail(), self.place);
        self.expects = Expects::Parts(told);
        Ok(Opened::Exchange(Box::new(self), exchange))
    }

    fn head(&self) -> Vec<u8> {
        let detail = self.detail();
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend(MAGIC);
        bytes.extend(ENCODING.to_le_bytes());
        bytes.extend(u32::from(self.host.is_err()).to_le_bytes());
        bytes.extend(self.place.rank.to_le_bytes());
        bytes.extend(self.place.world_size.to_le_bytes());
        bytes.extend(
            u32::try_from(detail.len())
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        bytes.extend(self.digest());
        bytes
    }

    fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.whole()).into()
    }

    /// Returns all that must be equal, or why this rank could not open.
    fn whole(&self) -> Vec<u8> {
        match &self.host {
            Ok(_) => serde_json::to_vec(&self.facts).unwrap_or_default(),
            Err(error) => error.to_string().into_bytes(),
        }
    }

    /// Returns the readable part: the same, without what is too long to be read.
    fn detail(&self) -> Vec<u8> {
        let mut detail = match &self.host {
            Ok(_) => {
                let facts = self.facts.iter().map(|(key, value)| (key, readable(value)));
                serde_json::to_vec(&facts.collect::<Vec<_>>()).unwrap_or_default()
            }
            Err(error) => error.to_string().into_bytes(),
        };
        detail.truncate(MOST);
        detail
    }
}

impl Told {
    /// Groups the ranks by their heads: those that could not open first, then the largest groups.
    fn new(heads: &[Head], large: bool) -> Self {
        let mut places: HashMap<Head, usize> = HashMap::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (rank, head) in heads.iter().enumerate() {
            let place = *places.entry(*head).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.push(rank),
                None => groups.push(vec![rank]),
            }
        }
        let failed = |group: &[usize]| heads[group[0]].failed;
        groups.sort_by_key(|group| match failed(group) {
            true => (0, 0, group[0]),
            false => (1, usize::MAX - group.len(), group[0]),
        });
        let untold = groups.split_off(groups.len().min(if large { TOLD } else { usize::MAX }));
        Self {
            untold: untold.iter().map(Vec::len).sum(),
            lengths: groups.iter().map(|group| heads[group[0]].length).collect(),
            failed: groups.first().is_some_and(|group| failed(group)),
            groups,
        }
    }

    fn longest(&self) -> usize {
        self.lengths.iter().copied().max().unwrap_or(0)
    }

    /// Returns the exchange that brings the readable parts; `own` is this rank's.
    fn ask(&self, mut own: Vec<u8>, place: Place) -> Exchange {
        own.resize(self.longest(), 0);
        if !is_large(place) {
            return Exchange::Gather(own);
        }
        // Zeros from all ranks but the one that tells: the sum is what that one says.
        let width = self.longest().div_ceil(8);
        let mut sum = vec![0; width * self.groups.len()];
        let tells = |group: &Vec<usize>| group[0] == place.rank as usize;
        if let Some(at) = self.groups.iter().position(tells) {
            for (number, word) in sum[at * width..].iter_mut().zip(integers_of(&own)) {
                *number = word;
            }
        }
        let max = Vec::new();
        Exchange::Reduce { sum, max }
    }

    /// Returns each group's readable part.
    fn parts(&self, carried: Carried<'_>, place: Place) -> Result<Vec<Vec<u8>>, String> {
        let longest = self.longest();
        let cut = |(part, length): (Vec<u8>, &usize)| part.into_iter().take(*length).collect();
        if is_large(place) {
            let width = longest.div_ceil(8);
            let sum = carried.summed(width * self.groups.len())?;
            let parts = sum.chunks(width.max(1)).map(bytes_of);
            return Ok(parts.zip(&self.lengths).map(cut).collect());
        }
        let messages = carried.gathered()?;
        let expected = longest * place.world_size as usize;
        if messages.len() != expected {
            let found = messages.len();
            return Err(format!("{found} bytes arrived, {expected} were expected"));
        }
        let part = |group: &Vec<usize>| messages[group[0] * longest..][..longest].to_vec();
        let parts = self.groups.iter().map(part);
        Ok(parts.zip(&self.lengths).map(cut).collect())
    }

    /// Finds out from the readable parts what is wrong.
    fn explain(&self, parts: &[Vec<u8>], own: Option<&Error>) -> Error {
        if let Some(own) = own {
            return own.clone();
        }
        if self.failed {
            return Error::Open {
                rank: u32::try_from(self.groups[0][0]).unwrap_or(u32::MAX),
                text: String::from_utf8_lossy(&parts[0]).into_owned(),
            };
        }
        let mut differences = self.differences(parts);
        if differences.is_empty() {
            differences.push("their digests differ, but nothing that can be read does".to_owned());
        }
        if self.untold > 0 {
            differences.push(format!(
                "{} more ranks differ from all of these",
                self.untold
            ));
        }
        Error::Disagreement {
            when: WHEN.to_owned(),
            differences,
        }
    }

    /// Compares the readable parts key by key.
    fn differences(&self, parts: &[Vec<u8>]) -> Vec<String> {
        let mut facts: Vec<Vec<(String, String)>> = Vec::new();
        for (group, part) in self.groups.iter().zip(parts) {
            match serde_json::from_slice(part) {
                Ok(read) => facts.push(read),
                Err(error) => {
                    let rank = group[0];
                    return vec![format!("what rank {rank} sent cannot be read: {error}")];
                }
            }
        }
        let mut ranks: Vec<(usize, usize)> = (0..)
            .zip(&self.groups)
            .flat_map(|(at, group)| group.iter().map(move |rank| (*rank, at)))
            .collect();
        ranks.sort_unstable();
        let named: Vec<_> = ranks.iter().map(|(rank, _)| *rank).collect();
        let keys: BTreeSet<&str> = facts
            .iter()
            .flatten()
            .map(|(key, _)| key.as_str())
            .collect();
        let differences = keys.into_iter().filter_map(|key| {
            let find = |facts: &Vec<(String, String)>| {
                let found = facts.iter().find(|(known, _)| known == key);
                found.map(|(_, value)| value.clone())
            };
            let found: Vec<Option<String>> = facts.iter().map(find).collect();
            let values: Vec<_> = ranks.iter().map(|(_, at)| &found[*at]).collect();
            let verbs = verbs(key);
            let show = |value: &&Option<String>| match value {
                Some(value) => format!("`{value}`"),
                None => "nothing".to_owned(),
            };
            compare_some(&named, &values, [&verbs[0], &verbs[1]], show)
        });
        differences.collect()
    }
}

/// Whether so many heads are too much for every rank to get in every opening.
fn is_large(place: Place) -> bool {
    LENGTH * place.world_size as usize > MOST_GATHERED
}

/// Returns a value that is not too long to travel; a longer one with what tells it from others.
fn readable(value: &str) -> String {
    if value.len() <= READABLE {
        return value.to_owned();
    }
    let head: String = value.chars().take(READABLE / 8).collect();
    let mut digest = Digest::new();
    digest.text(value);
    let (length, digest) = (value.len(), digest.short());
    format!("({length} bytes of digest {digest:016x}) {head}…")
}

fn unusable(what: String) -> Error {
    Error::Message {
        when: WHEN.to_owned(),
        what,
    }
}

fn heads(messages: &[u8], place: Place) -> Result<Vec<Head>, String> {
    let expected = LENGTH * place.world_size as usize;
    if messages.len() != expected {
        return Err(format!(
            "{} bytes arrived, {expected} were expected ({} ranks of {LENGTH}); do all ranks know the same world size?",
            messages.len(),
            place.world_size
        ));
    }
    (0..)
        .zip(messages.chunks_exact(LENGTH))
        .map(|(rank, bytes)| head(rank, bytes, place))
        .collect()
}

fn head(rank: u32, bytes: &[u8], place: Place) -> Result<Head, String> {
    let word = |at: usize| {
        let mut word = [0; 4];
        word.copy_from_slice(&bytes[at..at + 4]);
        u32::from_le_bytes(word)
    };
    if bytes[..4] != MAGIC {
        return Err(format!("rank {rank} did not send an opening message"));
    }
    for (what, found, expected) in [
        ("speaks encoding", word(4), ENCODING),
        ("calls itself rank", word(12), rank),
        ("knows a world of size", word(16), place.world_size),
    ] {
        if found != expected {
            return Err(format!("rank {rank} {what} {found}, expected {expected}"));
        }
    }
    let length = word(20) as usize;
    if length > MOST {
        return Err(format!(
            "rank {rank} announces {length} bytes, at most {MOST} are allowed"
        ));
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(&bytes[24..]);
    Ok(Head {
        failed: word(8) != 0,
        length,
        digest,
    })
}

/// Returns what one rank, and what several do with the value of a key.
fn verbs(key: &str) -> [String; 2] {
    let policy = key
        .strip_prefix("policy ")
        .and_then(|key| key.rsplit_once(' '));
    match policy {
        Some((name, "config")) => {
            ["runs", "run"].map(|verb| format!("{verb} {name} with the configuration"))
        }
        Some((name, "sha256")) => {
            ["runs", "run"].map(|verb| format!("{verb} {name} from the file of sha256"))
        }
        Some((name, what)) => ["has", "have"].map(|verb| format!("{verb} {name} with `{what}`")),
        None => ["has", "have"].map(|verb| format!("{verb} `{key}`")),
    }
}

/// Lists what must be equal on all ranks, by key.
fn facts(setup: &Setup, resume: Option<&Resume>) -> Vec<(String, String)> {
    let rules = &setup.rules;
    let mut facts = vec![
        (
            "contract".to_owned(),
            crate::contract::CONTRACT_VERSION.to_owned(),
        ),
        ("host".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("combine".to_owned(), rules.combine.to_string()),
        ("confirm".to_owned(), rules.confirm.to_string()),
        ("exchange.encoding".to_owned(), rules.encoding.to_string()),
        (
            "checkpoints.keep-at-least".to_owned(),
            rules.keep_at_least.to_string(),
        ),
        (
            "checkpoints.in-flight".to_owned(),
            rules.in_flight.to_string(),
        ),
        (
            "checkpoints.settle-steps".to_owned(),
            rules.settle_steps.to_string(),
        ),
        (
            "signals.every-steps".to_owned(),
            rules.signal_steps.to_string(),
        ),
    ];
    let names: Vec<_> = setup
        .policies
        .iter()
        .map(|policy| policy.name.as_str())
        .collect();
    facts.push(("policies".to_owned(), names.join(", ")));
    for policy in &setup.policies {
        for (what, value) in [
            ("mode", policy.mode.to_string()),
            ("on-error", policy.on_error.to_string()),
            ("disable-after", disable_after(policy)),
            ("config", canonical_json(&policy.config)),
            ("sha256", policy.digest.clone()),
        ] {
            facts.push((format!("policy `{}` {what}", policy.name), value));
        }
    }
    facts.extend(setup.facts.iter().cloned());
    facts.push((
        "resumes from".to_owned(),
        resume.map_or_else(|| "nothing".to_owned(), Resume::fingerprint),
    ));
    facts
}

fn disable_after(policy: &PolicySetup) -> String {
    let most = policy.disable_after;
    most.map_or_else(|| "never".to_owned(), |most| most.to_string())
}

/// Writes JSON with sorted keys, so that the order in a file does not matter.
pub(crate) fn canonical_json(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) => {
            let mut keys: Vec<_> = map.iter().collect();
            keys.sort_by_key(|(key, _)| key.as_str());
            let parts: Vec<_> = keys
                .into_iter()
                .map(|(key, value)| {
                    format!(
                        "{}:{}",
                        serde_json::Value::from(key.as_str()),
                        canonical_json(value)
                    )
                })
                .collect();
            format!("{{{}}}", parts.join(","))
        }
        serde_json::Value::Array(items) => {
            let parts: Vec<_> = items.iter().map(canonical_json).collect();
            format!("[{}]", parts.join(","))
        }
        other => other.to_string(),
    }
}
