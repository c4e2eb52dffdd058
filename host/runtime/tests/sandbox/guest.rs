//! Policies written in the text format, each as small as what it is to show.
//!
//! The canonical ABI's layout, as far as the guests here need it: an answer lies at [`ANSWER`],
//! and memory is zero, which is an abstaining verdict, an empty plan and no features.

use std::borrow::Cow;

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

/// A part of a module's text.
type Text = Cow<'static, str>;

/// A policy of which one or another part misbehaves.
pub(crate) struct Guest {
    describe: Text,
    prepare: Text,
    observe: Text,
    decide: Text,
    more: Text,
    memory: Text,
    imports: Text,
}

impl Guest {
    /// A policy that answers each call, and wants nothing.
    pub(crate) fn plain() -> Self {
        Self {
            describe: "(i32.const 512)".into(),
            prepare: ANSWER.into(),
            observe: ANSWER.into(),
            decide: ANSWER.into(),
            more: "".into(),
            memory: r#"(memory (export "memory") 2)"#.into(),
            imports: "".into(),
        }
    }

    pub(crate) fn describe(self, body: impl Into<Text>) -> Self {
        Self {
            describe: body.into(),
            ..self
        }
    }

    pub(crate) fn prepare(self, body: impl Into<Text>) -> Self {
        Self {
            prepare: body.into(),
            ..self
        }
    }

    pub(crate) fn observe(self, body: impl Into<Text>) -> Self {
        Self {
            observe: body.into(),
            ..self
        }
    }

    pub(crate) fn decide(self, body: impl Into<Text>) -> Self {
        Self {
            decide: body.into(),
            ..self
        }
    }

    /// Adds fields to the module.
    pub(crate) fn more(self, fields: impl Into<Text>) -> Self {
        Self {
            more: fields.into(),
            ..self
        }
    }

    pub(crate) fn memory(self, memory: impl Into<Text>) -> Self {
        Self {
            memory: memory.into(),
            ..self
        }
    }

    pub(crate) fn imports(self, imports: impl Into<Text>) -> Self {
        Self {
            imports: imports.into(),
            ..self
        }
    }

    /// The core module, with the world embedded.
    pub(crate) fn module(&self) -> Vec<u8> {
        embedded(&self.text(), &contract())
    }

    /// The component.
    pub(crate) fn component(&self) -> Vec<u8> {
        component(&self.module())
    }

    /// The module's text.
    pub(crate) fn text(&self) -> String {
        let Self {
            describe,
            prepare,
            observe,
            decide,
            more,
            memory,
            imports,
        } = self;
        let bytes = "(param $settings i32) (param $settings_len i32) \
                     (param $state i32) (param $state_len i32)";
        format!(
            r#"(module
                {imports}
                {memory}
                (data (i32.const 600) "plain")
                (data (i32.const 512) "\58\02\00\00\05\00\00\00")
                (global $next (mut i32) (i32.const 4096))
                (func $allocate (export "cabi_realloc")
                    (param $old i32) (param $old_len i32) (param $align i32) (param $len i32)
                    (result i32)
                    (local $at i32)
                    (local.set $at (i32.and
                        (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                    (global.set $next (i32.add (local.get $at) (local.get $len)))
                    (loop $more
                        (if (i32.gt_u (global.get $next)
                                (i32.mul (memory.size) (i32.const 65536)))
                            (then
                                (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1))
                                    (then unreachable))
                                (br $more))))
                    (local.get $at))
                (func $free (param i32) (global.set $next (i32.const 4096)))
                (func $describe (export "ckpt:policy/policy@0.1.0#describe") (result i32)
                    {describe})
                (func $prepare (export "ckpt:policy/policy@0.1.0#prepare")
                    (param $config i32) (param $config_len i32)
                    (param $previous i32) (param $previous_at i32) (param $previous_len i32)
                    (result i32)
                    {prepare})
                (func $observe (export "ckpt:policy/policy@0.1.0#observe")
                    {bytes}
                    (param $moment i32) (param $moment_value i32) (param $step i64)
                    (param $epoch i64) (param $rank i32) (param $world i32)
                    (param $values i32) (param $values_len i32)
                    (param $checkpoints i32) (param $checkpoints_len i32)
                    (result i32)
                    {observe})
                (func $decide (export "ckpt:policy/policy@0.1.0#decide")
                    {bytes}
                    (param $moment i32) (param $step i64) (param $epoch i64) (param $world i32)
                    (param $elapsed i32) (param $elapsed_value f64) (param $candidate i64)
                    (param $values i32) (param $values_len i32)
                    (param $checkpoints i32) (param $checkpoints_len i32)
                    (result i32)
                    {decide})
                (export "cabi_post_ckpt:policy/policy@0.1.0#observe" (func $free))
                (export "cabi_post_ckpt:policy/policy@0.1.0#decide" (func $free))
                {more})"#
        )
    }
}

/// Where answers lie.
pub(crate) const ANSWER: &str = "(i32.const 16)";

/// Never ends.
pub(crate) const ENDLESS: &str = "(loop $again (br $again)) unreachable";

/// The contract's package, from the file that users read.
pub(crate) fn contract() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/policy.wit");
    std::fs::read_to_string(path).expect("the contract lies in `wit/policy.wit`")
}

/// A module that says it implements the world `decision-policy` of this package.
pub(crate) fn embedded(text: &str, package: &str) -> Vec<u8> {
    let (resolve, world) = world(package);
    let mut module = wat::parse_str(text).expect("the guest's text is well-formed");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .expect("the world can be embedded");
    module
}

/// The component of a module with an embedded world.
pub(crate) fn component(module: &[u8]) -> Vec<u8> {
    ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.encode())
        .expect("the module implements its world")
}

/// A component of a package's world `decision-policy`, each function of which traps.
pub(crate) fn of_world(package: &str) -> Vec<u8> {
    let (resolve, world) = world(package);
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .expect("the world can be embedded");
    component(&module)
}

fn world(package: &str) -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let package = resolve
        .push_str("policy.wit", package)
        .expect("the package is well-formed");
    let world = resolve
        .select_world(&[package], Some("decision-policy"))
        .expect("the world is there");
    (resolve, world)
}
