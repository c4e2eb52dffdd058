//! Traces and journals: any bytes are refused with a line, or are read.
//!
//! What is read is written as a journal's lines, and these are read again to the same: a journal is
//! a trace. Under another number of ranks as well.

use std::io::Cursor;
use std::sync::Arc;

use ckpt_policy::journal::{self, DecidedBy};
use ckpt_policy::replay::{Decision, Step};
use ckpt_policy::trace::{Header, Row, Trace};
use ckpt_policy_core::Combine;

pub(crate) fn run(bytes: &[u8]) {
    let Some((ranks, text)) = bytes.split_first() else {
        return;
    };
    // Zero keeps the trace's own number.
    let ranks = u32::from(ranks % 8);
    let Some((header, rows)) = read(text, (ranks > 0).then_some(ranks)) else {
        return;
    };
    if header.world_size > MOST {
        return;
    }
    let journal = write(&header, rows);
    let (again, rows) = read(&journal, None).expect("a journal is a trace");
    assert_eq!(again.world_size, header.world_size);
    assert_eq!(again.name, header.name);
    assert_eq!(
        String::from_utf8_lossy(&write(&again, rows)),
        String::from_utf8_lossy(&journal),
    );
}

fn read(text: &[u8], ranks: Option<u32>) -> Option<(Header, Vec<Row>)> {
    let refused = |error: &dyn std::fmt::Display| {
        let text = error.to_string();
        let place = text
            .strip_prefix("fuzzed:")
            .and_then(|text| text.split_once(": "));
        let line = place.and_then(|(line, _)| line.parse::<usize>().ok());
        assert!(line.is_some_and(|line| line >= 1), "{text}");
    };
    let trace = Trace::read("fuzzed", Box::new(Cursor::new(text.to_vec())), ranks);
    let trace = trace.inspect_err(|error| refused(error)).ok()?;
    let header = trace.header().clone();
    let mut rows = Vec::new();
    for row in trace {
        let row = row.inspect_err(|error| refused(error)).ok()?;
        if header.world_size <= MOST {
            events(&header, &row);
        }
        rows.push(row);
    }
    Some((header, rows))
}

/// What each rank is told names nothing that the row does not log.
fn events(header: &Header, row: &Row) {
    for rank in 0..header.world_size {
        let event = row.event(rank);
        assert_eq!(
            (event.moment, event.step, event.epoch),
            (row.moment, row.step, row.epoch)
        );
        for (name, _) in event.metrics.iter() {
            assert!(row.logged().any(|logged| logged == name), "{name}");
        }
        let _fails = row.fails(rank);
    }
}

fn write(header: &Header, rows: Vec<Row>) -> Vec<u8> {
    let mut journal = Vec::new();
    let by = DecidedBy {
        combine: Combine::Any,
        policies: &[],
        configs: Vec::new(),
    };
    journal::write_header(&mut journal, header, &by).expect("a vector takes all bytes");
    for row in rows {
        let step = Step {
            row: Arc::new(row),
            decision: Decision::default(),
        };
        journal::write_step(&mut journal, &step, &[]).expect("a vector takes all bytes");
    }
    journal
}

/// Ranks whose events are looked at.
const MOST: u32 = 16;
