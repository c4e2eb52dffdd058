//! JSON as this project writes it, with every character by its number that a terminal could obey.
//!
//! JSON Lines have one document a line, and a space after `,` and `:`. It is how the recorded traces
//! are written, so a journal's line begins with the trace's bytes.

use std::io;

use ckpt_policy_core::text;
use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::value::RawValue;

/// Writes one document and a line break.
///
/// # Errors
///
/// The writer's.
pub(crate) fn write_line<T: Serialize>(to: &mut dyn io::Write, value: &T) -> io::Result<()> {
    to.write_all((line(value) + "\n").as_bytes())
}

/// Returns a document for people to read, too: over several lines.
pub(crate) fn pretty(document: &serde_json::Value) -> String {
    text::json(format!("{document:#}\n"))
}

/// Returns a document as a value of a larger one.
pub(crate) fn to_raw<T: Serialize>(value: &T) -> Box<RawValue> {
    RawValue::from_string(line(value)).expect("it was just written as JSON")
}

fn line<T: Serialize>(value: &T) -> String {
    let mut line = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut line, Spaced);
    let written = value.serialize(&mut serializer);
    written.expect("plain data is JSON, and a vector takes all bytes");
    text::json(String::from_utf8(line).expect("JSON is UTF-8"))
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_key<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_value<W>(&mut self, writer: &mut W) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn writes_spaces_where_the_traces_have_them() {
        let value = serde_json::json!({"a": [1, 2.5, null], "b": {"c": "d, e"}});
        let mut line = Vec::new();
        super::write_line(&mut line, &value).expect("a vector takes all bytes");
        assert_eq!(line, b"{\"a\": [1, 2.5, null], \"b\": {\"c\": \"d, e\"}}\n");
    }
}
