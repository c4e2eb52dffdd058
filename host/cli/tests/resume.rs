//! What the program writes can be read again: a journal as a trace, a snapshot as a start.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use ckpt_policy::{Streams, exit, main_with};

/// Traces by the endings of the sites that watch what they log.
const RUNS: [(&str, &[&str]); 3] = [
    (
        "",
        &[
            "digits-mlp-ddp4",
            "digits-mlp-ddp2-nan",
            "digits-cnn-ddp8-steps",
        ],
    ),
    ("-train-loss", &["diabetes-reg-ddp3-trainsteps"]),
    (
        "-val-acc",
        &["cancer-acc-ddp4-ceiling", "digits-acc-ddp4-ties"],
    ),
];

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

fn trace(name: &str) -> PathBuf {
    tests().join("traces").join(name).with_extension("jsonl")
}

fn four(ending: &str) -> PathBuf {
    tests().join("sites").join(format!("four{ending}.toml"))
}

/// Runs the program in this process; returns what it printed.
fn run(site: &Path, traces: &[PathBuf], more: &[&str]) -> String {
    let (code, out, err) = end_of(site, traces, more);
    assert_eq!(code, exit::DONE, "{err}");
    out
}

/// Runs the program in this process; returns its exit code and what it printed.
fn end_of(site: &Path, traces: &[PathBuf], more: &[&str]) -> (u8, String, String) {
    let mut out = Vec::new();
    let mut err = Vec::new();
    let mut streams = Streams {
        out: &mut out,
        err: &mut err,
        width: None,
        shows_progress: false,
    };
    let args = ["ckpt-policy", "run", "--config"].map(OsString::from);
    let args = args
        .into_iter()
        .chain([site.as_os_str().to_owned()])
        .chain(traces.iter().map(|trace| trace.as_os_str().to_owned()))
        .chain(more.iter().map(OsString::from));
    let code = main_with(args, &mut streams);
    let text = |bytes| String::from_utf8(bytes).expect("the program prints text");
    (code, text(out), text(err))
}

/// Returns what a table's output says below the decisions.
fn summary(table: &str) -> String {
    let lines: Vec<_> = table
        .lines()
        .skip_while(|line| !line.starts_with("policy "))
        .collect();
    assert!(lines.len() > 3, "there is no summary in:\n{table}");
    lines.join("\n")
}

#[test]
fn a_journal_begins_with_its_trace_and_is_replayed_as_one() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    for (ending, names) in RUNS {
        let traces: Vec<_> = names.iter().map(|name| trace(name)).collect();
        let text = run(&four(ending), &traces, &["--format", "json"]);
        let mut lines = text.split_inclusive('\n');
        let mut journals = Vec::new();
        for (name, trace) in names.iter().zip(&traces) {
            let trace = fs::read_to_string(trace).expect("the trace can be read");
            let own: Vec<_> = lines.by_ref().take(trace.lines().count()).collect();
            for (line, event) in own.iter().zip(trace.lines()) {
                let event = event.strip_suffix('}').expect("a line is an object");
                assert!(line.starts_with(event), "{name}: {line}");
            }
            let journal = folder.path().join(name).with_extension("jsonl");
            fs::write(&journal, own.concat()).expect("the journal can be written");
            journals.push(journal);
        }
        assert_eq!(lines.next(), None, "a line for each line of the traces");
        let again = run(&four(ending), &journals, &["--format", "json"]);
        similar_asserts::assert_eq!(again, text);
    }
}

#[test]
fn both_journals_and_the_summary_are_those_of_the_uncut_run() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let snapshot = folder.path().join("cut.json").display().to_string();
    let (site, traces) = (four(""), [trace("digits-mlp-ddp2-nan")]);
    let whole = run(&site, &traces, &["--format", "json"]);
    let uncut = run(&site, &traces, &[]);
    for step in ["20", "42", "735"] {
        let cut = ["--until", step, "--snapshot", &snapshot];
        let first = run(&site, &traces, &[&cut[..], &["--format", "json"]].concat());
        let goes_on = ["--resume", &snapshot];
        let second = run(
            &site,
            &traces,
            &[&goes_on[..], &["--format", "json"]].concat(),
        );
        similar_asserts::assert_eq!(first + &second, whole, "cut after step {step}");
        let table = run(&site, &traces, &goes_on);
        assert_eq!(summary(&table), summary(&uncut), "cut after step {step}");
    }
}

#[test]
fn a_snapshot_that_was_edited_is_refused() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("half.json");
    let name = file.to_str().expect("a folder's name is text");
    let traces = [trace("digits-mlp-ddp4")];
    run(&four(""), &traces, &["--until", "450", "--snapshot", name]);
    let text = fs::read_to_string(&file).expect("the snapshot can be read");
    for (was, is) in [
        ("\"events\":45", "\"events\":3"),
        ("\"stopped\":false", "\"stopped\":true"),
        ("\"round\":", "\"round\":1"),
    ] {
        assert!(text.contains(was), "the snapshot has {was}");
        fs::write(&file, text.replacen(was, is, 1)).expect("the snapshot can be written");
        let (code, _, err) = end_of(&four(""), &traces, &["--resume", name]);
        assert_eq!(code, exit::USER, "{was}: {err}");
        assert!(err.contains("checksum"), "{err}");
    }
}

#[test]
fn a_journal_is_as_it_was_until_the_ranks_have_opened() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let (site, half) = (
        folder.path().join("site.toml"),
        folder.path().join("half.json"),
    );
    let text = |config: &str| {
        format!(
            "[journal]\npath = \"journal.jsonl\"\n[[policy]]\nname = \"best\"\n\
             wasm = \"builtin:aggregate\"\n[policy.config]\nmonitor = \"val_loss\"\n{config}"
        )
    };
    let write = |config: &str| fs::write(&site, text(config)).expect("the site can be written");
    let journal = || fs::read_to_string(folder.path().join("journal.jsonl")).expect("it is there");
    let name = half.to_str().expect("a folder's name is text");
    write("top-k = 2");
    let traces = [trace("digits-mlp-ddp4")];
    run(&site, &traces, &["--until", "450", "--snapshot", name]);
    run(&site, &traces, &["--resume", name]);
    let whole = journal();

    let other = [trace("digits-mlp-ddp2-nan")];
    let (code, _, err) = end_of(&site, &other, &["--resume", name]);
    assert_eq!(code, exit::USER, "{err}");
    assert!(err.contains("the snapshot is of trace"), "{err}");
    similar_asserts::assert_eq!(journal(), whole, "another trace");

    write("top-k = 2\nmode = \"sideways\"");
    for more in [&[][..], &["--resume", name]] {
        let (code, _, err) = end_of(&site, &traces, more);
        assert_eq!(code, exit::USER, "{err}");
        similar_asserts::assert_eq!(journal(), whole, "a configuration that is refused");
    }

    // Lines behind the cut, the last of them half written, are decided again.
    write("top-k = 2");
    fs::write(
        folder.path().join("journal.jsonl"),
        &whole[..whole.len() - 20],
    )
    .expect("written");
    run(&site, &traces, &["--resume", name]);
    similar_asserts::assert_eq!(journal(), whole, "the same run again");
}
