//! Hostile policies, and hostile files in a policy's place: what each comes to, and what it costs.
//!
//! | trial | what it is |
//! |---|---|
//! | `outside/NAME` | a file of `tests/hostile/policies`, through the real program |
//! | `place/NAME` | something in a policy's place that is no quiet file, through the real program |
//! | `inside` | all of those files in one process, and a good policy after each |
//!
//! `tests/hostile/README.md` says how to add one. Every process must end by itself and with the exit code of the right
//! family, and stay within two seconds of processor time and 256 MiB.

#![expect(
    clippy::print_stdout,
    reason = "what each case costs is something to see"
)]

#[path = "hostile/harness/case.rs"]
mod case;
#[path = "hostile/harness/guest.rs"]
mod guest;
#[path = "hostile/harness/inside.rs"]
mod inside;
#[path = "hostile/harness/made.rs"]
mod made;
#[path = "hostile/harness/outside.rs"]
mod outside;
#[path = "hostile/harness/places.rs"]
mod places;
#[path = "hostile/harness/program.rs"]
mod program;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use case::Case;

fn main() -> ExitCode {
    // This program is also what takes all files one after the other, and what measures another one.
    match env::args().nth(1).as_deref() {
        Some(inside::ARGUMENT) => return inside::all(&Case::all()),
        Some(program::METER) => {
            program::meter().expect("the program can be run and measured");
            return ExitCode::SUCCESS;
        }
        _ => program::forget(),
    }
    let arguments = Arguments::from_args();
    let cases = Case::all();
    let mut trials = vec![
        Trial::test("inside", inside::in_a_process_of_its_own),
        Trial::test("corpus", {
            let cases = cases.clone();
            move || case::differ(&cases)
        }),
    ];
    trials.extend(places::trials());
    trials.extend(cases.into_iter().map(|case| {
        let name = format!("outside/{}", case.name);
        Trial::test(name, move || outside::check(&case))
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The corpus and what belongs to it.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/hostile")
}
