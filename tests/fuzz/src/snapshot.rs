//! Snapshots: any text in the place of the document, and runs that go on from it.
//!
//! A checksum would stop nearly every changed document at the door. It is no secret and keeps
//! nobody out, so the error that names the right one is taken at its word and the document is read
//! again. What is whole is written and read to the same, and hosts that resume from it open all
//! alike or refuse all alike, never panic, and go on.

use arbitrary::{Result, Unstructured};
use ckpt_policy_conformance::world::{World, Write};
use ckpt_policy_core::{Event, Metrics, Moment, OnDisk, Opening, Place, Resume, Setup, Snapshot};

use crate::draw;
use crate::scripted::Scripted;

pub(crate) fn run(bytes: &[u8]) {
    let Some((text, rest)) = split(bytes) else {
        return;
    };
    let Some(snapshot) = read(text) else {
        return;
    };
    let again = Snapshot::from_json(&snapshot.to_json()).expect("what is written can be read");
    assert_eq!(again.to_json(), snapshot.to_json());
    let mut input = Unstructured::new(rest);
    let _short = resume(&mut input, &snapshot);
}

/// The document ends at its first line break; how it is resumed is drawn of what follows.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(bytes.len());
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    Some((text, bytes.get(end + 1..).unwrap_or_default()))
}

/// Reads a document, with the checksum that it ought to have.
fn read(text: &str) -> Option<Snapshot> {
    let refused = match Snapshot::from_json(text) {
        Ok(snapshot) => return Some(snapshot),
        Err(error) => error.to_string(),
    };
    let (_, right) = refused.split_once("but its content gives `")?;
    let (right, _) = right.split_once('`')?;
    let mut document: serde_json::Value = serde_json::from_str(text).ok()?;
    document["checksum"] = right.into();
    let whole = Snapshot::from_json(&document.to_string());
    Some(whole.expect("the checksum that an error names is the right one"))
}

fn resume(input: &mut Unstructured<'_>, snapshot: &Snapshot) -> Result<()> {
    let ranks = input.int_in_range(1..=3)?;
    let policies = [Scripted::draw(input, ranks)?, Scripted::draw(input, ranks)?];
    let rules = draw::rules(input)?;
    let resume = drawn(input, snapshot)?;
    let openings = (0..ranks).map(|rank| {
        let policies = policies
            .iter()
            .zip(0..)
            .map(|(policy, index)| policy.setup(index));
        let setup = Setup {
            place: Place {
                rank,
                world_size: ranks,
            },
            rules: rules.clone(),
            policies: policies.collect(),
            facts: Vec::new(),
        };
        Opening::resume(setup, resume.clone())
    });
    let mut world = match World::open(openings.collect()) {
        Ok(world) => world,
        Err(error @ ckpt_policy_conformance::world::Error::Refused(_)) => {
            assert!(!error.to_string().is_empty());
            return Ok(());
        }
        Err(error) => panic!("{error}"),
    };
    protected(&world, &resume);
    go_on(&mut world);
    Ok(())
}

fn drawn(input: &mut Unstructured<'_>, snapshot: &Snapshot) -> Result<Resume> {
    let known: Vec<_> = snapshot.on_disk().iter().map(|it| it.id).collect();
    let id = |input: &mut Unstructured<'_>| match input.choose(&known) {
        Ok(id) if input.ratio(3, 4)? => Ok(*id),
        _ => input.arbitrary(),
    };
    let from = if input.arbitrary()? {
        Some(id(input)?)
    } else {
        None
    };
    let disk = if input.arbitrary()? {
        let count = input.int_in_range(0..=3)?;
        let found = (0..count).map(|_| {
            let bytes = u64::from(input.arbitrary::<u8>()?);
            Ok(OnDisk {
                id: id(input)?,
                step: input.arbitrary()?,
                epoch: 0,
                bytes,
            })
        });
        Some(found.collect::<Result<_>>()?)
    } else {
        None
    };
    let directory = input.arbitrary::<bool>()?.then(|| snapshot.clone());
    Ok(Resume {
        snapshot: snapshot.clone(),
        directory,
        from,
        disk,
    })
}

/// The checkpoint that the weights come from is there, complete and pinned.
fn protected(world: &World, resume: &Resume) {
    let Some(from) = resume.from else {
        return;
    };
    let mut listed = world.hosts()[0].checkpoints();
    let held = listed
        .find(|held| held.id == from)
        .expect("it is in the ledger");
    assert!(held.complete && held.pinned, "{held:?}");
}

/// Plays on, takes a snapshot and opens that, too. A script may make a machine fail; ranks that
/// part are a broken promise, and so is a snapshot of this host that it cannot read.
fn go_on(world: &mut World) {
    let ranks = world.hosts().len();
    for step in [1 << 20, (1 << 20) + 10] {
        let metrics: Metrics = [("a", 0.5), ("x", 2.0)].into_iter().collect();
        let event = Event {
            moment: Moment::ValidationEnd,
            step,
            epoch: 1,
            metrics,
        };
        let played = world.play(&vec![event; ranks], &Write::default());
        if let Err(error) = played {
            assert!(
                matches!(error, ckpt_policy_conformance::world::Error::Refused(_)),
                "{error}"
            );
        }
    }
    let text = world.snapshot().expect("a snapshot").to_json();
    assert_eq!(
        Snapshot::from_json(&text).expect("it is whole").to_json(),
        text
    );
}
