//! Whatever a policy, a trace or a configuration says, nothing that the program prints or writes
//! drives a terminal.
//!
//! Each command is run on hostile files, in each of its formats; every character of both streams
//! and of every file that was written is looked at.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use ckpt_policy::{Streams, main_with};
use ckpt_policy_core::text::unprintable;

#[expect(dead_code, reason = "not every part of a guest misbehaves here")]
#[path = "../../runtime/tests/sandbox/guest.rs"]
mod guest;

use guest::Guest;

/// Clears the screen, recolours it, goes back to the start of the line, reverses the writing, hides.
const HOSTILE: &str = "\u{1b}[2J\u{9b}31m\r\u{202e}\u{2028}\u{feff}\u{e0041}";

/// The same in the text format of WebAssembly.
fn in_wat() -> String {
    HOSTILE
        .bytes()
        .map(|byte| format!("\\{byte:02x}"))
        .collect()
}

/// The same as a JSON or TOML string says it.
fn in_json() -> String {
    let units = HOSTILE.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
    units.collect()
}

fn in_toml() -> String {
    let characters = HOSTILE.chars();
    characters
        .map(|it| format!("\\U{:08x}", u32::from(it)))
        .collect()
}

/// Data at a place, and the instructions that store its place and length.
fn text(at: u32, wat: &str, length: usize, place: u32) -> (String, String) {
    let data = format!("(data (i32.const {at}) \"{wat}\")");
    let store = format!(
        "(i32.store (i32.const {place}) (i32.const {at}))
         (i32.store (i32.const {}) (i32.const {length}))",
        place + 4
    );
    (data, store)
}

/// A policy whose every free text is hostile: summary, schema, and what `decide` says.
fn talker(decide: &str, functions: &str) -> Vec<u8> {
    let hostile = in_json();
    let schema = format!(
        r#"{{"type": "object", "title": "{hostile}", "properties": {{"key{hostile}": {{"type": "string",
            "description": "{hostile}", "enum": ["{hostile}", "b"], "default": "{hostile}"}}}}}}"#
    );
    let quoted = schema
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', " ");
    let (data, summary) = text(3000, &in_wat(), HOSTILE.len(), 528);
    let (more, stored) = text(5000, &quoted, schema.len(), 536);
    let moment = r#"(data (i32.const 700) "\c4\02\00\00\0e\00\00\00validation-end")"#;
    let describe = format!("{summary} {stored} (i32.const 512)");
    Guest::plain()
        .more(format!("{data} {more} {moment} {functions}"))
        .describe(describe)
        .prepare(
            "(i32.store (i32.const 48) (i32.const 700)) (i32.store (i32.const 52) (i32.const 1))
             (i32.const 16)",
        )
        .decide(decide.to_owned())
        .module()
}

/// The policies, by what is hostile about them.
fn policies() -> Vec<(&'static str, Vec<u8>)> {
    let (_, reason) = text(3000, "", HOSTILE.len(), 28);
    let (_, element) = text(3000, "", HOSTILE.len(), 4000);
    let says = format!("{reason} (i32.const 16)");
    let fails = format!(
        "(i32.store8 (i32.const 16) (i32.const 1)) (i32.store8 (i32.const 24) (i32.const 2))
         {reason} (i32.const 16)"
    );
    let tags = format!(
        "{element} (i32.store (i32.const 44) (i32.const 4000))
         (i32.store (i32.const 48) (i32.const 1)) (i32.const 16)"
    );
    let function = in_wat();
    let traps = format!("(func $\"{function}\" unreachable)");
    let calls = format!("(call $\"{function}\") (i32.const 16)");
    let foreign = format!("(module (func (export \"{function}\")))");
    vec![
        ("says", talker(&says, "")),
        ("fails", talker(&fails, "")),
        ("tags", talker(&tags, "")),
        ("traps", talker(&calls, &traps)),
        (
            "foreign",
            wat::parse_str(foreign).expect("it is well-formed"),
        ),
    ]
}

fn assert_safe(text: &str, whence: &str) {
    for line in text.split('\n') {
        let found = unprintable(line);
        assert_eq!(found, None, "{whence}: {}", line.escape_debug());
    }
}

/// Runs the program; returns its exit code and what it printed, which is safe.
fn run(arguments: &[&str]) -> (u8, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams {
        out: &mut out,
        err: &mut err,
        width: None,
        shows_progress: false,
    };
    let program = std::iter::once(&"ckpt-policy").chain(arguments);
    let code = main_with(program.map(OsString::from), &mut streams);
    let out = String::from_utf8(out).expect("output is UTF-8");
    let err = String::from_utf8(err).expect("talk is UTF-8");
    let whence = arguments.join(" ");
    assert_safe(&out, &whence);
    assert_safe(&err, &whence);
    (code, out + &err)
}

/// Lays out a policy with all that speaks of it.
fn lay_out(folder: &Path, policy: &[u8]) {
    let write = |name: &str, text: &[u8]| fs::write(folder.join(name), text).expect("written");
    write("mine.wasm", policy);
    let name = in_toml();
    let site = format!(
        "[journal]\npath = \"journal.jsonl\"\n[[policy]]\nname = \"p{name}\"\nwasm = \"mine.wasm\"\n\
         disable-after = 2\n[[policy]]\nname = \"good\"\nwasm = \"builtin:aggregate\"\n\
         config = {{ monitor = \"loss\" }}\n[cache]\nenabled = false\n"
    );
    write("site.toml", site.as_bytes());
    // Characters beyond ASCII stand in the trace as they are, and as numbers.
    let numbers = in_json();
    let mut trace = format!(
        "{{\"trace\": 1,\t\"name\": \"t{numbers}\u{9b}\", \"world_size\": 1, \"x\u{202e}\": [\"\u{9b}\",\r1]}}\n"
    );
    for step in 1..=4 {
        trace.push_str(&format!(
            "{{\"moment\": \"validation-end\", \"step\": {step}, \"epoch\": 0, \
             \"metrics\": {{\"loss\": [{}.5], \"more\u{202e}\": [1], \"{numbers}\": [\r1\t]}}}}\n",
            9 - step
        ));
    }
    write("trace.jsonl", trace.as_bytes());
    let scenario = format!(
        "about = \"{name}\"\npolicy = \"mine.wasm\"\nranks = 1\n[[round]]\nnote = \"{name}\"\n\
         metrics.\"{name}\" = 0.5\nexpect.reason = \"{name}\"\n"
    );
    write("case.toml", scenario.as_bytes());
}

/// The commands that are given a policy, its site, a trace and a scenario, split at blanks.
const COMMANDS: [&str; 8] = [
    "inspect mine.wasm",
    "inspect --format json mine.wasm",
    "check --config site.toml trace.jsonl",
    "run --config site.toml trace.jsonl",
    "run --config site.toml --format json --snapshot snapshot.json --until 2 trace.jsonl",
    "test --explain --junit test.xml case.toml",
    "test --explain --format json case.toml",
    "conform --depth small --cases 4 --junit conform.xml mine.wasm",
];

/// Runs a command on the files of a folder.
fn run_in(folder: &Path, command: &str) -> (u8, String) {
    let in_folder = |word: &str| match word.contains('.') {
        true => folder.join(word).display().to_string(),
        false => word.to_owned(),
    };
    let words: Vec<_> = command.split(' ').map(in_folder).collect();
    run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Looks at every file but those that were laid out.
fn assert_files_safe(folder: &Path) {
    let laid_out = ["mine.wasm", "site.toml", "trace.jsonl", "case.toml"];
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !laid_out.contains(&name.as_ref()) {
            assert_safe(&fs::read_to_string(&path).expect("it is text"), &name);
        }
    }
}

#[test]
fn nothing_that_is_printed_or_written_drives_a_terminal() {
    for (name, policy) in policies() {
        let folder = tempfile::tempdir().expect("a folder");
        lay_out(folder.path(), &policy);
        for command in COMMANDS {
            let (code, said) = run_in(folder.path(), command);
            if command.starts_with("run") {
                assert_eq!(code, u8::from(name == "foreign") * 2, "{name}: {said}");
            }
            // It is shown, not left out; where nothing is wrong there is less to say.
            let quiet = command.starts_with("check") || command.starts_with("conform");
            let shown = ["u{1b}[2J", "u001b[2J"].iter().any(|it| said.contains(it));
            assert!(shown || quiet, "{name}, {command}: {said}");
        }
        assert_files_safe(folder.path());
    }
}

#[test]
fn a_journal_says_the_same_as_the_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, policy) = policies().swap_remove(0);
    lay_out(folder.path(), &policy);
    let at = |name: &str| folder.path().join(name);
    run_in(folder.path(), "run --config site.toml trace.jsonl");
    let read = |name: &str| fs::read_to_string(at(name)).expect("it is there");
    let (trace, journal) = (read("trace.jsonl"), read("journal.jsonl"));
    assert_eq!(trace.lines().count(), journal.lines().count());
    for (given, written) in trace.lines().zip(journal.lines()) {
        let parse = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
        let (given, written) = (parse(given), parse(written));
        for (key, value) in given.as_object().expect("a line is an object") {
            assert_eq!(written.get(key), Some(value), "{}", key.escape_debug());
        }
    }
}
