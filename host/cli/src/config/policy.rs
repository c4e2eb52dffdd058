//! One `[[policy]]` of a configuration: its keys, before anything is loaded.

use std::fmt;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use ckpt_policy_core::text::Printable;
use ckpt_policy_core::{Mode, OnError, nearest};
use ckpt_policy_runtime::Compile;

use super::fields::{Fields, list_of};
use super::node::{Node, Value};
use super::problem::{Blame, Position, Problem};

/// One policy as the configuration names it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) on_error: OnError,
    /// Failures in a row after which it is not asked any more.
    pub(super) disable_after: Option<NonZeroU64>,
    pub(super) wasm: Wasm,
    /// How much of the file may be compiled.
    pub(super) compile: Compile,
    /// SHA-256 that the file must have, in lowercase hex.
    pub(super) pin: Option<String>,
    /// Where the file's signature is; beside it if nothing is said.
    pub(super) signature: Option<PathBuf>,
    /// The configuration, a JSON object.
    pub(super) config: serde_json::Value,
    /// The configuration with the positions of its keys; absent where there is none.
    nodes: Option<Node>,
    /// Where the values of the entry's keys stand.
    places: Vec<(String, Position)>,
    file: PathBuf,
    at: Option<Position>,
}

/// What `compile` may say.
pub(super) const COMPILE: [(&str, Compile); 2] =
    [("default", Compile::Default), ("large", Compile::Large)];

/// Where a policy's bytes come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wasm {
    Builtin(String),
    File(PathBuf),
}

impl fmt::Display for Wasm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin(name) => write!(formatter, "builtin:{name}"),
            Self::File(path) => path.display().fmt(formatter),
        }
    }
}

impl Entry {
    /// Reads one table; `None` where something is wrong, which is then reported.
    pub(super) fn read(mut fields: Fields<'_>) -> Option<Self> {
        let places = fields.places();
        let name = read_name(&mut fields);
        if let Some(name) = &name {
            fields.rename(format!("policy.{name}"));
        }
        let modes = [("enforce", Mode::Enforce), ("shadow", Mode::Shadow)];
        let mode = fields.choice("mode", &modes).unwrap_or_default();
        let kinds = [
            ("skip", OnError::Skip),
            ("save", OnError::Save),
            ("stop", OnError::Stop),
        ];
        let on_error = fields.choice("on-error", &kinds).unwrap_or_default();
        let most = fields.count("disable-after", 1, u64::MAX);
        let disable_after = most.and_then(NonZeroU64::new);
        let wasm = read_wasm(&mut fields);
        let compile = fields.choice("compile", &COMPILE).unwrap_or_default();
        let pin = read_pin(&mut fields);
        let signature = read_signature(&mut fields, wasm.as_ref());
        let config = read_config(&mut fields);
        let (file, at) = (fields.file().to_path_buf(), fields.at);
        fields.finish_or(Some(
            "what the policy itself reads belongs into `config = { … }`",
        ));
        let (name, wasm) = (name?, wasm?);
        let (nodes, config) = config?;
        Some(Self {
            name,
            mode,
            on_error,
            disable_after,
            wasm,
            compile,
            pin,
            signature,
            config,
            nodes,
            places,
            file,
            at,
        })
    }

    /// Makes a problem with one of the entry's keys.
    pub(super) fn problem(&self, key: &str, text: String) -> Problem {
        let place = self
            .places
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, at)| *at);
        let (file, at) = (self.file.clone(), place.or(self.at));
        let key = format!("policy.{}.{key}", self.name);
        Problem {
            file,
            at,
            key,
            text: Printable(&text).to_string(),
            hint: None,
            blame: Blame::User,
        }
    }

    /// Makes a problem with the value at a path in `config`.
    pub(super) fn config_problem(&self, path: &[&str], text: String) -> Problem {
        let key = std::iter::once("config")
            .chain(path.iter().copied())
            .collect::<Vec<_>>();
        let node = self.nodes.as_ref().map(|nodes| nodes.nearest(path));
        let problem = self.problem(&key.join("."), text);
        Problem {
            at: node.and_then(|node| node.at).or(self.at),
            ..problem
        }
    }

    /// Returns where the entry stands, for messages.
    pub(super) fn place(&self) -> String {
        match self.at {
            Some(at) => format!("{}:{}:{}", self.file.display(), at.line, at.column),
            None => self.file.display().to_string(),
        }
    }

    /// Returns the file that names the policy.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }
}

fn read_name(fields: &mut Fields<'_>) -> Option<String> {
    let Some(node) = fields.any("name") else {
        let problem = fields.problem(None, "name", "this policy has no name".to_owned());
        fields.report(problem.hint("add `name = \"…\"`; the journal and messages call it so"));
        return None;
    };
    let text = match &node.value {
        Value::Text(text) if !text.is_empty() && text.len() <= 64 => text,
        Value::Text(_) => {
            let text = "expected 1 to 64 bytes of text".to_owned();
            fields.report(fields.problem(node.at, "name", text));
            return None;
        }
        _ => {
            let text = format!("expected a text in quotes, found {}", node.kind());
            fields.report(fields.problem(node.at, "name", text));
            return None;
        }
    };
    Some(text.clone())
}

fn read_wasm(fields: &mut Fields<'_>) -> Option<Wasm> {
    let names = || ckpt_policy_builtins::names();
    if !fields.has("wasm") {
        let problem = fields.problem(
            None,
            "wasm",
            "this policy has no WebAssembly file".to_owned(),
        );
        let list = list_of(names());
        fields.report(problem.hint(format!(
            "add `wasm = \"builtin:NAME\"` with one of {list}, or the path of a file"
        )));
    }
    let (text, at) = fields.text("wasm")?;
    let Some(name) = text.strip_prefix("builtin:") else {
        return Some(Wasm::File(super::beside(fields.file(), &text)));
    };
    if ckpt_policy_builtins::get(name).is_some() {
        return Some(Wasm::Builtin(name.to_owned()));
    }
    let unknown = format!(
        "no policy `{name}` is built in, expected one of {}",
        list_of(names())
    );
    let problem = fields.problem(at, "wasm", unknown);
    fields.report(match nearest(name, names()) {
        Some(name) => problem.hint(format!("did you mean `builtin:{name}`?")),
        None => problem,
    });
    None
}

fn read_pin(fields: &mut Fields<'_>) -> Option<String> {
    let (text, at) = fields.text("sha256")?;
    let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_digest {
        let text = format!("expected 64 hexadecimal digits, found `{text}`");
        let problem = fields.problem(at, "sha256", text);
        fields.report(problem.hint("`ckpt-policy inspect FILE` prints the digest of a file"));
        return None;
    }
    Some(text.to_ascii_lowercase())
}

/// Reads where a file's signature is; what is built in has none.
fn read_signature(fields: &mut Fields<'_>, wasm: Option<&Wasm>) -> Option<PathBuf> {
    let (text, at) = fields.text("signature")?;
    if let Some(Wasm::Builtin(name)) = wasm {
        let text = format!("`builtin:{name}` is part of this program, and has no signature");
        let problem = fields.problem(at, "signature", text);
        fields.report(problem.hint("leave the key out"));
    }
    Some(super::beside(fields.file(), &text))
}

fn read_config(fields: &mut Fields<'_>) -> Option<(Option<Node>, serde_json::Value)> {
    let empty = || serde_json::Value::Object(serde_json::Map::new());
    let Some(node) = fields.any("config") else {
        return Some((None, empty()));
    };
    if !matches!(node.value, Value::Table(_)) {
        let text = format!("expected a table of keys and values, found {}", node.kind());
        fields.report(fields.problem(node.at, "config", text));
        return None;
    }
    match node.to_json() {
        Ok(config) => Some((Some(node), config)),
        Err((at, found)) => {
            let text = format!("a policy reads its configuration as JSON, which has no `{found}`");
            fields.report(fields.problem(at, "config", text));
            None
        }
    }
}
