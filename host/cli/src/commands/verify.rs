//! `ckpt-policy verify`: who signed what, and whether that is what is there.

use std::path::{Path, PathBuf};

use super::Streams;
use super::rules::Rules;
use crate::config::{Signable, Survey};
use crate::exit;
use crate::report::{Failure, Report};
use crate::signature::{self, PublicKey, Refusal};
use ckpt_policy_core::text::Printable;

/// Says which key signed each policy, and refuses what no trusted key has signed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Signed files; with none of them, the policies that the configuration names. The signature
    /// of `mine.wasm` is `mine.wasm.minisig`.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// A public key that is trusted, or a file that holds one.
    #[arg(long = "key", value_name = "KEY|FILE")]
    keys: Vec<String>,

    /// A configuration, whose `[trust]` names more keys.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    rules: Rules,
}

const EXAMPLES: &str = "\
Examples:
  Has that key signed this file, as it is now?
    ckpt-policy verify mine.wasm --key site.pub

  Are all policies of a job signed by those whom the site trusts?
    ckpt-policy verify --config job.toml --site /etc/ckpt-policy/site.toml

Exit codes: 0 all are verified, 1 some are not, 2 a file cannot be read.";

/// Runs the command.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let mut reports = Vec::new();
    let mut code = exit::JUDGED;
    for subject in subjects(args)? {
        let shown = subject.file.display().to_string();
        let bytes = match signature::read_bytes(&subject.file) {
            Ok(bytes) => bytes,
            Err(error) => {
                code = exit::USER;
                reports.push(Report::new(format!("cannot read `{shown}`")).caused_by(&error));
                continue;
            }
        };
        match signature::verify(&bytes, &subject.signature, &subject.keys) {
            Ok(signed) => streams.print(&format!(
                "`{}`: signed with the key `{}`: {}\n",
                Printable(&shown),
                signed.by,
                Printable(&signed.comment.replace('\t', ", "))
            ))?,
            Err(refusal) => {
                if let Refusal::Unreadable { .. } = refusal {
                    code = exit::USER;
                }
                reports.push(refused(&shown, &refusal));
            }
        }
    }
    match reports.is_empty() {
        true => Ok(()),
        false => Err(Failure::all(code, reports)),
    }
}

fn refused(file: &str, refusal: &Refusal) -> Report {
    Report::new(format!("`{file}` is refused: {refusal}")).hint(refusal.hint())
}

/// Returns what is to be verified, and by whom it may be signed.
fn subjects(args: &Args) -> Result<Vec<Signable>, Failure> {
    let given = args.keys.iter().map(|key| read_key(key));
    let given: Vec<PublicKey> = given.collect::<Result<_, _>>()?;
    let survey = match (&args.config, args.rules.file()?) {
        (Some(config), _) => Some(args.rules.survey(config)?),
        (None, Some(rules)) => Some(Survey::rules(&rules)),
        (None, None) => None,
    };
    let site = survey.as_ref().map(Survey::site).transpose()?;
    let mut subjects = match (args.files.as_slice(), site) {
        ([], Some(site)) => site.signables(),
        (files, site) => {
            let keys = site.map(|site| site.trusted()).unwrap_or_default();
            let subject = |file: &PathBuf| signable(file, keys.clone());
            files.iter().map(subject).collect()
        }
    };
    for subject in &mut subjects {
        subject.keys.extend(given.iter().cloned());
    }
    match subjects.as_slice() {
        [] => Err(usage(
            "there is nothing to verify",
            "name a file, or with `--config` a configuration whose policies are files",
        )),
        subjects if subjects.iter().any(|subject| subject.keys.is_empty()) => Err(usage(
            "there is no key to verify with",
            "name one with `--key`, or with `--config` a configuration whose `[trust]` has `keys`",
        )),
        _ => Ok(subjects),
    }
}

fn signable(file: &Path, keys: Vec<PublicKey>) -> Signable {
    Signable {
        file: file.to_path_buf(),
        signature: signature::beside(file),
        keys,
    }
}

fn read_key(given: &str) -> Result<PublicKey, Failure> {
    PublicKey::read(given, Path::new(given)).map_err(|what| {
        usage(
            &format!("`--key {given}`: {what}"),
            "name a file such as `site.pub`, or give the key itself: 56 characters that begin with \
             `RW`",
        )
    })
}

fn usage(text: &str, hint: &str) -> Failure {
    Failure::new(exit::USER, Report::new(text).hint(hint))
}
