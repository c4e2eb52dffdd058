//! Which cache a command is about.

use std::path::PathBuf;

use ckpt_policy_runtime::{Cache, CacheOptions};

use super::unusable;
use crate::commands::Streams;
use crate::commands::rules::Rules;
use crate::config::{CacheSettings, Placed, Survey};
use crate::exit;
use crate::report::{Failure, Report};

/// Where the cache is.
#[derive(Debug, clap::Args)]
pub(super) struct Where {
    /// The site's configuration, whose `[cache]` it is.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    rules: Rules,

    /// The directory, whatever the configuration and the environment say.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Where {
    /// Reads the configuration that was named.
    pub(super) fn survey(&self) -> Result<Option<Survey>, Failure> {
        let config = self.config.as_deref();
        config.map(|config| self.rules.survey(config)).transpose()
    }

    /// Opens the cache that is there; nothing where there is none, which is said.
    pub(super) fn find(&self, streams: &mut Streams<'_>) -> Result<Option<Cache>, Failure> {
        let settings = match self.survey()? {
            Some(survey) => survey.cache()?,
            None => CacheSettings::default(),
        };
        let options = match self.place(settings) {
            Placed::At(options) => options,
            Placed::Off(by) => {
                streams.say(&format!("note: the compile cache is switched off by {by}"));
                return Ok(None);
            }
        };
        let directory = options.directory.display().to_string();
        let found = Cache::find(options).map_err(|error| unusable(&error))?;
        if found.is_none() {
            streams.say(&format!("note: there is no compile cache in `{directory}`"));
        }
        Ok(found)
    }

    /// Opens the cache, and makes it where it is missing.
    pub(super) fn open(&self, settings: CacheSettings) -> Result<Cache, Failure> {
        match self.place(settings) {
            Placed::At(options) => open(options),
            Placed::Off(by) => {
                let report = Report::new(format!("the compile cache is switched off by {by}"));
                Err(Failure::new(
                    exit::USER,
                    report.hint("name a directory with `--directory DIR`"),
                ))
            }
        }
    }

    fn place(&self, settings: CacheSettings) -> Placed {
        match &self.directory {
            Some(directory) => settings.at(directory.clone()),
            None => settings.place(),
        }
    }
}

fn open(options: CacheOptions) -> Result<Cache, Failure> {
    Cache::open(options).map_err(|error| unusable(&error))
}
