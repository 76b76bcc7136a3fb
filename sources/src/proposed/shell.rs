//! Commands of a shell, read but never run: words, where each begins, what is written to which file.
//!
//! Only what people paste is understood: quotes, continued lines, `;`, `&&`, `||`, pipes, comments, redirections and here-documents. What a shell would
//! put in (`$NAME`, `$(...)`, wildcards) is left as written and marked.

/// One command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// As written.
    pub(super) said: String,
    /// Its words; the first is its name.
    pub(super) words: Vec<Word>,
    /// Files to which it writes.
    pub(super) into: Vec<Word>,
    /// Text that it is given on its standard input by a here-document, and the line on which that begins.
    pub(super) given: Option<(String, u64)>,
    /// Whether it is given what the command before it writes.
    pub(super) is_piped: bool,
}

/// One word of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// Without its quotes.
    pub(super) text: String,
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// Whether a shell would put something in.
    pub(super) is_open: bool,
}

/// All commands of a text, in its order.
pub(super) fn commands(text: &str) -> Vec<Command> {
    let mut reader = Shell::of(text, 1);
    while reader.peek().is_some() {
        reader.read_line();
    }
    reader.found
}

/// The commands of the first line with those that go on with it, and how many bytes that are; the line has this number.
pub(super) fn first_line(text: &str, number: u64) -> (Vec<Command>, usize) {
    let mut reader = Shell::of(text, number);
    reader.read_line();
    (reader.found, reader.at)
}

struct Shell<'t> {
    text: &'t str,
    at: usize,
    line: u64,
    found: Vec<Command>,
    one: Command,
    begun: Option<usize>,
    /// Ends of here-documents that begin on the next line, with the number of their command.
    documents: Vec<(String, usize)>,
}

impl<'t> Shell<'t> {
    fn of(text: &'t str, line: u64) -> Shell<'t> {
        let (found, documents) = (Vec::new(), Vec::new());
        Shell { text, at: 0, line, found, one: Command::default(), begun: None, documents }
    }

    /// Reads to the end of a line that goes on no more, with the here-documents behind it.
    fn read_line(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                '\n' => {
                    self.step();
                    self.end(false);
                    self.take_documents();
                    return;
                }
                ' ' | '\t' | '\r' => self.step(),
                '\\' if self.rest().starts_with("\\\n") || self.rest().starts_with("\\\r\n") => self.skip_continued(),
                '#' => self.skip_line(),
                ';' | '&' => {
                    self.step();
                    self.end(false);
                }
                '|' => {
                    let is_or = self.rest().starts_with("||");
                    self.step();
                    if is_or {
                        self.step();
                    }
                    self.end(!is_or);
                }
                '<' => self.given(),
                '>' => self.writes(),
                _ => {
                    self.begin();
                    let word = self.word();
                    self.one.words.push(word);
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

    fn step(&mut self) {
        if let Some(c) = self.peek() {
            self.at += c.len_utf8();
            self.line += u64::from(c == '\n');
        }
    }

    fn skip_continued(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.step();
        }
        self.step();
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.step();
        }
    }

    fn begin(&mut self) {
        if self.begun.is_none() {
            self.begun = Some(self.at);
            self.one.line = self.line;
        }
    }

    /// Ends a command; the next one may be given what it writes.
    fn end(&mut self, is_piped: bool) {
        let next = Command { is_piped, ..Command::default() };
        let Some(begun) = self.begun.take() else { return };
        let mut one = std::mem::replace(&mut self.one, next);
        one.said = self
            .text
            .get(begun..self.at)
            .unwrap_or("")
            .trim_end_matches([';', '&', '|', ' ', '\n', '\r', '\t'])
            .to_owned();
        self.found.push(one);
    }

    /// `<file` or `<<END`.
    fn given(&mut self) {
        self.begin();
        let is_string = self.rest().starts_with("<<<");
        let is_document = self.rest().starts_with("<<");
        while self.peek().is_some_and(|c| matches!(c, '<' | '-')) {
            self.step();
        }
        let word = self.next_word();
        if is_string {
            self.one.given = Some((word.text, word.line));
        } else if is_document {
            self.documents.push((word.text, self.found.len()));
        }
    }

    /// `>file`, `>>file`, `2>&1`, `2>file`; only standard output counts.
    fn writes(&mut self) {
        self.begin();
        let before = self.text.get(..self.at).unwrap_or("");
        let is_numbered = before.ends_with(|c: char| c.is_ascii_digit());
        let number = is_numbered.then(|| self.one.words.pop_if(|word| word.text.len() == 1)).flatten();
        while self.peek() == Some('>') {
            self.step();
        }
        let is_copied = self.peek() == Some('&');
        if is_copied {
            self.step();
        }
        let word = self.next_word();
        if !is_copied && number.is_none_or(|number| number.text == "1") {
            self.one.into.push(word);
        }
    }

    fn next_word(&mut self) -> Word {
        while self.peek().is_some_and(|c| matches!(c, ' ' | '\t')) {
            self.step();
        }
        self.word()
    }

    fn word(&mut self) -> Word {
        let mut word = Word { line: self.line, ..Word::default() };
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' => break,
                '\\' if self.rest().starts_with("\\\n") || self.rest().starts_with("\\\r\n") => self.skip_continued(),
                '\\' => {
                    self.step();
                    word.text.extend(self.peek());
                    self.step();
                }
                '\'' => self.quoted(&mut word),
                '"' => self.double_quoted(&mut word),
                _ => {
                    word.is_open |= matches!(c, '$' | '`' | '*' | '?' | '{');
                    word.text.push(c);
                    self.step();
                }
            }
        }
        word
    }

    fn quoted(&mut self, word: &mut Word) {
        let (is_ansi, start) = (word.text.ends_with('$') && word.is_open, self.at + 1);
        self.step();
        let end = self.rest().find('\'').map_or(self.text.len(), |end| start + end);
        let body = self.text.get(start..end).unwrap_or("");
        if is_ansi {
            word.text.pop();
            word.text.push_str(&body.replace("\\n", "\n").replace("\\t", "\t"));
        } else {
            word.text.push_str(body);
        }
        self.line += memchr::memchr_iter(b'\n', body.as_bytes()).count() as u64;
        self.at = end;
        self.step();
    }

    fn double_quoted(&mut self, word: &mut Word) {
        self.step();
        while let Some(c) = self.peek() {
            self.step();
            match c {
                '"' => return,
                '\\' => match self.peek() {
                    Some('\n') => self.step(),
                    Some(next @ ('"' | '\\' | '$' | '`')) => {
                        word.text.push(next);
                        self.step();
                    }
                    _ => word.text.push('\\'),
                },
                _ => {
                    word.is_open |= matches!(c, '$' | '`');
                    word.text.push(c);
                }
            }
        }
    }

    /// Takes the here-documents that begin here.
    fn take_documents(&mut self) {
        for (end, number) in std::mem::take(&mut self.documents) {
            let (start, line) = (self.at, self.line);
            let mut stop = start;
            while !self.rest().is_empty() {
                let body = self.rest().split('\n').next().unwrap_or("");
                let is_end = body.trim_matches(['\t', '\r']) == end;
                stop = self.at;
                self.at = (self.at + body.len() + 1).min(self.text.len());
                self.line += 1;
                if is_end {
                    break;
                }
                stop = self.at;
            }
            let given = self.text.get(start..stop).unwrap_or("").to_owned();
            if let Some(command) = self.found.get_mut(number) {
                command.given = Some((given, line));
            }
        }
    }
}

impl Command {
    /// The name of the program, without its folder; `sudo` and settings of the environment do not count.
    pub(super) fn name(&self) -> &str {
        self.plain().first().map_or("", |word| word.text.rsplit('/').next().unwrap_or(""))
    }

    /// The words after the name.
    pub(super) fn arguments(&self) -> &[Word] {
        self.plain().get(1..).unwrap_or_default()
    }

    fn plain(&self) -> &[Word] {
        let is_before = |word: &&Word| {
            let is_setting = word.text.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            });
            matches!(word.text.as_str(), "sudo" | "doas" | "env" | "time" | "nice" | "-n" | "$" | "#") || is_setting
        };
        let before = self.words.iter().take_while(is_before).count();
        self.words.get(before..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let of = |one: Command| {
            let words: Vec<String> = one.words.iter().map(|word| word.text.clone()).collect();
            let into: Vec<String> = one.into.iter().map(|word| format!(" >{}", word.text)).collect();
            let given = one.given.map(|(text, line)| format!(" <{line}:{text:?}")).unwrap_or_default();
            let piped = if one.is_piped { "| " } else { "" };
            format!("{}:{piped}{}{}{given}", one.line, words.join("·"), into.concat())
        };
        commands(text).into_iter().map(of).collect()
    }

    #[test]
    fn ok_commands() {
        for (name, text, expected) in [
            ("words", "postsuper -r ALL", vec!["1:postsuper·-r·ALL"]),
            (
                "quotes",
                "postconf -e 'mynetworks = 192.0.2.0/24' \"a \\\"b\\\"\"",
                vec!["1:postconf·-e·mynetworks = 192.0.2.0/24·a \"b\""],
            ),
            ("several", "a 1; b 2 && c 3 || d\n\ne", vec!["1:a·1", "1:b·2", "1:c·3", "1:d", "3:e"]),
            (
                "piped into a file",
                "echo 'x OK' | sudo tee -a /m >/dev/null",
                vec!["1:echo·x OK", "1:| sudo·tee·-a·/m >/dev/null"],
            ),
            ("written", "echo x >> /m 2>&1", vec!["1:echo·x >/m"]),
            ("continued", "curl -d '{\n}' \\\n  URL\nb", vec!["1:curl·-d·{\n}·URL", "4:b"]),
            ("comment", "# nothing\na # b\nc#d", vec!["2:a", "3:c#d"]),
            ("here-document", "cat >> /m <<'EOF'\nx OK\ny OK\nEOF\nb", vec!["1:cat >/m <2:\"x OK\\ny OK\\n\"", "5:b"]),
            ("here-document without its end", "cat <<EOF\nx", vec!["1:cat <2:\"x\""]),
            ("string", "a <<< 'x y'", vec!["1:a <1:\"x y\""]),
            ("escapes", "echo $'a\\tOK\\n' b\\ c", vec!["1:echo·a\tOK\n·b c"]),
            ("unended quote", "a 'b", vec!["1:a·b"]),
            ("nothing", " \n;;\n", vec![]),
        ] {
            assert_eq!(told(text), expected, "{name}");
        }
    }

    #[test]
    fn names() {
        for (text, expected) in [
            ("sudo /usr/sbin/postmap a", "postmap"),
            ("A=b curl x", "curl"),
            ("", ""),
            ("sudo", ""),
            ("$ postsuper -r X", "postsuper"),
        ] {
            let found = commands(text);
            assert_eq!(found.first().map_or("", Command::name), expected, "{text}");
        }
    }
}
