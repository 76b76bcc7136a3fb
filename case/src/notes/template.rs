//! Draws notes by a template: one of ours, or one from a file.

use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use serde_json::Value as Json;

use super::defuse::{Face, begun, safe};
use super::document::Notes;
use super::gather::words;

/// How much work a template may make, in instructions; one of ours takes a hundredth of it for the largest notes.
const FUEL: u64 = 20_000_000;
/// The longest text that a template may write.
const MAX_BYTES: usize = 32 << 20;

/// Columns of the dot that a line may need in front.
const LEAD_COLUMNS: usize = 2;

/// Fields whose values are words of our own, which templates compare with.
const CODES: [&str; 4] = ["schema", "id", "known", "status"];

/// Why a template did not do.
#[derive(Debug, thiserror::Error)]
#[error("{name}:{line}: expected a template that can be drawn, found {found}")]
pub struct TemplateError {
    /// The template, as it was named.
    pub name: String,
    /// The line, from 1; 0 if none is to blame.
    pub line: usize,
    /// What was found.
    pub found: String,
}

/// The template that stands for a form if no other is given.
pub fn template(face: Face) -> &'static str {
    match face {
        Face::Text => include_str!("templates/notes.txt.j2"),
        Face::Markdown => include_str!("templates/notes.md.j2"),
        Face::Html => include_str!("templates/notes.html.j2"),
    }
}

/// Draws notes by the template of a form, or by another one (`name` and source), with lines of `width` columns in plain text.
///
/// # Errors
/// [`TemplateError`] if the template is broken, names what is not there, or does not come to an end.
pub fn write(notes: &Notes, face: Face, width: usize, own: Option<(&str, &str)>) -> Result<String, TemplateError> {
    let (name, source) = own.unwrap_or(("the built-in template", template(face)));
    let fault = |error: minijinja::Error| TemplateError {
        name: name.to_owned(),
        line: error.line().unwrap_or(0),
        found: found(&error),
    };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.map_err(fault)?);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(move |_| match face {
        Face::Html => AutoEscape::Html,
        Face::Text | Face::Markdown => AutoEscape::None,
    });
    environment.add_filter("lines", move |text: String, indent: usize, hanging: Option<usize>| {
        lines(&text, [indent, indent + hanging.unwrap_or(2).min(8)], width)
    });
    let drawn = environment.template_from_named_str(name, source).map_err(fault)?;
    let values = Value::from(Serde(context(notes, face)));
    let mut text = Limited(Vec::new());
    drawn.render_captured_to(values, &mut text).map_err(fault)?;
    Ok(String::from_utf8_lossy(&text.0).into_owned())
}

/// Takes what a template writes, up to a limit.
struct Limited(Vec<u8>);

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(io::Error::other(format!("more than {MAX_BYTES} bytes of text")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is wrong, and what is behind that.
fn found(error: &minijinja::Error) -> String {
    let what = match error.kind() {
        ErrorKind::SyntaxError => "a syntax error".to_owned(),
        ErrorKind::UndefinedError => "a variable that does not exist (docs/notes.md lists those that do)".to_owned(),
        ErrorKind::OutOfFuel => "no end to it".to_owned(),
        kind => kind.to_string(),
    };
    match error.detail() {
        Some(detail) => format!("{what}: {detail}"),
        None => what,
    }
}

/// The notes as a template sees them: every value is harmless in this form already.
fn context(notes: &Notes, face: Face) -> Json {
    let mut document = serde_json::to_value(notes).unwrap_or_default();
    let claims = ["facts", "analysis"].into_iter();
    for text in claims {
        for point in document[text].as_array_mut().into_iter().flatten() {
            for claim in point["claims"].as_array_mut().into_iter().flatten() {
                claim["cited"] = Json::String(cited(claim));
            }
        }
    }
    for (at, record) in notes.records.iter().enumerate() {
        if let Some(shown) = document["records"].get_mut(at) {
            shown["words"] = Json::String(words(&record.cite));
        }
    }
    made_safe(&mut document, face);
    document
}

/// How a claim is known and what it rests on, in one line.
fn cited(claim: &Json) -> String {
    let numbers = |key: &str, one: &str| {
        let numbers: Vec<String> = claim[key].as_array().into_iter().flatten().map(Json::to_string).collect();
        let many = if numbers.len() == 1 { "" } else { "s" };
        (!numbers.is_empty()).then(|| format!("{one}{many} {}", numbers.join(", ")))
    };
    let known = claim["known_as"].as_str().unwrap_or_default().to_owned();
    let entries = claim["entries"].as_array().map(Vec::len).unwrap_or_default();
    let entry = if entries == 1 { "journal entry" } else { "journal entrie" };
    let asked: Vec<&str> = claim["ask_for"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let asked = (!asked.is_empty()).then(|| format!("would be shown by {}", asked.join(", ")));
    let parts = [Some(known), numbers("records", "record"), numbers("entries", entry), asked];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn made_safe(value: &mut Json, face: Face) {
    match value {
        Json::String(text) => *text = safe(&one_line(text), face),
        Json::Array(list) => list.iter_mut().for_each(|one| made_safe(one, face)),
        Json::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                let is_code = CODES.contains(&key.as_str()) && value.as_str().is_some_and(is_code);
                if !is_code {
                    made_safe(value, face);
                }
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn is_code(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.'))
}

/// Lines that somebody wrote one under the other, in one.
fn one_line(text: &str) -> String {
    if !text.contains('\n') {
        return text.to_owned();
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" / ")
}

/// Breaks a text into lines of at most `width` columns, with the indent of the first and that of the others. No line begins with a
/// sign that means something there.
fn lines(text: &str, indents: [usize; 2], width: usize) -> String {
    let width = width.max(40);
    let [first, other] = indents.map(|indent| indent.min(width / 2));
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut rest = word;
        loop {
            // A line that goes on may need a dot in front.
            let lead = if lines.is_empty() { first } else { other + LEAD_COLUMNS };
            let used = line.chars().count();
            let space = usize::from(used > 0);
            let room = width.saturating_sub(lead + used + space);
            if rest.chars().count() <= room {
                line.push_str(if used > 0 { " " } else { "" });
                line.push_str(rest);
                break;
            }
            if used > 0 {
                lines.push(std::mem::take(&mut line));
                continue;
            }
            let cut = rest.char_indices().nth(room.max(1)).map_or(rest.len(), |(at, _)| at);
            let (head, tail) = rest.split_at(cut);
            lines.push(head.to_owned());
            rest = tail;
        }
    }
    lines.push(line);
    let shown = lines.into_iter().enumerate().map(|(at, line)| {
        let lead = " ".repeat(if at == 0 { first } else { other });
        format!("{lead}{}", if at == 0 { line } else { begun(line) })
    });
    shown.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_lines() {
        for (text, expected) in [
            ("one two", "  one two"),
            (
                "a line of more than forty columns that goes on with - a dash in it",
                "  a line of more than forty columns that\n    goes on with - a dash in it",
            ),
            ("a line of forty columns that goes on - and on", "  a line of forty columns that goes on -\n    and on"),
            (
                "a line of forty columns which goes on at - dash",
                "  a line of forty columns which goes on\n    at - dash",
            ),
            ("a line of forty columns which it goes on #tag", "  a line of forty columns which it goes\n    on #tag"),
            ("a line of forty columns which it goes > x", "  a line of forty columns which it goes\n    · > x"),
            (&"x".repeat(80), &format!("  {}\n    {}\n    {}", "x".repeat(38), "x".repeat(34), "x".repeat(8))),
            ("", "  "),
        ] {
            assert_eq!(lines(text, [2, 4], 40), expected, "{text}");
        }
    }
}
