//! What is fuzzed, and what must hold for any bytes.
//!
//! A target is a function of bytes. It turns them into whatever it is about (a message, a file, a
//! guest, a whole run), hands that to the host, and panics where a promise is broken: that the host
//! itself never panics is the least of them. Two front ends call the same functions: the programs in
//! `fuzz_targets/`, which libFuzzer guides by coverage, and the test `fuzz` of this crate, which
//! replays every input that was kept and changes them by chance.
//!
//! Nothing here depends on time or chance of its own: one input always does the same.

mod answers;
mod calls;
mod configuration;
mod contribution;
mod draw;
mod guest;
mod host;
mod host_run;
mod load;
mod scenario;
mod scripted;
mod snapshot;
mod trace;

/// One thing that is fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, also that of its folders in `corpus/` and `found/`.
    pub name: &'static str,
    /// Tries one input.
    ///
    /// # Panics
    ///
    /// Where a promise of the host is broken.
    pub run: fn(&[u8]),
    /// Inputs that the front end without coverage makes by chance in an ordinary run of the tests;
    /// as many as take about a second.
    pub runs: u32,
}

/// All targets, in the order of the alphabet.
pub const TARGETS: [Target; 8] = [
    Target {
        name: "answers",
        run: answers::run,
        runs: 300,
    },
    Target {
        name: "configuration",
        run: configuration::run,
        runs: 2000,
    },
    Target {
        name: "contribution",
        run: contribution::run,
        runs: 2000,
    },
    Target {
        name: "host",
        run: host::run,
        runs: 500,
    },
    Target {
        name: "load",
        run: load::run,
        runs: 100,
    },
    Target {
        name: "scenario",
        run: scenario::run,
        runs: 2000,
    },
    Target {
        name: "snapshot",
        run: snapshot::run,
        runs: 1000,
    },
    Target {
        name: "trace",
        run: trace::run,
        runs: 3000,
    },
];

/// Tries one input of a target by its name.
///
/// # Panics
///
/// Where a promise of the host is broken, or there is no such target.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a front end names one of the targets").run)(bytes);
}
