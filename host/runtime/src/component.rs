//! From bytes to a component that is worth compiling.
//!
//! Has a file looked through, then looks at its outside: what kind of file it is, what it imports
//! and exports. A core module is made a component here. Types are not checked, and nothing is compiled or run: that is the
//! runtime's part, once this one has found nothing to say.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use crate::bindings::INTERFACE;
use crate::error::{Error, told};
use crate::limits::{Compile, CompileLimits, Limits};
use crate::scan::scan;

/// What a policy's file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A component.
    Component,
    /// A core module, of which the host has made a component.
    Module,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Component => "component",
            Self::Module => "module",
        })
    }
}

/// A component that imports nothing, and what it exports.
pub(crate) struct Candidate<'a> {
    pub(crate) kind: Kind,
    /// What the file amounts to, before something is made of it.
    pub(crate) extent: CompileLimits,
    pub(crate) bytes: Cow<'a, [u8]>,
    pub(crate) exports: Vec<String>,
}

impl<'a> Candidate<'a> {
    /// Looks through a file, then reads its outside.
    pub(crate) fn read(bytes: &'a [u8], limits: &Limits, compile: Compile) -> Result<Self, Error> {
        refuse_foreign(bytes)?;
        let extent = scan(bytes, limits, compile)?;
        let outline = Outline::read(bytes)?;
        refuse_imports(&outline)?;
        let candidate = Self {
            kind: outline.kind,
            extent,
            bytes: Cow::Borrowed(bytes),
            exports: Vec::new(),
        };
        match outline.kind {
            Kind::Component => Ok(Self {
                exports: outline.exports,
                ..candidate
            }),
            Kind::Module => candidate.encoded(outline, limits, compile),
        }
    }

    /// Makes a component of a module.
    fn encoded(self, module: Outline, limits: &Limits, compile: Compile) -> Result<Self, Error> {
        if !module.has_world {
            return Err(Error::NoWorld {
                exports: module.exports,
            });
        }
        let component = ComponentEncoder::default()
            .validate(true)
            .module(&self.bytes)
            .and_then(|encoder| encoder.encode())
            .map_err(|error| encode_error(&error))?;
        scan(&component, limits, compile)?;
        let outline = Outline::read(&component)?;
        // The world that the module carries may import what its code never calls.
        refuse_imports(&outline)?;
        Ok(Self {
            bytes: Cow::Owned(component),
            exports: outline.exports,
            ..self
        })
    }
}

/// What stands on the outside of a module or component; the inside of a component is skipped.
struct Outline {
    kind: Kind,
    imports: Vec<String>,
    exports: Vec<String>,
    has_world: bool,
}

impl Outline {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let mut outline = Self {
            kind: Kind::Module,
            imports: Vec::new(),
            exports: Vec::new(),
            has_world: false,
        };
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(|error| malformed(&error, bytes))?;
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                outside if depth == 0 => {
                    outline
                        .note(outside)
                        .map_err(|error| malformed(&error, bytes))?;
                }
                _ => {}
            }
        }
        Ok(outline)
    }

    fn note(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::Version {
                encoding: wasmparser::Encoding::Component,
                ..
            } => {
                self.kind = Kind::Component;
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    self.imports
                        .push(format!("{}::{}", import.module, import.name));
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    self.imports.push(import?.name.full_name().into_owned());
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    self.exports.push(export?.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    self.exports.push(export?.name.full_name().into_owned());
                }
            }
            Payload::CustomSection(section) => {
                self.has_world |= section.name().starts_with("component-type");
            }
            _ => {}
        }
        Ok(())
    }
}

/// Finds what a component that is no policy of this version is instead.
pub(crate) fn other_world(exports: Vec<String>, expected: String) -> Error {
    let of_contract = |name: &&String| {
        name.strip_prefix(INTERFACE)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
    };
    let found: Vec<_> = exports.iter().filter(of_contract).cloned().collect();
    match found.as_slice() {
        [] => Error::World { expected, exports },
        _ => Error::Version {
            found,
            expected: ckpt_policy_core::contract::CONTRACT_VERSION,
        },
    }
}

fn refuse_imports(outline: &Outline) -> Result<(), Error> {
    if outline.imports.is_empty() {
        return Ok(());
    }
    let imports = outline.imports.clone();
    match imports.iter().any(|name| name.starts_with("wasi")) {
        true => Err(Error::Wasi { imports }),
        false => Err(Error::Imports { imports }),
    }
}

/// Refuses what is no WebAssembly at all, each with its own advice.
fn refuse_foreign(bytes: &[u8]) -> Result<(), Error> {
    if bytes.starts_with(b"\0asm") {
        return Ok(());
    }
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    if let Some((_, format)) = NATIVE.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(Error::Native { format });
    }
    match text_start(bytes) {
        Some(start) => Err(Error::Text {
            remedy: text_remedy(&start),
            start: told(start),
        }),
        None => Err(Error::Foreign {
            start: hex(&bytes[..bytes.len().min(4)]),
        }),
    }
}

/// Returns how a text begins; nothing where the bytes are no text.
fn text_start(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(TEXT_READ)];
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The cut may go through a character.
        Err(error) if head.len() - error.valid_up_to() < 4 && bytes.len() > head.len() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_text = !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    let line = text.trim_start().lines().next().unwrap_or_default();
    is_text.then(|| line.chars().take(TEXT_SHOWN).collect())
}

fn text_remedy(start: &str) -> &'static str {
    if start.starts_with('(') || start.starts_with(";;") {
        "turn the text format into the binary one with `wasm-tools parse`"
    } else if start.starts_with("version https://git-lfs") {
        "it stands for a file in Git LFS: fetch that with `git lfs pull`"
    } else if start.starts_with('<') {
        "it looks like a web page: was the download refused?"
    } else {
        "hand over what the compiler wrote, not its source"
    }
}

fn encode_error(error: &impl fmt::Display) -> Error {
    // The chain of causes says which function is missing, the first line only that one is.
    Error::Encode {
        what: told(format_args!("{error:#}")),
    }
}

fn malformed(error: &wasmparser::BinaryReaderError, bytes: &[u8]) -> Error {
    Error::Malformed {
        what: told(error.message()),
        offset: error.offset(),
        size: bytes.len() as u64,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// How native programs and libraries begin; wasmtime's precompiled files are ELF.
const NATIVE: [(&[u8], &str); 4] = [
    (
        b"\x7fELF",
        "ELF, such as a precompiled `.cwasm` or a shared library",
    ),
    (b"\xcf\xfa\xed\xfe", "Mach-O"),
    (b"\xca\xfe\xba\xbe", "Mach-O"),
    (b"MZ", "Windows"),
];

/// Bytes that are read to find out whether a file is text.
const TEXT_READ: usize = 512;

/// Characters of a text that an error shows.
const TEXT_SHOWN: usize = 40;
