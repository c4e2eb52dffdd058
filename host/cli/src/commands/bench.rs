//! `ckpt-policy bench`: what a policy costs, and whether it costs more than before.

mod baseline;
mod figures;
mod measure;

use std::path::PathBuf;
use std::time::Instant;

use self::baseline::Comparison;
use super::given::Given;
use super::{Format, Streams};
use crate::config;
use crate::json;
use crate::render;
use crate::report::Failure;

pub(crate) use self::baseline::Change;
pub(crate) use self::figures::{Calls, Figures, Load};

/// Measures what a policy costs: loading, and each of its functions, in time, fuel and memory.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    given: Given,

    /// Ranks of the simulated run that the calls come from.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1024))]
    ranks: u32,

    /// Rounds of that run; each is a call of `decide`, and one of `observe` where the policy has
    /// features.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rounds: u32,

    /// Compare with figures of before, which `--format json` wrote; where one has grown by more
    /// than `--max-ratio` allows, the exit code is 1.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// How many times the figure of before is allowed. Fuel and memory are the same at each
    /// repetition; times are those of a machine, and noisy.
    #[arg(long, value_name = "RATIO", default_value_t = 1.5, requires = "baseline", value_parser = ratio)]
    max_ratio: f64,

    /// What goes to standard output: tables, or one JSON document.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  What does a decision cost?
    ckpt-policy bench policies/mine.wasm

  Does it cost more than it did?
    ckpt-policy bench policies/mine.wasm --format json > before.json
    ckpt-policy bench policies/mine.wasm --baseline before.json --max-ratio 1.3

Exit codes: 0 done, 1 something costs more than the baseline allows, 2 the file, the configuration or
the baseline cannot be used, 3 the policy is at fault.";

/// Runs the command.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let before = args.baseline.as_deref().map(Figures::read).transpose()?;
    // Without a cache: what it takes to compile is one of the figures.
    let runtime = config::authors_runtime(None)?;
    let policy = args.given.policy.as_str();
    let given = args.given.config()?;
    let start = Instant::now();
    let loaded = args.given.load(&runtime)?;
    let compiled_in = start.elapsed();
    let (_, config, info) = config::prepared(policy, &loaded, given)?;
    let plan = measure::Plan {
        policy,
        compiled_in,
        config: &config,
        info: &info,
        ranks: args.ranks,
        rounds: args.rounds,
    };
    let figures = measure::measure(&plan, &runtime, &loaded)?;
    let comparison = before
        .map(|before| Comparison::new(&before, &figures, args.max_ratio))
        .transpose()?;
    let changes = comparison.as_ref().map_or(&[][..], Comparison::changes);
    let text = match args.format {
        Format::Json => json::pretty(&figures.document(changes)),
        Format::Table => render::bench(streams.page(), &figures, changes),
    };
    streams.print(&text)?;
    comparison.map_or(Ok(()), |comparison| comparison.judge())
}

fn ratio(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(ratio) if ratio.is_finite() && ratio >= 1.0 => Ok(ratio),
        _ => Err("expected a number of at least 1, such as 1.3".to_owned()),
    }
}
