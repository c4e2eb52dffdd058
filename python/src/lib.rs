//! The native part of the Python package `ckpt_policy`.
//!
//! Responsible for turning Python's values into the host's and back, for whose error is which
//! exception, and for letting other Python threads run meanwhile. It decides nothing, and it moves no
//! bytes between ranks: `ckpt_policy/engines.py` does.

mod engine;
mod errors;
mod event;
mod exchange;
mod host;
mod opening;
mod outcome;
mod resume;

use std::ffi::OsString;

use pyo3::prelude::*;

/// What cannot be written in Python.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::errors::{
        AgreementError, CkptPolicyError, ConfigError, EngineError, InternalError, PolicyError,
        UsageError,
    };
    #[pymodule_export]
    use super::event::Event;
    #[pymodule_export]
    use super::exchange::Exchange;
    #[pymodule_export]
    use super::host::{Checkpoint, Host};
    #[pymodule_export]
    use super::outcome::Outcome;
    #[pymodule_export]
    use super::resume::Resume;
    #[pymodule_export]
    use super::{program, program_on};

    #[pymodule_init]
    fn init(module: &super::Bound<'_, super::PyModule>) -> super::PyResult<()> {
        use super::PyModuleMethods as _;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// Runs the program `ckpt-policy` in this process; the first argument is its own name. Returns its exit
/// code.
#[pyfunction]
fn program(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| ckpt_policy::program(arguments))
}

/// Runs `ckpt-policy run` on one rank over an engine; all ranks call it with the same arguments.
#[pyfunction]
fn program_on(engine: Bound<'_, PyAny>, arguments: Vec<OsString>) -> PyResult<u8> {
    let py = engine.py();
    let mut engine = engine::Carrying::new(&engine)?;
    Ok(py.detach(|| ckpt_policy::program_on(&mut engine, arguments)))
}
