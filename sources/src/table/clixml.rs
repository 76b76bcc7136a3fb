//! Reads `Export-Clixml` files: PowerShell's own serialisation, `[MS-PSRP]` 2.2.5.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use evidence::{Cite, Place};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

use super::Parsed;
use super::row::{Broken, Names, Raw, Row, Torn};
use crate::codes::folded;
use crate::text::Text;
use crate::{Input, ReadError};

/// The key under which an object keeps what PowerShell prints for it.
pub(super) const TEXT: &str = "<ToString>";
/// How deep objects may lie within each other; what lies deeper is left out.
const DEPTH_MAX: usize = 64;
/// Up to how many values a referred object may hold to be repeated in its place: a file cannot grow by references.
const REFERRED_MAX: usize = 64;

/// Whether a text is such a file.
pub(super) fn is_clixml(start: &str) -> bool {
    let start = match start.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>").map_or("", |(_, after)| after.trim_start()),
        None => start,
    };
    start.starts_with("<Objs ") && start.contains("schemas.microsoft.com/powershell")
}

/// The folded property names of each object of a file, which may be cut.
pub(super) fn names_of(text: &str) -> Vec<BTreeSet<String>> {
    let objects = Objects::read(text);
    let whole = objects.found.into_iter().map(|(_, object)| object);
    whole.chain(objects.open).map(|object| object.keys().map(|key| folded(key)).collect()).collect()
}

/// The objects of a file as rows; one that is not closed is torn.
///
/// # Errors
/// [`ReadError`] if the bytes are no text.
pub(super) fn rows(input: &Input<'_>) -> Result<Vec<Parsed>, ReadError> {
    let text = Text::decode(input.bytes, &input.name)?;
    let whole = text.as_str();
    let objects = Objects::read(whole);
    let mut names = Names::default();
    let (mut line, mut counted) = (1, 0);
    let mut cite = |span: Range<usize>| {
        line += memchr::memchr_iter(b'\n', &whole.as_bytes()[counted..span.start]).count() as u64;
        counted = span.start;
        Cite::new(input.name.clone(), Place::Line(line), text.raw(span.clone()), &whole[span])
    };
    let mut rows: Vec<Parsed> = Vec::new();
    for (span, object) in objects.found {
        rows.push(Ok(Row::of_object(Raw::Block { cite: cite(span) }, object, &mut names)));
    }
    if let Some((at, found)) = objects.torn {
        let torn = Torn { expected: "a closed <Obj> of Export-Clixml".to_owned(), found };
        rows.push(Err(Box::new(Broken { raw: Raw::Block { cite: cite(at..whole.len()) }, torn })));
    }
    Ok(rows)
}

/// One element that is being read.
struct Open {
    tag: String,
    name: Option<String>,
    id: Option<String>,
    start: usize,
    text: String,
    shown: Option<String>,
    items: Option<Vec<Value>>,
    members: Map<String, Value>,
    key: Option<String>,
}

/// What a file holds.
#[derive(Default)]
struct Objects {
    found: Vec<(Range<usize>, Map<String, Value>)>,
    /// The members read so far of an object that is not closed.
    open: Option<Map<String, Value>>,
    /// Where the first thing begins that cannot be read, and what it is.
    torn: Option<(usize, String)>,
}

impl Objects {
    fn read(text: &str) -> Objects {
        let mut objects = Objects::default();
        let mut reader = Reader::from_str(text);
        let mut stack: Vec<Open> = Vec::new();
        let mut referred: HashMap<String, Value> = HashMap::new();
        let mut too_deep = 0usize;
        loop {
            let at = usize::try_from(reader.buffer_position()).unwrap_or(text.len()).min(text.len());
            match reader.read_event() {
                Ok(Event::Start(start)) if stack.len() >= DEPTH_MAX => {
                    drop(start);
                    too_deep += 1;
                }
                Ok(Event::End(_)) if too_deep > 0 => too_deep -= 1,
                Ok(Event::Start(start)) => stack.push(Open::of(&start, at)),
                Ok(Event::Empty(start)) if too_deep == 0 => {
                    let element = Open::of(&start, at);
                    let end = usize::try_from(reader.buffer_position()).unwrap_or(text.len()).min(text.len());
                    objects.close(element, end, &mut stack, &mut referred);
                }
                Ok(Event::End(_)) => {
                    let Some(element) = stack.pop() else { continue };
                    let end = usize::try_from(reader.buffer_position()).unwrap_or(text.len()).min(text.len());
                    objects.close(element, end, &mut stack, &mut referred);
                }
                Ok(Event::Text(words)) => append(&mut stack, words.as_ref()),
                Ok(Event::CData(words)) => append(&mut stack, words.as_ref()),
                Ok(Event::GeneralRef(named)) => {
                    let reference = format!("&{};", AsRef::<str>::as_ref(&named));
                    append(&mut stack, &quick_xml::escape::unescape(&reference).unwrap_or_default());
                }
                Ok(Event::Eof) => {
                    objects.end(stack, None);
                    return objects;
                }
                Ok(_) => {}
                Err(error) => {
                    objects.end(stack, Some((at, error.to_string())));
                    return objects;
                }
            }
        }
    }

    /// Notes what is still open at the end, or where reading had to stop.
    fn end(&mut self, stack: Vec<Open>, fault: Option<(usize, String)>) {
        let top = stack.into_iter().nth(1).map(|open| (open.start, open.members));
        let after = self.found.last().map_or(0, |(span, _)| span.end);
        if let Some((start, members)) = top {
            self.torn = Some((start, fault.map_or("the end of the file".to_owned(), |(_, found)| found)));
            self.open = Some(members);
        } else if let Some((at, found)) = fault {
            self.torn = Some((at.max(after), found));
        }
    }

    /// Takes a closed element into the one around it; one directly under `Objs` becomes a row, or the rows of its list.
    fn close(&mut self, element: Open, end: usize, stack: &mut [Open], referred: &mut HashMap<String, Value>) {
        let is_row = stack.len() == 1;
        let Some(parent) = stack.last_mut() else { return };
        match element.tag.as_str() {
            "TN" | "T" | "TNRef" => {}
            "ToString" => parent.shown = Some(unescaped(&element.text)),
            "Props" | "MS" | "DCT" => parent.members.extend(element.members),
            "LST" | "QUE" | "STK" | "IE" => parent.items = Some(element.items.unwrap_or_default()),
            "En" => parent.members.extend(element.key.zip(element.members.into_iter().next().map(|(_, value)| value))),
            "Obj" if is_row => {
                let span = element.start..end;
                self.found.extend(element.into_objects().into_iter().map(|object| (span.clone(), object)));
            }
            "Obj" => {
                let (name, id) = (element.name.clone(), element.id.clone());
                let value = element.into_value();
                if let Some(id) = id.filter(|_| count(&value) <= REFERRED_MAX) {
                    referred.insert(id, value.clone());
                }
                parent.take(name, value);
            }
            "Nil" => parent.take(element.name, Value::Null),
            "Ref" => {
                let value = element.id.and_then(|id| referred.get(&id).cloned()).unwrap_or(Value::Null);
                parent.take(element.name, value);
            }
            _ => parent.take(element.name, Value::String(unescaped(&element.text))),
        }
    }
}

impl Open {
    fn of(start: &BytesStart<'_>, at: usize) -> Open {
        let attribute = |wanted: &str| {
            let found = start.attributes().with_checks(false).flatten().find(|found| found.key.as_ref() == wanted)?;
            Some(unescaped(&found.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok()?))
        };
        Open {
            tag: start.name().as_ref().to_owned(),
            name: attribute("N"),
            id: attribute("RefId"),
            start: at,
            text: String::new(),
            shown: None,
            items: None,
            members: Map::new(),
            key: None,
        }
    }

    /// Takes a value that was read within this element.
    fn take(&mut self, name: Option<String>, value: Value) {
        match (self.tag.as_str(), name) {
            ("En", Some(name)) if name == "Key" => {
                self.key = Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
            ("LST" | "QUE" | "STK" | "IE", _) => self.items.get_or_insert_default().push(value),
            (_, Some(name)) => drop(self.members.insert(name, value)),
            // The value beneath an enumeration or a wrapped text.
            ("Obj", None) => {
                if let (None, Value::String(text)) = (&self.shown, value) {
                    self.shown = Some(text);
                }
            }
            (_, None) => {}
        }
    }

    /// What an object is within another one.
    fn into_value(self) -> Value {
        let Open { shown, items, mut members, .. } = self;
        match (items, shown) {
            (Some(items), _) => Value::Array(items),
            (None, Some(shown)) if members.is_empty() => Value::String(shown),
            (None, shown) => {
                members.extend(shown.map(|shown| (TEXT.to_owned(), Value::String(shown))));
                Value::Object(members)
            }
        }
    }

    /// The rows that an object at the top gives: itself, or those of the list that it is.
    fn into_objects(self) -> Vec<Map<String, Value>> {
        match self.items {
            Some(items) if self.members.is_empty() => items
                .into_iter()
                .filter_map(|item| match item {
                    Value::Object(object) => Some(object),
                    _ => None,
                })
                .collect(),
            _ => vec![self.members],
        }
    }
}

/// Adds text to the innermost element.
fn append(stack: &mut [Open], words: &str) {
    if let Some(open) = stack.last_mut() {
        open.text.push_str(words);
    }
}

/// How many values a value holds, itself among them, counted up to a little more than [`REFERRED_MAX`].
fn count(value: &Value) -> usize {
    let mut due = vec![value];
    let mut counted = 0;
    while let Some(value) = due.pop() {
        counted += 1;
        match value {
            _ if counted > REFERRED_MAX => return counted,
            Value::Array(values) => due.extend(values),
            Value::Object(object) => due.extend(object.values()),
            _ => {}
        }
    }
    counted
}

/// Resolves `_x000A_`, which stands for a character that XML cannot hold ([MS-PSRP] 2.2.5.3.2).
fn unescaped(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let code = rest.get(at + 2..at + 6).filter(|_| rest.as_bytes().get(at + 6) == Some(&b'_'));
        let character = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        match character {
            Some(character) => {
                whole.push_str(&rest[..at]);
                whole.push(character);
                rest = &rest[at + 7..];
            }
            None => {
                whole.push_str(&rest[..at + 2]);
                rest = &rest[at + 2..];
            }
        }
    }
    whole.push_str(rest);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">"#;

    fn only(body: &str) -> String {
        let objects = Objects::read(&format!("{HEAD}{body}</Objs>"));
        assert_eq!(objects.torn, None, "{body}");
        objects.found.iter().map(|(_, object)| Value::Object(object.clone()).to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ok_objects() {
        for (name, body, expected) in [
            (
                "properties",
                r#"<Obj RefId="0"><TN RefId="0"><T>X</T></TN><ToString>r</ToString><Props><S N="Name">a &amp; b_x000A_c</S><B N="Enabled">true</B><Nil N="X" /></Props></Obj>"#,
                r#"{"Enabled":"true","Name":"a & b\nc","X":null}"#,
            ),
            (
                "list",
                r#"<Obj RefId="0"><MS><Obj N="SentTo" RefId="1"><LST><S>a</S><S>b</S></LST></Obj></MS></Obj>"#,
                r#"{"SentTo":["a","b"]}"#,
            ),
            (
                "enumeration",
                r#"<Obj RefId="0"><MS><Obj N="Action" RefId="1"><ToString>Quarantine</ToString><I32>3</I32></Obj></MS></Obj>"#,
                r#"{"Action":"Quarantine"}"#,
            ),
            (
                "dictionary",
                r#"<Obj RefId="0"><MS><Obj N="D" RefId="1"><DCT><En><S N="Key">k</S><S N="Value">v</S></En></DCT></Obj></MS></Obj>"#,
                r#"{"D":{"k":"v"}}"#,
            ),
            (
                "reference",
                r#"<Obj RefId="0"><MS><Obj N="A" RefId="1"><LST><S>a</S></LST></Obj><Ref N="B" RefId="1" /></MS></Obj>"#,
                r#"{"A":["a"],"B":["a"]}"#,
            ),
            (
                "rows of a list",
                r#"<Obj RefId="0"><LST><Obj RefId="1"><MS><S N="a">1</S></MS></Obj><Obj RefId="2"><MS><S N="a">2</S></MS></Obj></LST></Obj>"#,
                r#"{"a":"1"} {"a":"2"}"#,
            ),
        ] {
            assert_eq!(only(body), expected, "{name}");
        }
    }

    #[test]
    fn torn_and_hostile() {
        let cut =
            Objects::read(&format!(r#"{HEAD}<Obj RefId="0"><MS><S N="a">1</S></MS></Obj><Obj RefId="1"><MS><S N="#));
        assert_eq!((cut.found.len(), cut.torn.is_some()), (1, true));
        let deep = format!("{HEAD}{}{}</Objs>", "<Obj>".repeat(100_000), "</Obj>".repeat(100_000));
        assert_eq!(Objects::read(&deep).found.len(), 1);
        let mut bomb = format!(r#"{HEAD}<Obj RefId="r"><MS><S N="a0">x</S>"#);
        for at in 0..64 {
            bomb += &format!(
                r#"<Obj N="b{at}" RefId="{}"><LST><Ref RefId="{at}"/><Ref RefId="{at}"/></LST></Obj>"#,
                at + 1
            );
        }
        bomb += "</MS></Obj></Objs>";
        let found = Objects::read(&bomb).found;
        assert!(found[0].1.values().map(count).all(|count| count <= 3 * REFERRED_MAX));
    }
}
