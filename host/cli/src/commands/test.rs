//! `ckpt-policy test`: plays scenarios to policies, and says which came as they are written.

mod document;
mod files;
mod outcome;
mod play;
mod watch;

use std::path::{Path, PathBuf};

use ckpt_policy_conformance::PolicySource;
use regex::Regex;

use self::files::ScenarioFile;
pub(crate) use self::outcome::Outcome;
use self::play::{Manner, Player};
pub(crate) use self::play::{Played, Tested};
use self::watch::Watch;
use super::{Format, Streams};
use crate::exit;
use crate::json;
use crate::junit;
use crate::render;
use crate::report::{Failure, Report};

/// Plays scenarios to a policy, rank by rank, and shows what did not come as they say.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Scenarios: TOML files, and directories with such files in them, however deep.
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,

    /// Plays to this policy, a file or `builtin:NAME`, in place of those that the scenarios name.
    #[arg(long, value_name = "FILE|builtin:NAME", value_parser = policy)]
    policy: Option<PolicySource>,

    /// Plays only the scenarios whose `PATH: ABOUT` matches.
    #[arg(long, value_name = "REGEX")]
    filter: Option<Regex>,

    /// Plays each scenario only as it is written. By default it is played once more, cut and resumed
    /// before each round, which must change nothing.
    #[arg(long)]
    no_resume: bool,

    /// Shows the arguments and the answer of each call of the policy.
    #[arg(long)]
    explain: bool,

    /// Shows what of the policies the scenarios reached, and what none did.
    #[arg(long)]
    coverage: bool,

    /// Writes into the scenarios what was decided: into each `expect` what did not match, and an
    /// `expect` for each round without one. Comments stay. Look at the difference before you believe it.
    #[arg(long)]
    bless: bool,

    /// Plays again whenever a scenario or a policy's file changes, until it is stopped.
    #[arg(long, conflicts_with = "bless")]
    watch: bool,

    /// What goes to standard output: a line for each scenario and tables, or one JSON document.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,

    /// Also writes the results to this file, for build servers.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  Does the policy do what its scenarios say?
    ckpt-policy test scenarios

  What was it asked in this one, and what did it answer?
    ckpt-policy test scenarios/nan.toml --explain

  The same scenarios, another build:
    ckpt-policy test scenarios --policy target/mine.wasm

The format of a scenario is described in host/conformance/README.md.

Exit codes, the highest that applies: 0 all came as written, 1 some did not or there are none, 2 a
scenario or a policy cannot be read, 3 a policy is at fault before it is asked anything.";

/// Runs the command.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let mut player = Player::new(args.policy.clone(), streams.usual_cache())?;
    if !args.watch {
        return once(args, &files::find(&args.paths), &mut player, streams);
    }
    let mut watch = Watch::new()?;
    loop {
        // Watched before anything is read, so that no change falls between.
        watch.add_all(args.paths.iter().map(PathBuf::as_path));
        let files = files::find(&args.paths);
        watch.add_all(files.iter().filter_map(|file| policy_file(args, file)));
        if let Err(failure) = once(args, &files, &mut player, streams) {
            streams.say(failure.to_string().trim_end());
        }
        streams.say("waiting for a change; Ctrl-C ends");
        watch.wait()?;
        player.forget();
    }
}

/// Plays what was found, and shows what came of it.
fn once(
    args: &Args,
    files: &[ScenarioFile],
    player: &mut Player,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let chosen: Vec<_> = files.iter().filter(|file| is_chosen(args, file)).collect();
    if chosen.is_empty() {
        return Err(nothing(args, files.len()));
    }
    let manner = Manner {
        cuts: !args.no_resume,
        blesses: args.bless,
    };
    let mut outcome = Outcome {
        tested: Vec::with_capacity(chosen.len()),
        left_out: files.len() - chosen.len(),
    };
    for file in chosen {
        let tested = player.test(file, manner);
        if args.format == Format::Table {
            streams.print(&render::scenario_line(&tested))?;
        }
        outcome.tested.push(tested);
    }
    show(args, &outcome, streams)?;
    outcome.judge()
}

/// Shows everything but the lines that were shown while the scenarios were played.
fn show(args: &Args, outcome: &Outcome, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let coverage = args.coverage.then(|| outcome.coverage());
    let text = match args.format {
        Format::Json => {
            let document = document::document(outcome, args.explain, coverage.as_ref());
            json::pretty(&document)
        }
        Format::Table => {
            let page = streams.page();
            let mut text = String::new();
            if args.explain {
                text.push_str(&render::explained(outcome));
            }
            text.push_str(&render::failed_scenarios(outcome));
            if let Some(coverage) = &coverage {
                text.push_str(&render::coverage(page, coverage));
            }
            text.push_str(&render::closing_line(outcome));
            text
        }
    };
    streams.print(&text)?;
    match &args.junit {
        Some(path) => junit::write(path, "ckpt-policy test", &outcome.suites()),
        None => Ok(()),
    }
}

fn is_chosen(args: &Args, file: &ScenarioFile) -> bool {
    let Some(filter) = &args.filter else {
        return true;
    };
    let path = file.path.display();
    match &file.scenario {
        Ok(scenario) => filter.is_match(&format!("{path}: {}", scenario.about)),
        Err(_) => filter.is_match(&path.to_string()),
    }
}

/// No scenario is a failure: a test that tests nothing looks like one that passes.
fn nothing(args: &Args, found: usize) -> Failure {
    let looked: Vec<String> = args
        .paths
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    let looked = looked.join(", ");
    let report = match &args.filter {
        Some(filter) if found > 0 => Report::new(format!(
            "none of the {found} scenarios in {looked} matches `--filter {filter}`"
        ))
        .hint("the expression is looked for in `PATH: ABOUT`"),
        _ => Report::new(format!("there is no scenario in {looked}"))
            .hint("a scenario is a `.toml` file with `about`, `policy` and `ranks`"),
    };
    Failure::new(exit::JUDGED, report)
}

fn policy(text: &str) -> Result<PolicySource, String> {
    match text.strip_prefix("builtin:") {
        _ if text.is_empty() => Err("expected a file, or `builtin:NAME`".to_owned()),
        Some(name) => Ok(PolicySource::Builtin(name.to_owned())),
        None => Ok(PolicySource::File(PathBuf::from(text))),
    }
}

fn policy_file<'a>(args: &'a Args, file: &'a ScenarioFile) -> Option<&'a Path> {
    let scenario = file.scenario.as_ref().ok()?;
    match args.policy.as_ref().unwrap_or(&scenario.policy) {
        PolicySource::File(path) => Some(path),
        PolicySource::Builtin(_) => None,
    }
}
