//! The program `ckpt-policy`: its arguments, its streams and its exit code. All else is in the
//! library of the same name.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::panic;
use std::process::ExitCode;
use std::thread;

use ckpt_policy::exit::{DONE, USER};
use ckpt_policy::{Streams, main_with};

/// Stack for everything that the program does itself; guests have theirs.
const STACK: usize = 8 << 20;

/// Runs the program with a stack that no limit of the shell's makes smaller.
fn main() -> ExitCode {
    match thread::Builder::new().stack_size(STACK).spawn(program) {
        Ok(thread) => match thread.join() {
            Ok(code) => code,
            Err(bug) => panic::resume_unwind(bug),
        },
        // Where no thread is to be had, the stack there is may do.
        Err(_) => program(),
    }
}

fn program() -> ExitCode {
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
