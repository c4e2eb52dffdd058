//! `ckpt-policy run`: drives the host over recorded runs, and shows what was decided and why.

mod listener;
#[cfg(feature = "mpi")]
mod mpi;
mod one_rank;
pub(super) mod outputs;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use ckpt_policy_core::text::Printable;
use ckpt_policy_core::{Place, Setup};
use ckpt_policy_runtime::Engine;

use self::listener::Listener;
use super::rules::Configuration;
use super::{Format, Streams};
use crate::config::{Policies, Site};
use crate::exit;
use crate::replay::{self, Cut, CutError, Ended, ReplayError, World};
use crate::report::{Failure, Report};
use crate::trace::{MOST_RANKS, Trace};

/// Drives the host over recorded runs, one thread a rank, and shows what was decided and why.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    configuration: Configuration,

    /// What carries the ranks' numbers: one thread a rank, or the processes that `mpirun` or
    /// `torchrun` starts, each of which plays a rank of its own.
    #[arg(long, value_enum, default_value = "threads")]
    engine: EngineKind,

    /// Seconds that a rank waits for the others before it gives up; with `--engine mpi` or `torch`.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    deadline: u64,

    /// Cuts the trace's ranks to this number, or repeats them until there are as many. With
    /// `--engine mpi` or `torch` there are as many as processes.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_RANKS)))]
    ranks: Option<u32>,

    /// What goes to standard output: tables, or the journal.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,

    /// Plays no event after this step; the run can go on later with `--snapshot`.
    #[arg(long, value_name = "STEP")]
    until: Option<u64>,

    /// Writes to this file what a later `--resume` needs.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,

    /// Goes on where the run that wrote this snapshot was cut.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,

    /// Recorded runs; `-` is standard input. A journal is a trace, too.
    #[arg(required = true, value_name = "TRACE")]
    traces: Vec<PathBuf>,
}

/// What carries the ranks' numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum EngineKind {
    /// One thread a rank.
    Threads,
    /// One process a rank, started by `mpirun`.
    Mpi,
    /// One process a rank, started by `torchrun`; in Python.
    Torch,
}

const EXAMPLES: &str = "\
Examples:
  What would this site have decided in that run?
    ckpt-policy run --config site.toml trace.jsonl

  The same with eight ranks, as a journal:
    ckpt-policy run --config site.toml --ranks 8 --format json trace.jsonl > journal.jsonl

  The same by eight processes over MPI:
    mpirun -n 8 ckpt-policy run --engine mpi --config site.toml trace.jsonl

  Play a part, and the rest later; both journals together are the whole one:
    ckpt-policy run --config site.toml --until 450 --snapshot half.json trace.jsonl
    ckpt-policy run --config site.toml --resume half.json trace.jsonl

Exit codes: 0 done, 2 usage, configuration or files, 3 a policy, 4 engine or disagreement, 70 a
defect of this program. A policy that could not answer is named on standard error and counted in
the summary; its `on-error` says what happens then.";

/// Runs the command.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    match args.engine {
        EngineKind::Threads => on_threads(args, streams),
        #[cfg(feature = "mpi")]
        EngineKind::Mpi => mpi::run(args, streams),
        EngineKind::Torch => {
            let report = Report::new("`--engine torch` is for the Python package");
            let hint =
                "start it by `torchrun --nproc-per-node N -m ckpt_policy run --engine torch …`";
            Err(Failure::new(exit::USER, report.hint(hint)))
        }
        #[cfg(not(feature = "mpi"))]
        EngineKind::Mpi => {
            let report = Report::new("this program was built without MPI");
            let hint = "build it with `cargo build --release --package ckpt-policy --features mpi`";
            Err(Failure::new(exit::USER, report.hint(hint)))
        }
    }
}

/// Runs the command on one rank over an engine, whatever `--engine` says; the other ranks do the
/// same.
pub(crate) fn run_on(
    args: &Args,
    engine: &mut dyn Engine,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    one_rank::run(args, engine, streams).map_err(|left| left.failure)
}

fn on_threads(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    check_args(args)?;
    let survey = args.configuration.survey()?;
    let policies = survey.load()?;
    policies
        .warnings()
        .iter()
        .for_each(|warning| streams.say(warning));
    outputs::check(policies.site(), &args.traces, args.snapshot.as_deref())?;
    let resume = args.resume.as_deref().map(Cut::read).transpose()?;
    for (index, trace) in args.traces.iter().enumerate() {
        let opened = Trace::open(trace, args.ranks).map_err(ReplayError::from)?;
        check_resume(resume.as_ref(), &opened.header().name)?;
        let journal = Journal::open(policies.site(), args, index, resume.as_ref())?;
        let play = Play {
            args,
            policies: &policies,
            path: trace,
            resume: resume.as_ref(),
        };
        play.one(opened, journal, streams, |world, trace, listener| {
            replay::play(world, trace, |told| listener.hear(told)).map_err(Failure::from)
        })?;
    }
    Ok(())
}

fn check_args(args: &Args) -> Result<(), Failure> {
    let is_cut = args.until.is_some() || args.snapshot.is_some() || args.resume.is_some();
    if is_cut && args.traces.len() > 1 {
        let report = Report::new("`--until`, `--snapshot` and `--resume` are for one trace");
        return Err(Failure::new(
            exit::USER,
            report.hint("run the traces one by one"),
        ));
    }
    Ok(())
}

/// One trace under one configuration.
struct Play<'a> {
    args: &'a Args,
    policies: &'a Policies<'a>,
    path: &'a Path,
    resume: Option<&'a Cut>,
}

impl Play<'_> {
    /// Plays the trace as `play` does, and shows what rank 0 tells.
    fn one<E: From<Failure>>(
        &self,
        trace: Trace,
        journal: Option<Journal>,
        streams: &mut Streams<'_>,
        play: impl FnOnce(&World<'_>, Trace, &mut Listener<'_, '_>) -> Result<Ended, E>,
    ) -> Result<(), E> {
        let name = trace.header().name.clone();
        if self.has_nothing_left(streams) {
            return Ok(());
        }
        let setup = |place: Place| self.setup(place);
        let world = self.world(&setup);
        let progress = progress_bar(self.path, streams);
        let format = self.args.format;
        let mut listener = Listener::new(
            self.policies,
            trace.header(),
            Sinks {
                format,
                journal,
                progress,
            },
            streams,
        );
        listener.watch(trace.bytes());
        if let Some(cut) = self.resume {
            listener.go_on(cut);
        }
        let ended = play(&world, trace, &mut listener);
        listener.flush().map_err(Failure::from)?;
        let ended = ended?;
        let tally = listener.finish(&ended)?;
        if let (Some(path), Some(snapshot)) = (&self.args.snapshot, ended.snapshot) {
            let (events, stopped) = (ended.events, ended.stopped);
            let cut = Cut {
                trace: name,
                events,
                stopped,
                snapshot,
                tally,
            };
            cut.write(path).map_err(|error| {
                let report = Report::new(format!("cannot write `{}`", path.display()));
                Failure::new(exit::USER, report.caused_by(&error))
            })?;
        }
        Ok(())
    }

    /// Makes the host of one rank. Which part of the run is played must be the same on all: else
    /// some would wait for others that have left.
    fn setup(&self, place: Place) -> Setup {
        let mut setup = self.policies.setup(place);
        let args = self.args;
        let until = match args.until {
            Some(step) => format!("step {step}"),
            None => "the end".to_owned(),
        };
        let from = self.resume.map_or(0, |cut| cut.events);
        let then = match args.snapshot {
            Some(_) => ", then a snapshot",
            None => "",
        };
        let traces = args.traces.len();
        let part = format!("{traces} traces, from event {from} until {until}{then}");
        setup.facts.push(("run".to_owned(), part));
        setup
    }

    fn world<'w>(&'w self, setup: &'w (dyn Fn(Place) -> Setup + Sync)) -> World<'w> {
        World {
            setup,
            resume: self.resume,
            until: self.args.until,
            snapshot: self.args.snapshot.is_some(),
        }
    }

    /// Whether the run that is to go on was at its end already.
    fn has_nothing_left(&self, streams: &mut Streams<'_>) -> bool {
        let stopped = self.resume.is_some_and(|cut| cut.stopped);
        if stopped {
            streams
                .say("note: the run had ended at an agreed stop; there is nothing to go on with");
        }
        stopped
    }
}

/// Where the decisions go.
pub(super) struct Sinks {
    format: Format,
    journal: Option<Journal>,
    progress: Option<indicatif::ProgressBar>,
}

/// A journal's file. What was in it stays until the ranks have opened together.
pub(super) struct Journal {
    path: PathBuf,
    file: BufWriter<File>,
    /// Lines that are kept when the run begins: the header, and one for each event before the cut.
    kept: u64,
}

impl Journal {
    /// Opens the journal that the configuration names: for a run of its own, or to go on with it.
    fn open(
        site: &Site,
        args: &Args,
        index: usize,
        resume: Option<&Cut>,
    ) -> Result<Option<Self>, Failure> {
        let Some(path) = site.journal() else {
            return Ok(None);
        };
        let path = outputs::journal_of(path, &args.traces, index);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        options.read(resume.is_some());
        let file = options.open(&path).map_err(|error| {
            let report = Report::new(format!("cannot write the journal `{}`", path.display()));
            let hint =
                "`path` in `[journal]` is relative to the configuration; its folder must exist";
            Failure::new(exit::USER, report.caused_by(&error).hint(hint))
        })?;
        Ok(Some(Self {
            path,
            file: BufWriter::new(file),
            kept: resume.map_or(0, |cut| 1 + cut.events),
        }))
    }

    /// Cuts the journal to what is kept, so that what is appended goes on there: a run that was
    /// killed after its snapshot leaves more lines behind, the last of them perhaps half written. All
    /// of these events are decided again.
    fn begin(&mut self) -> io::Result<()> {
        let file = self.file.get_mut();
        if !file.metadata()?.is_file() {
            return Ok(());
        }
        let (mut reader, mut line, mut end) = (BufReader::new(&mut *file), Vec::new(), 0);
        for _ in 0..self.kept {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            if !line.ends_with(b"\n") {
                break;
            }
            end += length as u64;
        }
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end)).map(drop)
    }
}

fn check_resume(resume: Option<&Cut>, name: &str) -> Result<(), Failure> {
    let Some(cut) = resume.filter(|cut| cut.trace != name) else {
        return Ok(());
    };
    let text = format!(
        "the snapshot is of trace `{}`, not of `{}`",
        cut.trace,
        Printable(name)
    );
    Err(Failure::new(
        exit::USER,
        Report::new(text).hint("resume with the trace that was cut"),
    ))
}

fn progress_bar(path: &Path, streams: &Streams<'_>) -> Option<indicatif::ProgressBar> {
    if !streams.shows_progress {
        return None;
    }
    let length = fs::metadata(path)
        .ok()
        .filter(fs::Metadata::is_file)
        .map(|file| file.len());
    let template = match length {
        Some(_) => "{bar:30} {bytes} of {total_bytes}, {eta} left",
        None => "{spinner} {bytes}",
    };
    let bar = length.map_or_else(
        indicatif::ProgressBar::new_spinner,
        indicatif::ProgressBar::new,
    );
    match indicatif::ProgressStyle::with_template(template) {
        Ok(style) => Some(bar.with_style(style)),
        Err(_) => Some(bar),
    }
}

impl From<CutError> for Failure {
    fn from(error: CutError) -> Self {
        let hint = "name a file that `ckpt-policy run --snapshot FILE` wrote";
        Self::new(exit::USER, Report::new(error.to_string()).hint(hint))
    }
}
