//! The bounds on components: what a few bytes stand for counts as if it were written out.

use ckpt_policy_runtime::{Error, Loaded};

use crate::{allowed, guest, refused, runtime};

/// Loads a component written in the text format.
fn load(fields: &str) -> Result<Loaded, Error> {
    let bytes = wat::parse_str(format!("(component {fields})")).expect("the text is well-formed");
    runtime().load(&bytes)
}

/// A type that names another twice, which names a third twice.
fn doubling(depth: usize) -> String {
    let more = (1..depth).map(|at| format!("(type (tuple {} {}))", at - 1, at - 1));
    format!("(type (tuple u64 u64)) {}", more.collect::<String>())
}

/// Components of which each instantiates the next one a few times.
fn nested(depth: usize, times: usize) -> String {
    let module = "(core module (func)) (core instance (instantiate 0))".to_owned();
    (0..depth).fold(module, |inside, _| {
        format!(
            "(component {inside}) {}",
            "(instance (instantiate 0))".repeat(times)
        )
    })
}

#[test]
fn a_type_that_doubles() {
    // It is no policy, but nothing has found its types too large.
    let error = load(&doubling(14)).unwrap_err();
    assert!(matches!(error, Error::World { .. }), "{error}");
    assert!(refused(load(&doubling(24)), "definitions") > allowed().definitions);
}

#[test]
fn an_instance_type_that_doubles() {
    let first = r#"(type (instance (export "a" (func)) (export "b" (func))))"#;
    let more = (1..20).map(|at| {
        let before = at - 1;
        format!(
            r#"(type (instance (alias outer 1 {before} (type))
                (export "a" (instance (type 0))) (export "b" (instance (type 0)))))"#
        )
    });
    let fields = format!("{first} {}", more.collect::<String>());
    refused(load(&fields), "definitions");
}

#[test]
fn instances_of_instances() {
    let more = (1..20).map(|at| {
        let before = at - 1;
        format!(r#"(instance (export "a" (instance {before})) (export "b" (instance {before})))"#)
    });
    let fields = format!(
        r#"(core module (func (export "f"))) (core instance (instantiate 0))
           (alias core export 0 "f" (core func)) (func (canon lift (core func 0)))
           (instance (export "a" (func 0)) (export "b" (func 0))) {}"#,
        more.collect::<String>()
    );
    refused(load(&fields), "definitions");
}

#[test]
fn components_that_instantiate_each_other() {
    let error = load(&nested(3, 10)).unwrap_err();
    assert!(matches!(error, Error::World { .. }), "{error}");
    refused(load(&nested(8, 10)), "definitions");
}

#[test]
fn an_enumeration_that_is_named_often() {
    let cases: String = (0..2000).map(|case| format!(r#""case-{case}" "#)).collect();
    let fields = format!("(type (enum {cases})) (type (tuple {}))", "0 ".repeat(100));
    refused(load(&fields), "definitions");
}

#[test]
fn the_nesting_of_components() {
    let deep = allowed().nesting as usize + 1;
    let fields = format!("{} {}", "(component ".repeat(deep), ")".repeat(deep));
    refused(load(&fields), "nesting");
}

#[test]
fn a_component_that_is_not_in_the_file() {
    let fields = r#"(component (import "x" (component)) (instance (instantiate 0)))"#;
    let error = load(fields).unwrap_err();
    assert!(matches!(error, Error::Instantiates { .. }), "{error}");
}

/// Wasmtime panics on it where a component may not have several memories.
#[test]
fn parts_that_call_each_other() {
    let module = r#"(core module $m (memory (export "m") 1) (func (export "f") (param i32 i32))
            (func (export "r") (param i32 i32 i32 i32) (result i32) i32.const 0))
        (core instance $i (instantiate $m))
        (alias core export $i "m" (core memory $memory))
        (alias core export $i "r" (core func $realloc))"#;
    let fields = format!(
        r#"(component $a {module}
            (func (export "f") (param "x" string)
                (canon lift (core func $i "f") (memory $memory) (realloc $realloc))))
        (component $b (import "f" (func $f (param "x" string))) {module}
            (core func $g (canon lower (func $f) (memory $memory)))
            (core module $n (import "a" "f" (func (param i32 i32))))
            (core instance (instantiate $n (with "a" (instance (export "f" (func $g)))))))
        (instance $one (instantiate $a))
        (instance (instantiate $b (with "f" (func $one "f"))))"#
    );
    let error = load(&fields).unwrap_err();
    assert!(matches!(error, Error::Composed { .. }), "{error}");
}

/// A core module describes its world as a component in a section, which is read before anything is
/// compiled.
#[test]
fn the_world_of_a_module() {
    let world = wat::parse_str(format!("(component {})", doubling(24))).unwrap();
    let escaped: String = world.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let module = wat::parse_str(format!(
        r#"(module (@custom "component-type" "{escaped}"))"#
    ));
    refused(runtime().load(&module.unwrap()), "definitions");
}

#[test]
fn a_policy_is_far_from_the_bounds() {
    let loaded = runtime().load(&guest::Guest::plain().component()).unwrap();
    let (found, allowed) = (loaded.extent(), allowed());
    assert!(found.definitions * 4 < allowed.definitions, "{found:?}");
    assert!(found.work * 20 < allowed.work, "{found:?}");
}
