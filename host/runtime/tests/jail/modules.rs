//! The bounds on core modules: one file just over each, and one that just keeps it.

use ckpt_policy_runtime::Error;

use crate::{allowed, bombs, load, refused};

/// Bytes of a body that holds only one byte for each instruction, beside those: no locals, and its
/// end.
const AROUND_BODY: usize = 2;

#[test]
fn the_body_of_one_function() {
    let nops = |bytes: usize| format!("(func {})", "nop ".repeat(bytes - AROUND_BODY));
    let most = allowed().function as usize;
    assert_eq!(load(nops(most)).unwrap().extent().function, most as u64);
    assert_eq!(refused(load(nops(most + 1)), "function"), most as u64 + 1);
}

#[test]
fn the_functions_of_a_file() {
    // The guest has functions of its own, and the component's adapters have some more.
    let own = load(String::new()).unwrap().extent().functions;
    let most = allowed().functions;
    let functions = |count: u64| "(func)".repeat((count - own) as usize);
    assert_eq!(load(functions(most)).unwrap().extent().functions, most);
    assert_eq!(refused(load(functions(most + 1)), "functions"), most + 1);
}

#[test]
fn the_locals_of_one_function() {
    let locals = |count: u64| {
        let locals = "f64 ".repeat(count as usize - 2);
        format!("(func (param i32 i64) (local {locals}))")
    };
    let most = allowed().locals;
    assert_eq!(load(locals(most)).unwrap().extent().locals, most);
    assert_eq!(refused(load(locals(most + 1)), "locals"), most + 1);
}

#[test]
fn the_nesting_of_blocks() {
    // The body itself is the outermost.
    let blocks = |depth: u64| {
        let blocks = depth as usize - 1;
        format!(
            "(func {} {})",
            "loop ".repeat(blocks),
            "end ".repeat(blocks)
        )
    };
    let most = allowed().nesting;
    assert_eq!(load(blocks(most)).unwrap().extent().nesting, most);
    assert_eq!(refused(load(blocks(most + 1)), "nesting"), most + 1);
}

#[test]
fn the_bytes_of_data_segments() {
    let segments = |bytes: usize| {
        let text = "x".repeat(bytes);
        format!(r#"(data "{text}")"#)
    };
    let own = load(segments(1 << 16)).unwrap().extent().data - (1 << 16);
    let most = allowed().data;
    // Lengths take more bytes the longer they are.
    let fitting = (most - own - 8) as usize;
    assert!(load(segments(fitting)).is_ok());
    assert!(refused(load(segments(fitting + 16)), "data") > most);
}

#[test]
fn every_kind_of_work() {
    let most = allowed().work;
    for bomb in bombs::ALL {
        let found = refused(load(bomb.with(bomb.too_much)), "work");
        assert!(found > most, "{}", bomb.name);
    }
}

#[test]
fn work_that_just_fits_is_done() {
    let bomb = bombs::named("calls of small functions");
    let mut count = bomb.too_much;
    while load_is_refused(&bomb.with(count)) {
        count -= 1;
    }
    let work = load(bomb.with(count)).unwrap().extent().work;
    assert!(work > allowed().work * 9 / 10, "{work}");
}

fn load_is_refused(fields: &str) -> bool {
    matches!(
        load(fields.to_owned()),
        Err(Error::Jail { limit: "work", .. })
    )
}

#[test]
fn what_a_start_would_reserve() {
    for (fields, expected) in [
        ("(table 1 funcref) ".repeat(65), "tables"),
        ("(table 100001 funcref)".to_owned(), "table-elements"),
    ] {
        let error = load(fields).unwrap_err();
        assert!(
            matches!(error, Error::Resources { limit, .. } if limit == expected),
            "{error}"
        );
    }
}
