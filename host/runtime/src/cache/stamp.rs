//! What compiled code hangs on besides the policy: versions, settings, the processor.
//!
//! [`settings`] goes into the names of entries, so that what was compiled otherwise is simply not
//! found. [`Stamp`] is for people: who has made an entry, and for which machines.

use std::hash::{Hash as _, Hasher};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use wasmtime::Engine;

use crate::limits::Limits;
use crate::runtime::{Instances, Runtime};

/// Digests all that bears on the code, and on what a file was allowed to be before it was compiled.
pub(crate) fn settings(engine: &Engine, limits: &Limits) -> blake3::Hash {
    let mut digest = Digest::default();
    RULES.hash(&mut digest);
    env!("CARGO_PKG_VERSION").hash(&mut digest);
    wasmtime_environ::VERSION.hash(&mut digest);
    limits.named().hash(&mut digest);
    // The processor's features are in it, too.
    engine.precompile_compatibility_hash().hash(&mut digest);
    digest.0.finalize()
}

/// Who has made an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) runtime: String,
    pub(super) wasmtime: String,
    /// Digest of the processor, as the compiler sees it; nothing where that could not be found out.
    pub(super) machine: Option<[u8; 32]>,
}

impl Stamp {
    /// Returns the stamp of this program on this machine.
    pub(super) fn own() -> &'static Self {
        static OWN: OnceLock<Stamp> = OnceLock::new();
        OWN.get_or_init(|| {
            // Under the same settings everywhere, so that nothing but the machine makes a difference.
            let runtime = Runtime::new(Limits::default(), Instances::Fresh);
            let machine = runtime.map(|runtime| *runtime.settings().as_bytes());
            Self {
                runtime: env!("CARGO_PKG_VERSION").to_owned(),
                wasmtime: wasmtime_environ::VERSION.to_owned(),
                machine: machine.ok(),
            }
        })
    }
}

/// Makes a digest of whatever can be hashed.
#[derive(Default)]
struct Digest(blake3::Hasher);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0.finalize().as_bytes()[..8]);
        u64::from_le_bytes(first)
    }
}

/// Counts up with each change of what is checked before a file is compiled: an entry stands for a
/// file that has passed the checks of its time.
const RULES: u32 = 1;
