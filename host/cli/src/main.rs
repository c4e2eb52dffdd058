//! The program `ckpt-policy`: its arguments, its streams and its exit code. All else is in the
//! library of the same name.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::process::ExitCode;

use ckpt_policy::exit::{DONE, USER};
use ckpt_policy::{Streams, main_with};

fn main() -> ExitCode {
    let stdout = io::stdout();
    let width = stdout.is_terminal().then(terminal_width);
    let shows_progress = io::stderr().is_terminal();
    let mut out = BufWriter::new(stdout.lock());
    let mut err = io::stderr();
    let mut streams = Streams {
        out: &mut out,
        err: &mut err,
        width,
        shows_progress,
    };
    let code = main_with(std::env::args_os(), &mut streams);
    match out.flush() {
        // Where the run failed already, that was said.
        Err(error) if code == DONE && error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(err, "error: cannot write to standard output: {error}");
            ExitCode::from(USER)
        }
        _ => ExitCode::from(code),
    }
}

fn terminal_width() -> u16 {
    // The table finds the terminal's width by itself; this is for one that does not say.
    comfy_table::Table::new().width().unwrap_or(120)
}
