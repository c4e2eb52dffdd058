//! `ckpt-policy bench`: what it measures, and how it judges. No time is asserted.

use std::ffi::OsString;
use std::path::Path;

use ckpt_policy::{Streams, main_with};
use serde_json::Value;

/// Exit code, standard output, standard error.
fn program(args: &[&str]) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams {
        out: &mut out,
        err: &mut err,
        width: None,
        shows_progress: false,
    };
    let args = ["ckpt-policy", "bench"].iter().chain(args);
    let code = main_with(args.map(OsString::from), &mut streams);
    let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
    (code, text(out), text(err))
}

fn measured(policy: &str) -> Value {
    let (code, out, err) = program(&[policy, "--rounds", "20", "--format", "json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    serde_json::from_str(&out).expect("it prints JSON")
}

#[test]
fn measures_each_function_in_fresh_and_reused_instances() {
    let figures = measured("builtin:majority");
    let calls = figures["calls"].as_array().expect("calls");
    let names: Vec<String> = calls
        .iter()
        .map(|call| format!("{} {}", call["function"], call["instances"]).replace('"', ""))
        .collect();
    assert_eq!(
        names,
        [
            "prepare fresh",
            "observe fresh",
            "decide fresh",
            "prepare reuse",
            "observe reuse",
            "decide reuse"
        ]
    );
    for call in calls {
        assert!(call["calls"].as_u64() >= Some(20), "{call}");
        assert!(call["fuel"].as_u64() > Some(1000), "{call}");
        assert!(call["memory"].as_u64() >= Some(65_536), "{call}");
        assert!(call["p50-us"].as_f64() <= call["p95-us"].as_f64(), "{call}");
    }
    assert!(figures["load"]["native-bytes"].as_u64() > Some(100_000));
}

/// Fuel and memory are the same at each repetition, whatever the machine does.
#[test]
fn fuel_repeats_and_a_policy_without_features_is_not_asked_for_them() {
    let fuel = |figures: &Value| -> Vec<u64> {
        let calls = figures["calls"].as_array().expect("calls");
        calls
            .iter()
            .filter_map(|call| call["fuel"].as_u64())
            .collect()
    };
    let (one, other) = (measured("builtin:rank-zero"), measured("builtin:rank-zero"));
    assert_eq!(fuel(&one).len(), 4, "{one}");
    assert_eq!(fuel(&one), fuel(&other));
}

#[test]
fn fails_where_a_figure_has_grown_by_more_than_the_ratio() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("before.json");
    let mut before = measured("builtin:aggregate");
    before["calls"][0]["fuel"] = 10.into();
    std::fs::write(&path, before.to_string()).expect("written");
    let (code, out, err) = against(&path, "builtin:aggregate", "1000000");
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("prepare fresh: fuel"), "{out}");
    let (code, out, err) = against(&path, "builtin:aggregate", "1000");
    assert_eq!(code, 1, "{out}");
    assert!(
        err.starts_with("error: prepare fresh: fuel: ")
            && err.contains("the baseline is 10.00 and 1000 times that is allowed"),
        "{err}"
    );
    let (code, _, err) = against(&path, "builtin:unanimous", "1000");
    assert_eq!(code, 2, "another policy's baseline: {err}");
}

fn against(baseline: &Path, policy: &str, ratio: &str) -> (u8, String, String) {
    let baseline = baseline.to_str().expect("a path of letters");
    let args = [policy, "--rounds", "20", "--max-ratio", ratio];
    program(&[&args[..], &["--baseline", baseline]].concat())
}

#[test]
fn a_baseline_that_is_none_is_the_users_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("before.json");
    for (text, part) in [("{}", "missing field"), ("no", "expected ident")] {
        std::fs::write(&path, text).expect("written");
        let (code, _, err) = against(&path, "builtin:rank-zero", "2");
        assert_eq!(code, 2);
        assert!(err.contains(part) && err.contains("--format json"), "{err}");
    }
}
