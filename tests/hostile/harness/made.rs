//! Files that no text could hold, made by a function each: too large, too deep, or no WebAssembly at all.
//!
//! What a function makes is fixed by its size. A module is the plain policy with something on top, so that it would be
//! a policy if it were not for that.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Deserialize;
use wasm_encoder::{CustomSection, Encode as _, Section as _};
use wasmparser::{Parser, Payload};

use crate::guest::{self, Change};

type Bytes = Result<Vec<u8>, Box<dyn std::error::Error>>;

/// The function that makes a file, and how much it makes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Made {
    what: What,
    #[serde(default)]
    size: usize,
}

/// What can be made.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    /// The bytes of an empty file.
    Nothing,
    /// A text that is no module.
    Text,
    /// As `gzip` would leave the plain policy.
    Gzip,
    /// A precompiled file: an ELF file with wasmtime's notes.
    Native,
    /// A program for Windows.
    Windows,
    /// Eight bytes that say module, and nothing else.
    Header,
    /// A module of another version of the binary format.
    OtherVersion,
    /// The plain policy, cut at a percentage of its length.
    Cut,
    /// The plain component, cut at a percentage of its length.
    CutComponent,
    /// The plain policy with a bit flipped at a percentage of its length.
    Flipped,
    /// The plain policy with this many bytes behind it that are no section.
    Trailing,
    /// A section that says it is 4 GiB long.
    LongSection,
    /// A count of functions of 4 billion, and none of them.
    LyingCount,
    /// A LEB128 number that does not end.
    LongNumber,
    /// The description of the world is no such thing.
    WorldOfNoise,
    /// A custom section of this many bytes.
    CustomSection,
    /// This many custom sections.
    CustomSections,
    /// This many functions that do nothing.
    Functions,
    /// One function with this many additions.
    GiantFunction,
    /// One function with this many calls.
    Calls,
    /// One function with this many constants on its stack at once.
    DeepStack,
    /// Blocks in blocks, this deep.
    Nesting,
    /// Types of a component in types, this deep.
    NestedTypes,
    /// One function with this many locals.
    Locals,
    /// Locals that are all live over this many loops.
    LocalsOverLoops,
    /// A `br_table` with this many targets.
    Targets,
    /// Many `br_table`s with many targets, so many of each.
    Tables,
    /// This many types.
    Types,
    /// Functions of a thousand parameters, so many of them.
    Parameters,
    /// This many globals.
    Globals,
    /// This many exports.
    Exports,
    /// An export with a name of this length.
    ExportName,
    /// This many imports.
    Imports,
    /// This many data segments.
    DataSegments,
    /// An element segment of this many entries.
    Elements,
    /// A function that traps, and has a name of this length in the name section.
    FunctionName,
    /// One function with this many loops that do nothing.
    Loops,
    /// One function that looks up an entry of a table this many times.
    Lookups,
    /// One function with this many choices, each of which hands on the same value or another.
    Choices,
    /// A global whose value is a sum of this many constants.
    LongConstant,
    /// Components that start ten of the one before them, this deep.
    StartedTenfold,
    /// Components in components, this deep.
    NestedComponents,
    /// Modules inside the component, this many.
    NestedModules,
    /// Aliases of one export, this many.
    Aliases,
    /// Functions lifted and lowered again, this many.
    Adapters,
}

impl Made {
    /// Makes the file.
    pub(crate) fn bytes(&self) -> Bytes {
        let Self { what, size } = *self;
        match what {
            What::Nothing => Ok(Vec::new()),
            What::Text => Ok(b"this is my policy: save often\n".to_vec()),
            What::Gzip => Ok([
                b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".as_slice(),
                &guest::plain()?,
            ]
            .concat()),
            What::Native => Ok([b"\x7fELF\x02\x01\x01\xc8".as_slice(), &[0; 120]].concat()),
            What::Windows => Ok([b"MZ\x90\x00".as_slice(), &[0; 60]].concat()),
            What::Header => Ok(b"\0asm\x01\0\0\0".to_vec()),
            What::OtherVersion => Ok(b"\0asm\x07\0\0\0".to_vec()),
            What::Cut => Ok(cut(guest::plain()?, size)),
            What::CutComponent => Ok(cut(guest::component(&guest::plain()?)?, size)),
            What::Flipped => flipped(size),
            What::Trailing => Ok([guest::plain()?, vec![0x7f; size]].concat()),
            What::LongSection => section(1, b"", u32::MAX),
            What::LyingCount => section(3, b"\xff\xff\xff\xff\x0f", 5),
            What::LongNumber => section(1, &[0x80; 64], 64),
            What::WorldOfNoise => custom(
                "component-type",
                &[b"\0asm\x0d\0\x01\0".as_slice(), &[0x55; 200]].concat(),
            ),
            What::CustomSection => custom("noise", &vec![0; size]),
            What::CustomSections => custom_sections(size),
            _ => self.module_or_component(),
        }
    }

    fn module_or_component(&self) -> Bytes {
        let size = self.size;
        let fields = match self.what {
            What::Functions => "(func)".repeat(size),
            What::GiantFunction => function(
                "",
                &"(local.set 0 (i32.add (local.get 0) (i32.const 3)))".repeat(size),
                "(local i32)",
            ),
            What::Calls => function("", &"(call $free (i32.const 1))".repeat(size), ""),
            What::DeepStack => function(
                "",
                &("(i32.const 1)".repeat(size) + &"drop ".repeat(size)),
                "",
            ),
            What::Nesting => function("", &("block ".repeat(size) + &"end ".repeat(size)), ""),
            What::Locals => function("", "", &format!("(local {})", "i64 ".repeat(size))),
            What::LocalsOverLoops => locals_over_loops(size),
            What::Targets => function(
                "",
                &format!("(br_table {} (i32.const 0))", "0 ".repeat(size)),
                "",
            ),
            What::Tables => function(
                "",
                &format!("(block (br_table {} (local.get 0)))", "0 ".repeat(size)).repeat(size),
                "(local i32)",
            ),
            What::Types => "(type (func))".repeat(size),
            What::Parameters => format!("(func (param {}))", "i64 ".repeat(1000)).repeat(size),
            What::Globals => "(global i32 (i32.const 0))".repeat(size),
            What::Exports => numbered(size, |n| format!("(export \"e{n}\" (func $free))")),
            What::ExportName => format!("(export \"{}\" (func $free))", "n".repeat(size)),
            What::Imports => numbered(size, |n| format!("(import \"env\" \"f{n}\" (func))")),
            What::DataSegments => "(data \"x\")".repeat(size),
            What::Elements => format!("(table 1 funcref) (elem func {})", "$free ".repeat(size)),
            What::FunctionName => named_trap(size),
            What::Loops => function("", &"(loop)".repeat(size), ""),
            What::Lookups => {
                let lookup = "(drop (table.get $looked (i32.const 0)))".repeat(size);
                "(table $looked 1 funcref)".to_owned() + &function("", &lookup, "")
            }
            What::Choices => {
                let arms = "(then (local.get 0)) (else (i64.const 2))";
                let choice = format!("(drop (if (result i64) (i32.const 1) {arms}))");
                function("", &choice.repeat(size), "(local i64)")
            }
            What::LongConstant => format!(
                "(global i32 i32.const 1 {})",
                "i32.const 1 i32.add ".repeat(size)
            ),
            _ => return self.component(),
        };
        guest::module(&fields, &Change::default())
    }

    fn component(&self) -> Bytes {
        let size = self.size;
        let more = match self.what {
            What::StartedTenfold => started_tenfold(size),
            What::NestedComponents => return nested_components(size),
            What::NestedModules => "(core module (memory 1))".repeat(size),
            What::NestedTypes => nested_types(size),
            What::Aliases => aliases(size),
            What::Adapters => adapters(size),
            other => return Err(format!("{other:?} is made elsewhere").into()),
        };
        beside_policy(&more)
    }
}

fn cut(mut file: Vec<u8>, percent: usize) -> Vec<u8> {
    file.truncate(file.len() * percent / 100);
    file
}

fn flipped(percent: usize) -> Bytes {
    let mut file = guest::plain()?;
    let at = file.len() * percent / 100;
    file[at] ^= 0x80;
    Ok(file)
}

/// A module with one section, of which is said that it has so many bytes.
fn section(id: u8, content: &[u8], says: u32) -> Bytes {
    let mut file = b"\0asm\x01\0\0\0".to_vec();
    file.push(id);
    says.encode(&mut file);
    file.extend(content);
    Ok(file)
}

fn custom(name: &str, data: &[u8]) -> Bytes {
    let mut file = match name {
        // It takes the place of the true one.
        "component-type" => wat::parse_str("(module)")?,
        _ => guest::plain()?,
    };
    CustomSection {
        name: name.into(),
        data: Cow::Borrowed(data),
    }
    .append_to(&mut file);
    Ok(file)
}

fn custom_sections(count: usize) -> Bytes {
    let mut file = guest::plain()?;
    for _ in 0..count {
        CustomSection {
            name: "c".into(),
            data: Cow::Borrowed(b""),
        }
        .append_to(&mut file);
    }
    Ok(file)
}

fn function(parameters: &str, body: &str, locals: &str) -> String {
    format!("(func $made {parameters} {locals} {body})")
}

fn numbered(count: usize, field: impl Fn(usize) -> String) -> String {
    (0..count).map(field).collect()
}

/// A thousand locals, each changed in each loop: whoever wants to know which value is meant looks at all of both.
fn locals_over_loops(loops: usize) -> String {
    let locals = format!("(local $c i32) (local {})", "i32 ".repeat(1000));
    let change = numbered(20, |n| {
        format!(
            "(local.set {n} (i32.add (local.get {}) (i32.const 1)))",
            n + 7
        )
    });
    function(
        "",
        &format!("(loop {change} (br_if 0 (local.get $c)))").repeat(loops),
        &locals,
    )
}

fn named_trap(length: usize) -> String {
    let name = "n".repeat(length);
    format!(
        "(func $decide (type $decide) (call ${name}) (i32.const 400)) (func ${name} unreachable)"
    )
}

fn started_tenfold(depth: usize) -> String {
    let mut text =
        "(component $c0 (core module $m (memory 1)) (core instance (instantiate $m)))".to_owned();
    for level in 1..=depth {
        let ten = format!("(instance (instantiate $c{}))", level - 1).repeat(10);
        let _ = write!(
            text,
            "(component $c{level} (alias outer 1 $c{} (component $c{0})) {ten})",
            level - 1
        );
    }
    format!("{text}(instance (instantiate $c{depth}))")
}

/// Each in a section of the one around it; a text so deep has no parser.
fn nested_components(depth: usize) -> Bytes {
    let mut inner = wat::parse_str("(component)")?;
    let header = inner.clone();
    for _ in 0..depth {
        let mut outer = header.clone();
        outer.push(COMPONENT);
        inner.encode(&mut outer);
        inner = outer;
    }
    beside(inner)
}

fn nested_types(depth: usize) -> String {
    let mut text = "(type $t0 (tuple u8 u8))".to_owned();
    for level in 1..=depth {
        let _ = write!(text, "(type $t{level} (tuple $t{0} $t{0}))", level - 1);
    }
    text
}

fn aliases(count: usize) -> String {
    let alias = "(alias core export $i \"f\" (core func))".repeat(count);
    format!("(core module $m (func (export \"f\"))) (core instance $i (instantiate $m)) {alias}")
}

/// Functions that one component exports and another calls, with a string to copy in each.
fn adapters(count: usize) -> String {
    let names = |line: &dyn Fn(usize) -> String| numbered(count, line);
    let lifts = names(&|n| {
        format!(
            "(func (export \"f{n}\") (param \"s\" string) (canon lift (core func $i \"f\") (memory (core memory $i \"m\")) (realloc (core func $i \"r\"))))"
        )
    });
    let imports = names(&|n| format!("(import \"f{n}\" (func $f{n} (param \"s\" string)))"));
    let lowers = names(&|n| {
        format!(
            "(core func (canon lower (func $f{n}) (memory (core memory $j \"m\")) string-encoding=utf16))"
        )
    });
    let hands = names(&|n| format!("(with \"f{n}\" (func $a \"f{n}\"))"));
    format!(
        "(component $callee (core module $m (memory (export \"m\") 1) (func (export \"f\") (param i32 i32))
            (func (export \"r\") (param i32 i32 i32 i32) (result i32) unreachable)) (core instance $i (instantiate $m)) {lifts})
         (component $caller {imports} (core module $n (memory (export \"m\") 1)) (core instance $j (instantiate $n)) {lowers})
         (instance $a (instantiate $callee)) (instance (instantiate $caller {hands}))"
    )
}

/// The plain policy as a component, started beside another one that holds this.
fn beside_policy(text: &str) -> Bytes {
    beside(wat::parse_str(format!("(component {text})"))?)
}

fn beside(inner: Vec<u8>) -> Bytes {
    const INSTANCES: u8 = 5;
    let mut file = guest::component(&guest::plain()?)?;
    // One instance, of the component behind those that the policy consists of, without arguments.
    let mut start = vec![1, 0x00];
    components(&file)?.encode(&mut start);
    start.push(0);
    for (id, content) in [(COMPONENT, inner), (INSTANCES, start)] {
        file.push(id);
        content.encode(&mut file);
    }
    Ok(file)
}

/// Counts the components in a component, but not those in them.
fn components(file: &[u8]) -> Result<u32, wasmparser::BinaryReaderError> {
    let (mut depth, mut count) = (0_u32, 0);
    for payload in Parser::new(0).parse_all(file) {
        match payload? {
            Payload::ModuleSection { .. } => depth += 1,
            Payload::ComponentSection { .. } => {
                count += u32::from(depth == 0);
                depth += 1;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(count)
}

/// The section of a component that holds another one.
const COMPONENT: u8 = 4;
