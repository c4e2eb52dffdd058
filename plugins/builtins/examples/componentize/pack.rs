//! From core modules to components with a lock file.
//!
//! Shared by the program that `plugins/build` calls and by the test that rebuilds `plugins/dist`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use ckpt_policy_builtins::{Component, Lock, Toolchain};
use sha2::{Digest, Sha256};
use wasm_encoder::{NameMap, NameSection, RawSection};
use wasmparser::{KnownCustom, Name, NameSectionReader, Parser, Payload};
use wit_component::ComponentEncoder;

/// What `plugins/build --modules` says that it built.
pub(crate) struct Built {
    pub(crate) toolchain: Toolchain,
    pub(crate) modules: Vec<(String, PathBuf)>,
}

/// Components by name, with their lock.
pub(crate) struct Packed {
    pub(crate) components: BTreeMap<String, Vec<u8>>,
    pub(crate) lock: Lock,
}

/// Reads lines such as `rustc=rustc 1.96.0` and `aggregate=target/guests/aggregate.wasm`.
pub(crate) fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> anyhow::Result<Built> {
    let mut facts = BTreeMap::new();
    let mut modules = Vec::new();
    for line in lines {
        let (key, value) = line
            .split_once('=')
            .with_context(|| format!("expected `NAME=VALUE`, found `{line}`"))?;
        match key {
            "rustc" | "library" | "wit-bindgen" | "profile" => {
                facts.insert(key, value.to_owned());
            }
            name => modules.push((name.to_owned(), PathBuf::from(value))),
        }
    }
    let mut fact = |key: &str| {
        facts
            .remove(key)
            .with_context(|| format!("expected a line `{key}=`"))
    };
    let toolchain = Toolchain {
        rustc: fact("rustc")?,
        library: fact("library")?,
        wit_bindgen: fact("wit-bindgen")?,
        profile: fact("profile")?,
    };
    Ok(Built { toolchain, modules })
}

/// Makes the components.
pub(crate) fn pack(built: &Built) -> anyhow::Result<Packed> {
    let mut components = BTreeMap::new();
    for (name, path) in &built.modules {
        let file = || format!("`{}`", path.display());
        let module = fs::read(path).with_context(file)?;
        let component = component(&module).with_context(file)?;
        components.insert(name.clone(), component);
    }
    let described = components
        .iter()
        .map(|(name, bytes)| (name.clone(), describe(bytes)));
    let lock = Lock {
        toolchain: built.toolchain.clone(),
        component: described.collect(),
    };
    Ok(Packed { components, lock })
}

/// Says what a file is.
pub(crate) fn describe(bytes: &[u8]) -> Component {
    let sha256 = Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
    Component {
        sha256,
        size: bytes.len() as u64,
    }
}

fn component(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let module = readable(module)?;
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module)?;
    encoder.encode()
}

/// Gives the functions of a module the names that people know, which are also shorter: they are
/// all that is left to tell where a policy trapped.
fn readable(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut copy = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        match &payload {
            Payload::CustomSection(section) if section.name() == "name" => {
                if let KnownCustom::Name(names) = section.as_known() {
                    copy.section(&function_names(names)?);
                }
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
                    let data = module.get(within(range.start)..within(range.end));
                    copy.section(&RawSection {
                        id,
                        data: data.unwrap_or_default(),
                    });
                }
            }
        }
    }
    Ok(copy.finish())
}

fn function_names(names: NameSectionReader<'_>) -> anyhow::Result<NameSection> {
    let mut known = NameMap::new();
    for name in names {
        if let Name::Function(functions) = name? {
            for function in functions {
                let function = function?;
                let name = format!("{:#}", rustc_demangle::demangle(function.name));
                known.append(
                    function.index,
                    &name.chars().take(LONGEST_NAME).collect::<String>(),
                );
            }
        }
    }
    let mut section = NameSection::new();
    section.functions(&known);
    Ok(section)
}

/// Generic arguments make names longer than anybody reads.
const LONGEST_NAME: usize = 96;
