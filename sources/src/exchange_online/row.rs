//! One row of an export, whatever its spelling: cells under column names, keys of a JSON object, lines of `Format-List`.

use std::collections::BTreeSet;
use std::ops::Range;

use evidence::{Address, Cite, FileName};
use serde_json::Value;

use super::codes::folded;
use crate::records::{Cells, Record};

/// Where a row is written.
#[derive(Clone, Debug)]
pub(crate) enum Raw {
    /// A record as the splitter gives it.
    Record(Record),
    /// A block of lines.
    Block {
        /// The cite of the whole block.
        cite: Cite,
    },
}

/// One row: its values by folded name, and where it is written.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    raw: Raw,
    fields: Vec<Field>,
    /// The recipient that the object around the row names, for rows that carry none.
    pub(crate) outer_recipient: Option<String>,
}

#[derive(Clone, Debug)]
struct Field {
    key: String,
    values: Vec<String>,
    range: Option<Range<usize>>,
}

/// A row that is no row: what was expected there and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Torn {
    /// What was expected.
    pub(crate) expected: String,
    /// What was found.
    pub(crate) found: String,
}

/// A row that is no row, and where it is written.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    /// Where.
    pub(crate) raw: Raw,
    /// Why.
    pub(crate) torn: Torn,
}

impl Raw {
    /// Whether a word stands in the row.
    pub(crate) fn holds(&self, word: &str) -> bool {
        match self {
            Raw::Record(record) => record.text.contains(word),
            Raw::Block { cite } => cite.said.contains(word),
        }
    }

    /// A cite of the whole row.
    pub(crate) fn cite(&self, file: &FileName) -> Cite {
        match self {
            Raw::Record(record) => record.cite(file),
            Raw::Block { cite } => cite.clone(),
        }
    }

    /// Its bytes in the file.
    pub(crate) fn bytes(&self) -> Range<u64> {
        match self {
            Raw::Record(record) => record.bytes.clone(),
            Raw::Block { cite } => cite.bytes.clone(),
        }
    }
}

impl Row {
    /// Reads a delimited row by column names.
    ///
    /// # Errors
    /// [`Torn`] if it has fewer or more cells than columns, empty ones at the end aside.
    pub(crate) fn of_cells(record: Record, columns: &[String], splitter: &mut Cells) -> Result<Row, Box<Broken>> {
        let cells = splitter.of(&record.text);
        let joined = splitter.lines_joined(&record.text);
        if joined > 0 {
            let found = format!("a stray quote that joins {joined} more lines to the row");
            return Err(Box::new(Broken {
                raw: Raw::Record(record),
                torn: Torn { expected: crate::records::QUOTES.to_owned(), found },
            }));
        }
        let surplus_is_empty = cells.iter().skip(columns.len()).all(|cell| cell.trim().is_empty());
        if cells.len() < columns.len() || !surplus_is_empty {
            let found = match record.text.lines().count() {
                0 | 1 => format!("{} cells", cells.len()),
                lines => format!("{} cells on {lines} lines: a quote may be left open", cells.len()),
            };
            let torn = Torn { expected: format!("{} cells", columns.len()), found };
            return Err(Box::new(Broken { raw: Raw::Record(record), torn }));
        }
        let ranges = cell_ranges(&record.text, splitter.delimiter);
        let ranges = if ranges.len() == cells.len() { ranges } else { Vec::new() };
        let fields = columns
            .iter()
            .zip(cells)
            .enumerate()
            .map(|(at, (column, cell))| Field {
                key: folded(column),
                values: vec![cell],
                range: ranges.get(at).cloned(),
            })
            .collect();
        Ok(Row { raw: Raw::Record(record), fields, outer_recipient: None })
    }

    /// Reads a JSON object; sidecar keys (`Name@data.type`) are left out.
    ///
    /// # Errors
    /// [`Torn`] if the text is no JSON object.
    pub(crate) fn of_json(record: Record) -> Result<Row, Box<Broken>> {
        let object = match serde_json::from_str(&record.text) {
            Ok(Value::Object(object)) => object,
            Ok(other) => {
                let torn =
                    Torn { expected: "a JSON object".to_owned(), found: crate::text::first_words(&other.to_string()) };
                return Err(Box::new(Broken { raw: Raw::Record(record), torn }));
            }
            Err(error) => {
                let torn = Torn { expected: "a JSON object".to_owned(), found: crate::text::json_fault(&error) };
                return Err(Box::new(Broken { raw: Raw::Record(record), torn }));
            }
        };
        // Each key is searched for from the start: bounded, lest a record of many keys takes quadratic time.
        let is_small = object.len() <= KEYS_MARKED_MAX;
        let fields = object
            .iter()
            .filter(|(key, _)| !key.contains('@'))
            .map(|(key, value)| Field {
                key: folded(key),
                values: json_texts(value),
                range: if is_small { json_value_range(&record.text, key) } else { None },
            })
            .collect();
        Ok(Row { raw: Raw::Record(record), fields, outer_recipient: None })
    }

    /// Reads a block of `Name : value` lines, whose longer values go on in indented lines.
    pub(crate) fn of_block(cite: Cite, text: &str) -> Row {
        let mut fields: Vec<Field> = Vec::new();
        for line in text.lines() {
            match block_line(line) {
                Some((name, value)) => {
                    fields.push(Field { key: folded(name), values: vec![value.to_owned()], range: None });
                }
                None => {
                    if let Some(value) = fields.last_mut().and_then(|field| field.values.last_mut()) {
                        value.push_str(line.trim_start()); // a blank at the fold stands at the end of the line before
                    }
                }
            }
        }
        for field in &mut fields {
            let inner = field.values.first().and_then(|text| text.trim().strip_prefix('{')?.strip_suffix('}'));
            if let Some(inner) = inner {
                field.values = inner.split(',').map(|part| part.trim().trim_end_matches("...").to_owned()).collect();
            }
        }
        Row { raw: Raw::Block { cite }, fields, outer_recipient: None }
    }

    /// The folded names of a row's columns or keys.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        self.fields.iter().any(|field| names.contains(&field.key.as_str()))
    }

    /// The first value under one of these folded names that is not blank.
    pub(crate) fn text(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            self.fields
                .iter()
                .filter(|field| field.key == *name)
                .flat_map(|field| &field.values)
                .map(|value| value.trim())
                .find(|value| !value.is_empty() && !is_type_name(value))
        })
    }

    /// All values under the first of these names that has any.
    pub(crate) fn list(&self, names: &[&str]) -> Vec<&str> {
        let of = |name: &&str| -> Vec<&str> {
            self.fields
                .iter()
                .filter(|field| field.key == **name)
                .flat_map(|field| &field.values)
                .map(|value| value.trim())
                .filter(|value| !value.is_empty() && !is_type_name(value))
                .collect()
        };
        names.iter().map(of).find(|values| !values.is_empty()).unwrap_or_default()
    }

    /// The addresses under the first of these names that has any; `;` and `,` part several in one cell.
    pub(crate) fn addresses(&self, names: &[&str]) -> Vec<Address> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for part in self.list(names).iter().flat_map(|text| text.split([';', ','])) {
            let address = Address::new(part);
            if !address.is_null() && seen.insert(address.clone()) {
                found.push(address);
            }
        }
        found
    }

    /// A yes or no; `None` if absent or another word.
    pub(crate) fn flag(&self, names: &[&str]) -> Option<bool> {
        match self.text(names)?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            _ => None,
        }
    }

    /// Whether a value under these names is only the name of a .NET type: the export lost the values.
    pub(crate) fn lost_values(&self, names: &[&str]) -> bool {
        self.fields
            .iter()
            .filter(|field| names.contains(&field.key.as_str()))
            .flat_map(|field| &field.values)
            .any(|value| is_type_name(value.trim()))
    }

    /// A cite of the whole row.
    pub(crate) fn cite(&self, file: &FileName) -> Cite {
        self.raw.cite(file)
    }

    /// A cite of the row with the value under one of these names marked.
    pub(crate) fn cite_field(&self, file: &FileName, names: &[&str]) -> Cite {
        let range = names.iter().find_map(|name| {
            let field = self.fields.iter().find(|field| field.key == *name)?;
            field.range.clone()
        });
        match (&self.raw, range) {
            (Raw::Record(record), Some(range)) if record.text.get(range.clone()).is_some() => {
                record.cite_range(file, range)
            }
            (raw, _) => raw.cite(file),
        }
    }

    /// Its bytes in the file.
    pub(crate) fn bytes(&self) -> Range<u64> {
        self.raw.bytes()
    }

    /// Where it is written.
    pub(crate) fn raw(&self) -> &Raw {
        &self.raw
    }
}

/// Up to how many keys of an object the places of their values are looked up.
const KEYS_MARKED_MAX: usize = 128;

/// What `Export-Csv` prints for an array.
fn is_type_name(value: &str) -> bool {
    (value.starts_with("System.") || value.starts_with("Microsoft.Exchange."))
        && (value.ends_with("[]") || value.ends_with(']') || value.contains("Collection"))
}

/// The texts of a JSON value: one for a scalar, all for an array, the `value` of an object as PowerShell wraps it.
fn json_texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(json_texts).collect(),
        Value::Object(object) => match object.get("value") {
            Some(inner) if !inner.is_object() => json_texts(inner),
            _ => vec![value.to_string()],
        },
        other => vec![other.to_string()],
    }
}

/// Where the value of `"key":` stands in the text of an object, without its quotes.
fn json_value_range(text: &str, key: &str) -> Option<Range<usize>> {
    let quoted = format!("\"{key}\"");
    let at = text.find(&quoted)? + quoted.len();
    let rest = text[at..].trim_start().strip_prefix(':')?.trim_start();
    let start = text.len() - rest.len();
    if let Some(inner) = rest.strip_prefix('"') {
        let mut escaped = false;
        for (offset, byte) in inner.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => return Some(start + 1..start + 1 + offset),
                _ => {}
            }
        }
        return None;
    }
    let end = rest.find([',', '}', ']', '\n']).unwrap_or(rest.len());
    Some(start..start + rest[..end].trim_end().len())
}

/// Where the cells of a row stand, without their quotes.
fn cell_ranges(text: &str, delimiter: u8) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut quoted) = (0, false);
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().chain([&delimiter]).enumerate() {
        if *byte == b'"' {
            quoted = !quoted;
        } else if *byte == delimiter && (!quoted || at == bytes.len()) {
            let is_quoted = at >= start + 2 && bytes[start] == b'"' && bytes[at - 1] == b'"';
            ranges.push(if is_quoted { start + 1..at - 1 } else { start..at });
            start = at + 1;
        }
    }
    ranges
}

/// Splits `Name      : value`; `None` for a line that goes on or is something else.
pub(crate) fn block_line(line: &str) -> Option<(&str, &str)> {
    if line.starts_with([' ', '\t']) {
        return None;
    }
    let (name, value) = line.split_once(':')?;
    let is_name =
        name.ends_with(' ') && name.trim_end().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && (value.is_empty() || value.starts_with([' ', '\r']))).then(|| (name.trim_end(), value.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_cell_ranges() {
        for (name, text, expected) in [
            ("plain", "a,b,", vec!["a", "b", ""]),
            ("quoted", "\"a,1\",\"b\"\"c\",d", vec!["a,1", "b\"\"c", "d"]),
            ("empty quotes", "\"\",x", vec!["", "x"]),
            ("open quote", "\"a,b", vec!["\"a,b"]),
        ] {
            let found: Vec<&str> = cell_ranges(text, b',').into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn ok_json_value_ranges() {
        let text = r#"{"a": "x\"y", "b":12 , "c":null}"#;
        for (key, expected) in [("a", Some(r#"x\"y"#)), ("b", Some("12")), ("c", Some("null")), ("d", None)] {
            assert_eq!(json_value_range(text, key).map(|range| &text[range]), expected, "{key}");
        }
    }
}
