//! Reads what `Export-TransportRuleCollection` writes: XML in which each rule is the command that makes it anew.

use std::iter::Peekable;
use std::ops::Range;
use std::str::Chars;

use evidence::{Cite, Place};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

use crate::table::Parsed;
use crate::table::row::{Broken, Names, Raw, Row, Torn};
use crate::text::Text;
use crate::{Input, ReadError};

/// Whether a text is such a file.
pub(super) fn is_collection(start: &str) -> bool {
    let start = start.trim_start();
    let after = start.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map_or(start, |(_, after)| after);
    after.trim_start().starts_with("<rules ") && after.contains("TransportVersioned")
}

/// One rule that is being read.
#[derive(Default)]
struct Open {
    start: usize,
    name: Option<String>,
    id: Option<String>,
    command: String,
    is_in_command: bool,
}

/// The rules of a file, in its order, which is theirs; one that is not closed is torn.
///
/// # Errors
/// [`ReadError`] if the bytes are no text.
pub(super) fn rows(input: &Input<'_>) -> Result<Vec<Parsed>, ReadError> {
    let text = Text::decode(input.bytes, &input.name)?;
    let whole = text.as_str();
    let mut rows: Vec<Parsed> = Vec::new();
    let mut names = Names::default();
    let (mut line, mut counted) = (1, 0);
    let mut raw = |span: Range<usize>| {
        line += memchr::memchr_iter(b'\n', &whole.as_bytes()[counted..span.start]).count() as u64;
        counted = span.start;
        Raw::Block { cite: Cite::new(input.name.clone(), Place::Line(line), text.raw(span.clone()), &whole[span]) }
    };
    let mut reader = Reader::from_str(whole);
    let mut open: Option<Open> = None;
    let place =
        |reader: &Reader<&[u8]>| usize::try_from(reader.buffer_position()).unwrap_or(whole.len()).min(whole.len());
    let fault = loop {
        let at = place(&reader);
        match reader.read_event() {
            Ok(Event::Start(start)) if start.name().as_ref() == "rule" => {
                if let Some(unclosed) = open.replace(Open::of(&start, at)) {
                    rows.push(torn(raw(unclosed.start..at), "another <rule>"));
                }
            }
            Ok(Event::Start(start)) if start.name().as_ref() == "commandBlock" => in_command(&mut open, true),
            Ok(Event::End(end)) if end.name().as_ref() == "commandBlock" => in_command(&mut open, false),
            Ok(Event::CData(words)) => append(&mut open, words.as_ref()),
            Ok(Event::Text(words)) => append(&mut open, words.as_ref()),
            Ok(Event::GeneralRef(named)) => {
                let reference = format!("&{};", AsRef::<str>::as_ref(&named));
                append(&mut open, &quick_xml::escape::unescape(&reference).unwrap_or_default());
            }
            Ok(Event::End(end)) if end.name().as_ref() == "rule" => {
                let Some(rule) = open.take() else { continue };
                let span = rule.start..place(&reader);
                let number = rows.len();
                rows.push(Ok(Row::of_object(raw(span), rule.properties(number), &mut names)));
            }
            Ok(Event::Eof) => break None,
            Ok(_) => {}
            Err(error) => break Some((at, error.to_string())),
        }
    };
    let torn_at = open.map(|rule| rule.start).or(fault.as_ref().map(|(at, _)| *at));
    if let Some(at) = torn_at {
        let found = fault.map_or("the end of the file".to_owned(), |(_, found)| found);
        rows.push(torn(raw(at..whole.len()), &found));
    }
    Ok(rows)
}

/// A rule that is not closed.
fn torn(raw: Raw, found: &str) -> Parsed {
    let torn = Torn { expected: "a closed <rule>".to_owned(), found: found.to_owned() };
    Err(Box::new(Broken { raw, torn }))
}

fn in_command(open: &mut Option<Open>, is_in_command: bool) {
    if let Some(rule) = open {
        rule.is_in_command = is_in_command;
    }
}

fn append(open: &mut Option<Open>, words: &str) {
    if let Some(rule) = open.as_mut().filter(|rule| rule.is_in_command) {
        rule.command.push_str(words);
    }
}

impl Open {
    fn of(start: &BytesStart<'_>, at: usize) -> Open {
        let attribute = |wanted: &str| {
            let found = start.attributes().with_checks(false).flatten().find(|found| found.key.as_ref() == wanted)?;
            Some(found.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok()?.into_owned())
        };
        Open { start: at, name: attribute("name"), id: attribute("id"), ..Open::default() }
    }

    /// The rule as the cmdlet would list it: its parameters, its id, and its place in the file.
    fn properties(self, number: usize) -> Map<String, Value> {
        let mut properties = parameters(&self.command);
        if let Some(name) = self.name {
            properties.entry("Name").or_insert(Value::String(name));
        }
        if let Some(id) = self.id {
            properties.insert("Guid".to_owned(), Value::String(id));
        }
        properties.insert("Priority".to_owned(), Value::from(number));
        properties
    }
}

/// The parameters of a PowerShell command line, with their values; one without a value is a switch.
fn parameters(command: &str) -> Map<String, Value> {
    let mut found = Map::new();
    let mut name: Option<String> = None;
    let mut values: Vec<Value> = Vec::new();
    for word in (Words { rest: command.chars().peekable() }) {
        match word {
            Word::Parameter(next) => {
                close(&mut found, name.replace(next), &mut values);
            }
            Word::Value(value) if name.is_some() => values.push(Value::String(value)),
            Word::Value(_) => {} // the command itself
        }
    }
    close(&mut found, name, &mut values);
    found
}

fn close(found: &mut Map<String, Value>, name: Option<String>, values: &mut Vec<Value>) {
    let Some(name) = name else { return };
    let value = match values.len() {
        0 => Value::Bool(true),
        1 => values.remove(0),
        _ => Value::Array(std::mem::take(values)),
    };
    values.clear();
    found.insert(name, value);
}

enum Word {
    Parameter(String),
    Value(String),
}

/// The words of a command line; commas and the brackets of `@(...)` only part them.
struct Words<'t> {
    rest: Peekable<Chars<'t>>,
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        while self.rest.next_if(|c| c.is_whitespace() || matches!(c, ',' | '@' | '(' | ')' | ':')).is_some() {}
        let first = self.rest.next()?;
        if matches!(first, '\'' | '"') {
            return Some(Word::Value(self.quoted(first)));
        }
        let is_parameter = first == '-' && self.rest.peek().is_some_and(|c| c.is_ascii_alphabetic());
        let mut word = if is_parameter { String::new() } else { first.to_string() };
        let ends = |c: &char| c.is_whitespace() || matches!(c, ',' | ')') || (is_parameter && *c == ':');
        while let Some(c) = self.rest.next_if(|c| !ends(c)) {
            word.push(c);
        }
        Some(if is_parameter { Word::Parameter(word) } else { Word::Value(word) })
    }
}

impl Words<'_> {
    /// A quoted string after its first quote; a quote within it is doubled, or has a grave accent before it in double quotes.
    fn quoted(&mut self, quote: char) -> String {
        let mut text = String::new();
        while let Some(c) = self.rest.next() {
            match c {
                '`' if quote == '"' => text.extend(self.rest.next()),
                c if c == quote && self.rest.next_if_eq(&quote).is_none() => break,
                c => text.push(c),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_parameters() {
        for (name, command, expected) in [
            ("quotes", "New-TransportRule -Name 'It''s' -Mode Enforce", r#"{"Mode":"Enforce","Name":"It's"}"#),
            ("list", "X -From 'a@example.com','b@example.com'", r#"{"From":["a@example.com","b@example.com"]}"#),
            ("array", "X -From @('a', 'b') -To c,d", r#"{"From":["a","b"],"To":["c","d"]}"#),
            ("number", "X -SetSCL -1 -SclOver '5'", r#"{"SclOver":"5","SetSCL":"-1"}"#),
            (
                "switch",
                "X -Quarantine:$true -StopRuleProcessing",
                r#"{"Quarantine":"$true","StopRuleProcessing":true}"#,
            ),
            ("double quotes", "X -A \"say `\"so`\"\" -B ' \n'", r#"{"A":"say \"so\"","B":" \n"}"#),
            ("open quote", "X -A 'b", r#"{"A":"b"}"#),
            ("nothing", "", "{}"),
        ] {
            assert_eq!(Value::Object(parameters(command)).to_string(), expected, "{name}");
        }
    }
}
