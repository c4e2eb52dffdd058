//! What went wrong in a call, sorted by whose doing it is.
//!
//! The texts are one line, safe to show, and the same on every rank: they name what the guest did,
//! never an address or a time. Only `Fault::Machine` speaks of one machine.

use std::fmt::Write;

use ckpt_policy_core::contract::Fault;
use ckpt_policy_core::text::excerpt;
use wasmtime::{FrameInfo, Trap, WasmBacktrace};

use crate::error::{NAME, told};
use crate::limits::{Guard, Limits};

/// Sorts an error of a call.
pub(crate) fn of_call(error: &wasmtime::Error, guard: &Guard, limits: &Limits) -> Fault {
    if let Some(what) = guard.machine() {
        return Fault::Machine(told(what));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Fault::Fuel { fuel: limits.fuel },
        Some(Trap::Interrupt) => Fault::Machine(too_slow(limits)),
        Some(trap) => Fault::Trap(trap_text(*trap, error, guard)),
        None => Fault::Answer(answer_text(error)),
    }
}

/// Sorts an error of an instantiation, in which nothing is lowered or lifted.
pub(crate) fn of_start(error: &wasmtime::Error, guard: &Guard, limits: &Limits) -> Fault {
    if error.downcast_ref::<Trap>().is_some() {
        return of_call(error, guard, limits);
    }
    let text = told(format_args!("{error:#}"));
    match guard.refused() {
        Some(refused) => Fault::Trap(format!("it asked for {refused}, at its start")),
        // The engine counts the parts of a component itself, and has no type for this error.
        None if text.contains("resource limit exceeded") => Fault::Trap(format!(
            "it consists of more parts than `instances` in `[limits]` allows ({text})"
        )),
        None => Fault::Machine(text),
    }
}

/// What the emergency brake says.
fn too_slow(limits: &Limits) -> String {
    let seconds = limits.call_seconds;
    let time = if seconds == 1 { "second" } else { "seconds" };
    format!(
        "a call took more than {seconds} {time}, which is `call-seconds` in `[limits]`; is the machine overloaded or out of memory, or does `fuel` allow more work than that?"
    )
}

fn trap_text(trap: Trap, error: &wasmtime::Error, guard: &Guard) -> String {
    let mut text = trap.to_string();
    if let Some(rest) = text.strip_prefix("wasm trap: ") {
        text = rest.to_owned();
    }
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        let frames = backtrace.frames().iter().flat_map(named).collect();
        let (panicked, names) = innermost(frames);
        if panicked {
            "a panic".clone_into(&mut text);
        }
        if !names.is_empty() {
            write!(text, " in `{}`", names.join("` < `")).expect("a string takes any text");
        }
    }
    if let Some(refused) = guard.refused() {
        write!(text, "; it had asked for {refused}").expect("a string takes any text");
    }
    told(text)
}

/// Returns the innermost functions, a recursion once, and whether they end in a panic of Rust's: how
/// that ends is the same for all of them, and would leave no room for where it began.
fn innermost(mut names: Vec<String>) -> (bool, Vec<String>) {
    let own = names.iter().position(|name| !is_panicking(name));
    let own = own.unwrap_or(0);
    names.drain(..own);
    names.dedup();
    names.truncate(FRAMES);
    (own > 0, names)
}

/// Names a frame's functions, those that were inlined first; with file and line where the policy's
/// debug information was read.
fn named(frame: &FrameInfo) -> Vec<String> {
    let demangled =
        |name: &str| excerpt(format_args!("{:#}", rustc_demangle::demangle(name)), NAME);
    let unknown = || format!("function {}", frame.func_index());
    let whole = frame.func_name().map_or_else(unknown, demangled);
    if frame.symbols().is_empty() {
        return vec![whole];
    }
    let symbols = frame.symbols().iter().map(|symbol| {
        let name = symbol.name().map_or_else(|| whole.clone(), demangled);
        match (symbol.file(), symbol.line()) {
            (Some(file), Some(line)) => format!("{name} ({}:{line})", excerpt(file, FILE)),
            _ => name,
        }
    });
    symbols.collect()
}

/// Whether a function is Rust's own and only carries a panic to its end. With debug information its
/// file tells, whatever the function is called and wherever the library's source was.
fn is_panicking(frame: &str) -> bool {
    const NAMES: [&str; 5] = [
        "__rust",
        "rust_panic",
        "core::panicking::",
        "std::panicking::",
        "std::sys::",
    ];
    const FILES: [&str; 4] = [
        "/library/alloc/",
        "/library/core/",
        "/library/panic_abort/",
        "/library/std/",
    ];
    NAMES.iter().any(|name| frame.starts_with(name))
        || FILES.iter().any(|file| frame.contains(file))
}

fn answer_text(error: &wasmtime::Error) -> String {
    let text = format!("{error:#}");
    // The engine's error for it has no type of its own, and its text speaks of the engine's terms.
    match text.contains("fuel allocated for hostcalls has been exhausted") {
        true => "it is larger than `answer` in `[limits]`".to_owned(),
        false => told(text),
    }
}

/// Functions that a trap names.
const FRAMES: usize = 4;

/// Bytes of a file's name in a trap.
const FILE: usize = 200;

#[cfg(test)]
mod tests {
    use super::innermost;

    fn of(names: &[&str]) -> (bool, Vec<String>) {
        innermost(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_panic_is_named_by_where_it_began() {
        let (panicked, names) = of(&[
            "__rustc::rust_panic",
            "std::panicking::panic_with_hook",
            "core::option::unwrap_failed (/rust/library/core/src/option.rs:2000)",
            "mine::third (src/lib.rs:13)",
            "mine::decide (src/lib.rs:28)",
        ]);
        assert!(panicked);
        assert_eq!(
            names,
            [
                "mine::third (src/lib.rs:13)",
                "mine::decide (src/lib.rs:28)"
            ]
        );
    }

    #[test]
    fn another_trap_is_none_and_a_recursion_is_named_once() {
        let (panicked, names) = of(&["deeper", "deeper", "deeper", "decide"]);
        assert!(!panicked);
        assert_eq!(names, ["deeper", "decide"]);
        assert_eq!(of(&[]), (false, Vec::new()));
    }
}
