//! How much may be compiled.
//!
//! There are two sets of bounds: one that any file may use up within two seconds, and one for files
//! that carry an interpreter, which a site allows policy by policy. Neither is without bounds.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which bounds a policy's file is held to before it is compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compile {
    /// Those in the field `compile` of [`Limits`](crate::Limits): a file from anywhere is compiled and
    /// started within two seconds.
    #[default]
    Default,
    /// [`CompileLimits::LARGE`], or those of the limits where they are higher: for a file that is
    /// trusted to carry an interpreter, which takes 5 to 20 seconds.
    Large,
}

impl fmt::Display for Compile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Default => "default",
            Self::Large => "large",
        })
    }
}

/// Bounds on a file that is to be compiled, whatever it does later; or what one file amounts to in
/// these terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompileLimits {
    /// Bytes of the body of one function. By default 128 KiB.
    pub function: u64,
    /// Functions, all modules of the file together. By default 10 000.
    pub functions: u64,
    /// Parameters and locals of one function. By default 1000.
    pub locals: u64,
    /// Blocks that lie in each other, and modules and components that do. By default 256.
    pub nesting: u64,
    /// Bytes of the data segments. By default 4 MiB.
    pub data: u64,
    /// Bytes of a component's types, imports, exports, aliases and instances, as if each that names
    /// another had it written out. By default 1 MiB.
    pub definitions: u64,
    /// Units of work, each about what a plain instruction takes; one kilobyte of an ordinary file is
    /// about four thousand. By default 2.5 million.
    pub work: u64,
}

impl CompileLimits {
    /// Bounds under [`Compile::Large`]: about ten times what the interpreters of Python and
    /// JavaScript need.
    pub const LARGE: Self = Self {
        function: 4 * MIB,
        functions: 200_000,
        locals: 50_000,
        nesting: 4096,
        data: 64 * MIB,
        definitions: 16 * MIB,
        work: 500_000_000,
    };

    /// What a file without anything in it amounts to.
    pub(crate) const NOTHING: Self = Self {
        function: 0,
        functions: 0,
        locals: 0,
        nesting: 0,
        data: 0,
        definitions: 0,
        work: 0,
    };

    /// Returns each limit by the name of its field, in a fixed order.
    pub(super) fn named(&self) -> [(&'static str, u64); 7] {
        [
            ("function", self.function),
            ("functions", self.functions),
            ("locals", self.locals),
            ("nesting", self.nesting),
            ("data", self.data),
            ("definitions", self.definitions),
            ("work", self.work),
        ]
    }

    /// Returns whether what a file amounts to is within these bounds.
    pub(crate) fn allow(&self, found: &Self) -> bool {
        let mut pairs = self.named().into_iter().zip(found.named());
        pairs.all(|((_, allowed), (_, found))| found <= allowed)
    }

    /// Returns the higher of each two limits.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self {
            function: self.function.max(other.function),
            functions: self.functions.max(other.functions),
            locals: self.locals.max(other.locals),
            nesting: self.nesting.max(other.nesting),
            data: self.data.max(other.data),
            definitions: self.definitions.max(other.definitions),
            work: self.work.max(other.work),
        }
    }
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            function: 128 * KIB,
            functions: 10_000,
            locals: 1000,
            nesting: 256,
            data: 4 * MIB,
            definitions: MIB,
            work: 2_500_000,
        }
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
