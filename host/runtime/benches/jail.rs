//! What the worst files cost that the default bounds let through: CPU seconds and memory, one line a
//! file, and beside them what ordinary policies cost.
//!
//! Each file holds one thing as many times as the bounds allow (`tests/jail/bombs.rs`). The figures
//! are those of loading it: looking it through, compiling, and starting it once. A name on the command
//! line picks the files whose names contain it.

use std::fs;

use ckpt_policy_runtime::{Error, Instances, Limits, Runtime};

#[path = "../tests/jail/bombs.rs"]
mod bombs;
#[expect(dead_code, reason = "the sandbox's tests need more ways to misbehave")]
#[path = "../tests/sandbox/guest.rs"]
mod guest;

const PROBE: &[u8] = include_bytes!("../../../tests/probe/probe.wasm");

fn main() {
    let picked: Vec<String> = std::env::args().skip(1).collect();
    let is_picked = |name: &str| {
        let mut names = picked
            .iter()
            .filter(|name| !name.starts_with("--"))
            .peekable();
        names.peek().is_none() || names.any(|part| name.contains(part.as_str()))
    };
    print_head();
    measure("an ordinary policy, the probe", Some(PROBE.to_vec()));
    let small = bombs::named("functions that are exported");
    for bomb in bombs::ALL.iter().filter(|bomb| is_picked(bomb.name)) {
        let alone = |count| guest::Guest::plain().more(bomb.with(count)).module();
        measure(bomb.name, largest(bomb.too_much, &alone));
        // What the compiler has grown for a large function it goes through for each small one.
        let first = bomb.with(1);
        if first.contains("export") {
            continue;
        }
        let mixed = |count| {
            let fields = format!("{first}{}", small.with(count));
            guest::Guest::plain().more(fields).module()
        };
        measure(
            "  … one, and small functions",
            largest(small.too_much, &mixed),
        );
    }
}

/// Returns an engine of its own for each file: what compiles keeps what it has grown.
fn runtime() -> Runtime {
    Runtime::new(Limits::default(), Instances::Fresh).expect("the limits work")
}

/// Returns the largest file of its kind that is let through, if there is one.
fn largest(too_much: usize, file: &dyn Fn(usize) -> Vec<u8>) -> Option<Vec<u8>> {
    let runtime = runtime();
    let fits = |count| !matches!(runtime.extent(&file(count)), Err(Error::Jail { .. }));
    if !fits(0) {
        return None;
    }
    let (mut low, mut high) = (0, too_much);
    while high - low > 1 {
        let middle = low.midpoint(high);
        match fits(middle) {
            true => low = middle,
            false => high = middle,
        }
    }
    Some(file(low))
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]
fn print_head() {
    println!("file                                   bytes       work  CPU seconds  MiB at most");
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]
fn measure(name: &str, file: Option<Vec<u8>>) {
    let Some(file) = file else {
        return println!("{name:<34} one of them is too much");
    };
    let runtime = runtime();
    let (before, start) = (memory(), cpu_seconds());
    let loaded = runtime.load(&file).expect("what is let through loads");
    let (seconds, most) = (cpu_seconds() - start, memory().saturating_sub(before));
    let (bytes, work) = (file.len(), loaded.extent().work);
    println!("{name:<34} {bytes:>9} {work:>10} {seconds:>12.2} {most:>12}");
}

/// Seconds of work of this thread so far, as Linux counts them.
fn cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text
        .split_whitespace()
        .next()
        .and_then(|text| text.parse::<f64>().ok());
    nanoseconds.unwrap_or(f64::NAN) / 1e9
}

/// MiB that the process has had at most, as Linux counts them; so the first file that needs much is
/// the one to look at, or one that is picked.
fn memory() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() >> 10
}
