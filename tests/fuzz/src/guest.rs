//! Guests in the text format, and the contract's world around them.
//!
//! They need no toolchain. Answers lie in low memory, so that nearly any small number is a pointer
//! that can be followed; what the host hands in lies above.

use std::sync::OnceLock;

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

/// A policy that answers with the bytes that it is handed: `observe` and `decide` with the
/// settings, `prepare` with the previous state, and `describe` with `data`.
pub(crate) fn echo(data: &[u8]) -> Vec<u8> {
    let data: String = data.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let bytes = "(param $at i32) (param $len i32) (param i32 i32)";
    let answer = format!("(memory.copy {ANSWER} (local.get $at) (local.get $len)) {ANSWER}");
    let text = format!(
        r#"(module
            (memory (export "memory") 4)
            (data {ANSWER} "{data}")
            (global $next (mut i32) (i32.const 131072))
            (func (export "cabi_realloc") (param i32 i32 i32) (param $len i32) (result i32)
                (global.get $next)
                (global.set $next (i32.and (i32.const -16)
                    (i32.add (global.get $next) (i32.add (local.get $len) (i32.const 15))))))
            (func (export "ckpt:policy/policy@0.1.0#describe") (result i32) {ANSWER})
            (func (export "ckpt:policy/policy@0.1.0#prepare")
                (param i32 i32 i32) (param $at i32) (param $len i32) (result i32) {answer})
            (func (export "ckpt:policy/policy@0.1.0#observe") {bytes}
                (param i32 i32 i64 i64 i32 i32 i32 i32 i32 i32) (result i32) {answer})
            (func (export "ckpt:policy/policy@0.1.0#decide") {bytes}
                (param i32 i64 i64 i32 i32 f64 i64 i32 i32 i32 i32) (result i32) {answer}))"#
    );
    embedded(wat::parse_str(text).expect("the guest's text is well-formed"))
}

/// A core module with the functions of the world, each of which traps: the shape that a made-up
/// module has to have.
pub(crate) fn shape() -> &'static [u8] {
    static SHAPE: OnceLock<Vec<u8>> = OnceLock::new();
    SHAPE.get_or_init(|| {
        let (resolve, world) = world();
        dummy_module(resolve, *world, ManglingAndAbi::Standard32)
    })
}

/// A module that says it implements the contract's world.
pub(crate) fn embedded(mut module: Vec<u8>) -> Vec<u8> {
    let (resolve, world) = world();
    embed_component_metadata(&mut module, resolve, *world, StringEncoding::UTF8, false)
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

fn world() -> &'static (Resolve, WorldId) {
    static WORLD: OnceLock<(Resolve, WorldId)> = OnceLock::new();
    WORLD.get_or_init(|| {
        let mut resolve = Resolve::default();
        let package = resolve
            .push_str("policy.wit", include_str!("../../../wit/policy.wit"))
            .expect("the contract is well-formed");
        let world = resolve
            .select_world(&[package], Some("decision-policy"))
            .expect("the contract has its world");
        (resolve, world)
    })
}

/// Where answers lie.
const ANSWER: &str = "(i32.const 16)";
