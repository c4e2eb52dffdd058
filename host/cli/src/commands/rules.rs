//! Which configuration a command reads, and under which rules of the site's.

use std::env;
use std::path::{Path, PathBuf};

use crate::config::{Given, Survey};
use crate::exit;
use crate::report::{Failure, Report};

/// The environment variable that names the site's rules where the command line does not.
const VARIABLE: &str = "CKPT_POLICY_SITE";

/// A configuration, and what stands above it.
#[derive(Debug, clap::Args)]
pub(super) struct Configuration {
    /// The job's configuration: TOML, or JSON of the same shape.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    #[command(flatten)]
    rules: Rules,
}

/// The site's rules.
#[derive(Debug, clap::Args)]
pub(super) struct Rules {
    /// The site's rules, a file of the same shape: a configuration may be tighter, never looser.
    /// By default the file that the environment variable `CKPT_POLICY_SITE` names, if any.
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
}

impl Configuration {
    /// Reads the configuration.
    pub(super) fn survey(&self) -> Result<Survey, Failure> {
        self.rules.survey(&self.config)
    }
}

impl Rules {
    /// Reads a configuration under the rules.
    pub(super) fn survey(&self, config: &Path) -> Result<Survey, Failure> {
        survey(Given::File(config), self.site.as_deref())
    }

    /// Returns the file of the rules.
    pub(super) fn file(&self) -> Result<Option<PathBuf>, Failure> {
        file_of_rules(self.site.as_deref())
    }
}

/// Reads a configuration under the site's rules: those of `site`, or of the file that the environment
/// variable `CKPT_POLICY_SITE` names.
///
/// # Errors
///
/// The rules are named twice, and differently. What is wrong with the configuration is in the survey.
pub fn survey(given: Given<'_>, site: Option<&Path>) -> Result<Survey, Failure> {
    Ok(Survey::of(file_of_rules(site)?.as_deref(), given))
}

/// Were the file that is given simply preferred, a job could shake off what its environment sets by
/// naming rules of its own.
fn file_of_rules(given: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let set = env::var_os(VARIABLE).map(PathBuf::from);
    let wrong = |text: String, hint: &str| {
        let report = Report::new(text).hint(hint);
        Err(Failure::new(exit::USER, report))
    };
    match (given, set) {
        (_, Some(set)) if set.as_os_str().is_empty() => wrong(
            format!("`{VARIABLE}` is set and empty, expected the path of the site's rules"),
            "name the file, or unset the variable",
        ),
        (Some(given), Some(set)) if given != set => wrong(
            format!(
                "`--site` names `{}` and `{VARIABLE}` names `{}`; one file holds the rules",
                given.display(),
                set.display()
            ),
            "leave `--site` out, or name the same file",
        ),
        (given, set) => Ok(set.or_else(|| given.map(Path::to_path_buf))),
    }
}
