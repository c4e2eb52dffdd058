//! Files that claim to be policies: any bytes, and policies with some of their bytes changed.
//!
//! The loader says what is wrong, or the policy can be called and each call ends in an answer or a
//! fault. No machine is blamed for a file, and what the compiler left is the same policy.

use std::sync::OnceLock;

use arbitrary::{Result, Unstructured};
use ckpt_policy_core::contract::Fault;
use ckpt_policy_runtime::{Error, Instances, Limits, Loaded, Runtime};

use crate::calls::Answers;
use crate::guest;

pub(crate) fn run(bytes: &[u8]) {
    let mut input = Unstructured::new(bytes);
    let Ok(file) = file(&mut input) else {
        return;
    };
    match runtime().load(&file) {
        Ok(loaded) => call(&loaded),
        Err(error) => {
            let on_machine = matches!(error, Error::Start(Fault::Machine(_)) | Error::Engine(_));
            assert!(!on_machine, "{error}");
            let text = error.to_string();
            assert!(
                !text.is_empty() && text.len() < LONGEST_ERROR,
                "{} bytes: {text}",
                text.len()
            );
        }
    }
}

fn call(loaded: &Loaded) {
    let answers = Answers::of(loaded, runtime().limits(), b"settings");
    answers.blame_no_machine();
    let native = loaded
        .native()
        .expect("what was compiled can be written down");
    let reloaded = runtime()
        .reload(&native)
        .expect("what was written down can be read");
    assert_eq!(reloaded.digest(), loaded.digest());
    let again = Answers::of(&reloaded, runtime().limits(), b"settings");
    assert_eq!(answers, again, "compiled code that was kept differs");
}

/// Any bytes, or a good policy with changes.
fn file(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let kind = input.int_in_range(0..=15)?;
    let Some(good) = good(kind) else {
        return Ok(input.bytes(input.len())?.to_vec());
    };
    let mut file = good.to_vec();
    for _ in 0..input.int_in_range(0..=6)? {
        change(input, &mut file)?;
    }
    Ok(file)
}

/// Small ones above all: the larger ones take long to compile.
fn good(kind: u8) -> Option<&'static [u8]> {
    static MODULE: OnceLock<Vec<u8>> = OnceLock::new();
    static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
    let module = || MODULE.get_or_init(|| guest::echo(b"data"));
    match kind {
        0..=2 => None,
        3 => Some(include_bytes!("../../contract/0.1.0/policy.wasm")),
        4..=7 => Some(module()),
        _ => Some(COMPONENT.get_or_init(|| guest::component(module()))),
    }
}

fn change(input: &mut Unstructured<'_>, file: &mut Vec<u8>) -> Result<()> {
    let at = input.int_in_range(0..=file.len())?;
    let end = at + input.int_in_range(0..=16)?.min(file.len() - at);
    match input.int_in_range(0..=4)? {
        0 => {
            let byte = input.arbitrary()?;
            if let Some(old) = file.get_mut(at) {
                *old = byte;
            }
        }
        1 => drop(file.drain(at..end)),
        2 => {
            let part = file[at..end].to_vec();
            let to = input.int_in_range(0..=file.len())?;
            file.splice(to..to, part);
        }
        3 => {
            let count = input.int_in_range(0..=8)?;
            let bytes = input.bytes(count)?.to_vec();
            file.splice(at..at, bytes);
        }
        _ => {
            // The bits of one byte, which keeps most files readable.
            let bit = 1 << input.int_in_range(0..=7)?;
            if let Some(old) = file.get_mut(at) {
                *old ^= bit;
            }
        }
    }
    Ok(())
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let limits = Limits {
            fuel: 1_000_000,
            ..Limits::default()
        };
        Runtime::new(limits, Instances::Fresh).expect("these limits can work")
    })
}

/// Bytes of an error's text at most: it is for a person.
const LONGEST_ERROR: usize = 4096;
