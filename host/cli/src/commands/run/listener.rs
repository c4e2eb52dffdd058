//! What becomes of the decisions that rank 0 tells: the journal, the table, the summary, and a word
//! on standard error for each thing that a policy could not do.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ckpt_policy_core::text::{self, Printable};
use ckpt_policy_core::{Mode, PolicyInfo};

use super::{Journal, Sinks};
use crate::commands::{Format, Streams};
use crate::config::Policies;
use crate::journal::{self, DecidedBy};
use crate::render::{self, Decisions};
use crate::replay::{Cut, Ended, ReplayError, Step, Told};
use crate::report::Failure;
use crate::summary::{Tally, Watch};
use crate::trace::Header;

/// How many different errors of one policy are told; all of them are counted.
const TOLD: usize = 16;

/// Hears what rank 0 tells, and passes it on.
pub(super) struct Listener<'a, 's> {
    streams: &'a mut Streams<'s>,
    sinks: Sinks,
    header: Head<'a>,
    policies: Vec<PolicyInfo>,
    watches: Vec<Watch>,
    table: Decisions,
    tally: Tally,
    told: BTreeSet<(usize, String)>,
    disabled: BTreeSet<usize>,
    read: Arc<AtomicU64>,
    goes_on: bool,
}

/// What the journal's header is made of.
struct Head<'a> {
    policies: &'a Policies<'a>,
    header: Header,
}

impl<'a, 's> Listener<'a, 's> {
    pub(super) fn new(
        policies: &'a Policies<'a>,
        header: &Header,
        sinks: Sinks,
        streams: &'a mut Streams<'s>,
    ) -> Self {
        let infos: Vec<_> = policies
            .prepared()
            .iter()
            .map(|prepared| prepared.info.clone())
            .collect();
        let prepared = policies.prepared().iter();
        let watches: Vec<_> = prepared
            .map(|prepared| Watch::of(&prepared.info, prepared.config))
            .collect();
        Self {
            table: Decisions::new(streams.page(), &infos, &watches),
            header: Head {
                policies,
                header: header.clone(),
            },
            streams,
            sinks,
            policies: infos,
            watches,
            tally: Tally::default(),
            told: BTreeSet::new(),
            disabled: BTreeSet::new(),
            read: Arc::default(),
            goes_on: false,
        }
    }

    /// Takes the counter of bytes for the progress bar.
    pub(super) fn watch(&mut self, read: Arc<AtomicU64>) {
        self.read = read;
    }

    /// Goes on with what was counted before the cut; the journal has its header already.
    pub(super) fn go_on(&mut self, cut: &Cut) {
        self.tally = cut.tally.clone();
        self.goes_on = true;
    }

    pub(super) fn hear(&mut self, told: Told) -> Result<(), ReplayError> {
        match told {
            Told::Opened { disabled, .. } => {
                self.open()?;
                self.recall(&disabled);
                Ok(())
            }
            Told::Played(step) => self.step(&step),
            Told::Failed { policy, text } => {
                self.note(policy, &text);
                Ok(())
            }
        }
    }

    /// Writes out what waits in buffers, whether or not the run came to its end.
    pub(super) fn flush(&mut self) -> Result<(), ReplayError> {
        if let Some(progress) = &self.sinks.progress {
            progress.finish_and_clear();
        }
        let page = self.table.page();
        self.print(&page)?;
        if let Some(Journal { path, file, .. }) = &mut self.sinks.journal {
            file.flush().map_err(|source| unwritable(path, source))?;
        }
        Ok(())
    }

    /// Prints the summary; returns what was counted.
    pub(super) fn finish(self, ended: &Ended) -> Result<Tally, Failure> {
        let Self {
            streams,
            mut tally,
            policies,
            watches,
            ..
        } = self;
        tally.exchanges += ended.exchanges;
        if self.sinks.format == Format::Table {
            if tally.rounds == 0 {
                streams.print("no policy was asked\n")?;
            }
            let text = render::summary(streams.page(), &tally, &policies, &watches);
            let exchanges = tally.exchanges;
            streams.print(&format!(
                "\n{text}exchanges between the ranks: {exchanges}\n"
            ))?;
        }
        Ok(tally)
    }

    fn open(&mut self) -> Result<(), ReplayError> {
        let Head { policies, header } = &self.header;
        let prepared = policies.prepared();
        let configs = prepared.iter().map(|prepared| prepared.config).collect();
        let by = DecidedBy {
            combine: policies.site().rules().combine,
            policies: &self.policies,
            configs,
        };
        if let Some(journal) = &mut self.sinks.journal {
            let begun = journal.begin();
            begun.map_err(|source| unwritable(&journal.path, source))?;
        }
        if !self.goes_on {
            if let Some(Journal { path, file, .. }) = &mut self.sinks.journal {
                journal::write_header(file, header, &by)
                    .map_err(|source| unwritable(path, source))?;
            }
            if self.sinks.format == Format::Json {
                let written = journal::write_header(self.streams.out, header, &by);
                return written.map_err(unprintable);
            }
        }
        if self.sinks.format == Format::Table {
            let ranks = match header.world_size {
                1 => "1 rank".to_owned(),
                ranks => format!("{ranks} ranks"),
            };
            let heading = format!("{}: {ranks}\n\n", Printable(&header.name));
            return self.print(&heading);
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), ReplayError> {
        self.tally.add(step, &self.policies, &self.watches);
        self.complain(step);
        self.give_up(step);
        if let Some(Journal { path, file, .. }) = &mut self.sinks.journal {
            journal::write_step(file, step, &self.policies)
                .map_err(|source| unwritable(path, source))?;
        }
        if let Some(progress) = &self.sinks.progress {
            progress.set_position(self.read.load(Ordering::Relaxed));
        }
        match self.sinks.format {
            Format::Json => {
                journal::write_step(self.streams.out, step, &self.policies).map_err(unprintable)
            }
            Format::Table => match self.table.add(step, &self.policies, &self.tally) {
                Some(page) => self.print(&page),
                None => Ok(()),
            },
        }
    }

    /// Says once what a policy could not do; the summary counts each time.
    fn complain(&mut self, step: &Step) {
        for opinion in step.decision.all_opinions() {
            if let Some(error) = &opinion.error {
                let what = format!("could not answer at step {}", step.row.step);
                self.warn(opinion.policy, &what, error);
            }
        }
    }

    /// Says of which policies the run had given up before it was cut.
    fn recall(&mut self, disabled: &[(usize, u64)]) {
        for (policy, failures) in disabled {
            self.disable(
                *policy,
                &format!(
                    "had failed {failures} times in a row before the run was cut; it is not asked \
                     any more, unless its file or `config` changes or `disable-after` is raised"
                ),
            );
        }
    }

    /// Says which policies failed once too often.
    fn give_up(&mut self, step: &Step) {
        for disabled in &step.decision.disabled {
            let (failures, at) = (disabled.failures, step.row.step);
            let times = if failures == 1 { "time" } else { "times" };
            let error = Printable(&disabled.error);
            self.disable(
                disabled.policy,
                &format!(
                    "failed {failures} {times} in a row, the last time at step {at} ({error}); it \
                     is not asked any more in this run"
                ),
            );
        }
    }

    fn disable(&mut self, policy: usize, what: &str) {
        self.disabled.insert(policy);
        self.say(&format!("warning: policy `{}` {what}", self.name(policy)));
        let mut asking = self.policies.iter().enumerate().filter(|(_, info)| {
            // Neither a shadow nor a passive policy brings about a round.
            info.mode == Mode::Enforce && !info.plan.passive
        });
        if asking.all(|(index, _)| self.disabled.contains(&index)) {
            self.say("warning: no policy is left that asks for anything; nothing more is decided");
        }
    }

    /// Passes on what a policy failed with on one rank, in its own words.
    fn note(&mut self, policy: usize, text: &str) {
        self.warn(policy, "failed on a rank", text);
    }

    /// Says each text of a policy once, and not too many of them.
    fn warn(&mut self, policy: usize, what: &str, text: &str) {
        let texts = (policy, String::new())..(policy + 1, String::new());
        let so_far = self.told.range(texts).count();
        if so_far > TOLD || !self.told.insert((policy, text.to_owned())) {
            return;
        }
        let name = self.name(policy);
        let line = match so_far {
            TOLD => format!("warning: policy `{name}`: more errors, see the journal"),
            _ => format!("warning: policy `{name}` {what}: {}", Printable(text)),
        };
        self.say(&line);
    }

    fn name(&self, policy: usize) -> String {
        let info = self.policies.get(policy);
        Printable(info.map_or("?", |info| info.name.as_str())).to_string()
    }

    fn say(&mut self, line: &str) {
        match &self.sinks.progress {
            Some(progress) => progress.suspend(|| self.streams.say(line)),
            None => self.streams.say(line),
        }
    }

    fn print(&mut self, text: &str) -> Result<(), ReplayError> {
        let out = &mut self.streams.out;
        let text = text::lines(text);
        let mut print = || out.write_all(text.as_bytes()).and_then(|()| out.flush());
        let written = match &self.sinks.progress {
            Some(progress) => progress.suspend(print),
            None => print(),
        };
        written.map_err(unprintable)
    }
}

fn unwritable(path: &Path, source: io::Error) -> ReplayError {
    ReplayError::Write {
        to: format!("the journal `{}`", path.display()),
        source,
    }
}

fn unprintable(source: io::Error) -> ReplayError {
    match source.kind() {
        io::ErrorKind::BrokenPipe => ReplayError::Deaf,
        _ => ReplayError::Write {
            to: "to standard output".to_owned(),
            source,
        },
    }
}
