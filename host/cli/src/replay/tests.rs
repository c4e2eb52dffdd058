//! A run that is cut at any event and goes on decides as the uncut one, and writes the same bytes.

use std::path::{Path, PathBuf};

use ckpt_policy_core::{Place, PolicyInfo};

use super::{Cut, Ended, ReplayError, Told, World, play};
use crate::config::{Policies, Survey};
use crate::exit;
use crate::journal;
use crate::report::Failure;
use crate::summary::{Tally, Watch};
use crate::trace::Trace;

/// Traces, and the endings of the sites that watch what they log.
const RUNS: [(&str, &str); 6] = [
    ("cancer-acc-ddp4-ceiling", "-val-acc"),
    ("diabetes-reg-ddp3-trainsteps", "-train-loss"),
    ("digits-acc-ddp4-ties", "-val-acc"),
    ("digits-cnn-ddp8-steps", ""),
    ("digits-mlp-ddp2-nan", ""),
    ("digits-mlp-ddp4", ""),
];

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

/// What one part of a run came to.
struct Part {
    journal: Vec<u8>,
    tally: Tally,
    ended: Ended,
}

impl Part {
    fn into_cut(self, trace: &str) -> Cut {
        let Self { tally, ended, .. } = self;
        let Ended {
            events,
            stopped,
            snapshot,
            ..
        } = ended;
        let snapshot = snapshot.expect("a snapshot was wanted");
        Cut {
            trace: trace.to_owned(),
            events,
            stopped,
            snapshot,
            tally,
        }
    }
}

/// Plays a part of a trace; the journal is without its header.
fn part(policies: &Policies<'_>, trace: &Path, resume: Option<&Cut>, until: Option<u64>) -> Part {
    let setup = |place: Place| policies.setup(place);
    let world = World {
        setup: &setup,
        resume,
        until,
        snapshot: until.is_some(),
    };
    let infos: Vec<PolicyInfo> = policies
        .prepared()
        .iter()
        .map(|prepared| prepared.info.clone())
        .collect();
    let watches: Vec<Watch> = policies
        .prepared()
        .iter()
        .map(|one| Watch::of(&one.info, one.config))
        .collect();
    let mut tally = resume.map(|cut| cut.tally.clone()).unwrap_or_default();
    let mut journal = Vec::new();
    let trace = Trace::open(trace, None).expect("the trace is right");
    let listen = |told| {
        if let Told::Played(step) = told {
            tally.add(&step, &infos, &watches);
            journal::write_step(&mut journal, &step, &infos).map_err(|source| {
                ReplayError::Write {
                    to: "memory".to_owned(),
                    source,
                }
            })?;
        }
        Ok(())
    };
    let ended = play(&world, trace, listen).expect("the run comes to its end");
    Part {
        journal,
        tally,
        ended,
    }
}

#[test]
fn a_cut_run_goes_on_as_the_uncut_one() {
    for (name, ending) in RUNS {
        let site = Survey::read(&tests().join("sites").join(format!("four{ending}.toml")));
        let policies = site.load().expect("the site is right");
        let trace = tests().join("traces").join(name).with_extension("jsonl");
        let whole = part(&policies, &trace, None, None);
        let rows = Trace::open(&trace, None).expect("the trace is right");
        let steps: Vec<u64> = rows
            .map(|row| row.expect("each event is right").step)
            .collect();
        let last = steps.len() - 1;
        assert_eq!(
            whole.ended.events,
            steps.len() as u64,
            "{name}: all events are played"
        );
        let cuts = (0..4).chain([last / 3, last / 2, last - 1, last]);
        for at in cuts {
            let first = part(&policies, &trace, None, Some(steps[at]));
            let mut journal = first.journal.clone();
            let cut = first.into_cut(name);
            assert_eq!(
                cut.events,
                at as u64 + 1,
                "{name}: it was cut after event {at}"
            );
            let second = part(&policies, &trace, Some(&cut), None);
            journal.extend(&second.journal);
            let same = journal == whole.journal;
            assert!(same, "{name}, cut after event {at}: the journals differ");
            assert_eq!(second.tally, whole.tally, "{name}, cut after event {at}");
        }
    }
}

#[test]
fn a_cut_run_can_be_cut_again() {
    let (name, ending) = RUNS[1];
    let site = Survey::read(&tests().join("sites").join(format!("four{ending}.toml")));
    let policies = site.load().expect("the site is right");
    let trace = tests().join("traces").join(name).with_extension("jsonl");
    let whole = part(&policies, &trace, None, None);
    let first = part(&policies, &trace, None, Some(80));
    let mut journal = first.journal.clone();
    let second = part(&policies, &trace, Some(&first.into_cut(name)), Some(81));
    assert!(second.journal.is_empty(), "there is no event at step 81");
    let third = part(&policies, &trace, Some(&second.into_cut(name)), Some(160));
    journal.extend(&third.journal);
    let fourth = part(&policies, &trace, Some(&third.into_cut(name)), None);
    journal.extend(&fourth.journal);
    assert!(journal == whole.journal, "the journals differ");
}

/// Plays the shortest trace with setups that `change` has changed.
fn play_changed(
    change: impl Fn(&mut ckpt_policy_core::Setup) + Sync,
    listen: impl FnMut(Told) -> Result<(), ReplayError>,
) -> ReplayError {
    let site = Survey::read(&tests().join("sites/aggregate-train-loss.toml"));
    let policies = site.load().expect("the site is right");
    let setup = |place: Place| {
        let mut setup = policies.setup(place);
        change(&mut setup);
        setup
    };
    let world = World {
        setup: &setup,
        resume: None,
        until: None,
        snapshot: false,
    };
    let trace = tests().join("traces/diabetes-reg-ddp3-trainsteps.jsonl");
    let trace = Trace::open(&trace, None).expect("the trace is right");
    play(&world, trace, listen).expect_err("the run cannot come to its end")
}

#[test]
fn a_rank_that_panics_ends_the_run_on_all() {
    let panics = |setup: &mut ckpt_policy_core::Setup| {
        assert_ne!(setup.place.rank, 1, "rank 1 is broken on purpose");
    };
    let error = play_changed(panics, |_| Ok(()));
    let text = error.to_string();
    assert!(
        text.starts_with("rank 1 panicked: ") && text.contains("on purpose"),
        "{text}"
    );
    assert_eq!(Failure::from(error).code(), exit::OURS);
}

#[test]
fn ranks_that_differ_are_named_on_all() {
    let differs = |setup: &mut ckpt_policy_core::Setup| {
        if setup.place.rank == 2 {
            setup.facts.push(("moon".to_owned(), "full".to_owned()));
        }
    };
    let error = play_changed(differs, |_| Ok(()));
    let text = error.to_string();
    assert!(text.contains("rank 2") && text.contains("moon"), "{text}");
    assert_eq!(Failure::from(error).code(), exit::AGREEMENT);
}

#[test]
fn a_listener_that_leaves_ends_the_run() {
    let mut heard = 0;
    let error = play_changed(
        |_| (),
        |_| {
            heard += 1;
            if heard < 5 {
                Ok(())
            } else {
                Err(ReplayError::Deaf)
            }
        },
    );
    assert!(matches!(error, ReplayError::Deaf), "{error}");
    assert_eq!(heard, 5);
}
