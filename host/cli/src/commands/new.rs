//! `ckpt-policy new`: a folder with a policy that builds, passes its scenarios, and conforms.
//!
//! What it writes is an example of `plugins/examples`, under another name; so a scaffold is as
//! tested as the examples are. It never writes over anything, and runs no other program.

mod files;
mod name;
mod sdk;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use self::files::File;
use self::name::Name;
use super::Streams;
use crate::report::{Failure, Report};

/// Writes a folder with a policy of your own, to start from.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The policy's name, in lowercase letters, digits and single hyphens.
    #[arg(value_name = "NAME")]
    name: Name,

    /// The language to write it in.
    #[arg(long, value_enum)]
    lang: Language,

    /// The folder to make. By default it is called as the policy is, and lies where you are.
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,

    /// A checkout whose SDK a policy in Rust depends on. By default the SDK's sources are copied
    /// into the folder.
    #[arg(long, value_name = "PATH")]
    sdk: Option<PathBuf>,
}

/// A language that there is an example in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// With the SDK; small, and compiled in no time.
    Rust,
    /// With componentize-py; 19 MB.
    Python,
    /// With componentize-js; 12 MB.
    #[value(alias = "javascript")]
    Js,
    /// With generated bindings, and zig or a WASI SDK.
    C,
}

const EXAMPLES: &str = "\
Examples:
  A policy in Rust, in the folder `mine`:
    ckpt-policy new mine --lang rust

  The same in Python, elsewhere:
    ckpt-policy new mine --lang python --path policies/mine

Exit codes: 0 done, 2 the folder cannot be made.";

/// Runs the command.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let folder = match &args.path {
        Some(path) => path.clone(),
        None => PathBuf::from(args.name.as_str()),
    };
    let files = scaffold(args)?;
    refuse_used(&folder)?;
    for file in &files {
        write(&folder, file)?;
    }
    let count = files.len();
    let folder = folder.display();
    streams.say(&format!(
        "wrote {count} files to `{folder}`; next:\n  cd '{folder}'\n  make build test conform"
    ));
    Ok(())
}

/// Makes the files, still without a place.
fn scaffold(args: &Args) -> Result<Vec<File>, Failure> {
    let mut files = files::contract();
    match (args.lang, &args.sdk) {
        (Language::Rust, Some(checkout)) => {
            let place = sdk::of_checkout(checkout)?;
            files.extend(files::example(args.lang).map(|file| sdk::depend(file, &place)));
        }
        (Language::Rust, None) => {
            files.extend(files::example(args.lang).map(|file| sdk::depend(file, sdk::VENDORED)));
            files.extend(sdk::vendored());
        }
        (_, None) => files.extend(files::example(args.lang)),
        (_, Some(_)) => {
            let report = Report::new("`--sdk` is for policies in Rust");
            return Err(Failure::new(
                crate::exit::USER,
                report.hint("leave it out, or say `--lang rust`"),
            ));
        }
    }
    Ok(files
        .into_iter()
        .map(|file| file.renamed(&args.name))
        .collect())
}

fn refuse_used(folder: &Path) -> Result<(), Failure> {
    let shown = folder.display();
    let is_used = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => folder.symlink_metadata().is_ok(),
    };
    if !is_used {
        return Ok(());
    }
    let report = Report::new(format!(
        "`{shown}` is there already, expected a new or an empty folder"
    ));
    Err(Failure::new(
        crate::exit::USER,
        report.hint("choose another one with `--path DIR`, or another name"),
    ))
}

fn write(folder: &Path, file: &File) -> Result<(), Failure> {
    let path = folder.join(&file.path);
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| {
            // `new`: also where something came into the folder since it was looked at.
            let mut target = fs::File::create_new(&path)?;
            std::io::Write::write_all(&mut target, &file.bytes)?;
            allow_to_run(&target, file)
        });
    written.map_err(|error| Failure::user(format!("cannot write `{}`: {error}", path.display())))
}

/// A script is one that says by what it is run.
#[cfg(unix)]
fn allow_to_run(target: &fs::File, file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if !file.bytes.starts_with(b"#!") {
        return Ok(());
    }
    let mut permissions = target.metadata()?.permissions();
    // Whoever may read it may run it.
    let mode = permissions.mode();
    permissions.set_mode(mode | (mode & 0o444) >> 2);
    target.set_permissions(permissions)
}

#[cfg(not(unix))]
fn allow_to_run(_: &fs::File, _: &File) -> std::io::Result<()> {
    Ok(())
}
