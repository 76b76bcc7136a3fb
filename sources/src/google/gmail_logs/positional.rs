//! Rows as the BigQuery interface answers them: cells without names, to be read by the schema beside them.

use std::fmt::Write as _;

use evidence::{Cite, Place, Reading};
use serde_json::{Map, Value};

use crate::records::{Grammar, Sieve, Splitter};
use crate::{Input, NoProgress, Query, ReadError};

/// How deep records may lie within each other; BigQuery itself allows 15.
const DEPTH_MAX: usize = 16;

/// Whether the front of a text is such an answer with Gmail's columns.
pub(super) fn is_answer(front: &str) -> bool {
    let has = |name: &str| front.contains(&format!("\"{name}\""));
    front.starts_with(['{', '[']) && has("schema") && has("fields") && has("message_info") && has("event_info")
}

/// Whether a file is such an answer.
pub(super) fn is_answer_file(input: &Input<'_>) -> bool {
    let front = &input.bytes[..input.bytes.len().min(64 << 10)];
    let encoding = crate::text::encoding_of(front).0;
    is_answer(crate::table::decoded(front, encoding).trim_start_matches('\u{feff}').trim_start())
}

/// The rows with names, one a line, and where each is written.
pub(super) struct Rows {
    pub(super) text: String,
    cites: Vec<Cite>,
}

/// Gives the rows of an answer their names; `None` if the file is none.
///
/// # Errors
/// [`ReadError`] if the bytes are no text.
pub(super) fn rows(input: &Input<'_>, query: &Query<'_>) -> Result<Option<Rows>, ReadError> {
    if !is_answer_file(input) {
        return Ok(None);
    }
    let whole = crate::page::Page::of(input)?.text();
    let mut documents = serde_json::Deserializer::from_str(whole.trim_start_matches('\u{feff}')).into_iter::<Value>();
    let schema = documents.find_map(|document| fields(&document.ok()?).map(<[Value]>::to_vec)).unwrap_or_default();
    let quiet = Query { progress: &NoProgress, ..*query };
    let mut splitter = Splitter::new(input, Grammar::Json { wrappers: &["rows"] })?;
    let mut rows = Rows { text: String::new(), cites: Vec::new() };
    for record in splitter.split(&Sieve::All, &quiet)?.records {
        let value = serde_json::from_str::<Value>(&record.text).unwrap_or_default();
        let own = fields(&value).map(<[Value]>::to_vec);
        let named = named(own.as_deref().unwrap_or(&schema), value.get("f"), 0);
        let _ = writeln!(rows.text, "{}", Value::Object(named));
        rows.cites.push(record.cite(&input.name));
    }
    Ok(Some(rows))
}

/// The columns that a value declares.
fn fields(value: &Value) -> Option<&[Value]> {
    value.get("schema")?.get("fields")?.as_array().map(Vec::as_slice)
}

/// The cells of a row or record under their names; those without a value are left out.
fn named(schema: &[Value], cells: Option<&Value>, depth: usize) -> Map<String, Value> {
    let cells = cells.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut object = Map::new();
    for (field, cell) in schema.iter().zip(cells) {
        let Some(name) = field.get("name").and_then(Value::as_str) else { continue };
        let value = cell.get("v").unwrap_or(&Value::Null);
        let inner = field.get("fields").and_then(Value::as_array).map(Vec::as_slice);
        let one = |value: &Value| match inner {
            Some(inner) if depth < DEPTH_MAX && value.is_object() => {
                Value::Object(named(inner, value.get("f"), depth + 1))
            }
            Some(_) => Value::Null,
            None => value.clone(),
        };
        let value = match value {
            Value::Array(values) => values.iter().map(|cell| one(cell.get("v").unwrap_or(&Value::Null))).collect(),
            other => one(other),
        };
        if !value.is_null() {
            object.insert(name.to_owned(), value);
        }
    }
    object
}

impl Rows {
    /// The same reading with cites of the rows as they are written.
    pub(super) fn cited(&self, mut reading: Reading) -> Reading {
        let own = |cite: &Cite| match cite.place {
            Place::Line(number) | Place::Record(number) => {
                let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
                at.and_then(|at| self.cites.get(at)).cloned().unwrap_or_else(|| cite.clone())
            }
        };
        reading.observations.iter_mut().for_each(|observation| observation.cite = own(&observation.cite));
        reading.problems.iter_mut().for_each(|problem| problem.cite = own(&problem.cite));
        reading.passed_over.iter_mut().flat_map(|heap| &mut heap.first).for_each(|cite| *cite = own(cite));
        reading
    }
}
