//! The program `ckpt-policy` as a library.
//!
//! Responsible for what people touch: the command line, the site's configuration, traces and
//! journals, what is shown, and exit codes. It decides nothing: that is the core's part and, in
//! it, the policies'. It knows WebAssembly only through the runtime.
//!
//! ```text
//!  site.toml ──► config ──► Policies ──┐
//!  trace.jsonl ──► trace ──► replay: one thread a rank, each with a host of its own
//!                              │ rank 0 tells
//!                              ▼
//!                 journal · table · summary
//! ```
//!
//! Invariant: what is written on standard output and into a journal follows from the trace, the
//! configuration and the policies' bytes, and from nothing else.

mod commands;
mod config;
pub mod exit;
pub mod journal;
mod json;
mod junit;
mod program;
mod render;
pub mod replay;
mod report;
mod signature;
mod summary;
pub mod trace;

use std::ffi::OsString;

use ckpt_policy_runtime::Engine;
use clap::Parser as _;

pub use commands::Streams;
pub use commands::conform::conformance;
pub use commands::survey;
pub use config::{
    Blame, Given, LoadError, Policies, Position, Prepared, Problem, Problems, Readers, Shared,
    Sharing, Shelf, Site, Survey,
};
pub use program::{program, program_on};
pub use report::{Failure, Report};

/// Decides when a distributed training job saves a checkpoint, by running small sandboxed policies
/// over numbers that are reduced across all ranks.
#[derive(Debug, clap::Parser)]
#[command(name = "ckpt-policy", version, after_long_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Run(commands::run::Args),
    Check(commands::check::Args),
    Inspect(commands::inspect::Args),
    New(commands::new::Args),
    Test(commands::test::Args),
    Conform(commands::conform::Args),
    Bench(commands::bench::Args),
    Simulate(commands::simulate::Args),
    Cache(commands::cache::Args),
    Keygen(commands::keygen::Args),
    Sign(commands::sign::Args),
    Verify(commands::verify::Args),
}

const EXAMPLES: &str = "\
Examples:
  ckpt-policy run --config site.toml trace.jsonl
  ckpt-policy check --config site.toml
  ckpt-policy inspect builtin:aggregate

`ckpt-policy COMMAND --help` has more of them.";

/// Runs the program with these arguments, the first of which is its own name; returns its exit
/// code, one of those in [`exit`].
pub fn main_with(args: impl IntoIterator<Item = OsString>, streams: &mut Streams<'_>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, streams),
    };
    let result = match &cli.command {
        Command::Run(args) => commands::run::run(args, streams),
        Command::Check(args) => commands::check::run(args, streams),
        Command::Inspect(args) => commands::inspect::run(args, streams),
        Command::New(args) => commands::new::run(args, streams),
        Command::Test(args) => commands::test::run(args, streams),
        Command::Conform(args) => commands::conform::run(args, streams),
        Command::Bench(args) => commands::bench::run(args, streams),
        Command::Simulate(args) => commands::simulate::run(args, streams),
        Command::Cache(args) => commands::cache::run(args, streams),
        Command::Keygen(args) => commands::keygen::run(args, streams),
        Command::Sign(args) => commands::sign::run(args, streams),
        Command::Verify(args) => commands::verify::run(args, streams),
    };
    code_of(result, streams)
}

/// Says what went wrong, and returns the exit code.
fn code_of(result: Result<(), Failure>, streams: &mut Streams<'_>) -> u8 {
    match result {
        Ok(()) => exit::DONE,
        Err(failure) => {
            if failure.code() != exit::DONE && !failure.reports().is_empty() {
                streams.say(failure.to_string().trim_end());
            }
            failure.code()
        }
    }
}

/// Runs `ckpt-policy run` with these arguments, the first of which is the program's own name, on one
/// rank over an engine; returns its exit code. All ranks call it with the same arguments.
///
/// Rank 0 prints and writes what `run` does on threads, the others only what failed on them alone.
/// What `--engine` says does not count.
pub fn run_on(
    engine: &mut dyn Engine,
    args: impl IntoIterator<Item = OsString>,
    streams: &mut Streams<'_>,
) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, streams),
    };
    let result = match &cli.command {
        Command::Run(args) => commands::run::run_on(args, engine, streams),
        _ => Err(Failure::user("only `run` is played by several processes")),
    };
    code_of(result, streams)
}

/// Help and version are data, wrong usage is talk.
fn usage(error: &clap::Error, streams: &mut Streams<'_>) -> u8 {
    let text = error.render().to_string();
    if error.use_stderr() {
        streams.say(text.trim_end());
        return exit::USER;
    }
    match streams.print(&text) {
        Ok(()) => exit::DONE,
        Err(failure) => failure.code(),
    }
}
