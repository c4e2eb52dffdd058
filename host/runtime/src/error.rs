//! Why a file cannot be used as a policy.
//!
//! Each variant says what was found and what to do about it. The path of the file is the caller's
//! to add: this crate reads bytes. What is quoted from a file is cut, and safe to show.

use std::fmt::Display;

use ckpt_policy_core::contract::Fault;
use ckpt_policy_core::text::excerpt;

/// Why the runtime, or a policy's file, cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The engine could not be built from these limits on this machine.
    #[error("the WebAssembly engine cannot be set up: {0}")]
    Engine(String),
    /// A limit is outside of what can work.
    #[error("`{limit}` in `[limits]` is {value}, expected {expected}")]
    Limit {
        /// The limit.
        limit: &'static str,
        /// Its value.
        value: u64,
        /// What would do.
        expected: &'static str,
    },
    /// The file is larger than the limit.
    #[error(
        "the file has {size} bytes, more than `file` in `[limits]` allows ({limit}); build it optimised for size and without debug information, or raise the limit"
    )]
    TooLarge {
        /// Bytes of the file.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The file has no bytes.
    #[error(
        "the file is empty, expected a WebAssembly component or module; was the build or the copy interrupted?"
    )]
    Empty,
    /// The file is text.
    #[error(
        "the file is text that begins with `{start}`, expected a binary WebAssembly component or module; {remedy}"
    )]
    Text {
        /// How it begins.
        start: String,
        /// What to do, which depends on what the text is.
        remedy: &'static str,
    },
    /// The file is native code.
    #[error(
        "the file is native code ({format}), expected a WebAssembly component or module; precompiled code is never loaded, as it would run outside of the sandbox: hand over the `.wasm` file that it was made of"
    )]
    Native {
        /// Which format.
        format: &'static str,
    },
    /// The file is something else.
    #[error(
        "the file is not WebAssembly: it begins with the bytes `{start}`, expected `00 61 73 6d`"
    )]
    Foreign {
        /// Its first bytes, hex.
        start: String,
    },
    /// The file begins as WebAssembly and does not go on as such.
    #[error(
        "the file is damaged or of a newer WebAssembly than this host reads: {what} (at byte {offset} of {size}); build or copy it again"
    )]
    Malformed {
        /// What is wrong.
        what: String,
        /// Where.
        offset: u64,
        /// Bytes of the file.
        size: u64,
    },
    /// Compiling the file could take longer than is allowed.
    #[error("{what}, more than `{limit}` in `[limits]` allows ({allowed}); {}", allow_more(*.large))]
    Jail {
        /// What there is too much of, and how much.
        what: String,
        /// How much, as a number.
        found: u64,
        /// The limit.
        limit: &'static str,
        /// Its value.
        allowed: u64,
        /// The file was allowed to be large.
        large: bool,
    },
    /// A component is composed of several that call each other.
    #[error(
        "the component is composed of parts that call each other (a function is lowered at byte {offset}), which this host does not run; build the policy as one component"
    )]
    Composed {
        /// Where.
        offset: u64,
    },
    /// A component makes resources, or drops them.
    #[error(
        "the component handles resources of its own (one is made, dropped or read at byte {offset}), and the contract has none; leave them out of the world that it is built for"
    )]
    Resource {
        /// Where.
        offset: u64,
    },
    /// A component brings a component to life that the file does not define.
    #[error(
        "the component instantiates one that it does not define itself (at byte {offset}), so what that takes cannot be told beforehand; compose it anew, so that each component is defined where it is instantiated"
    )]
    Instantiates {
        /// Where.
        offset: u64,
    },
    /// The policy wants an operating system.
    #[error(
        "the policy imports WASI ({}), but a policy imports nothing; build Rust for `wasm32-unknown-unknown`, Python with `componentize-py componentize --stub-wasi`, JavaScript with all features of `componentize-js` disabled",
        list(imports)
    )]
    Wasi {
        /// What it imports.
        imports: Vec<String>,
    },
    /// The policy wants functions of the host.
    #[error(
        "the policy imports {}, but a policy imports nothing: what it needs to know arrives as an argument (see `wit/policy.wit`)",
        list(imports)
    )]
    Imports {
        /// What it imports.
        imports: Vec<String>,
    },
    /// A core module without the description of its world.
    #[error(
        "the core module does not say which world it implements; build it with `wit-bindgen` or this project's SDK, or add the world with `wasm-tools component embed --world decision-policy wit/policy.wit`{}",
        exports_note(exports)
    )]
    NoWorld {
        /// What it exports.
        exports: Vec<String>,
    },
    /// A core module could not be made a component.
    #[error("the core module cannot be made a component: {what}")]
    Encode {
        /// What stands against it.
        what: String,
    },
    /// The policy speaks another version of the contract.
    #[error(
        "the policy is built for version {} of the contract, this host speaks {expected}; build it with the `policy.wit` of this host",
        versions(found)
    )]
    Version {
        /// The interfaces that it exports instead.
        found: Vec<String>,
        /// The version that this host speaks.
        expected: &'static str,
    },
    /// The component is something else than a policy.
    #[error(
        "the component does not export `{expected}`{}; a policy implements the world `decision-policy` of `wit/policy.wit`",
        exports_note(exports)
    )]
    World {
        /// The interface that was looked for.
        expected: String,
        /// What it exports instead.
        exports: Vec<String>,
    },
    /// The policy lacks one of the contract's functions.
    #[error("the policy does not export the function `{function}` in `{interface}`")]
    Function {
        /// The function.
        function: &'static str,
        /// The interface in which it was looked for.
        interface: String,
    },
    /// One of the policy's functions has other types than the contract's.
    #[error(
        "the policy's function `{function}` has other types than in version {version} of the contract: {what}; build it with the `policy.wit` of this host"
    )]
    Signature {
        /// The function.
        function: &'static str,
        /// The version that this host speaks.
        version: &'static str,
        /// The difference.
        what: String,
    },
    /// The component is not valid, or could not be compiled.
    #[error("the component cannot be compiled: {0}")]
    Compile(String),
    /// The component needs more than the limits allow before it does anything.
    #[error("the policy needs {needed} at its start, `{limit}` in `[limits]` is {allowed}")]
    Resources {
        /// What it needs.
        needed: String,
        /// The limit.
        limit: &'static str,
        /// Its value.
        allowed: u64,
    },
    /// The policy could not be started.
    #[error("the policy cannot be started: {0}")]
    Start(Fault),
}

/// What to do about a file that is too much to compile.
fn allow_more(large: bool) -> &'static str {
    match large {
        true => "build it smaller, or raise the limit",
        false => {
            "build it optimised for size; or, if you trust the file, write `compile = \"large\"` into the policy's table, or raise the limit"
        }
    }
}

/// Names a few things, and counts the rest.
fn list(names: &[String]) -> String {
    let mut text: Vec<_> = names
        .iter()
        .take(NAMED)
        .map(|name| format!("`{}`", excerpt(name, NAME)))
        .collect();
    if names.len() > NAMED {
        text.push(format!("and {} more", names.len() - NAMED));
    }
    text.join(", ")
}

fn exports_note(exports: &[String]) -> String {
    match exports {
        [] => "; it exports nothing".to_owned(),
        names => format!("; it exports {}", list(names)),
    }
}

fn versions(found: &[String]) -> String {
    let version = |name: &String| match name.rsplit_once('@') {
        Some((_, version)) => version.to_owned(),
        None => name.clone(),
    };
    list(&found.iter().map(version).collect::<Vec<_>>())
}

/// Returns what the engine said, which may quote the file: as one line, safe to show, and cut.
pub(crate) fn told(text: impl Display) -> String {
    let text = text.to_string();
    let words: Vec<_> = text.split_whitespace().collect();
    excerpt(words.join(" "), MESSAGE)
}

/// How many names an error spells out.
const NAMED: usize = 4;

/// Bytes that are shown of a name that a file gives.
pub(crate) const NAME: usize = 100;

/// Bytes that are shown of a message.
const MESSAGE: usize = 1 << 10;
