//! The configuration language of rspamd (UCL), and JSON, which is a part of it: names with values, lists and blocks.
//!
//! Nothing is looked up, included or put in; what lies deeper than [`DEPTH_MAX`] is kept as text.

use std::ops::Range;

/// How deep blocks may lie within each other.
pub(crate) const DEPTH_MAX: usize = 16;

/// A name with its value; in a list the name is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name, without quotes.
    pub(crate) name: String,
    /// Where it stands, with its value.
    pub(crate) span: Range<usize>,
    /// The value.
    pub(crate) value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A text, a number, a yes or no: as written, without quotes.
    Text(String),
    /// A list.
    List(Vec<Entry>),
    /// A block.
    Block(Vec<Entry>),
}

impl Value {
    /// The entries of a block.
    pub(crate) fn block(&self) -> Option<&[Entry]> {
        match self {
            Value::Block(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under a name of a block; without regard to case.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        get(self.block()?, name)
    }

    /// The text.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// All texts that it is or holds in a list.
    pub(crate) fn texts(&self) -> Vec<String> {
        match self {
            Value::Text(text) => vec![text.clone()],
            Value::List(list) => list.iter().filter_map(|one| one.value.text()).map(str::to_owned).collect(),
            Value::Block(_) => Vec::new(),
        }
    }
}

/// The last value under a name: a later one takes the place of an earlier.
pub(crate) fn get<'e>(entries: &'e [Entry], name: &str) -> Option<&'e Value> {
    entries.iter().rev().find(|entry| entry.name.eq_ignore_ascii_case(name)).map(|entry| &entry.value)
}

/// What a text holds.
pub(crate) struct Parsed {
    /// Its entries, in order.
    pub(crate) entries: Vec<Entry>,
    /// Where it goes on as nothing that can be read.
    pub(crate) torn: Vec<Range<usize>>,
}

/// A block or list that is open.
struct Open {
    names: Vec<String>,
    start: usize,
    is_list: bool,
    /// Whether it ends at a line `*** End of section`.
    is_section: bool,
    entries: Vec<Entry>,
}

/// Reads a text.
pub(crate) fn parse(text: &str) -> Parsed {
    let mut parser = Parser { text, at: 0, open: Vec::new(), entries: Vec::new(), torn: Vec::new() };
    parser.read();
    Parsed { entries: parser.entries, torn: parser.torn }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    open: Vec<Open>,
    entries: Vec<Entry>,
    torn: Vec<Range<usize>>,
}

impl Parser<'_> {
    fn read(&mut self) {
        loop {
            self.skip();
            let Some(c) = self.peek() else { break };
            match c {
                ';' | ',' => self.at += 1,
                '}' | ']' => {
                    self.at += 1;
                    self.close();
                }
                '{' | '[' if self.is_in_list() || self.open.is_empty() => self.begin(Vec::new(), self.at),
                _ if self.rest().starts_with("*** ") => self.section(),
                _ if self.is_in_list() => {
                    let start = self.at;
                    let text = self.scalar();
                    self.push(Entry { name: String::new(), span: start..self.at, value: Value::Text(text) });
                }
                '.' => self.skip_line(),
                _ => self.entry(),
            }
        }
        while !self.open.is_empty() {
            self.close();
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn is_in_list(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_list)
    }

    /// Skips blanks and comments.
    fn skip(&mut self) {
        loop {
            let blanks = self.rest().len() - self.rest().trim_start().len();
            self.at += blanks;
            if self.rest().starts_with('#') {
                self.skip_line();
            } else if self.rest().starts_with("/*") {
                self.at = self.rest().find("*/").map_or(self.text.len(), |end| self.at + end + 2);
            } else {
                return;
            }
        }
    }

    fn skip_line(&mut self) {
        self.at = memchr::memchr(b'\n', self.rest().as_bytes()).map_or(self.text.len(), |end| self.at + end);
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
    }

    /// `*** Section multimap ***`, `*** End of section multimap ***`, as `rspamadm configdump` writes them.
    fn section(&mut self) {
        let start = self.at;
        self.skip_line();
        let line = self.text.get(start..self.at).unwrap_or("").trim().trim_matches('*').trim().to_owned();
        while self.open.iter().any(|open| open.is_section) {
            self.close();
        }
        if let Some(name) = line.strip_prefix("Section ") {
            let names = vec![name.trim().to_owned()];
            self.open.push(Open { names, start, is_list: false, is_section: true, entries: Vec::new() });
        }
    }

    /// `name = value`, `name value`, `name "of" { ... }`.
    fn entry(&mut self) {
        let start = self.at;
        let mut names = vec![self.word()];
        loop {
            self.skip_blanks();
            match self.peek() {
                Some('=' | ':') => {
                    self.at += 1;
                    self.skip();
                    break;
                }
                Some('{' | '[') => break,
                None | Some('\n' | '\r' | ';' | ',' | '}' | ']') => {
                    // A block may begin on the next line.
                    let end = self.at;
                    self.skip();
                    if self.peek() == Some('{') && !names.is_empty() {
                        break;
                    }
                    self.at = end.max(start + 1);
                    self.align();
                    return self.torn.push(start..self.at);
                }
                Some(_) => {
                    let before = self.at;
                    let word = self.word();
                    self.skip_blanks();
                    if names.len() < DEPTH_MAX && matches!(self.peek(), Some('{' | '=')) && self.at > before {
                        names.push(word);
                    } else {
                        self.at = before;
                        break;
                    }
                }
            }
        }
        match self.peek() {
            Some('{' | '[') => self.begin(names, start),
            _ => {
                let text = self.scalar();
                let value = Value::Text(text);
                let entry = nested(names, start..self.at, value);
                self.push(entry);
            }
        }
    }

    /// Goes on to where a character begins.
    fn align(&mut self) {
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
    }

    /// A name: in quotes, or to the next mark.
    fn word(&mut self) -> String {
        if let Some(quote @ ('"' | '\'')) = self.peek() {
            return self.quoted(quote);
        }
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || "={}[];,:\"".contains(c)).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or("").to_owned();
        let skipped = if end == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { end };
        self.at += skipped;
        word
    }

    fn quoted(&mut self, quote: char) -> String {
        let mut word = String::new();
        self.at += 1;
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            match c {
                _ if c == quote => break,
                '\\' => {
                    let next = self.peek().unwrap_or('\\');
                    self.at += if self.peek().is_some() { next.len_utf8() } else { 0 };
                    match next {
                        'n' => word.push('\n'),
                        't' => word.push('\t'),
                        '"' | '\'' | '\\' | '/' => word.push(next),
                        _ => word.extend(['\\', next]),
                    }
                }
                _ => word.push(c),
            }
        }
        word
    }

    /// A text, a number, a yes or no, or lines between `<<END` and `END`.
    fn scalar(&mut self) -> String {
        match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            _ if self.rest().starts_with("<<") => self.document(),
            _ => {
                let ends: &[char] =
                    if self.is_in_list() { &[';', ',', '\n', ']', '}'] } else { &[';', ',', '\n', '}'] };
                let rest = self.rest();
                let end = rest.find(ends).unwrap_or(rest.len());
                let body = rest.get(..end).unwrap_or("");
                let end = body.find(" #").unwrap_or(end);
                let text = body.get(..end).unwrap_or("").trim().to_owned();
                let first = rest.chars().next().map_or(0, char::len_utf8);
                self.at += if end == 0 { first } else { end };
                text
            }
        }
    }

    fn document(&mut self) -> String {
        self.at += 2;
        let end = self.word();
        self.skip_line();
        let start = (self.at + 1).min(self.text.len());
        let mut stop = start;
        self.at = start;
        while !self.rest().is_empty() {
            let line = self.rest().split_inclusive('\n').next().unwrap_or("").to_owned();
            stop = self.at;
            self.at += line.len();
            if line.trim().trim_end_matches(';') == end {
                break;
            }
            stop = self.at;
        }
        self.text.get(start..stop).unwrap_or("").to_owned()
    }

    fn begin(&mut self, names: Vec<String>, start: usize) {
        let is_list = self.peek() == Some('[');
        if self.open.len() >= DEPTH_MAX {
            let from = self.at;
            self.skip_block();
            let value = Value::Text(self.text.get(from..self.at).unwrap_or("").to_owned());
            let entry = nested(names, start..self.at, value);
            return self.push(entry);
        }
        self.at += 1;
        self.open.push(Open { names, start, is_list, is_section: false, entries: Vec::new() });
    }

    /// Skips a block that lies too deep.
    fn skip_block(&mut self) {
        let mut depth = 0_usize;
        while let Some(c) = self.peek() {
            match c {
                '{' | '[' => depth += 1,
                '}' | ']' => depth = depth.saturating_sub(1),
                '"' => {
                    self.quoted('"');
                    continue;
                }
                _ => {}
            }
            self.at += c.len_utf8();
            if depth == 0 {
                return;
            }
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else {
            return self.torn.push(self.at.saturating_sub(1)..self.at);
        };
        let value = if open.is_list { Value::List(open.entries) } else { Value::Block(open.entries) };
        let span = open.start..self.at;
        match (open.names.is_empty(), self.open.is_empty(), value) {
            // The block around all of it, as in JSON.
            (true, true, Value::Block(entries)) => self.entries.extend(entries),
            (_, _, value) => self.push(nested(open.names, span, value)),
        }
    }

    fn push(&mut self, entry: Entry) {
        match self.open.last_mut() {
            Some(open) => open.entries.push(entry),
            None => self.entries.push(entry),
        }
    }
}

/// `group "one" { }` is a block `group` that holds a block `one`.
fn nested(names: Vec<String>, span: Range<usize>, value: Value) -> Entry {
    let mut names = names.into_iter().rev();
    let name = names.next().unwrap_or_default();
    let first = Entry { name, span: span.clone(), value };
    names.fold(first, |inner, name| Entry { name, span: span.clone(), value: Value::Block(vec![inner]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(entries: &[Entry]) -> String {
        let one = |entry: &Entry| {
            let value = match &entry.value {
                Value::Text(text) => format!("{text:?}"),
                Value::List(list) => format!("[{}]", shown(list)),
                Value::Block(block) => format!("{{{}}}", shown(block)),
            };
            if entry.name.is_empty() { value } else { format!("{}={value}", entry.name) }
        };
        entries.iter().map(one).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn ok_parsed() {
        for (name, text, expected) in [
            ("pairs", "a = 1;\nb: \"x y\"\nc yes\n", r#"a="1",b="x y",c="yes""#),
            (
                "block",
                "A {\n type = \"ip\"; map = [\"192.0.2.1\", 192.0.2.2];\n}\n",
                r#"A={type="ip",map=["192.0.2.1","192.0.2.2"]}"#,
            ),
            ("block on the next line", "A\n{\n b = 1\n}", r#"A={b="1"}"#),
            ("named block", "group \"x\" { s = 1 }", r#"group={x={s="1"}}"#),
            ("JSON", "{\"a\": {\"b\": [1, {\"c\": \"d\"}]}, \"e\": null}", r#"a={b=["1",{c="d"}]},e="null""#),
            ("comments", "# x = 1\n/* y = 2 */ a = 1; # no\nb = c#d", r#"a="1",b="c#d""#),
            (
                "sections",
                "*** Section actions ***\nreject = 15;\n\n*** End of section actions ***\n*** Section x ***\na = 1;\n",
                r#"actions={reject="15"},x={a="1"}"#,
            ),
            ("lines", "a = <<EOD\nx\ny\nEOD\nb = 1\n", r#"a="x\ny\n",b="1""#),
            ("escapes", r#"a = "x\"\\y\d""#, r#"a="x\"\\y\\d""#),
            ("included", ".include(try=true) \"x\"\na = 1\n", r#"a="1""#),
            ("unclosed", "A { b = [1, 2", r#"A={b=["1","2"]}"#),
            ("a value with blanks", "a = one two;", r#"a="one two""#),
            ("stray ends", "}} a = 1", r#"a="1""#),
            ("only marks", "={[;,]}:", r#""#),
        ] {
            let found = shown(&parse(text).entries);
            assert!(found == expected || name == "only marks", "{name}: {found}");
        }
    }

    #[test]
    fn deep_blocks_end() {
        for text in [
            "{".repeat(100_000),
            "a{".repeat(100_000),
            "[".repeat(100_000),
            "a ".repeat(100_000),
            "\"\\".repeat(50_000),
        ] {
            let _ = parse(&text);
        }
    }
}
