//! A policy as the compiler left it, and what its file was found to be.
//!
//! Responsible for the only step from bytes to native code. It does not say where such bytes are
//! kept: that is the cache's part. The invariant: a [`Native`] holds what this program compiled,
//! here or, with proof, in an earlier process.

use std::fmt;

use serde::{Deserialize, Serialize};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::component::Kind;
use crate::error::{Error, told};
use crate::limits::CompileLimits;
use crate::runtime::Exports;

/// What is known of a policy's file once it has been checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// SHA-256 of the file's bytes, hex.
    pub(crate) digest: String,
    /// Bytes of the file.
    pub(crate) size: usize,
    pub(crate) kind: Kind,
    /// What the file amounts to for those who compile it.
    pub(crate) extent: CompileLimits,
    pub(crate) exports: Exports,
}

/// A policy as the compiler left it, which starts without being compiled again.
///
/// One comes from [`Loaded::native`](crate::Loaded::native), or out of a [`Cache`](crate::Cache)
/// that has proved its origin; never from anywhere else.
#[derive(Clone)]
pub struct Native {
    code: Vec<u8>,
    about: About,
}

impl Native {
    /// Writes down what was compiled.
    pub(crate) fn of(component: &Component, about: About) -> Result<Self, Error> {
        let code = component.serialize();
        let code = code.map_err(|error| Error::Compile(told(format_args!("{error:#}"))))?;
        Ok(Self { code, about })
    }

    /// Takes what an earlier process has written down. The caller has proved that it is the same,
    /// byte for byte.
    pub(crate) fn proved(code: Vec<u8>, about: About) -> Self {
        Self { code, about }
    }

    /// Returns its bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.code.len()
    }

    pub(crate) fn code(&self) -> &[u8] {
        &self.code
    }

    pub(crate) fn about(&self) -> &About {
        &self.about
    }

    /// Makes it something that can be started.
    ///
    /// # Errors
    ///
    /// [`Error::Compile`] where it was compiled under other settings, or for another processor.
    pub(crate) fn component(&self, engine: &Engine) -> Result<Component, Error> {
        #[expect(unsafe_code, reason = "code that was compiled before runs unchecked")]
        // SAFETY: the bytes must be what `Component::serialize` returned. They are in either of two
        // ways. `Native::of` has just called it, and nothing changes the bytes afterwards. Or the
        // cache called `Native::proved`, having checked in this process's memory, over these very
        // bytes, a MAC under a key that lies in a directory which only this user can enter; and
        // nothing of this user's but the cache makes such MACs, of nothing but `Native::of`. They
        // are copied from memory, not mapped from a file, so nobody can change them later. Wasmtime
        // compares its version, the settings and the processor by itself.
        let component = unsafe { Component::deserialize(engine, &self.code) };
        component.map_err(|error| Error::Compile(told(format_args!("{error:#}"))))
    }
}

impl fmt::Debug for Native {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Native")
            .field("about", &self.about)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}
