//! `ckpt-policy sign`: a signature beside each file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};

use super::Streams;
use super::password::Password;
use crate::config::hex;
use crate::exit;
use crate::report::{Failure, Report};
use crate::signature;
use crate::signature::secret::{Locked, Secret};
use ckpt_policy_core::text::Printable;

/// Signs policies, so that a site runs no others.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The files to sign; the signature of `mine.wasm` goes to `mine.wasm.minisig`.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The secret key.
    #[arg(long, value_name = "SECRET")]
    key: PathBuf,

    #[command(flatten)]
    password: Password,

    /// Says more in the signature: one line, which is signed too.
    #[arg(long, value_name = "TEXT", value_parser = one_line)]
    comment: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  Once: a key, whose public part goes into `keys` in `[trust]`:
    ckpt-policy keygen site.key

  For each version of a policy:
    ckpt-policy sign mine.wasm --key site.key --comment 'reviewed by the operators'
    ckpt-policy verify mine.wasm --key site.pub

Signatures are in minisign's format; those of `minisign -S` work as well.

Exit codes: 0 done, 2 a file or the key cannot be used.";

/// Runs the command.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let unusable = |what: String| {
        Report::new(format!(
            "cannot sign with the key `{}`: {what}",
            args.key.display()
        ))
    };
    let locked = Locked::from_file(&args.key).map_err(|what| {
        let hint = "name the secret key that `ckpt-policy keygen` or `minisign -G` wrote";
        Failure::new(exit::USER, unusable(what).hint(hint))
    })?;
    let password = match locked.has_password() {
        true => args.password.known()?,
        false => String::new(),
    };
    let secret = locked
        .unlock(password)
        .map_err(|what| Failure::new(exit::USER, unusable(what)))?;
    for file in &args.files {
        let path = sign(file, &secret, args.comment.as_deref())?;
        streams.print(&format!(
            "`{}`: signed with the key `{}`\n",
            Printable(&path.display().to_string()),
            secret.id()
        ))?;
    }
    Ok(())
}

fn sign(file: &Path, secret: &Secret, comment: Option<&str>) -> Result<PathBuf, Failure> {
    let bytes = fs::read(file).map_err(|error| {
        let text = format!("cannot read `{}`", file.display());
        Failure::new(exit::USER, Report::new(text).caused_by(&error))
    })?;
    let comment = comment_of(file, &bytes, comment);
    let text = secret
        .sign(&bytes, &comment)
        .map_err(|what| Failure::user(format!("cannot sign `{}`: {what}", file.display())))?;
    let path = signature::beside(file);
    fs::write(&path, text).map_err(|error| {
        let text = format!("cannot write the signature `{}`", path.display());
        Failure::new(exit::USER, Report::new(text).caused_by(&error))
    })?;
    Ok(path)
}

/// What is signed beside the bytes, in minisign's manner: `key:value`, with tabs between.
fn comment_of(file: &Path, bytes: &[u8], comment: Option<&str>) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    let digest = hex(&Sha256::digest(bytes));
    let more = comment.map(|comment| format!("\t{comment}"));
    format!(
        "timestamp:{seconds}\tfile:{}\tsha256:{digest}{}",
        Printable(&name),
        more.unwrap_or_default()
    )
}

fn one_line(text: &str) -> Result<String, String> {
    match text.chars().any(char::is_control) {
        true => Err("expected one line without control characters".to_owned()),
        false => Ok(text.to_owned()),
    }
}
