//! `ckpt-policy conform`: does a policy keep to the contract?

mod component;
mod document;
mod loading;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use ckpt_policy_conformance::conform::{
    CheckReport, Conformance, Depth, Request, Status, conform_some, refused,
};

use self::component::Component;
use super::given::read_config;
use super::{Format, Streams};
use crate::config;
use crate::exit;
use crate::json;
use crate::junit;
use crate::render;
use crate::report::{Failure, Report};

/// Proves that a policy keeps to the contract: the same answers everywhere, whatever it is handed, and no
/// checkpoint lost.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// A WebAssembly file, or `builtin:NAME`.
    #[arg(value_name = "POLICY")]
    policy: String,

    /// A configuration of the policy's own to try it under: JSON, or a JSON or TOML file. By default the
    /// examples of its schema, and configurations generated from the schema.
    #[arg(long, value_name = "JSON|FILE")]
    config: Vec<String>,

    /// Where all generated inputs come from: the same seed makes the same run.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Inputs that are generated for each check. By default those of the depth.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    cases: Option<u32>,

    /// How deep to try it. By default `full`, and `small` for a file of more than 2 MiB, which mostly carries
    /// an interpreter.
    #[arg(long, value_enum)]
    depth: Option<Deep>,

    /// Only the checks whose ids begin so, such as `purity` or `totality.state`; can be repeated.
    #[arg(long, value_name = "ID")]
    only: Vec<String>,

    /// What goes to standard output: tables, or one JSON document.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,

    /// Write a JUnit file, a case for each check.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// A depth by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Deep {
    /// Hundreds of inputs for each check, and 100 000 rounds.
    Full,
    /// Few inputs and rounds.
    Small,
}

const EXAMPLES: &str = "\
Examples:
  Does this policy keep to the contract?
    ckpt-policy conform policies/mine.wasm

  And as we configure it? Only what concerns resumes, with more inputs than usual:
    ckpt-policy conform policies/mine.wasm --config mine.toml --only resume --cases 2000

Exit codes: 0 it conforms, 1 it does not, 2 the file or the configuration cannot be read.";

/// Runs the command.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let bytes = config::read(
        &args.policy,
        &config::authors_runtime(streams.usual_cache())?,
    )?;
    let request = request(args, bytes.len())?;
    let progress = progress(streams);
    let mut unknown: BTreeSet<&str> = args.only.iter().map(String::as_str).collect();
    let conformance = conformance(&bytes, &request, &mut |id| {
        progress.set_message(id.to_owned());
        unknown.retain(|only| !id.starts_with(only));
        args.only.is_empty() || args.only.iter().any(|only| id.starts_with(only))
    });
    progress.finish_and_clear();
    refuse(&unknown)?;
    if let Some(path) = &args.junit {
        junit::write(path, &args.policy, &document::suites(&conformance))?;
    }
    let text = match args.format {
        Format::Json => json::pretty(&document::document(&conformance)),
        Format::Table => render::conformance(streams.page(), &args.policy, &conformance),
    };
    streams.print(&text)?;
    judge(&args.policy, &conformance)
}

/// Tries a policy's file: loads it as a site would, and runs the checks that are `wanted`, by their ids. A file
/// that cannot be loaded does not conform, which is a result and no error.
#[must_use]
pub fn conformance(
    bytes: &[u8],
    request: &Request,
    wanted: &mut dyn FnMut(&str) -> bool,
) -> Conformance {
    match Component::load(bytes) {
        Ok(component) => conform_some(&component, request, wanted),
        Err(error) => {
            let mut conformance = refused(&loading::sorted(&error), request);
            let is_told = |check: &CheckReport| wanted(check.id) || check.status == Status::Failed;
            conformance.checks.retain(is_told);
            conformance
        }
    }
}

fn request(args: &Args, size: usize) -> Result<Request, Failure> {
    let given = args.config.iter().map(|given| read_config(given));
    let configurations = given.map(|config| config.map(|config| config.to_string()));
    let small = match args.depth {
        Some(deep) => deep == Deep::Small,
        None => size > SMALL_FROM,
    };
    let depth = if small { Depth::SMALL } else { Depth::FULL };
    Ok(Request {
        seed: args.seed,
        depth: Depth {
            cases: args.cases.unwrap_or(depth.cases),
            ..depth
        },
        configurations: configurations.collect::<Result<_, _>>()?,
    })
}

fn refuse(unknown: &BTreeSet<&str>) -> Result<(), Failure> {
    if unknown.is_empty() {
        return Ok(());
    }
    let named = config::list_of(unknown.iter().copied());
    let report = Report::new(format!(
        "`--only`: no check has an id that begins with {named}"
    ));
    Err(Failure::new(
        exit::USER,
        report.hint("without `--only` all checks run, and are listed"),
    ))
}

fn judge(policy: &str, conformance: &Conformance) -> Result<(), Failure> {
    let failed = conformance
        .checks
        .iter()
        .filter(|check| check.status == Status::Failed);
    let failed: Vec<&str> = failed.map(|check| check.id).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let text = format!(
        "{policy} does not conform: {}",
        config::list_of(failed.into_iter())
    );
    Err(Failure::new(exit::JUDGED, Report::new(text)))
}

/// Shows which check goes on, where somebody looks.
fn progress(streams: &Streams<'_>) -> indicatif::ProgressBar {
    if !streams.shows_progress {
        return indicatif::ProgressBar::hidden();
    }
    let spinner = indicatif::ProgressBar::new_spinner();
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

/// Bytes of a file above which it is tried less deep.
const SMALL_FROM: usize = 2 << 20;
