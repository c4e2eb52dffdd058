//! One exception for each family of errors, under one that all of them are.

use ckpt_policy::{Failure, exit};
use ckpt_policy_core::{Error, Family};
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(
    ckpt_policy,
    CkptPolicyError,
    PyException,
    "What all errors of this package are."
);
create_exception!(
    ckpt_policy,
    ConfigError,
    CkptPolicyError,
    "The configuration, a policy's file, or a snapshot is wrong; the text says where and how to mend it."
);
create_exception!(
    ckpt_policy,
    PolicyError,
    CkptPolicyError,
    "A policy broke the contract where nothing can go on."
);
create_exception!(
    ckpt_policy,
    AgreementError,
    CkptPolicyError,
    "The ranks differ, or one of them could not do its part. The same on all ranks; nothing has changed."
);
create_exception!(
    ckpt_policy,
    EngineError,
    CkptPolicyError,
    "What was to be exchanged was not carried: a rank is gone, stopped or late, or the library failed."
);
create_exception!(
    ckpt_policy,
    UsageError,
    CkptPolicyError,
    "A call out of order, or a report of a checkpoint that is not in that state."
);
create_exception!(
    ckpt_policy,
    InternalError,
    CkptPolicyError,
    "A defect of ckpt-policy, or of the machine; please report it."
);

/// Returns the exception for what a host refused.
pub(crate) fn of_host(error: &Error) -> PyErr {
    let text = error.to_string();
    match error.family() {
        Family::User => ConfigError::new_err(text),
        Family::Policy => PolicyError::new_err(text),
        Family::Agreement => AgreementError::new_err(text),
        Family::Usage => UsageError::new_err(text),
    }
}

/// Returns the exception for why a host could not be made.
pub(crate) fn of_failure(failure: &Failure) -> PyErr {
    let text = failure.to_string();
    let text = text.trim_end().trim_start_matches("error: ").to_owned();
    match failure.code() {
        exit::USER => ConfigError::new_err(text),
        exit::POLICY => PolicyError::new_err(text),
        _ => InternalError::new_err(text),
    }
}
