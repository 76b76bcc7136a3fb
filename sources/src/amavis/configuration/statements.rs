//! Statements of a Perl file that only sets variables, cut into words and marks. Nothing is run, and no name is put in.

use std::ops::Range;

/// One statement, up to its `;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Where it stands.
    pub(super) span: Range<usize>,
    /// Its words and marks.
    pub(super) words: Vec<Word>,
    /// Whether it ends with `;`.
    pub(super) is_whole: bool,
}

/// A word or mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A name with its sign (`$name`, `@name`, `%name`), a function, a number.
    Name(String),
    /// A text, without its quotes.
    Text(String),
    /// A pattern, as written.
    Pattern(String),
    /// `=`, `=>` (as `>`), brackets, `,` and the like.
    Mark(char),
}

/// All statements of a text.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let mut reader = Perl { text, at: 0, found: Vec::new(), words: Vec::new(), start: None, depth: 0 };
    reader.read();
    reader.found
}

struct Perl<'t> {
    text: &'t str,
    at: usize,
    found: Vec<Statement>,
    words: Vec<Word>,
    start: Option<usize>,
    depth: usize,
}

impl Perl<'_> {
    fn read(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                '#' => self.skip_line(),
                '=' if self.rest().starts_with("=pod") && self.is_at_line_start() => self.skip_pod(),
                _ if c.is_whitespace() => self.at += c.len_utf8(),
                ';' if self.depth == 0 => {
                    self.at += 1;
                    self.end(true);
                }
                _ => {
                    self.start.get_or_insert(self.at);
                    self.word(c);
                }
            }
        }
        self.end(false);
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn is_at_line_start(&self) -> bool {
        self.at == 0 || self.text.as_bytes().get(self.at - 1) == Some(&b'\n')
    }

    fn skip_line(&mut self) {
        self.at = memchr::memchr(b'\n', self.rest().as_bytes()).map_or(self.text.len(), |end| self.at + end);
    }

    fn skip_pod(&mut self) {
        self.at = self.rest().find("\n=cut").map_or(self.text.len(), |end| self.at + end + 5);
    }

    fn end(&mut self, is_whole: bool) {
        let Some(start) = self.start.take() else { return };
        let words = std::mem::take(&mut self.words);
        let body = self.text.get(start..self.at).unwrap_or("");
        let span = start..start + body.trim_end().len();
        self.depth = 0;
        self.found.push(Statement { span, words, is_whole });
    }

    fn word(&mut self, c: char) {
        match c {
            '\'' | '"' => {
                self.at += 1;
                let text = self.quoted(c, c);
                self.words.push(Word::Text(unescaped(&text)));
            }
            '$' | '@' | '%' | '&'
                if self.rest().chars().nth(1).is_some_and(|next| next.is_alphabetic() || next == '_') =>
            {
                self.at += 1;
                let name = self.name();
                self.words.push(Word::Name(format!("{c}{name}")));
            }
            _ if c.is_alphanumeric() || c == '_' || c == '-' || c == '.' => self.name_or_quote(),
            '=' if self.rest().starts_with("=>") => {
                self.at += 2;
                self.words.push(Word::Mark('>'));
            }
            '<' if self.rest().starts_with("<<'") || self.rest().starts_with("<<\"") => self.document(),
            _ => {
                match c {
                    '(' | '[' | '{' => self.depth += 1,
                    ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
                self.at += c.len_utf8();
                self.words.push(Word::Mark(c));
            }
        }
    }

    fn name(&mut self) -> String {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "_:.-".contains(c))).unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or("").to_owned();
        self.at += end;
        name
    }

    /// A name, a number, or one of the quoting words.
    fn name_or_quote(&mut self) {
        let before = self.at;
        let name = self.name();
        if name.is_empty() {
            self.at += self.peek().map_or(0, char::len_utf8);
            return;
        }
        let is_quoting = matches!(name.as_str(), "q" | "qq" | "qw" | "qr" | "m");
        let open =
            self.peek().filter(|c| is_quoting && (matches!(c, '(' | '{' | '[' | '<' | '/' | '\'' | '!' | '|' | '"')));
        let Some(open) = open else { return self.words.push(Word::Name(name)) };
        self.at += open.len_utf8();
        let close = match open {
            '(' => ')',
            '{' => '}',
            '[' => ']',
            '<' => '>',
            other => other,
        };
        let text = self.quoted(open, close);
        match name.as_str() {
            "qw" => self.words.extend(text.split_whitespace().map(|word| Word::Text(word.to_owned()))),
            "q" | "qq" => self.words.push(Word::Text(unescaped(&text))),
            _ => {
                let flags = self.rest().find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(0);
                self.at += flags;
                let written = self.text.get(before..self.at).unwrap_or("");
                self.words.push(Word::Pattern(written.to_owned()));
            }
        }
    }

    /// What stands up to the closing quote; brackets within brackets count.
    fn quoted(&mut self, open: char, close: char) -> String {
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(c) = self.peek() {
            if c == '\\' {
                self.at += 1;
                self.at += self.peek().map_or(0, char::len_utf8);
                continue;
            }
            if c == close && depth == 0 {
                let text = self.text.get(start..self.at).unwrap_or("").to_owned();
                self.at += c.len_utf8();
                return text;
            }
            depth = if c == close { depth.saturating_sub(1) } else { depth + usize::from(c == open && open != close) };
            self.at += c.len_utf8();
        }
        self.text.get(start..self.at).unwrap_or("").to_owned()
    }

    /// `<<'END'`: the lines after this one are passed over.
    fn document(&mut self) {
        self.at += 2;
        let quote = self.peek().unwrap_or('\'');
        self.at += 1;
        let end = self.quoted(quote, quote);
        let line_end = memchr::memchr(b'\n', self.rest().as_bytes()).map_or(self.text.len(), |at| self.at + at);
        let is_ended = self.text.get(self.at..line_end).unwrap_or("").contains(';');
        self.at = line_end;
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            let line = self.rest().split('\n').next().unwrap_or("");
            let (length, is_end) = (line.len(), line.trim_end() == end);
            self.at += length;
            if is_end {
                break;
            }
        }
        self.words.push(Word::Text("(lines)".to_owned()));
        if is_ended && self.depth == 0 {
            self.end(true);
        }
    }
}

fn unescaped(text: &str) -> String {
    text.replace("\\@", "@").replace("\\'", "'").replace("\\\"", "\"").replace("\\$", "$")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let word = |word: &Word| match word {
            Word::Name(name) => name.clone(),
            Word::Text(text) => format!("'{text}'"),
            Word::Pattern(pattern) => format!("~{pattern}"),
            Word::Mark(mark) => mark.to_string(),
        };
        let of = |one: Statement| {
            let end = if one.is_whole { ";" } else { "" };
            format!("{}{end}", one.words.iter().map(word).collect::<Vec<_>>().join(" "))
        };
        statements(text).into_iter().map(of).collect()
    }

    #[test]
    fn ok_statements() {
        for (name, text, expected) in [
            ("a number", "$sa_kill_level_deflt = 6.31; # evasive", vec!["$sa_kill_level_deflt = 6.31;"]),
            ("a negative one", "$x = -3.0;", vec!["$x = -3.0;"]),
            (
                "a list",
                "@a = ( ['.b.example', \"ann\\@c.example\"] );",
                vec!["@a = ( [ '.b.example' , 'ann@c.example' ] );"],
            ),
            ("words", "@n = qw( 192.0.2.0/24 [::1] );", vec!["@n = '192.0.2.0/24' '[::1]';"]),
            ("patterns", "[qr'^a@'i => 5.0], qr{b{2}};", vec!["[ ~qr'^a@'i > 5.0 ] , ~qr{b{2}};"]),
            ("a reference", "read_hash(\\%w, '/x');", vec!["read_hash ( \\ %w , '/x' );"]),
            ("a bank", "$policy_bank{'M'} = { a => 1 };", vec!["$policy_bank { 'M' } = { a > 1 };"]),
            ("two", "use strict;\n1;  # ok", vec!["use strict;", "1;"]),
            ("lines", "$t = <<'EOD';\nx; y\nEOD\n$b = 1;", vec!["$t = '(lines)';", "$b = 1;"]),
            ("unended", "$a = (1, 2", vec!["$a = ( 1 , 2"]),
        ] {
            assert_eq!(shown(text), expected, "{name}");
        }
    }

    #[test]
    fn rubbish_ends() {
        for text in ["q", "qw(", "\\", "'", "<<'", "${", "%", "qr'", "=pod", "(((", "]]", "é", "-"] {
            let _ = statements(&text.repeat(1000));
            let _ = statements(text);
        }
    }
}
