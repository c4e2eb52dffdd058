//! Text of a guest or of a file: nothing of it drives a terminal, and no name is changed.

use ckpt_policy_core::contract::{Fault, Policy};
use ckpt_policy_core::text::unprintable;
use ckpt_policy_runtime::{Error, Instances};

use crate::guest::{Guest, embedded};
use crate::{observation, policy, round, runtime};

/// Clears the screen, recolours it, goes back to the start of the line, reverses the writing.
const HOSTILE: &str = r#"(data (i32.const 3000) "\1b[2J\c2\9b31m\0d\e2\80\ae")"#;
const LENGTH: u32 = 13;
const SHOWN: &str = r"\u{1b}[2J\u{9b}31m\r\u{202e}";

/// A guest that holds the text.
fn guest() -> Guest {
    Guest::plain().more(HOSTILE)
}

/// Stores the text's place and length.
fn text_at(place: u32) -> String {
    format!(
        "(i32.store (i32.const {place}) (i32.const 3000))
         (i32.store (i32.const {}) (i32.const {LENGTH}))",
        place + 4
    )
}

/// Stores a list of one element at a place; the element lies at 4000.
fn list_at(place: u32, element: &str) -> String {
    format!(
        "{element}
         (i32.store (i32.const {place}) (i32.const 4000))
         (i32.store (i32.const {}) (i32.const 1))",
        place + 4
    )
}

/// Answers after these instructions.
fn answers(instructions: &str) -> String {
    format!("{instructions} (i32.const 16)")
}

#[test]
fn free_text_is_escaped() {
    let mut decides = policy(&guest().decide(answers(&text_at(28))));
    let verdict = decides.decide(&[], &[], &round()).unwrap();
    assert_eq!(verdict.reason, SHOWN);
    let body = format!("{} (i32.const 512)", text_at(528));
    let mut describes = policy(&guest().describe(body));
    assert_eq!(describes.describe().unwrap().summary, SHOWN);
}

#[test]
fn the_text_of_each_error_is_escaped_and_cut() {
    let error = |kind: u8, at: u32| {
        format!(
            "(i32.store8 (i32.const 16) (i32.const 1))
             (i32.store8 (i32.const {at}) (i32.const {kind})) {}",
            text_at(at + 4)
        )
    };
    let mut prepares = policy(&guest().prepare(answers(&error(0, 24))));
    let fault = prepares.prepare("{}", None).unwrap_err();
    assert_eq!(fault, Fault::Config(SHOWN.to_owned()));
    let mut observes = policy(&guest().observe(answers(&error(1, 20))));
    let fault = observes.observe(&[], &[], &observation()).unwrap_err();
    assert_eq!(fault, Fault::State(SHOWN.to_owned()));
    let long = format!(
        "{} (i32.store (i32.const 32) (i32.const 9000))",
        error(2, 24)
    );
    let mut decides = policy(&guest().decide(answers(&long)));
    let Err(Fault::Failed(text)) = decides.decide(&[], &[], &round()) else {
        panic!("it says that it failed");
    };
    assert!(
        text.starts_with(SHOWN) && text.ends_with("\\u{0}…"),
        "{text}"
    );
    assert!(text.len() <= 4096 + '…'.len_utf8());
}

/// Refused, with what was wrong and where, in text that is safe itself.
fn assert_refused(fault: &Fault, what: &str) {
    let Fault::Answer(text) = fault else {
        panic!("expected a refused answer, found {fault:?}");
    };
    let expected = format!("{what} is `{SHOWN}`; a name cannot have the character U+001B");
    assert!(text.starts_with(&expected), "{text}");
    assert_eq!(unprintable(text), None);
}

#[test]
fn names_of_a_verdict_are_refused_and_not_changed() {
    let named = text_at(4000);
    for (what, place) in [
        ("the name of a figure", 36),
        ("a tag", 44),
        ("the name of a label", 52),
    ] {
        let body = answers(&list_at(place, &named));
        let mut decides = policy(&guest().decide(body));
        assert_refused(&decides.decide(&[], &[], &round()).unwrap_err(), what);
    }
}

#[test]
fn names_of_a_plan_and_of_the_policy_are_refused() {
    let named = text_at(4000);
    for (what, place) in [("the name of an input", 24), ("the name of a moment", 48)] {
        let body = answers(&list_at(place, &named));
        let mut prepares = policy(&guest().prepare(body));
        assert_refused(&prepares.prepare("{}", None).unwrap_err(), what);
    }
    for (what, place) in [("`name`", 512), ("`version`", 520)] {
        let body = format!("{} (i32.const 512)", text_at(place));
        let mut describes = policy(&guest().describe(body));
        assert_refused(&describes.describe().unwrap_err(), what);
    }
}

#[test]
fn a_trap_names_functions_and_cuts_their_names() {
    let hostile = r#"\1b[2J\c2\9b31m\0d\e2\80\ae"#;
    let functions = format!(
        r#"(func $"{hostile}" unreachable)
           (func $"{}" (call $"{hostile}"))"#,
        "long".repeat(25_000)
    );
    let body = format!(r#"(call $"{}") (i32.const 16)"#, "long".repeat(25_000));
    let mut traps = policy(&Guest::plain().more(functions).decide(body));
    let Err(Fault::Trap(text)) = traps.decide(&[], &[], &round()) else {
        panic!("it traps");
    };
    assert!(text.contains(SHOWN), "{text}");
    assert!(text.contains("longlong…`"), "{text}");
    assert!(text.len() < 600, "{text}");
}

/// What the loader says is safe, short, and one line.
fn assert_safe(error: &Error) -> String {
    let text = error.to_string();
    assert_eq!(unprintable(&text), None, "{text}");
    assert!(text.len() < 1500, "{} bytes", text.len());
    text
}

#[test]
fn the_loader_quotes_names_safely_and_in_part() {
    let load = |file: &[u8]| runtime(Instances::Fresh).load(file).unwrap_err();
    let hostile = r#"\1b[2J\c2\9b31m\0d\e2\80\ae"#;
    let long = "x".repeat(100_000);
    let exports = format!(r#"(module (func (export "{hostile}") (export "{long}")))"#);
    let error = load(&wat::parse_str(&exports).unwrap());
    assert!(matches!(error, Error::NoWorld { .. }), "{error:?}");
    let text = assert_safe(&error);
    assert!(text.contains(&format!("`{SHOWN}`")), "{text}");

    let imports = format!(r#"(import "{hostile}" "{long}" (func))"#);
    let error = load(&Guest::plain().imports(imports).module());
    assert!(matches!(error, Error::Imports { .. }), "{error:?}");
    assert_safe(&error);

    let component = format!(
        r#"(component (core module $m) (export "{hostile}" (core module $m))
            (export "{long}" (core module $m)))"#
    );
    assert_safe(&load(&wat::parse_str(&component).unwrap()));

    // The policy's functions under other names, which the error of the encoder quotes.
    let renamed = Guest::plain()
        .text()
        .replace("0#observe", &format!("0#{hostile}"));
    assert_safe(&load(&embedded(&renamed, &crate::guest::contract())));
}

#[test]
fn the_start_of_a_text_file_is_quoted_safely() {
    let error = runtime(Instances::Fresh)
        .load("\u{202e}gnitset \u{200b}\u{feff}".as_bytes())
        .unwrap_err();
    assert!(matches!(error, Error::Text { .. }), "{error:?}");
    assert!(assert_safe(&error).contains(r"`\u{202e}gnitset \u{200b}\u{feff}`"));
}
