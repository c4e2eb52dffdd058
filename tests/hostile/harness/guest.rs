//! From a case's text to a module: the fields of `plain.wat`, those of the case, and the world.
//!
//! Knows as much of the text format as it takes to tell one field from the next. Whether they make a module is for the
//! parser to say.

use std::fs;

use serde::Deserialize;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::folder;

/// How a guest differs from a plain one beyond its fields.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Change {
    /// Fields of the plain policy that are left out, by kind and name.
    without: Vec<String>,
    /// Whether it says that it implements the contract's world.
    world: bool,
    /// The version of the contract that it is built for.
    version: Option<String>,
    /// What is another text in its `policy.wit`.
    contract: Vec<[String; 2]>,
    /// Whether it is made a component.
    component: bool,
    /// How its texts are written.
    encoding: Encoding,
}

/// How a guest writes texts, and wants those of the host.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
enum Encoding {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "utf-16")]
    Utf16,
}

impl From<Encoding> for StringEncoding {
    fn from(from: Encoding) -> Self {
        match from {
            Encoding::Utf8 => Self::UTF8,
            Encoding::Utf16 => Self::UTF16,
        }
    }
}

impl Default for Change {
    fn default() -> Self {
        Self {
            without: Vec::new(),
            world: true,
            version: None,
            contract: Vec::new(),
            component: false,
            encoding: Encoding::default(),
        }
    }
}

type Made<T> = Result<T, Box<dyn std::error::Error>>;

/// Makes a case's file. A text that begins with a whole module or component is taken as it is.
pub(crate) fn module(text: &str, change: &Change) -> Made<Vec<u8>> {
    let fields = fields(text);
    let is_whole = |kind| {
        fields
            .first()
            .is_some_and(|field| kind_and_name(field).0 == kind)
    };
    if is_whole("component") {
        return Ok(wat::parse_str(text)?);
    }
    let mut module = match is_whole("module") {
        true => wat::parse_str(text)?,
        false => wat::parse_str(merged(&fields, change)?)?,
    };
    if change.world {
        embed(&mut module, change)?;
    }
    match change.component {
        true => component(&module),
        false => Ok(module),
    }
}

/// The plain policy as a module.
pub(crate) fn plain() -> Made<Vec<u8>> {
    module("", &Change::default())
}

/// The component that a module with its world makes.
pub(crate) fn component(module: &[u8]) -> Made<Vec<u8>> {
    Ok(ComponentEncoder::default().module(module)?.encode()?)
}

fn merged(own: &[&str], change: &Change) -> Made<String> {
    let mut plain = fs::read_to_string(folder().join("plain.wat"))?;
    if let Some(version) = &change.version {
        plain = plain.replace("@0.1.0#", &format!("@{version}#"));
    }
    let plain = fields(&plain);
    for without in &change.without {
        if !plain.iter().any(|field| is(field, without)) {
            return Err(format!("`plain.wat` has no field `{without}`").into());
        }
    }
    let is_kept = |field: &&str| {
        let replaced = own.iter().any(|other| {
            !kind_and_name(other).1.is_empty() && kind_and_name(other) == kind_and_name(field)
        });
        !replaced && !change.without.iter().any(|without| is(field, without))
    };
    // Imports come first in a module, and types may be named by them.
    let is_first = |field: &str| matches!(kind_and_name(field).0, "type" | "rec" | "import");
    let mut module = "(module\n".to_owned();
    let kept: Vec<_> = plain.into_iter().filter(is_kept).collect();
    let (types, rest): (Vec<&str>, Vec<&str>) = kept.into_iter().partition(|field| is_first(field));
    let (before, after): (Vec<&str>, Vec<&str>) = own.iter().partition(|field| is_first(field));
    for field in [types, before, rest, after].concat() {
        module.push_str(field);
        module.push('\n');
    }
    Ok(module + ")")
}

fn embed(module: &mut Vec<u8>, change: &Change) -> Made<()> {
    let mut package = fs::read_to_string(folder().join("../../wit/policy.wit"))?;
    if let Some(version) = &change.version {
        package = package.replace("@0.1.0;", &format!("@{version};"));
    }
    for [from, to] in &change.contract {
        if !package.contains(from) {
            return Err(format!("`wit/policy.wit` has no `{from}`").into());
        }
        package = package.replace(from, to);
    }
    let mut resolve = Resolve::default();
    let package = resolve.push_str("policy.wit", &package)?;
    let world = resolve.select_world(&[package], Some("decision-policy"))?;
    embed_component_metadata(module, &resolve, world, change.encoding.into(), false)?;
    Ok(())
}

/// Splits a text into what stands in its outermost parentheses.
fn fields(text: &str) -> Vec<&str> {
    let (mut fields, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b';' if bytes.get(at + 1) == Some(&b';') => {
                at += text[at..].find('\n').unwrap_or(text.len() - at);
            }
            b'(' => {
                start = if depth == 0 { at } else { start };
                depth += 1;
            }
            b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    fields.push(&text[start..=at]);
                }
            }
            _ => {}
        }
        at += 1;
    }
    fields
}

/// Returns where the string that begins here ends.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}

/// Returns what kind of field it is, and its name with `$` or in quotes; empty where it has none.
fn kind_and_name(field: &str) -> (&str, &str) {
    let inside = field.trim_start_matches('(');
    let (kind, rest) = inside
        .split_once(char::is_whitespace)
        .unwrap_or((inside, ""));
    let end = |rest: &str| rest.find([' ', '\n', ')']).unwrap_or(rest.len());
    match rest.trim_start() {
        rest if rest.starts_with(['$', '"']) => (kind, &rest[..end(rest)]),
        _ => (kind.trim_end_matches(')'), ""),
    }
}

fn is(field: &str, kind_and_its_name: &str) -> bool {
    let (kind, name) = kind_and_name(field);
    format!("{kind} {name}") == kind_and_its_name
}
