//! What is compiled is bounded: each bound refuses by its name, and what it lets through loads.
//!
//! `bombs.rs` holds the files that cost a compiler the most for their size, which `benches/jail.rs`
//! measures at the bounds.

use ckpt_policy_runtime::{Compile, CompileLimits, Error, Instances, Limits, Loaded, Runtime};

#[expect(dead_code, reason = "the sandbox's tests need more ways to misbehave")]
#[path = "../sandbox/guest.rs"]
mod guest;

mod bombs;
mod components;
mod modules;

fn runtime() -> Runtime {
    Runtime::new(Limits::default(), Instances::Fresh).expect("the default limits work")
}

/// Loads a policy that has more fields in its module than it needs.
fn load(fields: String) -> Result<Loaded, Error> {
    runtime().load(&guest::Guest::plain().more(fields).module())
}

/// Checks that a file is refused for one limit, and returns how much was found of what it bounds.
fn refused(loaded: Result<Loaded, Error>, expected: &str) -> u64 {
    match loaded {
        Err(Error::Jail {
            limit,
            found,
            allowed,
            large: false,
            ..
        }) if limit == expected && found > allowed => found,
        other => panic!("expected a refusal for `{expected}`, found {other:?}"),
    }
}

/// The bounds that files from anywhere have to keep.
fn allowed() -> CompileLimits {
    CompileLimits::default()
}

#[test]
fn a_refusal_says_what_is_too_much_and_what_to_do() {
    let locals = format!("(func (param i64) (local {}))", "i32 ".repeat(1000));
    let module = guest::Guest::plain().more(locals).module();
    fits(
        &runtime().load(&module).unwrap_err().to_string(),
        "the function at byte … has 1001 parameters and locals, more than `locals` in `[limits]` \
         allows (1000); build it optimised for size; or, if you trust the file, write `compile = \
         \"large\"` into the policy's table, or raise the limit",
    );
    let loaded = runtime().load_as(&module, Compile::Large).unwrap();
    assert_eq!(loaded.needs(), Compile::Large);
    assert_eq!(loaded.extent().locals, 1001);
    let raised = Limits {
        compile: CompileLimits {
            locals: 1001,
            ..allowed()
        },
        ..Limits::default()
    };
    let runtime = Runtime::new(raised, Instances::Fresh).unwrap();
    assert_eq!(runtime.load(&module).unwrap().needs(), Compile::Default);
}

#[test]
fn what_may_be_large_is_bounded_too() {
    let blocks = CompileLimits::LARGE.nesting as usize;
    let deep = format!(
        "(func {} {})",
        "block ".repeat(blocks),
        "end ".repeat(blocks)
    );
    let module = guest::Guest::plain().more(deep).module();
    let error = runtime().load_as(&module, Compile::Large).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Jail {
                limit: "nesting",
                large: true,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .ends_with("; build it smaller, or raise the limit")
    );
}

#[test]
fn ranks_agree_on_the_bounds() {
    let facts = runtime().facts();
    let value = |name: &str| {
        facts
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    };
    let bounds = [
        ("limits.function", allowed().function),
        ("limits.functions", allowed().functions),
        ("limits.locals", allowed().locals),
        ("limits.nesting", allowed().nesting),
        ("limits.data", allowed().data),
        ("limits.definitions", allowed().definitions),
        ("limits.work", allowed().work),
    ];
    for (name, bound) in bounds {
        assert_eq!(value(name), Some(&bound.to_string()), "{name}");
    }
}

/// Compares texts, of which `…` stands for a number.
fn fits(text: &str, expected: &str) {
    let (before, after) = expected.split_once('…').expect("one number is left open");
    let number = text
        .strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after));
    let is_number = number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    assert!(is_number, "{text}\nexpected\n{expected}");
}
