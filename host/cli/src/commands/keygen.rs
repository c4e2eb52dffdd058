//! `ckpt-policy keygen`: a pair of keys, the secret one for its owner alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Streams;
use super::password::Password;
use crate::exit;
use crate::report::{Failure, Report};
use crate::signature::secret::Fresh;

/// Makes a key to sign policies with, and the public key that verifies them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where the secret key goes; a file that is there is never written over.
    #[arg(value_name = "SECRET")]
    secret: PathBuf,

    /// Where the public key goes. By default beside the secret one, with the ending `.pub`.
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,

    /// Leaves the secret key without a password: whoever can read the file can sign.
    #[arg(long, conflicts_with = "password_file")]
    no_password: bool,

    #[command(flatten)]
    password: Password,
}

const EXAMPLES: &str = "\
Examples:
  A key that asks for its password whenever it signs:
    ckpt-policy keygen site.key

  One for a pipeline, which keeps it where nobody else can read it:
    ckpt-policy keygen site.key --no-password

The files are in minisign's format; keys of `minisign -G` work as well.

Exit codes: 0 done, 2 a file is there already or cannot be written.";

/// Runs the command.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let beside = || args.secret.with_extension("pub");
    let public = args.public_key.clone().unwrap_or_else(beside);
    for path in [&args.secret, &public] {
        if fs::symlink_metadata(path).is_ok() {
            return Err(unwritable(path, &io::ErrorKind::AlreadyExists.into()));
        }
    }
    if public == args.secret {
        let report = Report::new("both keys would be in one file");
        return Err(Failure::new(exit::USER, report.hint("set `--public-key`")));
    }
    let password = match args.no_password {
        true => None,
        false => Some(args.password.new_one()?),
    };
    let fresh = Fresh::new(password).map_err(|what| {
        Failure::new(
            exit::OURS,
            Report::new(format!("cannot make a key: {what}")),
        )
    })?;
    let secret = fresh.write_secret(&args.secret);
    secret.map_err(|error| unwritable(&args.secret, &error))?;
    fresh.write_public(&public).map_err(|error| {
        let _ = fs::remove_file(&args.secret);
        unwritable(&public, &error)
    })?;
    streams.print(&format!(
        "`{}`: secret key `{id}`, for you alone\n`{}`: public key `{id}`, for `keys` in `[trust]`\n",
        args.secret.display(),
        public.display(),
        id = fresh.id(),
    ))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let report = Report::new(format!("cannot write the key `{}`", path.display()));
    let report = report.caused_by(error);
    Failure::new(
        exit::USER,
        match error.kind() {
            io::ErrorKind::AlreadyExists => {
                report.hint("a key is never written over; name another file")
            }
            _ => report,
        },
    )
}
