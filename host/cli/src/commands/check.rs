//! `ckpt-policy check`: everything that can be wrong before a run starts, all of it at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ckpt_policy_core::{Moment, Opening, Place, nearest};
use ckpt_policy_runtime::{Session, Solo};

use super::Streams;
use super::rules::Configuration;
use super::run::outputs;
use crate::config::{Policies, Prepared, Problem, list_of};
use crate::exit;
use crate::replay::ReplayError;
use crate::report::{Failure, Report};
use crate::trace::Trace;
use ckpt_policy_core::text::Printable;

/// Finds everything that is wrong with a site's configuration before a run starts.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    configuration: Configuration,

    /// A recorded run: does it have what the policies ask for?
    #[arg(value_name = "TRACE")]
    trace: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  Is this configuration right?
    ckpt-policy check --config site.toml

  Does it keep to the site's rules, too?
    ckpt-policy check --config job.toml --site /etc/ckpt-policy/site.toml

  Does that run log what its policies watch?
    ckpt-policy check --config site.toml trace.jsonl

Exit codes: 0 nothing is wrong, 2 something is, 3 only policies are at fault.";

/// Runs the command.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let logged = args.trace.as_deref().map(Logged::read).transpose()?;
    let survey = args.configuration.survey()?;
    let policies = survey.load_and(|site, policies| {
        let mut problems = site.wrong_places();
        for policy in policies.prepared() {
            problems.extend(logged.iter().flat_map(|logged| logged.wrong_for(policy)));
        }
        problems
    })?;
    open_together(&policies)?;
    outputs::check(policies.site(), args.trace.as_slice(), None)?;
    policies
        .warnings()
        .iter()
        .for_each(|warning| streams.say(warning));
    let count = match policies.prepared().len() {
        1 => "1 policy".to_owned(),
        count => format!("{count} policies"),
    };
    let site = policies.site();
    let file = site.file().display();
    let above = site
        .above()
        .map(|above| format!("{}\n", Printable(&above.fixes())));
    let above = above.unwrap_or_default();
    streams.print(&format!("{file}: nothing is wrong, {count}\n{above}"))
}

/// Opens one host with all policies, as each rank of a run will.
fn open_together(policies: &Policies<'_>) -> Result<(), Failure> {
    let place = Place {
        rank: 0,
        world_size: 1,
    };
    let opened = Session::open(Opening::new(policies.setup(place)), Solo);
    opened
        .map(drop)
        .map_err(|error| ReplayError::from(error).into())
}

/// What a trace has.
struct Logged<'a> {
    path: &'a Path,
    metrics: BTreeSet<String>,
    moments: BTreeSet<Moment>,
}

impl<'a> Logged<'a> {
    fn read(path: &'a Path) -> Result<Self, Failure> {
        let mut logged = Self {
            path,
            metrics: BTreeSet::new(),
            moments: BTreeSet::new(),
        };
        for row in Trace::open(path, None).map_err(ReplayError::from)? {
            let row = row.map_err(ReplayError::from)?;
            for name in row.logged() {
                if !logged.metrics.contains(name) {
                    logged.metrics.insert(name.to_owned());
                }
            }
            logged.moments.insert(row.moment);
        }
        if logged.moments.is_empty() {
            let report = Report::new(format!("`{}` has no events", path.display()));
            return Err(Failure::new(exit::USER, report.hint("name another trace")));
        }
        Ok(logged)
    }

    /// Returns what a policy asks for, and the trace never has.
    fn wrong_for(&self, policy: &Prepared<'_>) -> Vec<Problem> {
        let required = policy
            .info
            .plan
            .inputs
            .iter()
            .filter(|input| input.required);
        let mut problems: Vec<Problem> = required
            .filter_map(|input| self.missing(policy, &input.name))
            .collect();
        problems.extend(self.never_asked(policy));
        problems
    }

    fn missing(&self, policy: &Prepared<'_>, input: &str) -> Option<Problem> {
        let name = input.split_once(':').map_or(input, |(_, name)| name);
        if name.starts_with("host.") || self.metrics.contains(name) {
            return None;
        }
        let metrics = || {
            self.metrics
                .iter()
                .map(String::as_str)
                .filter(|name| !name.starts_with("host."))
        };
        let text = format!("no rank of `{}` ever logs `{name}`", self.path.display());
        let problem = policy.problem("config", text);
        let listed = list_of(metrics());
        Some(match (nearest(name, metrics()), listed.as_str()) {
            (Some(nearest), _) => {
                problem.hint(format!("did you mean `{nearest}`? It logs {listed}"))
            }
            (None, "") => problem.hint("it logs no metric at all"),
            (None, listed) => problem.hint(format!("it logs {listed}")),
        })
    }

    fn never_asked(&self, policy: &Prepared<'_>) -> Option<Problem> {
        let plan = &policy.info.plan;
        let comes = |name: &String| {
            Moment::from_name(name).is_none_or(|moment| {
                // The host brings these about itself.
                matches!(moment, Moment::Settled | Moment::Interrupted)
                    || self.moments.contains(&moment)
            })
        };
        if plan.moments.is_empty() || plan.moments.iter().any(comes) {
            return None;
        }
        let asks = list_of(plan.moments.iter().map(String::as_str));
        let has = list_of(self.moments.iter().map(|moment| moment.name()));
        let path = self.path.display();
        let text = format!("it is asked at {asks}, and `{path}` has only {has}");
        let problem = policy.problem("config", text);
        Some(problem.hint("the built-in policies take the moments from `at`"))
    }
}
