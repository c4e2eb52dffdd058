//! `simulate`: what it says of worlds of several sizes, and what it draws.

use std::process::Command;

use serde_json::Value;

fn simulate(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ckpt-policy"))
        .arg("simulate")
        .args(arguments)
        .output()
        .expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().expect("it was not killed");
    (code, text(&output.stdout), text(&output.stderr))
}

fn document(arguments: &[&str]) -> Value {
    let (code, out, err) = simulate(&[arguments, &["--format", "json"]].concat());
    assert_eq!((code, err.as_str()), (0, ""));
    serde_json::from_str(&out).expect("a JSON document")
}

/// Each row's number, for the rows of one encoding.
fn column(document: &Value, encoding: &str, name: &str) -> Vec<u64> {
    let rows = document["rows"].as_array().expect("rows");
    let rows = rows.iter().filter(|row| row["encoding"] == encoding);
    rows.map(|row| row[name].as_u64().expect("a number"))
        .collect()
}

#[test]
fn what_is_summed_does_not_grow_and_what_is_gathered_does() {
    for policy in ["builtin:aggregate", "builtin:majority", "builtin:unanimous"] {
        let document = document(&[policy, "--ranks", "150"]);
        let ranks = column(&document, "reduce", "ranks");
        assert_eq!(ranks, [2, 10, 100, 150, 1_000_000]);
        let gets = column(&document, "reduce", "gets");
        assert!(
            gets.iter().all(|bytes| *bytes == gets[0]),
            "{policy}: {gets:?}"
        );
        let brings = column(&document, "gather", "brings");
        let gathered: Vec<u64> = ranks.iter().map(|ranks| ranks * brings[0]).collect();
        assert_eq!(column(&document, "gather", "gets"), gathered, "{policy}");
        for name in ["compared", "folded"] {
            assert!(document[name].as_u64() > Some(10), "{policy}: {document}");
        }
        let bases: Vec<_> = document["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| row["basis"].clone())
            .collect();
        assert_eq!(bases[3..5], ["all-ranks", "extrapolated"]);
    }
}

#[test]
fn both_figures_are_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cost.svg");
    let (code, out, err) = simulate(&["--ranks", "20", "--plot", path.to_str().expect("UTF-8")]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("the same bits in 6 trees"), "{out}");
    let svg = std::fs::read_to_string(&path).expect("the plot is written");
    assert!(
        svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
        "{svg}"
    );
    for text in [
        "bytes that a rank gets",
        "microseconds of a rank",
        "gather",
        "reduce",
    ] {
        assert!(svg.contains(text), "{text} is missing");
    }
    // Two encodings in two charts, each with four worlds: 2, 10, 20 and the one far away.
    assert_eq!(svg.matches("<circle").count(), 16);
}

#[test]
fn what_cannot_be_read_or_written_is_named() {
    let (code, out, err) = simulate(&["nowhere.wasm"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("nowhere.wasm"), "{err}");
    let plot = "no/such/folder/cost.svg";
    let (code, _, err) = simulate(&["--ranks", "2", "--plot", plot]);
    assert_eq!(code, 2);
    assert!(
        err.contains("cannot write the plot `no/such/folder/cost.svg`"),
        "{err}"
    );
}
