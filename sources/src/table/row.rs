//! One row of an export, whatever its spelling: cells under column names, keys of a JSON object, lines of `Format-List`.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;

use evidence::{Address, Cite, FileName, Property};
use serde_json::{Map, Value};

use super::clixml;
use super::members::{Where, members};
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
    /// Whether its writer left out the end of a list.
    cut_lists: bool,
    spelling: Spelling,
    /// The recipient that the object around the row names, for rows that carry none.
    pub(crate) outer_recipient: Option<String>,
    /// The key of the list in which the row stands, for answers that hold several.
    pub(crate) section: Option<&'static str>,
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

/// One value or list of values of a row.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Its name.
    pub(super) name: Rc<Name>,
    /// Its texts.
    pub(super) held: Held,
    /// Where a JSON value is more than texts: objects, lists of objects.
    pub(super) tree: Option<Box<Value>>,
    /// Where it stands in the record's text, without its quotes.
    pub(super) range: Option<Range<usize>>,
}

/// The texts of a value.
#[derive(Clone, Debug)]
pub(super) enum Held {
    /// None: null, an empty list.
    Nothing,
    /// One, which is what stands at the field's range.
    AsWritten,
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
    /// Those of the tree, written when they are first asked for.
    OfTree(OnceCell<Vec<String>>),
}

impl Held {
    /// The texts of a JSON value, and the value itself if it is more than texts.
    pub(super) fn of_value(value: Value) -> (Held, Option<Box<Value>>) {
        match has_objects(&value) {
            true => (Held::OfTree(OnceCell::new()), Some(Box::new(value))),
            false => (Held::of(json_texts(&value)), None),
        }
    }

    /// These texts.
    pub(super) fn of(mut texts: Vec<String>) -> Held {
        match (texts.len(), texts.pop()) {
            (1, Some(only)) => Held::One(only),
            (0, _) | (_, None) => Held::Nothing,
            (_, Some(last)) => {
                texts.push(last);
                Held::Many(texts)
            }
        }
    }
}

/// The name of a column or key: reduced to letters and digits, and as written.
#[derive(Debug)]
pub(crate) struct Name {
    key: String,
    written: String,
}

impl Name {
    /// A name as written.
    pub(crate) fn of(written: &str) -> Rc<Name> {
        Rc::new(Name { key: folded(written), written: written.to_owned() })
    }
}

/// The names met so far: each is folded once a file, not once a row.
#[derive(Default)]
pub(crate) struct Names {
    by_written: HashMap<String, Rc<Name>>,
    /// The names of the rows so far, in their order: most rows have the same names in the same order.
    in_order: Vec<Rc<Name>>,
    /// Which of them is expected next.
    next: usize,
}

/// How many names are remembered; a file that makes up a new name in each row takes no more.
const NAMES_MAX: usize = 4096;
/// How many names are expected in their order.
const NAMES_IN_ORDER: usize = 64;

impl Names {
    /// The name as written.
    pub(super) fn get(&mut self, written: &str) -> Rc<Name> {
        if let Some(name) = self.in_order.get(self.next).filter(|name| name.written == written) {
            self.next = (self.next + 1) % self.in_order.len();
            return name.clone();
        }
        let name = self.look_up(written);
        match self.in_order.iter().position(|known| known.written == written) {
            Some(at) => self.next = (at + 1) % self.in_order.len(),
            None if self.in_order.len() < NAMES_IN_ORDER => self.in_order.push(name.clone()),
            None => {}
        }
        name
    }

    fn look_up(&mut self, written: &str) -> Rc<Name> {
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

/// A value of a row by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowValue {
    /// The name as written; of a value within objects the names on the way to it: `a.b[1].c`.
    pub name: String,
    /// The value, decoded.
    pub value: String,
    /// Where it stands in the file, if that is known.
    pub bytes: Option<Range<u64>>,
}

/// How many values of a row are named at most, and how deep objects are opened for it.
const VALUES_MAX: usize = 400;
const OPENED_MAX: usize = 12;

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
    pub(crate) fn of_cells(record: Record, columns: &[Rc<Name>], splitter: &mut Cells) -> Result<Row, Box<Broken>> {
        let fields = match sound_cells(&record.text, splitter.delimiter, columns) {
            Some(fields) => fields,
            None => match split_cells(&record.text, columns, splitter) {
                Ok(fields) => fields,
                Err(torn) => return Err(Box::new(Broken { raw: Raw::Record(record), torn })),
            },
        };
        Ok(Row {
            raw: Raw::Record(record),
            fields,
            cut_lists: false,
            spelling: Spelling::ByField,
            outer_recipient: None,
            section: None,
        })
    }

    /// Reads a JSON object; sidecar keys (`Name@data.type`) are left out.
    ///
    /// # Errors
    /// [`Torn`] if the text is no JSON object.
    pub(crate) fn of_json(record: Record, names: &mut Names) -> Result<Row, Box<Broken>> {
        match members(&record.text, Where::IsRecord, names) {
            Ok(fields) => Ok(Row {
                raw: Raw::Record(record),
                fields,
                cut_lists: false,
                spelling: Spelling::Json(0),
                outer_recipient: None,
                section: None,
            }),
            Err(error) => {
                let found = match serde_json::from_str::<Value>(&record.text) {
                    Ok(other) => crate::text::first_words(&other.to_string()),
                    Err(_) => crate::text::json_fault(&error),
                };
                let torn = Torn { expected: "a JSON object".to_owned(), found };
                Err(Box::new(Broken { raw: Raw::Record(record), torn }))
            }
        }
    }

    /// A row of the members of an object; sidecar keys (`Name@data.type`) are left out.
    pub(crate) fn of_object(raw: Raw, object: Map<String, Value>, names: &mut Names) -> Row {
        let fields = fields_of(object, names);
        Row { raw, fields, cut_lists: false, spelling: Spelling::Json(0), outer_recipient: None, section: None }
    }

    /// Opens the record proper where a value under one of these folded names holds it: a JSON object, or one as text in a
    /// cell or a string. Its members go before those of the wrapper, name by name; a value that is no object stays as it is.
    pub(crate) fn open(&mut self, inner: &[&str], names: &mut Names) {
        for name in inner {
            let Some(at) = self.fields.iter().position(|field| field.name.key == *name) else { continue };
            let Some(inner) = self.members_of(at, names) else { continue };
            let wrapper = self.fields.remove(at);
            self.spelling = self.spelling_within(&wrapper);
            self.settle();
            let outer = std::mem::replace(&mut self.fields, inner);
            // Bounded, lest a record of many keys takes quadratic time; the first of two names counts in any case.
            let compares = outer.len().saturating_mul(self.fields.len()) <= KEYS_COMPARED_MAX;
            for field in outer {
                if !(compares && self.fields.iter().any(|known| known.name.key == field.name.key)) {
                    self.fields.push(field);
                }
            }
        }
    }

    /// The members of the object that a field holds or spells; `None` if it is none.
    fn members_of(&mut self, at: usize, names: &mut Names) -> Option<Vec<Field>> {
        let field = self.fields.get_mut(at)?;
        match field.tree.take().map(|tree| *tree) {
            Some(Value::Object(object)) => return Some(fields_of(object, names)),
            other => field.tree = other.map(Box::new),
        }
        let text = self.first(self.fields.get(at)?)?.trim();
        text.starts_with('{').then(|| members(text, Where::Elsewhere, names).ok())?
    }

    /// Keeps the texts of its fields, wherever these go.
    fn settle(&mut self) {
        let Raw::Record(record) = &self.raw else { return };
        for field in &mut self.fields {
            if let (Held::AsWritten, Some(range)) = (&field.held, &field.range) {
                field.held = Held::One(record.text.get(range.clone()).unwrap_or_default().to_owned());
            }
        }
    }

    /// The texts of a field.
    fn texts<'r>(&'r self, field: &'r Field) -> impl Iterator<Item = &'r str> + use<'r> {
        let (one, many): (Option<&str>, &[String]) = match &field.held {
            Held::Nothing => (None, &[]),
            Held::AsWritten => (self.written_at(field.range.as_ref()), &[]),
            Held::One(text) => (Some(text), &[]),
            Held::Many(texts) => (None, texts),
            Held::OfTree(texts) => {
                (None, texts.get_or_init(|| field.tree.as_deref().map(json_texts).unwrap_or_default()))
            }
        };
        one.into_iter().chain(many.iter().map(String::as_str))
    }

    fn first<'r>(&'r self, field: &'r Field) -> Option<&'r str> {
        self.texts(field).next()
    }

    fn written_at(&self, range: Option<&Range<usize>>) -> Option<&str> {
        match &self.raw {
            Raw::Record(record) => record.text.get(range?.clone()),
            Raw::Block { .. } => None,
        }
    }

    /// The texts of all fields of a folded name, without white space around them.
    fn texts_of<'r, 'n>(&'r self, name: &'n str) -> impl Iterator<Item = &'r str> + use<'r, 'n> {
        let fields = self.fields.iter().filter(move |field| field.name.key == name);
        fields.flat_map(|field| self.texts(field)).map(str::trim)
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
                        held: Held::One(value.to_owned()),
                        tree: None,
                        range: None,
                    });
                }
                None => {
                    if let Some(Held::One(value)) = fields.last_mut().map(|field| &mut field.held) {
                        value.push_str(line.trim_start()); // a blank at the fold stands at the end of the line before
                    }
                }
            }
        }
        let mut cut_lists = false;
        for field in &mut fields {
            let Held::One(text) = &field.held else { continue };
            let is_json = || serde_json::from_str::<Map<String, Value>>(text).is_ok_and(|object| !object.is_empty());
            if let Some(inner) = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'))
                && !is_json()
            {
                // `{a, b...}`: Windows PowerShell prints the first four values of a list and three dots, PowerShell 7 one sign.
                let whole = inner.trim_end_matches("...").trim_end_matches('\u{2026}');
                cut_lists |= whole.len() < inner.len();
                field.held = Held::of(whole.split(',').map(|part| part.trim().to_owned()).collect());
            }
        }
        Row {
            raw: Raw::Block { cite },
            fields,
            cut_lists,
            spelling: Spelling::ByField,
            outer_recipient: None,
            section: None,
        }
    }

    /// The folded names of a row's columns or keys.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        self.fields.iter().any(|field| names.contains(&field.name.key.as_str()))
    }

    /// The first value under one of these folded names that is not blank.
    pub(crate) fn text(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.texts_of(name).find(|value| !value.is_empty() && !is_type_name(value)))
    }

    /// All values under the first of these names that has any.
    pub(crate) fn list(&self, names: &[&str]) -> Vec<&str> {
        let is_value = |value: &&str| !value.is_empty() && !is_type_name(value);
        let lists = names.iter().map(|name| self.texts_of(name).filter(is_value).collect::<Vec<_>>());
        lists.into_iter().find(|values| !values.is_empty()).unwrap_or_default()
    }

    /// The addresses under the first of these names that has any; `;` and `,` part several in one cell.
    pub(crate) fn addresses(&self, names: &[&str]) -> Vec<Address> {
        let mut found: Vec<Address> = Vec::new();
        let mut seen = BTreeSet::new();
        let parts = self.list(names).into_iter().flat_map(|text| text.split([';', ',']));
        for address in parts.map(Address::new).filter(|address| !address.is_null()) {
            if found.len() == FEW_ADDRESSES {
                seen.extend(found.iter().cloned());
            }
            let is_known = match found.len() < FEW_ADDRESSES {
                true => found.contains(&address),
                false => !seen.insert(address.clone()),
            };
            if !is_known {
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
                return Some(Cow::Borrowed(&**tree));
            }
            let text = self.first(field)?.trim();
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
                values: self.texts(field).map(|value| value.trim().to_owned()).filter(|v| !v.is_empty()).collect(),
            })
            .filter(|property| !property.values.is_empty())
            .collect()
    }

    /// The name as written of the first of these folded names that the row has.
    pub(crate) fn written(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name.key == name).map(|field| field.name.written.as_str())
    }

    /// The folded names that begin with a prefix and hold something.
    pub(crate) fn names_with(&self, prefix: &str) -> Vec<&str> {
        let holds =
            |field: &&Field| field.name.key.starts_with(prefix) && self.texts(field).any(|v| !v.trim().is_empty());
        self.fields.iter().filter(holds).map(|field| field.name.key.as_str()).collect()
    }

    /// Whether the end of a list was left out by `Format-List`.
    pub(crate) fn has_cut_lists(&self) -> bool {
        self.cut_lists
    }

    /// Whether any value was cut by its writer: `ConvertTo-Json` below its depth, a list as the name of its type, the end of
    /// a list in `Format-List`.
    pub(crate) fn is_cut(&self) -> bool {
        let values = || self.fields.iter().flat_map(|field| self.texts(field)).map(str::trim);
        self.cut_lists || values().any(|value| is_type_name(value) || is_cut(value))
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
            .flat_map(|field| self.texts(field))
            .any(|value| is_type_name(value.trim()))
    }

    /// The text at the end of a path of keys, as written: `["filter", "quarantine", "folder"]`; the first of a list.
    pub(crate) fn at(&self, path: &[&str]) -> Option<String> {
        self.all_at(path).into_iter().next()
    }

    /// All texts at the end of a path of keys.
    pub(crate) fn all_at(&self, path: &[&str]) -> Vec<String> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        if rest.is_empty() {
            return self.list(&[&folded(first)]).into_iter().map(str::to_owned).collect();
        }
        let tree = self.tree(&[&folded(first)]);
        let end = rest.iter().try_fold(tree.as_deref(), |value, key| Some(value?.get(key)));
        end.flatten().map(json_texts).unwrap_or_default().into_iter().filter(|text| !text.trim().is_empty()).collect()
    }

    /// Every value by its name, each within objects by itself; the first few hundred.
    pub(crate) fn values(&self) -> Vec<RowValue> {
        let mut values = Vec::new();
        for field in &self.fields {
            let place = self.placed(field);
            match &field.tree {
                Some(tree) => self.within(field.name.written.clone(), tree, place, OPENED_MAX, &mut values),
                None => values.push(RowValue {
                    name: field.name.written.clone(),
                    value: self.texts(field).collect::<Vec<_>>().join("\n"),
                    bytes: self.in_file(place),
                }),
            }
            if values.len() >= VALUES_MAX {
                break;
            }
        }
        values.truncate(VALUES_MAX);
        values
    }

    /// The values within a value; `place` is where it stands in the record's text.
    fn within(&self, name: String, tree: &Value, place: Option<Range<usize>>, deep: usize, values: &mut Vec<RowValue>) {
        let text = || match &self.raw {
            Raw::Record(record) => record.text.get(place.clone()?),
            Raw::Block { .. } => None,
        };
        match tree {
            _ if values.len() >= VALUES_MAX => {}
            Value::Object(object) if deep > 0 => {
                for (key, inner) in object {
                    let at = place.as_ref().map_or(0, |place| place.start);
                    let range = text().and_then(|text| json_value_range(text, key));
                    let range = range.map(|range| range.start + at..range.end + at);
                    self.within(format!("{name}.{key}"), inner, range, deep - 1, values);
                }
            }
            Value::Array(list) if deep > 0 && has_objects(tree) => {
                for (number, inner) in list.iter().enumerate() {
                    self.within(format!("{name}[{number}]"), inner, None, deep - 1, values);
                }
            }
            other => {
                let texts = if deep == 0 { vec![other.to_string()] } else { json_texts(other) };
                values.push(RowValue { name, value: texts.join("\n"), bytes: self.in_file(place) });
            }
        }
    }

    /// Where a field's value stands in the record's text.
    fn placed(&self, field: &Field) -> Option<Range<usize>> {
        field.range.clone().or_else(|| self.place_of(field))
    }

    fn in_file(&self, place: Option<Range<usize>>) -> Option<Range<u64>> {
        let Raw::Record(record) = &self.raw else { return None };
        let place = place?;
        record.text.get(place.clone())?;
        Some(record.place_of(place))
    }

    /// A cite of the whole row.
    pub(crate) fn cite(&self, file: &FileName) -> Cite {
        self.raw.cite(file)
    }

    /// A cite of the row with the value of this key, as written, marked, however deep it lies.
    pub(crate) fn cite_key(&self, file: &FileName, key: &str) -> Cite {
        match &self.raw {
            Raw::Record(record) => match json_value_range(&record.text, key) {
                Some(range) if record.text.get(range.clone()).is_some() => record.cite_range(file, range),
                _ => record.cite(file),
            },
            raw => raw.cite(file),
        }
    }

    /// Where the value under one of these names stands, as bytes of the file.
    pub(crate) fn place(&self, names: &[&str]) -> Option<Range<u64>> {
        let Raw::Record(record) = &self.raw else { return None };
        let range = names.iter().find_map(|name| {
            let field = self.fields.iter().find(|field| field.name.key == *name)?;
            field.range.clone().or_else(|| self.place_of(field))
        })?;
        record.text.get(range.clone())?;
        Some(record.place_of(range))
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

    /// A cite of the row with one value of a list marked, where it is written as it is; else the list, as far as it is short.
    pub(crate) fn cite_value(&self, file: &FileName, name: &str, value: &str) -> Cite {
        let Raw::Record(record) = &self.raw else { return self.raw.cite(file) };
        let range = self.fields.iter().find(|field| field.name.key == name).and_then(|field| {
            let count = self.texts(field).take(VALUES_MARKED_MAX + 1).count();
            let is_short = count <= VALUES_MARKED_MAX && record.text.len() <= LIST_MARKED_MAX_BYTES;
            field.range.clone().or_else(|| self.place_of(field)).filter(|_| is_short)
        });
        let Some(range) = range else { return self.raw.cite(file) };
        let Some(list) = record.text.get(range.clone()) else { return self.raw.cite(file) };
        let quoted = list.find(&format!("\"{value}\"")).map(|at| at + 1);
        match quoted.or_else(|| list.find(value)) {
            Some(at) => record.cite_range(file, range.start + at..range.start + at + value.len()),
            None => record.cite_range(file, range),
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

/// The members of an object as fields; sidecar keys (`Name@data.type`) are left out.
fn fields_of(object: Map<String, Value>, names: &mut Names) -> Vec<Field> {
    object
        .into_iter()
        .filter(|(key, _)| !key.contains('@'))
        .map(|(key, value)| {
            let (held, tree) = Held::of_value(value);
            Field { range: None, name: names.get(&key), held, tree }
        })
        .collect()
}

/// Up to how many addresses are compared one by one.
const FEW_ADDRESSES: usize = 8;

/// Up to how many pairs of names of a record and its wrapper are compared.
const KEYS_COMPARED_MAX: usize = 1 << 16;
/// Up to how many values of a list, and in how long a row, each is marked: the list is searched for each of them.
const VALUES_MARKED_MAX: usize = 1500;
const LIST_MARKED_MAX_BYTES: usize = 256 * 1024;

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

/// Where the value of `"key":` stands in the text of an object, without its quotes.
fn json_value_range(text: &str, key: &str) -> Option<Range<usize>> {
    let quoted = format!("\"{key}\"");
    let at = text.find(&quoted)? + quoted.len();
    let rest = text[at..].trim_start().strip_prefix(':')?.trim_start();
    let start = text.len() - rest.len();
    let end = match rest.as_bytes().first()? {
        b'"' => return string_end(rest).map(|end| start + 1..start + end),
        b'[' | b'{' => nested_end(rest)?,
        _ => rest.find([',', '}', ']', '\n']).unwrap_or(rest.len()),
    };
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

/// Where the quoted string ends that a text begins with: the place of its last quote.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

/// The cells of a row whose quotes stand around whole cells and are doubled within (RFC 4180, 2), as many as columns;
/// `None` for any other row.
fn sound_cells(text: &str, delimiter: u8, columns: &[Rc<Name>]) -> Option<Vec<Field>> {
    let bytes = text.as_bytes();
    let mut fields = Vec::with_capacity(columns.len());
    let mut at = 0;
    for column in columns {
        let (range, is_doubled, end) = sound_cell(bytes, at, delimiter)?;
        let held = match is_doubled {
            true => Held::One(text.get(range.clone())?.replace("\"\"", "\"")),
            false => Held::AsWritten,
        };
        fields.push(Field { name: column.clone(), held, tree: None, range: Some(range) });
        at = end + 1;
    }
    (at == bytes.len() + 1).then_some(fields)
}

/// The cell that begins at `at`: where its text stands, whether it holds doubled quotes, and where it ends.
fn sound_cell(bytes: &[u8], at: usize, delimiter: u8) -> Option<(Range<usize>, bool, usize)> {
    let rest = bytes.get(at..)?;
    if rest.first() != Some(&b'"') {
        return match memchr::memchr3(delimiter, b'"', b'\n', rest) {
            None => Some((at..bytes.len(), false, bytes.len())),
            Some(end) if rest[end] == delimiter => Some((at..at + end, false, at + end)),
            Some(_) => None,
        };
    }
    let (mut from, mut is_doubled) = (at + 1, false);
    loop {
        let quote = from + memchr::memchr(b'"', &bytes[from..])?;
        match bytes.get(quote + 1) {
            Some(b'"') => (from, is_doubled) = (quote + 2, true),
            Some(next) if *next == delimiter => return Some((at + 1..quote, is_doubled, quote + 1)),
            None => return Some((at + 1..quote, is_doubled, quote + 1)),
            Some(_) => return None,
        }
    }
}

/// The cells of a row that is spelled in another way.
///
/// # Errors
/// [`Torn`] if it has fewer or more cells than columns, empty ones at the end aside, or a stray quote joins lines to it.
fn split_cells(text: &str, columns: &[Rc<Name>], splitter: &mut Cells) -> Result<Vec<Field>, Torn> {
    let cells = splitter.of(text);
    let joined = splitter.lines_joined(text);
    if joined > 0 {
        let found = format!("a stray quote that joins {joined} more lines to the row");
        return Err(Torn { expected: crate::records::QUOTES.to_owned(), found });
    }
    let surplus_is_empty = cells.iter().skip(columns.len()).all(|cell| cell.trim().is_empty());
    if cells.len() < columns.len() || !surplus_is_empty {
        let found = match text.lines().count() {
            0 | 1 => format!("{} cells", cells.len()),
            lines => format!("{} cells on {lines} lines: a quote may be left open", cells.len()),
        };
        return Err(Torn { expected: format!("{} cells", columns.len()), found });
    }
    let ranges = cell_ranges(text, splitter.delimiter);
    let ranges = if ranges.len() == cells.len() { ranges } else { Vec::new() };
    let fields = columns.iter().zip(cells).enumerate();
    let field = |(at, (column, cell)): (usize, (&Rc<Name>, String))| Field {
        name: column.clone(),
        held: Held::One(cell),
        tree: None,
        range: ranges.get(at).cloned(),
    };
    Ok(fields.map(field).collect())
}

/// Where the array or object ends that a text begins with: after its last bracket.
fn nested_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0usize, 0usize);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at += string_end(text.get(at..)?)?,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
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
    fn ok_cut_lists() {
        for (name, block, values, is_cut) in [
            ("whole", "A : {x, y}", vec!["x", "y"], false),
            ("three dots", "A : {x, y...}", vec!["x", "y"], true),
            ("one sign", "A : {x, y\u{2026}}", vec!["x", "y"], true),
            ("no list", "A : x...", vec!["x..."], false),
            ("type name", "A : System.String[]", vec![], true),
            ("object", "A : @{B=1}", vec!["@{B=1}"], true),
        ] {
            let cite = Cite::new("f".into(), evidence::Place::Line(1), 0..block.len() as u64, block);
            let row = Row::of_block(cite, block);
            assert_eq!((row.list(&["a"]), row.is_cut()), (values, is_cut), "{name}");
        }
    }

    #[test]
    fn ok_json_value_ranges() {
        let text = r#"{"a": "x\"y", "b":12 , "c":null, "l": ["]", {"m":1}], "o":{"p":[]} , "t": ["x""#;
        for (key, expected) in [
            ("a", Some(r#"x\"y"#)),
            ("b", Some("12")),
            ("c", Some("null")),
            ("d", None),
            ("l", Some(r#"["]", {"m":1}]"#)),
            ("o", Some(r#"{"p":[]}"#)),
            ("t", None),
        ] {
            assert_eq!(json_value_range(text, key).map(|range| &text[range]), expected, "{key}");
        }
    }
}
