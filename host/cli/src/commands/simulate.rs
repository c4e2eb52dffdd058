//! `ckpt-policy simulate`: what a decision costs in worlds larger than anybody has at hand.

mod figures;
mod plot;
mod trees;
mod world;

use std::path::PathBuf;

use ckpt_policy_core::Encoding;

use super::given::Under;
use super::{Format, Streams};
use crate::config;
use crate::json;
use crate::render;
use crate::report::Failure;

pub(crate) use self::figures::{Basis, Figures, Row};

/// Drives a policy in worlds of up to so many ranks, in one process, and shows what a decision takes
/// of each rank: bytes and time. The numbers of the ranks are generated.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// A WebAssembly file, or `builtin:NAME`.
    #[arg(value_name = "POLICY", default_value = "builtin:aggregate")]
    policy: String,

    #[command(flatten)]
    under: Under,

    /// Ranks of the largest world; smaller ones are driven, too.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    ranks: u32,

    /// How the ranks' numbers travel.
    #[arg(long, value_enum, default_value = "both")]
    encoding: Encodings,

    /// Rounds of each run.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,

    /// What the generated numbers are made of; the same seed gives the same ones.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Draws bytes and time of a rank into this file, as SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    /// What goes to standard output: a table, or one JSON document.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Which encodings are driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Encodings {
    /// Every rank gets every rank's numbers.
    Gather,
    /// The numbers are summed on the way.
    Reduce,
    /// One after the other.
    Both,
}

impl Encodings {
    fn all(self) -> &'static [Encoding] {
        match self {
            Self::Gather => &[Encoding::Gather],
            Self::Reduce => &[Encoding::Reduce],
            Self::Both => &[Encoding::Gather, Encoding::Reduce],
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  What would a decision cost on a hundred thousand ranks?
    ckpt-policy simulate --ranks 100000 --plot cost.svg

  The same for a policy of one's own:
    ckpt-policy simulate policies/mine.wasm --config mine.json --ranks 10000

Each rank is a real host; its time is that of one exchange, without the network. In each exchange of
the reduce encoding the integers are summed in the trees that communication libraries use, and all
must give the same bits; the reduced values must be those that a fold over all ranks' numbers gives.

Exit codes: 0 done, 2 the file or the configuration cannot be used, 3 the policy is at fault, 70 the
bits differ, a defect of this program.";

/// Runs the command.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let cache = streams.usual_cache();
    let runtime = config::authors_runtime(cache)?;
    let policy = args.policy.as_str();
    let given = args.under.config()?;
    let loaded = args.under.load(policy, &runtime)?;
    streams.tell_of_cache(&loaded);
    let (_, config, info) = config::prepared(policy, &loaded, given)?;
    let course = world::Course {
        policy,
        loaded: &loaded,
        config: &config,
        info: &info,
        rounds: args.rounds,
        seed: args.seed,
    };
    let mut figures = Figures::new(&info, args.seed);
    for encoding in args.encoding.all() {
        for ranks in sizes(args.ranks) {
            if streams.shows_progress {
                streams.say(&format!("{encoding}: a world of {ranks} ranks …"));
            }
            figures.add(course.run(ranks, *encoding)?);
        }
    }
    figures.extrapolate();
    if let Some(path) = &args.plot {
        plot::draw(&figures, path)?;
    }
    let text = match args.format {
        Format::Json => json::pretty(&figures.document()),
        Format::Table => render::simulate(streams.page(), &figures),
    };
    streams.print(&text)
}

/// The worlds up to the largest one: 2, and the powers of ten below it.
fn sizes(largest: u32) -> Vec<u32> {
    let powers = (1..).map(|power| 10_u32.pow(power));
    let mut sizes: Vec<_> = std::iter::once(2)
        .chain(powers.take_while(|size| *size < largest))
        .collect();
    sizes.retain(|size| *size < largest);
    sizes.push(largest);
    sizes
}

#[cfg(test)]
mod tests {
    use super::sizes;

    #[test]
    fn worlds_grow_up_to_the_largest() {
        assert_eq!(sizes(2), [2]);
        assert_eq!(sizes(10), [2, 10]);
        assert_eq!(sizes(2500), [2, 10, 100, 1000, 2500]);
        assert_eq!(sizes(1_000_000).len(), 7);
    }
}
