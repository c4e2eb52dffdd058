//! What a trace may say, and what is said about one that is wrong.

use std::io::Cursor;

use ckpt_policy_core::Moment;

use super::Trace;

const HEADER: &str = r#"{"trace": 1, "name": "t", "world_size": 2, "site": {"a":1}}"#;

fn read(text: &str, ranks: Option<u32>) -> Result<Trace, String> {
    let from = Box::new(Cursor::new(text.to_owned()));
    Trace::read("t.jsonl", from, ranks).map_err(|error| error.to_string())
}

fn event_error(event: &str) -> String {
    let mut trace = read(&format!("{HEADER}\n\n{event}\n"), None).expect("the header is right");
    let row = trace.next().expect("there is an event");
    row.expect_err("the event is wrong").to_string()
}

#[test]
fn numbers_come_in_every_spelling() {
    let event = r#"{"moment":"step-end","step":3,"epoch":1,"metrics":{"each":[1,"NaN"],"all":2.5,"inf":"-Infinity","none":null,"some":[null,7]}}"#;
    let mut trace = read(&format!("{HEADER}\r\n{event}"), None).expect("the header is right");
    let row = trace
        .next()
        .expect("there is an event")
        .expect("it is right");
    assert_eq!((row.moment, row.step, row.epoch), (Moment::StepEnd, 3, 1));
    let zero = row.event(0).metrics;
    assert_eq!(
        (zero.get("each"), zero.get("some"), zero.get("none")),
        (Some(1.0), None, None)
    );
    let one = row.event(1).metrics;
    assert!(one.get("each").is_some_and(f64::is_nan));
    assert_eq!(
        (one.get("all"), one.get("inf")),
        (Some(2.5), Some(f64::NEG_INFINITY))
    );
    assert_eq!(
        row.logged().collect::<Vec<_>>(),
        ["each", "all", "inf", "some"]
    );
    assert!(trace.next().is_none());
}

#[test]
fn ranks_are_cut_or_repeated() {
    let event = r#"{"moment": "step-end", "step": 3, "epoch": 1, "metrics": {"a": [1.50, 2]}, "save": {"bytes": 5, "fails": [1]}}"#;
    let text = format!("{HEADER}\n{event}\n");
    let rows = |ranks| {
        let mut trace = read(&text, Some(ranks)).expect("the header is right");
        let header = serde_json::to_string(&trace.header().line).expect("it is JSON");
        (
            header,
            trace
                .next()
                .expect("there is an event")
                .expect("it is right"),
        )
    };
    let (header, row) = rows(5);
    assert!(header.contains(r#""world_size":5"#), "{header}");
    let line = serde_json::to_string(&row.line).expect("it is JSON");
    assert!(
        line.contains(r#"{"a": [1.50, 2, 1.50, 2, 1.50]}"#),
        "{line}"
    );
    assert!(line.contains(r#"{"bytes": 5, "fails": [1, 3]}"#), "{line}");
    assert_eq!(row.event(4).metrics.get("a"), Some(1.5));
    assert!(row.fails(3) && !row.fails(4));
    let (_, row) = rows(1);
    let line = serde_json::to_string(&row.line).expect("it is JSON");
    assert!(
        line.contains(r#"{"a": [1.50]}"#) && line.contains(r#""fails": []"#),
        "{line}"
    );
}

#[test]
fn a_journal_is_a_trace_without_its_decisions() {
    let header = r#"{"trace": 1, "world_size": 1, "journal": 1, "decided-by": {}, "more": 2}"#;
    let event = r#"{"moment": "step-end", "step": 3, "epoch": 1, "note": "x", "outcome": {}, "policies": [], "settled": []}"#;
    let mut trace = read(&format!("{header}\n{event}\n"), None).expect("the header is right");
    let mut line = Vec::new();
    crate::json::write_line(&mut line, &trace.header().line).expect("a vector takes all bytes");
    assert_eq!(line, b"{\"trace\": 1, \"world_size\": 1, \"more\": 2}\n");
    let row = trace
        .next()
        .expect("there is an event")
        .expect("it is right");
    line.clear();
    crate::json::write_line(&mut line, &row.line).expect("a vector takes all bytes");
    assert_eq!(
        line,
        b"{\"moment\": \"step-end\", \"step\": 3, \"epoch\": 1, \"note\": \"x\"}\n"
    );
}

#[test]
fn a_header_that_is_none_is_refused() {
    let error = |text: &str| read(text, None).err().expect("the header is wrong");
    assert_eq!(
        error(""),
        "t.jsonl:1: the file is empty, expected a header such as {\"trace\": 1, \"world_size\": 4}"
    );
    assert!(error("x").starts_with("t.jsonl:1: this is no header: expected value at column 1"));
    assert!(error(r#"{"moment": "step-end"}"#).contains("it has no key `trace`"));
    assert!(error(r#"{"trace": 2}"#).contains("version 2, and this program reads version 1"));
    assert!(error(r#"{"trace": 1, "world_size": 0}"#).contains("at least 1, found 0"));
    assert!(error(r#"{"trace": 1}"#).contains("at least 1, found nothing"));
    assert!(error(r#"{"trace": 1, "world_size": 1, "name": 7}"#).contains("`name`"));
}

#[test]
fn an_event_that_is_wrong_names_line_key_and_remedy() {
    assert_eq!(
        event_error(r#"{"moment": "validation", "step": 1, "epoch": 0}"#),
        "t.jsonl:3: `moment`: unknown moment `validation`, expected one of `train-start`, \
         `step-end`, `epoch-end`, `validation-end`, `train-end`, `interrupted`; did you mean \
         `validation-end`?"
    );
    assert!(event_error(r#"{"moment": "settled", "step": 1, "epoch": 0}"#).contains("leave"));
    assert!(event_error(r#"{"moment": "step-end", "step": -1, "epoch": 0}"#).contains("`step`"));
    assert!(event_error(r#"{"moment": "step-end", "step": 1}"#).contains("found nothing"));
    assert!(event_error(r#"{"moment": "step-end", "moment": 1}"#).contains("comes twice"));
    assert!(event_error("[1]").contains("expected a JSON object"));
    let metrics = |metrics: &str| {
        event_error(&format!(
            r#"{{"moment": "step-end", "step": 1, "epoch": 0, "metrics": {metrics}}}"#
        ))
    };
    assert!(metrics(r#"{"a": [1]}"#).contains("`metrics.a`: expected 2 entries"));
    assert!(metrics(r#"{"a": [1, "nan"]}"#).contains(r#"expected a number, "NaN""#));
    assert!(metrics(r#"{"a": [1, true]}"#).contains("`metrics.a`: invalid type: boolean"));
    assert!(metrics(r#"{"a": {"b": 1}}"#).contains("`metrics.a`: invalid type: map"));
    let save = |save: &str| {
        event_error(&format!(
            r#"{{"moment": "step-end", "step": 1, "epoch": 0, "save": {save}}}"#
        ))
    };
    assert!(save(r#"{"bytes": -1}"#).contains("`save.bytes`"));
    assert!(save(r#"{"fails": [2]}"#).contains("there is no rank 2, the last one is 1"));
    assert!(save(r#"{"seconds": "x"}"#).contains("`save`: invalid type"));
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let mut bytes = HEADER.as_bytes().to_vec();
    bytes.extend(b"\n{\"a\": \"\xff\"}\n");
    let from = Box::new(Cursor::new(bytes));
    let mut trace = Trace::read("t.jsonl", from, None).expect("the header is right");
    let error = trace
        .next()
        .expect("there is a line")
        .expect_err("it is no text");
    assert_eq!(
        error.to_string(),
        "t.jsonl:2: the line is not UTF-8 from byte 7 on"
    );
}
