//! Tables that the console exports of the lists which the API gives as JSON: the same values under columns for people.

use serde_json::Value;

use super::rows::{self, Parsed, torn};
use super::values::Object;
use crate::codes::folded;
use crate::records::{self, Cells, Grammar, Record};
use crate::text::Text;
use crate::{Head, Input, ReadError};

/// The API's name of a value, and the folded names of the columns that hold it; the first column that is there counts.
pub(super) type Aliases = &'static [(&'static str, &'static [&'static str])];

/// How much of a file is looked at to tell a table from JSON.
const START_BYTES: usize = 64 * 1024;

/// How the records of a list are written.
pub(super) struct Form {
    /// How the file is split.
    pub(super) grammar: Grammar,
    delimiter: u8,
    aliases: Aliases,
}

impl Form {
    /// JSON or a table, by the start of the file.
    ///
    /// # Errors
    /// [`ReadError`] if the bytes are no text.
    pub(super) fn of(
        input: &Input<'_>,
        wrappers: &'static [&'static str],
        aliases: Aliases,
    ) -> Result<Form, ReadError> {
        let start = Text::decode(&input.bytes[..input.bytes.len().min(START_BYTES)], &input.name)?;
        let header = records::csv_header(start.as_str());
        let delimiter = header.map_or(b',', |(header, _)| records::delimiter_of(header));
        let is_table = columns(start.as_str(), aliases).is_some();
        let grammar = if is_table { Grammar::Csv } else { Grammar::Json { wrappers } };
        Ok(Form { grammar, delimiter, aliases })
    }

    /// The record under the API's names; what else it is where it is no row.
    pub(super) fn object_of(&self, record: &Record, columns: &[String]) -> Result<Object, Parsed> {
        if self.grammar != Grammar::Csv {
            return rows::object_of(record);
        }
        let mut splitter = Cells::new(self.delimiter);
        let cells = splitter.of(&record.text);
        match splitter.lines_joined(&record.text) {
            0 if cells.len() < columns.len() => {
                Err(torn(&format!("{} cells", columns.len()), format!("{} cells", cells.len())))
            }
            0 => Ok(renamed(columns, self.aliases, |at| cells.get(at).cloned().unwrap_or_default())),
            joined => Err(torn(records::QUOTES, format!("a stray quote that joins {joined} more lines to the row"))),
        }
    }
}

/// The columns of a table as an object with a value for each; `None` for JSON and for a table without any of them.
pub(super) fn columns(text: &str, aliases: Aliases) -> Option<Object> {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    // The first line of JSON may be torn.
    if start.starts_with(['{', '[']) || start.lines().nth(1).is_some_and(|line| line.starts_with("{\"")) {
        return None;
    }
    let (header, _) = records::csv_header(text)?;
    let object = renamed(&records::column_names(header), aliases, |_| "x".to_owned());
    (object.len() > 2).then_some(object)
}

/// Whether the head of a file is a table with these columns.
pub(super) fn is_table(head: &Head<'_>, aliases: Aliases, fits: impl Fn(&Object) -> bool) -> bool {
    columns(head.text, aliases).is_some_and(|object| fits(&object))
}

fn renamed(columns: &[String], aliases: Aliases, cell: impl Fn(usize) -> String) -> Object {
    let names: Vec<String> = columns.iter().map(|column| folded(column)).collect();
    let mut object = Object::new();
    for (key, known) in aliases {
        let Some(at) = known.iter().find_map(|name| names.iter().position(|column| column == name)) else { continue };
        let value = cell(at);
        let value = value.trim();
        if !value.is_empty() {
            object.insert((*key).to_owned(), typed(key, value));
        }
    }
    object
}

/// A size is a number in the API.
fn typed(key: &str, value: &str) -> Value {
    match value.replace(',', "").parse::<u64>() {
        Ok(number) if key == "size" => Value::from(number),
        _ => Value::String(value.to_owned()),
    }
}
