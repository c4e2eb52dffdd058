//! A run of which this process plays one rank; others play the rest.
//!
//! Rank 0 shows and writes what all decide. The invariant: whatever goes wrong on one rank before the
//! ranks have met, that rank still comes to the opening, so that the others learn of it and do not
//! wait.

use std::collections::BTreeSet;

use ckpt_policy_core::text::Printable;
use ckpt_policy_core::{Family, Opening, Place};
use ckpt_policy_runtime::{Engine, Session, SessionError};

use super::{Args, Journal, Play, check_args, check_resume, outputs};
use crate::commands::Streams;
use crate::config::{LoadError, Survey};
use crate::exit;
use crate::replay::{Cut, Ended, ReplayError, Told, play_rank};
use crate::report::{Failure, Report};
use crate::trace::Trace;

/// Why this rank left the run.
pub(super) struct Left {
    pub(super) failure: Failure,
    /// The others may not know, and wait for it.
    #[cfg_attr(
        not(feature = "mpi"),
        expect(dead_code, reason = "only MPI can end the others")
    )]
    pub(super) alone: bool,
    /// All ranks say the same, so that one of them is enough.
    shared: bool,
}

impl From<Failure> for Left {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            alone: false,
            shared: false,
        }
    }
}

impl From<ReplayError> for Left {
    fn from(error: ReplayError) -> Self {
        let shared = match &error {
            ReplayError::Session(SessionError::Host(error)) => error.family() == Family::Agreement,
            _ => false,
        };
        Self {
            alone: !matches!(error, ReplayError::Session(SessionError::Host(_))),
            failure: error.into(),
            shared,
        }
    }
}

/// Runs the command on this rank.
pub(super) fn run(
    args: &Args,
    engine: &mut dyn Engine,
    streams: &mut Streams<'_>,
) -> Result<(), Left> {
    let rank = engine.rank();
    let mut streams = Streams {
        out: &mut *streams.out,
        err: &mut *streams.err,
        // Whoever has started the processes collects what they say, and may have given them a terminal
        // that is nobody's.
        width: None,
        shows_progress: false,
    };
    let result = play(args, engine, &mut streams);
    result.map_err(|left| match rank {
        0 => left,
        // A failure without a report: its code counts, and its text is rank 0's to say.
        _ if left.shared => Left {
            failure: Failure::all(left.failure.code(), Vec::new()),
            ..left
        },
        _ => Left {
            failure: of_rank(rank, &left.failure),
            ..left
        },
    })
}

fn play(args: &Args, engine: &mut dyn Engine, streams: &mut Streams<'_>) -> Result<(), Left> {
    let prepared = prepare(args, engine);
    let (survey, resume) = met(prepared, engine)?;
    let policies = match survey.load_over(engine) {
        Err(LoadError::Session(error)) => return Err(ReplayError::from(error).into()),
        loaded => met(loaded.map_err(Failure::from), engine)?,
    };
    if engine.rank() == 0 {
        policies
            .warnings()
            .iter()
            .for_each(|warning| streams.say(warning));
    }
    let checked = outputs::check(policies.site(), &args.traces, args.snapshot.as_deref());
    met(checked, engine)?;
    for (index, path) in args.traces.iter().enumerate() {
        let opened = (|| {
            let ranks = Some(engine.world_size());
            let trace = Trace::open(path, ranks).map_err(ReplayError::from)?;
            check_resume(resume.as_ref(), &trace.header().name)?;
            let journal = match engine.rank() {
                0 => Journal::open(policies.site(), args, index, resume.as_ref())?,
                _ => None,
            };
            Ok((trace, journal))
        })();
        let (trace, journal) = met(opened, engine)?;
        let play = Play {
            args,
            policies: &policies,
            path,
            resume: resume.as_ref(),
        };
        if engine.rank() == 0 {
            play.one(trace, journal, streams, |world, trace, listener| {
                let ended = play_rank(world, trace, &mut *engine, |told| listener.hear(told))?;
                Ok::<_, Left>(ended)
            })?;
        } else {
            silently(&play, trace, engine, streams)?;
        }
    }
    Ok(())
}

fn prepare(args: &Args, engine: &dyn Engine) -> Result<(Survey, Option<Cut>), Failure> {
    check_args(args)?;
    let size = engine.world_size();
    if let Some(ranks) = args.ranks.filter(|ranks| *ranks != size) {
        let report = Report::new(format!("`--ranks {ranks}`, but there are {size} processes"));
        let hint = "start as many processes as ranks, or leave `--ranks` out";
        return Err(Failure::new(exit::USER, report.hint(hint)));
    }
    let survey = args.configuration.survey()?;
    let resume = args.resume.as_deref().map(Cut::read).transpose()?;
    Ok((survey, resume))
}

/// Passes on what went well. Where it did not, the others are told at the opening.
fn met<T>(result: Result<T, Failure>, engine: &mut dyn Engine) -> Result<T, Left> {
    result.map_err(|failure| {
        let place = Place {
            rank: engine.rank(),
            world_size: engine.world_size(),
        };
        let opening = Opening::failed(place, failure.headline());
        // Its own failure is what this rank has to say, however the others take it.
        let told = Session::open(opening, engine).map(drop);
        Left {
            alone: matches!(told, Err(SessionError::Engine { .. })),
            ..Left::from(failure)
        }
    })
}

/// Plays on a rank that shows nothing but what failed on it alone.
fn silently(
    play: &Play<'_>,
    trace: Trace,
    engine: &mut dyn Engine,
    streams: &mut Streams<'_>,
) -> Result<(), Left> {
    if play.has_nothing_left(streams) {
        return Ok(());
    }
    let rank = engine.rank();
    let mut told = BTreeSet::new();
    let setup = |place: Place| play.setup(place);
    let _ended: Ended = play_rank(&play.world(&setup), trace, engine, |what| {
        if let Told::Failed { policy, text } = what {
            let prepared = play.policies.prepared().get(policy);
            let name = prepared.map_or("?", |prepared| prepared.info.name.as_str());
            if told.len() < MOST_TOLD && told.insert((policy, text.clone())) {
                let (name, text) = (Printable(name), Printable(&text));
                streams.say(&format!(
                    "rank {rank}: warning: policy `{name}` failed: {text}"
                ));
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Different errors of one rank that are told.
const MOST_TOLD: usize = 16;

/// Says of which rank a failure is.
fn of_rank(rank: u32, failure: &Failure) -> Failure {
    let reports = failure.reports().iter();
    let reports = reports.map(|report| report.clone().of(&format!("rank {rank}")));
    Failure::all(failure.code(), reports.collect())
}
