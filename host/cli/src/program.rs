//! The process around the commands: its stack, its streams, its exit code.

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::panic;
use std::thread;

use ckpt_policy_runtime::Engine;

use crate::exit::{DONE, USER};
use crate::{Streams, main_with, run_on};

/// Stack for everything that the program does itself; guests have theirs.
const STACK: usize = 8 << 20;

/// Runs the program in this process, on its standard streams; the first argument is its own name.
/// Returns its exit code, one of those in [`exit`](crate::exit).
pub fn program(args: impl IntoIterator<Item = OsString>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let run = {
        let args = args.clone();
        move || with_streams(|streams| main_with(args, streams))
    };
    // A stack that no limit of the shell's makes smaller.
    match thread::Builder::new().stack_size(STACK).spawn(run) {
        Ok(thread) => match thread.join() {
            Ok(code) => code,
            Err(bug) => panic::resume_unwind(bug),
        },
        // Where no thread is to be had, the stack there is may do.
        Err(_) => with_streams(|streams| main_with(args, streams)),
    }
}

/// Runs `ckpt-policy run` as [`run_on`] does, on this process's standard streams and in this thread,
/// which is the one that the engine was made for.
pub fn program_on(engine: &mut dyn Engine, args: impl IntoIterator<Item = OsString>) -> u8 {
    with_streams(|streams| run_on(engine, args, streams))
}

fn with_streams(run: impl FnOnce(&mut Streams<'_>) -> u8) -> u8 {
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
    let code = run(&mut streams);
    match out.flush() {
        // Where the run failed already, that was said.
        Err(error) if code == DONE && error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(err, "error: cannot write to standard output: {error}");
            USER
        }
        _ => code,
    }
}

fn terminal_width() -> u16 {
    // The table finds the terminal's width by itself; this is for one that does not say.
    comfy_table::Table::new().width().unwrap_or(120)
}
