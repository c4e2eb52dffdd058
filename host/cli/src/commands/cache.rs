//! `ckpt-policy cache`: what is compiled already, how to be rid of it, and how to have it ready.

mod place;
mod warm;

use std::path::Path;
use std::time::SystemTime;

use ckpt_policy_runtime::{Cache, CacheEntry, CacheError, EntryState};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use self::place::Where;
use super::{Format, Streams};
use crate::config;
use crate::exit;
use crate::render;
use crate::report::{Failure, Report};

/// Lists, clears and fills the directory in which compiled policies are kept.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Ls(Ls),
    Clear(Clear),
    Warm(warm::Args),
}

/// Lists what is compiled, what was used last first.
#[derive(Debug, clap::Args)]
struct Ls {
    #[command(flatten)]
    place: Where,

    /// What goes to standard output: a table, or one JSON document.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Removes what is compiled: all of it, or one policy's.
#[derive(Debug, clap::Args)]
struct Clear {
    #[command(flatten)]
    place: Where,

    /// A WebAssembly file, `builtin:NAME`, or the first digits of a digest that `ls` shows.
    #[arg(long, value_name = "FILE|DIGEST")]
    policy: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  On each node, before a job starts:
    ckpt-policy cache warm --config site.toml

  What is there, and how large is it?
    ckpt-policy cache ls

  Be rid of it; whatever runs goes on:
    ckpt-policy cache clear

The directory is the one in `[cache]` of the site's configuration, else that in the environment variable
`CKPT_POLICY_CACHE`, else `ckpt-policy-UID` in the system's folder for temporary files.

Exit codes: 0 done, 2 the cache, a file or the configuration cannot be used, 3 a policy is at fault.";

/// Runs the command.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    match &args.action {
        Action::Ls(args) => ls(args, streams),
        Action::Clear(args) => clear(args, streams),
        Action::Warm(args) => warm::run(args, streams),
    }
}

/// What a cache holds, ready to be shown.
pub(crate) struct Listing {
    pub(crate) directory: String,
    pub(crate) entries: Vec<CacheEntry>,
    /// Bytes that the entries may have together.
    pub(crate) most: u64,
    pub(crate) now: SystemTime,
}

impl Listing {
    fn of(cache: &Cache) -> Result<Self, Failure> {
        Ok(Self {
            directory: cache.path().display().to_string(),
            entries: cache.entries().map_err(|error| unusable(&error))?,
            most: cache.size(),
            now: SystemTime::now(),
        })
    }

    /// Returns the bytes of all entries.
    pub(crate) fn total(&self) -> u64 {
        self.entries.iter().map(|entry| entry.size).sum()
    }

    /// Returns the seconds since an entry was used; none where the clock was set back since.
    pub(crate) fn age(&self, entry: &CacheEntry) -> u64 {
        let age = self.now.duration_since(entry.used);
        age.unwrap_or_default().as_secs()
    }

    fn document(&self) -> Value {
        let entries = self.entries.iter().map(|entry| {
            json!({
                "policy": entry.policy,
                "bytes": entry.size,
                "unused-seconds": self.age(entry),
                "wasmtime": entry.wasmtime,
                "state": state(entry.state),
            })
        });
        json!({
            "cache": 1,
            "directory": self.directory,
            "bytes": self.total(),
            "most-bytes": self.most,
            "entries": entries.collect::<Vec<_>>(),
        })
    }
}

/// Names what becomes of an entry.
pub(crate) fn state(state: EntryState) -> &'static str {
    match state {
        EntryState::Damaged => "damaged",
        EntryState::OtherMachine => "other-machine",
        EntryState::OtherVersion => "other-version",
        EntryState::Usable => "usable",
        _ => "unknown",
    }
}

fn ls(args: &Ls, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let Some(cache) = args.place.find(streams)? else {
        return Ok(());
    };
    let listing = Listing::of(&cache)?;
    let text = match args.format {
        Format::Json => format!("{:#}\n", listing.document()),
        Format::Table => render::cache(streams.page(), &listing),
    };
    streams.print(&text)
}

fn clear(args: &Clear, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let Some(cache) = args.place.find(streams)? else {
        return Ok(());
    };
    let policy = args.policy.as_deref().map(digest_of).transpose()?;
    let freed = cache.clear(policy.as_deref());
    let freed = freed.map_err(|error| unusable(&error))?;
    streams.print(&render::cache_freed(freed))
}

/// Returns the first digits of a policy's digest.
fn digest_of(policy: &str) -> Result<String, Failure> {
    let is_digest = (FEWEST_DIGITS..=64).contains(&policy.len())
        && policy.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_digest && !Path::new(policy).exists() {
        return Ok(policy.to_ascii_lowercase());
    }
    let bytes = config::read(policy, &config::authors_runtime(None)?)?;
    Ok(config::hex(&Sha256::digest(bytes)))
}

fn unusable(error: &CacheError) -> Failure {
    let report = Report::new(format!("the compile cache cannot be used: {error}"));
    Failure::new(
        exit::USER,
        report.hint("name another directory with `--directory DIR`"),
    )
}

/// Digits of a digest that name a policy, and no file.
const FEWEST_DIGITS: usize = 8;
