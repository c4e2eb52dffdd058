//! The program `ckpt-policy`: everything is in the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(ckpt_policy::program(std::env::args_os()))
}
