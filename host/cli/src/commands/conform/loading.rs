//! What loading has to say of a file, as the checks of a conformance run.

use ckpt_policy_conformance::conform::{CheckReport, Conformance, Finding, Request, Status};
use ckpt_policy_runtime::Error;

/// Makes the result of a file that could not be loaded.
pub(super) fn refused(error: &Error, request: &Request) -> Conformance {
    let (id, meaning) = match error {
        Error::Wasi { .. } | Error::Imports { .. } => IMPORTS,
        Error::Version { .. } => VERSION,
        Error::World { .. }
        | Error::Function { .. }
        | Error::Signature { .. }
        | Error::NoWorld { .. } => WORLD,
        _ => LOADS,
    };
    let finding = Finding {
        what: error.to_string(),
        config: String::new(),
        input: String::new(),
        mend: String::new(),
    };
    Conformance {
        policy: String::new(),
        seed: request.seed,
        depth: request.depth,
        configurations: Vec::new(),
        checks: vec![CheckReport {
            id,
            meaning,
            status: Status::Failed,
            cases: 1,
            figures: Vec::new(),
            findings: vec![finding],
        }],
    }
}

const LOADS: (&str, &str) = ("contract.loads", "the file loads and starts");
const IMPORTS: (&str, &str) = ("contract.imports", "it imports nothing");
const WORLD: (&str, &str) = ("contract.world", "it exports the contract's functions");
const VERSION: (&str, &str) = (
    "contract.version",
    "it speaks this host's version of the contract",
);
