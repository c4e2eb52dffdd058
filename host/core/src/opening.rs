//! Before the first round: proves that all ranks run the same thing.
//!
//! A first message of a fixed size, the same in every program of this encoding, carries a digest of
//! all that must be equal. Where the digests differ, or a rank could not open its host, a second
//! one of an agreed size carries the readable part, so that the error on every rank names ranks,
//! key and values. Paths, caches, the machine's CPU and the journal are not among what must agree.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::agreement::compare;
use crate::digest::Digest;
use crate::error::Error;
use crate::exchange::{Carried, Exchange};
use crate::host::Host;
use crate::message::ENCODING;
use crate::setup::{Place, PolicySetup, Setup};
use crate::snapshot::Resume;

const MAGIC: [u8; 4] = *b"ckpo";
/// Magic, encoding, status, rank, world size, length of the readable part, digest.
const LENGTH: usize = 4 + 4 + 4 + 4 + 4 + 4 + 32;
/// More than any readable part needs; a bound on what a confused rank may ask others to carry.
const MOST: usize = 1 << 20;
/// Bytes of a value that travel whole; 64 configurations of this length fit.
const READABLE: usize = 8 << 10;
const WHEN: &str = "at the opening";

/// A host before its first round.
pub struct Opening {
    place: Place,
    host: Result<Box<Host>, Error>,
    /// What must be equal, by key.
    facts: Vec<(String, String)>,
    /// Filled once the heads have come in.
    heads: Vec<Head>,
}

/// What an opening exchange came to.
pub enum Opened {
    /// The ranks differ: one more exchange, with the readable part, names how.
    Exchange(Opening, Exchange),
    /// All ranks agree.
    Host(Box<Host>),
}

#[derive(Clone, Debug, PartialEq)]
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
            heads: Vec::new(),
        }
    }

    /// Returns the first exchange; its size is the same in every program of this version.
    #[must_use]
    pub fn begin(&self) -> Exchange {
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
        bytes.extend(<[u8; 32]>::from(Sha256::digest(self.whole())));
        Exchange::Gather(bytes)
    }

    /// Takes what came of the exchange.
    ///
    /// # Errors
    ///
    /// The rank's own error, what another rank failed with, or the disagreement.
    pub fn complete<'a>(mut self, carried: impl Into<Carried<'a>>) -> Result<Opened, Error> {
        let messages = carried.into().gathered().map_err(unusable)?;
        if !self.heads.is_empty() {
            return Err(self.explain(messages));
        }
        let heads = heads(messages, self.place).map_err(unusable)?;
        let agreed = heads
            .iter()
            .all(|head| !head.failed && head.digest == heads[0].digest);
        if agreed {
            return self.host.map(Opened::Host);
        }
        let longest = heads.iter().map(|head| head.length).max().unwrap_or(0);
        let mut detail = self.detail();
        detail.resize(longest, 0);
        self.heads = heads;
        Ok(Opened::Exchange(self, Exchange::Gather(detail)))
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

    /// Finds out from the readable parts what is wrong.
    fn explain(self, messages: &[u8]) -> Error {
        if let Err(own) = self.host {
            return own;
        }
        let longest = self.heads.iter().map(|head| head.length).max().unwrap_or(0);
        if messages.len() != longest * self.heads.len() {
            return unusable(format!(
                "{} bytes arrived, {} were expected",
                messages.len(),
                longest * self.heads.len()
            ));
        }
        let parts: Vec<_> = self
            .heads
            .iter()
            .zip(messages.chunks_exact(longest.max(1)))
            .map(|(head, part)| &part[..head.length])
            .collect();
        for (rank, (head, part)) in (0..).zip(self.heads.iter().zip(&parts)) {
            if head.failed {
                return Error::Open {
                    rank,
                    text: String::from_utf8_lossy(part).into_owned(),
                };
            }
        }
        let mut differences = differences(&parts);
        if differences.is_empty() {
            differences.push("their digests differ, but nothing that can be read does".to_owned());
        }
        Error::Disagreement {
            when: WHEN.to_owned(),
            differences,
        }
    }
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

/// Compares the readable parts key by key.
fn differences(parts: &[&[u8]]) -> Vec<String> {
    let mut ranks: Vec<Vec<(String, String)>> = Vec::new();
    for (rank, part) in parts.iter().enumerate() {
        match serde_json::from_slice(part) {
            Ok(facts) => ranks.push(facts),
            Err(error) => return vec![format!("what rank {rank} sent cannot be read: {error}")],
        }
    }
    let keys: BTreeSet<&str> = ranks
        .iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect();
    let differences = keys.iter().filter_map(|key| {
        let find = |facts: &Vec<(String, String)>| {
            facts
                .iter()
                .find(|(known, _)| known == key)
                .map(|(_, value)| value.clone())
        };
        let values: Vec<Option<String>> = ranks.iter().map(find).collect();
        let verbs = verbs(key);
        let show = |value: &Option<String>| match value {
            Some(value) => format!("`{value}`"),
            None => "nothing".to_owned(),
        };
        compare(&values, [&verbs[0], &verbs[1]], show)
    });
    differences.collect()
}

/// Returns what one rank, and what several do with the value of a key.
fn verbs(key: &str) -> [String; 2] {
    let policy = key
        .strip_prefix("policy ")
        .and_then(|key| key.rsplit_once(' '));
    match policy {
        Some((name, "config")) => {
            ["runs", "run"].map(|verb| format!("{verb} {name} with another configuration:"))
        }
        Some((name, "sha256")) => {
            ["runs", "run"].map(|verb| format!("{verb} another file as {name}: sha256"))
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
