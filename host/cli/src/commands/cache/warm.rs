//! `ckpt-policy cache warm`: compiles ahead of a job, so that none of its processes has to.

use ckpt_policy_runtime::{Cache, Compile, Loaded, Options, Runtime};

use super::place::Where;
use crate::commands::Streams;
use crate::config::{self, CacheSettings};
use crate::exit;
use crate::report::{Failure, Report};

/// Compiles policies into the cache ahead of a job, as in a prologue on each node.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Where,

    /// WebAssembly files, or `builtin:NAME`, as a site loads them that sets no limits. By default
    /// the policies of the configuration, under its limits.
    #[arg(
        value_name = "POLICY",
        required_unless_present = "config",
        conflicts_with = "config"
    )]
    policies: Vec<String>,
}

/// Runs the command.
pub(super) fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let mut warmed = Warmed {
        streams,
        unkept: Vec::new(),
    };
    match args.place.survey()? {
        Some(survey) => {
            let cache = args.place.open(survey.cache()?)?;
            for (policy, loaded) in survey.warm(cache)? {
                warmed.tell(&policy, &loaded)?;
            }
        }
        None => {
            let cache = args.place.open(CacheSettings::default())?;
            let runtime = runtime(cache)?;
            for policy in &args.policies {
                warmed.tell(policy, &config::load(policy, &runtime, Compile::Large)?)?;
            }
        }
    }
    match warmed.unkept.is_empty() {
        true => Ok(()),
        false => Err(Failure::all(exit::USER, warmed.unkept)),
    }
}

/// What was said so far, and what could not be kept.
struct Warmed<'s, 'o> {
    streams: &'s mut Streams<'o>,
    unkept: Vec<Report>,
}

impl Warmed<'_, '_> {
    fn tell(&mut self, policy: &str, loaded: &Loaded) -> Result<(), Failure> {
        let Some(used) = loaded.cache_use() else {
            return Ok(());
        };
        let came = match used.found {
            true => "was there",
            false => "compiled",
        };
        self.streams.print(&format!("{policy}: {came}\n"))?;
        match used.trouble.last().filter(|_| !used.kept) {
            Some(error) => self.unkept.push(Report::new(format!("{policy}: {error}"))),
            None => self.streams.tell_of_cache(loaded),
        }
        Ok(())
    }
}

/// Sets up what a site has that sets nothing, and a cache.
fn runtime(cache: Cache) -> Result<Runtime, Failure> {
    let options = Options {
        cache: Some(cache),
        ..Options::default()
    };
    Runtime::with(options).map_err(|error| Failure::new(exit::OURS, Report::new(error.to_string())))
}
