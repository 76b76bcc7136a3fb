//! One row of an export, whatever its spelling: cells under column names, keys of a JSON object, lines of `Format-List`.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use evidence::{Address, Cite, FileName, Property};
use serde_json::{Map, Value};

use super::clixml;
use crate::codes::folded;
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
    spelling: Spelling,
    /// The recipient that the object around the row names, for rows that carry none.
    pub(crate) outer_recipient: Option<String>,
}

/// How the values of a row are spelled in its record, so that the place of one can be found when it is cited.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Spelling {
    /// Each field knows its own place, or none.
    ByField,
    /// Members of a JSON object that starts at this offset.
    Json(usize),
    /// Members of a JSON object in a cell whose quotes are doubled.
    JsonInCell(Range<usize>),
}

#[derive(Clone, Debug)]
struct Field {
    name: Arc<Name>,
    /// Its texts; those of a tree are written when they are first asked for.
    values: OnceLock<Vec<String>>,
    /// Where a JSON value is more than texts: objects, lists of objects.
    tree: Option<Value>,
    range: Option<Range<usize>>,
}

/// The name of a column or key: reduced to letters and digits, and as written.
#[derive(Debug)]
pub(crate) struct Name {
    key: String,
    written: String,
}

impl Name {
    /// A name as written.
    pub(crate) fn of(written: &str) -> Arc<Name> {
        Arc::new(Name { key: folded(written), written: written.to_owned() })
    }
}

/// The names met so far: each is folded once a file, not once a row.
#[derive(Default)]
pub(crate) struct Names {
    by_written: HashMap<String, Arc<Name>>,
}

/// How many names are remembered; a file that makes up a new name in each row takes no more.
const NAMES_MAX: usize = 4096;

impl Names {
    fn get(&mut self, written: &str) -> Arc<Name> {
        if let Some(name) = self.by_written.get(written) {
            return name.clone();
        }
        let name = Name::of(written);
        if self.by_written.len() < NAMES_MAX {
            self.by_written.insert(written.to_owned(), name.clone());
        }
        name
    }
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
    pub(crate) fn of_cells(record: Record, columns: &[Arc<Name>], splitter: &mut Cells) -> Result<Row, Box<Broken>> {
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
                name: column.clone(),
                values: vec![cell].into(),
                tree: None,
                range: ranges.get(at).cloned(),
            })
            .collect();
        Ok(Row { raw: Raw::Record(record), fields, spelling: Spelling::ByField, outer_recipient: None })
    }

    /// Reads a JSON object; sidecar keys (`Name@data.type`) are left out.
    ///
    /// # Errors
    /// [`Torn`] if the text is no JSON object.
    pub(crate) fn of_json(record: Record, names: &mut Names) -> Result<Row, Box<Broken>> {
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
        Ok(Row::of_object(Raw::Record(record), object, names))
    }

    /// A row of the members of an object; sidecar keys (`Name@data.type`) are left out.
    pub(crate) fn of_object(raw: Raw, object: Map<String, Value>, names: &mut Names) -> Row {
        let fields = fields_of(object, names);
        Row { raw, fields, spelling: Spelling::Json(0), outer_recipient: None }
    }

    /// Opens the record proper where a value under one of these folded names holds it: a JSON object, or one as text in a
    /// cell or a string. Its members go before those of the wrapper, name by name; a value that is no object stays as it is.
    pub(crate) fn open(&mut self, inner: &[&str], names: &mut Names) {
        for name in inner {
            let Some(at) = self.fields.iter().position(|field| field.name.key == *name) else { continue };
            let Some(object) = self.fields.get_mut(at).and_then(Field::take_object) else { continue };
            let wrapper = self.fields.remove(at);
            self.spelling = self.spelling_within(&wrapper);
            let outer = std::mem::replace(&mut self.fields, fields_of(object, names));
            // Bounded, lest a record of many keys takes quadratic time; the first of two names counts in any case.
            let compares = outer.len().saturating_mul(self.fields.len()) <= KEYS_COMPARED_MAX;
            for field in outer {
                if !(compares && self.fields.iter().any(|known| known.name.key == field.name.key)) {
                    self.fields.push(field);
                }
            }
        }
    }

    /// How the members of an object are spelled that stood as the value of a field.
    fn spelling_within(&self, wrapper: &Field) -> Spelling {
        let Raw::Record(record) = &self.raw else { return Spelling::ByField };
        match (&self.spelling, &wrapper.range) {
            (Spelling::ByField, Some(cell)) => Spelling::JsonInCell(cell.clone()),
            (Spelling::Json(from), _) => {
                let text = record.text.get(*from..).unwrap_or("");
                let at = text.find(&format!("\"{}\"", wrapper.name.written)).unwrap_or(0);
                Spelling::Json(from + at)
            }
            _ => Spelling::ByField,
        }
    }

    /// A row within a row: the members of an object that a value of this row holds.
    pub(crate) fn inner(&self, object: &Map<String, Value>, names: &mut Names) -> Row {
        Row { spelling: Spelling::ByField, ..Row::of_object(self.raw.clone(), object.clone(), names) }
    }

    /// Reads a block of `Name : value` lines, whose longer values go on in indented lines.
    pub(crate) fn of_block(cite: Cite, text: &str) -> Row {
        let mut fields: Vec<Field> = Vec::new();
        for line in text.lines() {
            match block_line(line) {
                Some((name, value)) => {
                    fields.push(Field {
                        name: Name::of(name),
                        values: vec![value.to_owned()].into(),
                        tree: None,
                        range: None,
                    });
                }
                None => {
                    if let Some(value) = fields.last_mut().and_then(|field| field.values.get_mut()?.last_mut()) {
                        value.push_str(line.trim_start()); // a blank at the fold stands at the end of the line before
                    }
                }
            }
        }
        for field in &mut fields {
            let text = field.values().first().map_or("", |text| text.trim());
            let is_json = || serde_json::from_str::<Map<String, Value>>(text).is_ok();
            if let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'))
                && !is_json()
            {
                let parts: Vec<String> =
                    inner.split(',').map(|part| part.trim().trim_end_matches("...").to_owned()).collect();
                field.values = parts.into();
            }
        }
        Row { raw: Raw::Block { cite }, fields, spelling: Spelling::ByField, outer_recipient: None }
    }

    /// The folded names of a row's columns or keys.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        self.fields.iter().any(|field| names.contains(&field.name.key.as_str()))
    }

    /// The first value under one of these folded names that is not blank.
    pub(crate) fn text(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            self.fields
                .iter()
                .filter(|field| field.name.key == *name)
                .flat_map(Field::values)
                .map(|value| value.trim())
                .find(|value| !value.is_empty() && !is_type_name(value))
        })
    }

    /// All values under the first of these names that has any.
    pub(crate) fn list(&self, names: &[&str]) -> Vec<&str> {
        let of = |name: &&str| -> Vec<&str> {
            self.fields
                .iter()
                .filter(|field| field.name.key == **name)
                .flat_map(Field::values)
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

    /// The value under the first of these names that is more than texts: a JSON object or a list of objects, also one that
    /// stands as text in a cell or a string.
    pub(crate) fn tree(&self, names: &[&str]) -> Option<Cow<'_, Value>> {
        names.iter().find_map(|name| {
            let field = self.fields.iter().find(|field| field.name.key == *name)?;
            if let Some(tree) = &field.tree {
                return Some(Cow::Borrowed(tree));
            }
            let text = field.values().first()?.trim();
            let tree = text.starts_with(['{', '[']).then(|| serde_json::from_str(text).ok())??;
            Some(Cow::Owned(tree))
        })
    }

    /// Shows the objects under the first of these names that the row has: one, or those of a list.
    pub(crate) fn each_object(&self, names: &[&str], mut show: impl FnMut(&Map<String, Value>)) {
        match self.tree(names).as_deref() {
            Some(Value::Object(object)) => show(object),
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_object).for_each(show),
            _ => {}
        }
    }

    /// The objects under the first of these names that holds any: one, or those of a list.
    pub(crate) fn objects(&self, names: &[&str]) -> Vec<Map<String, Value>> {
        match self.tree(names).map(Cow::into_owned) {
            Some(Value::Object(object)) => vec![object],
            Some(Value::Array(values)) => values
                .into_iter()
                .filter_map(|value| match value {
                    Value::Object(object) => Some(object),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Every field that holds something and is none of these folded names, by its name as written.
    pub(crate) fn others(&self, names: &[&str]) -> Vec<Property> {
        self.fields
            .iter()
            .filter(|field| !names.contains(&field.name.key.as_str()))
            .map(|field| Property {
                name: field.name.written.clone(),
                values: field.values().iter().map(|value| value.trim().to_owned()).filter(|v| !v.is_empty()).collect(),
            })
            .filter(|property| !property.values.is_empty())
            .collect()
    }

    /// The name as written of the first of these folded names that the row has.
    pub(crate) fn written(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name.key == name).map(|field| field.name.written.as_str())
    }

    /// Whether any value was cut by its writer: `ConvertTo-Json` below its depth, a list as the name of its type.
    pub(crate) fn is_cut(&self) -> bool {
        self.fields.iter().flat_map(Field::values).any(|value| is_type_name(value.trim()) || is_cut(value.trim()))
    }

    /// A yes or no; `None` if absent or another word.
    pub(crate) fn flag(&self, names: &[&str]) -> Option<bool> {
        match self.text(names)?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" | "$true" => Some(true),
            "false" | "no" | "0" | "$false" => Some(false),
            _ => None,
        }
    }

    /// Whether a value under these names is only the name of a .NET type: the export lost the values.
    pub(crate) fn lost_values(&self, names: &[&str]) -> bool {
        self.fields
            .iter()
            .filter(|field| names.contains(&field.name.key.as_str()))
            .flat_map(Field::values)
            .any(|value| is_type_name(value.trim()))
    }

    /// A cite of the whole row.
    pub(crate) fn cite(&self, file: &FileName) -> Cite {
        self.raw.cite(file)
    }

    /// A cite of the row with the value under one of these names marked.
    pub(crate) fn cite_field(&self, file: &FileName, names: &[&str]) -> Cite {
        let range = names.iter().find_map(|name| {
            let field = self.fields.iter().find(|field| field.name.key == *name)?;
            field.range.clone().or_else(|| self.place_of(field))
        });
        match (&self.raw, range) {
            (Raw::Record(record), Some(range)) if record.text.get(range.clone()).is_some() => {
                record.cite_range(file, range)
            }
            (raw, _) => raw.cite(file),
        }
    }

    /// Where the value of a member stands in the record's text.
    fn place_of(&self, field: &Field) -> Option<Range<usize>> {
        let Raw::Record(record) = &self.raw else { return None };
        let (from, range) = match &self.spelling {
            Spelling::ByField => return None,
            Spelling::Json(from) => (*from, json_value_range(record.text.get(*from..)?, &field.name.written)?),
            Spelling::JsonInCell(cell) => {
                (cell.start, doubled_value_range(record.text.get(cell.clone())?, &field.name.written)?)
            }
        };
        Some(from + range.start..from + range.end)
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

impl Field {
    /// Its texts.
    fn values(&self) -> &[String] {
        self.values.get_or_init(|| self.tree.as_ref().map(json_texts).unwrap_or_default())
    }

    /// The object that this value is or spells, taken out; `None` if it is none.
    fn take_object(&mut self) -> Option<Map<String, Value>> {
        match self.tree.take() {
            Some(Value::Object(object)) => return Some(object),
            Some(list) => {
                self.tree = Some(list);
                return None;
            }
            None => {}
        }
        let text = self.values().first()?.trim();
        text.starts_with('{').then(|| serde_json::from_str(text).ok())?
    }
}

/// The members of an object as fields; sidecar keys (`Name@data.type`) are left out.
fn fields_of(object: Map<String, Value>, names: &mut Names) -> Vec<Field> {
    object
        .into_iter()
        .filter(|(key, _)| !key.contains('@'))
        .map(|(key, value)| {
            let (values, tree) = match has_objects(&value) {
                true => (OnceLock::new(), Some(value)),
                false => (own_texts(value).into(), None),
            };
            Field { range: None, name: names.get(&key), values, tree }
        })
        .collect()
}

/// Up to how many pairs of names of a record and its wrapper are compared.
const KEYS_COMPARED_MAX: usize = 1 << 16;

/// What `Export-Csv` prints for an array, and `ConvertTo-Json` for one below its depth.
fn is_type_name(value: &str) -> bool {
    (value.starts_with("System.") || value.starts_with("Microsoft.Exchange."))
        && (value.ends_with("[]") || value.ends_with(']') || value.contains("Collection"))
}

/// What `ConvertTo-Json` prints for an object below its depth: `@{Name=x; Value=y}`.
fn is_cut(value: &str) -> bool {
    value.starts_with("@{") && value.ends_with('}')
}

/// Whether a value is, or holds, an object.
fn has_objects(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(values) => values.iter().any(|value| value.is_object() || value.is_array()),
        _ => false,
    }
}

/// The texts of a JSON value: one for a scalar, all for an array, the `value` of an object as PowerShell wraps it.
fn json_texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(json_texts).collect(),
        Value::Object(object) => match object.get("value").or_else(|| object.get(clixml::TEXT)) {
            Some(inner) if !inner.is_object() => json_texts(inner),
            _ => vec![value.to_string()],
        },
        other => vec![other.to_string()],
    }
}

/// The texts of a JSON value that holds no object, without copying them.
fn own_texts(value: Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.into_iter().flat_map(own_texts).collect(),
        other => json_texts(&other),
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

/// Where the value of `""key"":` stands in a cell whose quotes are doubled, without its quotes.
fn doubled_value_range(text: &str, key: &str) -> Option<Range<usize>> {
    let quoted = format!("\"\"{key}\"\"");
    let at = text.find(&quoted)? + quoted.len();
    let rest = text.get(at..)?.trim_start().strip_prefix(':')?.trim_start();
    let start = text.len() - rest.len();
    let Some(inner) = rest.strip_prefix("\"\"") else {
        let end = rest.find([',', '}', ']', '\n']).unwrap_or(rest.len());
        return Some(start..start + rest[..end].trim_end().len());
    };
    let bytes = inner.as_bytes();
    let mut end = 0;
    while end < bytes.len() {
        match bytes[end] {
            b'\\' => end += if bytes.get(end + 1) == Some(&b'"') { 3 } else { 2 },
            b'"' => return Some(start + 2..start + 2 + end),
            _ => end += 1,
        }
    }
    None
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
    fn ok_doubled_value_ranges() {
        let text = r#"{""a"":""x\""y"",""b"":12,""c"":"""",""d"":""z\\""}"#;
        for (key, expected) in
            [("a", Some(r#"x\""y"#)), ("b", Some("12")), ("c", Some("")), ("d", Some(r"z\\")), ("e", None)]
        {
            assert_eq!(doubled_value_range(text, key).map(|range| &text[range]), expected, "{key}");
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
