//! Passwords of secret keys: asked for on the terminal, or read from a file; never an argument,
//! since every process of the machine can read those.

use std::fs;
use std::path::PathBuf;

use crate::exit;
use crate::report::{Failure, Report};

/// Where the password comes from.
#[derive(Debug, clap::Args)]
pub(super) struct Password {
    /// Takes the password from the first line of a file instead of asking for it.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Password {
    /// Returns the password of a key that there is.
    pub(super) fn known(&self) -> Result<String, Failure> {
        match &self.password_file {
            Some(_) => self.read_file(),
            None => ask("Password of the secret key: "),
        }
    }

    /// Returns the password for a new key; it is asked for twice.
    pub(super) fn new_one(&self) -> Result<String, Failure> {
        let password = match &self.password_file {
            Some(_) => self.read_file()?,
            None => {
                let password = ask("Password for the new key: ")?;
                if password != ask("The same again: ")? {
                    return Err(Failure::user("the two passwords differ"));
                }
                password
            }
        };
        match password.is_empty() {
            true => Err(Failure::new(
                exit::USER,
                Report::new("the password is empty")
                    .hint("give one, or say `--no-password` if you mean that"),
            )),
            false => Ok(password),
        }
    }

    fn read_file(&self) -> Result<String, Failure> {
        let path = self.password_file.clone().unwrap_or_default();
        let text = fs::read_to_string(&path).map_err(|error| {
            let text = format!("cannot read the password from `{}`", path.display());
            Failure::new(exit::USER, Report::new(text).caused_by(&error))
        })?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}

fn ask(prompt: &str) -> Result<String, Failure> {
    rpassword::prompt_password(prompt).map_err(|error| {
        let report = Report::new("cannot ask for the password: there is no terminal");
        let hint = "give it in a file, with `--password-file FILE`";
        Failure::new(exit::USER, report.caused_by(&error).hint(hint))
    })
}
