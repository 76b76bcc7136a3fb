//! Where the statements of a PowerShell text begin and end, and the commands of a pipeline.
//!
//! Quotes, here-strings, comments and brackets are heeded, nothing else: each text has one reading, in linear time.

/// One statement, as written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement<'t> {
    /// All of it, without blanks around it.
    pub(super) text: &'t str,
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// The commands of its pipeline, as written.
    pub(super) commands: Vec<&'t str>,
    /// Whether nobody can tell where it ends: quotes or brackets stay open, or a `#` stands where it could begin a comment or not.
    pub(super) is_torn: bool,
}

/// What ends a stretch of text that stands in brackets or quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Bracket(char),
    DoubleQuote,
}

/// What is met at one step through a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    /// A character of code that stands in no brackets.
    Code(char),
    /// Something within quotes, brackets or a comment.
    Inside,
}

/// Goes through a text by characters, comments and simple strings, and knows in which brackets it stands.
pub(super) struct Walk<'t> {
    text: &'t str,
    pub(super) at: usize,
    within: Vec<Until>,
    /// Where the next character stands within its word.
    place: Place,
    /// Whether a `#` was met that could begin a comment or not.
    has_doubt: bool,
    /// Whether a string or comment was met that has no end.
    is_unclosed: bool,
}

/// Where a character stands within its word: whether a `#` there begins a comment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the start.
    Start,
    /// Within.
    Within,
    /// After a sign that ends a word in an expression and belongs to it in an argument.
    Unclear,
}

impl Place {
    fn after(c: char) -> Place {
        match c {
            c if is_blank(c) || "({;|&,".contains(c) => Place::Start,
            c if is_single_quote(c) || is_double_quote(c) || "=+*!<>)]}".contains(c) => Place::Unclear,
            _ => Place::Within,
        }
    }
}

/// Whether PowerShell takes it for a single quote.
pub(super) fn is_single_quote(c: char) -> bool {
    matches!(c, '\'' | '\u{2018}'..='\u{201B}')
}

/// Whether PowerShell takes it for a double quote.
pub(super) fn is_double_quote(c: char) -> bool {
    matches!(c, '"' | '\u{201C}'..='\u{201E}')
}

/// Whether PowerShell takes it for the dash of a parameter.
pub(super) fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2013}'..='\u{2015}')
}

/// Whether it parts words.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200B}' | '\u{FEFF}')
}

/// What closes a bracket. Not of `[`: in an argument it is a character like others.
fn closing(open: char) -> Option<char> {
    match open {
        '(' => Some(')'),
        '{' => Some('}'),
        _ => None,
    }
}

/// The length of a here-string at the start of a text, and where its content stands; `None` if none begins there.
///
/// `@'` or `@"` end their line, and the same quote with `@` begins the line after the content.
pub(super) fn here_string(text: &str) -> Option<HereString<'_>> {
    let quote = text.strip_prefix('@')?.chars().next()?;
    let is_quote = match quote {
        quote if is_single_quote(quote) => is_single_quote,
        quote if is_double_quote(quote) => is_double_quote,
        _ => return None,
    };
    let (first, content) = text.split_once('\n').unwrap_or((text, ""));
    if !first[1 + quote.len_utf8()..].trim().is_empty() {
        return None;
    }
    let mut at = first.len() + 1;
    for line in content.split_inclusive('\n') {
        let mut start = line.chars();
        if start.next().is_some_and(is_quote) && start.as_str().starts_with('@') {
            let content = content.get(..(at - first.len()).saturating_sub(2)).unwrap_or_default();
            let content = content.strip_suffix('\r').unwrap_or(content);
            let len = at + line.len() - start.as_str().len() + 1;
            return Some(HereString { len, content, expands: is_double_quote(quote), is_closed: true });
        }
        at += line.len();
    }
    Some(HereString { len: text.len(), content, expands: is_double_quote(quote), is_closed: false })
}

/// A here-string.
pub(super) struct HereString<'t> {
    /// Its length with its marks, in bytes; all that is left if it has no end.
    pub(super) len: usize,
    /// What it holds.
    pub(super) content: &'t str,
    /// Whether variables in it are replaced by their values.
    pub(super) expands: bool,
    /// Whether it has its end.
    pub(super) is_closed: bool,
}

impl<'t> Walk<'t> {
    pub(super) fn new(text: &'t str) -> Walk<'t> {
        Walk { text, at: 0, within: Vec::new(), place: Place::Start, has_doubt: false, is_unclosed: false }
    }

    /// A walk that begins here, within brackets of this kind.
    pub(super) fn inside(text: &'t str, at: usize, close: char) -> Walk<'t> {
        Walk { within: vec![Until::Bracket(close)], at, ..Walk::new(text) }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Whether the walk is out of all brackets and quotes.
    pub(super) fn is_outside(&self) -> bool {
        self.within.is_empty()
    }

    /// Goes one step.
    fn step(&mut self) -> Option<Met> {
        let rest = self.rest();
        let c = rest.chars().next()?;
        if self.within.last() == Some(&Until::DoubleQuote) {
            self.step_in_double_quotes(c, rest);
            return Some(Met::Inside);
        }
        let place = std::mem::replace(&mut self.place, Place::after(c));
        let is_comment = c == '#' || rest.starts_with("<#");
        self.has_doubt |= is_comment && (place == Place::Unclear || c == '<' && place == Place::Within);
        if let Some(Opaque { len, is_closed }) = opaque(rest, place == Place::Start) {
            self.at += len;
            self.is_unclosed |= !is_closed;
            if is_comment {
                self.place = Place::Start;
            }
            return Some(Met::Inside);
        }
        self.at += c.len_utf8();
        let was_outside = self.is_outside();
        if is_double_quote(c) {
            self.within.push(Until::DoubleQuote);
        } else if let Some(close) = closing(c) {
            self.within.push(Until::Bracket(close));
        } else if self.within.last() == Some(&Until::Bracket(c)) {
            self.within.pop();
        } else if was_outside {
            return Some(Met::Code(c));
        }
        Some(Met::Inside)
    }

    fn step_in_double_quotes(&mut self, c: char, rest: &str) {
        let next = rest[c.len_utf8()..].chars().next();
        let both = c.len_utf8() + next.map_or(0, char::len_utf8);
        if c == '`' || is_double_quote(c) && next.is_some_and(is_double_quote) {
            self.at += both;
        } else if let Some(len) = braced_name(rest) {
            self.at += len;
        } else if c == '$' && next == Some('(') {
            self.at += both;
            self.within.push(Until::Bracket(')'));
            self.place = Place::Start;
        } else {
            self.at += c.len_utf8();
            if is_double_quote(c) {
                self.within.pop();
                self.place = Place::after(c);
            }
        }
    }

    /// Goes one step; `false` at the end.
    pub(super) fn advance(&mut self) -> bool {
        self.step().is_some()
    }

    /// Goes on until it is out of all brackets and quotes, or at the end of the text.
    pub(super) fn out(&mut self) {
        while !self.is_outside() && self.step().is_some() {}
    }
}

/// The length of `${name}` at the start of a text; `None` if none begins there, or it has no end.
fn braced_name(text: &str) -> Option<usize> {
    let mut chars = text.strip_prefix("${")?.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '}' => return Some(2 + at + 1),
            '`' => drop(chars.next()),
            _ => {}
        }
    }
    None
}

/// The length of a line that fences a block in a ticket: three backticks and the name of a language.
fn fence(text: &str) -> Option<usize> {
    let line = text.split('\n').next()?;
    let language = line.strip_prefix("```")?.trim_end();
    language.chars().all(char::is_alphanumeric).then_some(line.len())
}

/// A stretch of a text that holds no code.
struct Opaque {
    len: usize,
    /// Whether it has its end.
    is_closed: bool,
}

/// What begins a text and holds no code: a comment, a string in single quotes, a here-string, an escaped character, a name in braces.
fn opaque(rest: &str, starts_word: bool) -> Option<Opaque> {
    let mut chars = rest.chars();
    let c = chars.next()?;
    let after = chars.as_str();
    let whole = |len: usize| Some(Opaque { len, is_closed: true });
    let until = |len: Option<usize>| Some(Opaque { len: len.unwrap_or(rest.len()), is_closed: len.is_some() });
    match c {
        '`' if starts_word && fence(rest).is_some() => whole(fence(rest)?),
        '`' if after.starts_with("\r\n") => whole(3),
        '`' => whole(1 + after.chars().next().map_or(0, char::len_utf8)),
        '$' if after.starts_with('{') => until(braced_name(rest)),
        '<' if after.starts_with('#') && starts_word => until(rest.find("#>").map(|end| end + 2)),
        '#' if starts_word => whole(rest.find('\n').unwrap_or(rest.len())),
        '@' => here_string(rest).map(|here| Opaque { len: here.len, is_closed: here.is_closed }),
        c if is_single_quote(c) => until(single_quoted(after).map(|len| len + c.len_utf8())),
        _ => None,
    }
}

/// The length of what follows an opening single quote, its end included: a doubled quote stands for itself. `None` without an end.
fn single_quoted(after: &str) -> Option<usize> {
    let mut chars = after.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if is_single_quote(c) && chars.next_if(|(_, next)| is_single_quote(*next)).is_none() {
            return Some(at + c.len_utf8());
        }
    }
    None
}

/// Parts a text into its statements, those that are empty left out.
pub(super) fn statements(text: &str) -> Vec<Statement<'_>> {
    let mut splitter =
        Splitter { text, found: Vec::new(), line: 1, counted: 0, start: 0, pipes: Vec::new(), is_torn: false };
    let mut walk = Walk::new(text);
    // The last character of the statement, and up to where line ends do not end it because a pipe follows.
    let (mut last, mut goes_on_until) = (None, 0);
    loop {
        let before = walk.at;
        let Some(met) = walk.step() else { break };
        let next = walk.rest().chars().next();
        let ends = match met {
            Met::Code(';') => true,
            Met::Code(c @ ('&' | '|')) if next == Some(c) => {
                walk.step();
                true
            }
            Met::Code('|') => {
                splitter.pipes.push(before);
                false
            }
            Met::Code('\n') if before >= goes_on_until && last.is_some() && is_pipe_next(walk.rest()) => {
                goes_on_until = text.len() - walk.rest().trim_start().len();
                false
            }
            Met::Code('\n') => before >= goes_on_until && !matches!(last, Some('|' | ',')),
            _ => false,
        };
        splitter.is_torn |= walk.has_doubt;
        match met {
            _ if ends => {
                splitter.end(before, walk.at);
                last = None;
            }
            Met::Code(c) if is_blank(c) => {}
            Met::Code(c) => last = Some(c),
            Met::Inside if is_comment(text, before) => {}
            Met::Inside => last = Some(' '),
        }
    }
    splitter.is_torn |= !walk.is_outside() || walk.is_unclosed;
    splitter.end(text.len(), text.len());
    splitter.found
}

fn is_comment(text: &str, at: usize) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with('#') || rest.starts_with("<#"))
}

/// Whether the next line begins with a pipe.
fn is_pipe_next(rest: &str) -> bool {
    rest.trim_start().strip_prefix('|').is_some_and(|after| !after.starts_with('|'))
}

struct Splitter<'t> {
    text: &'t str,
    found: Vec<Statement<'t>>,
    line: u64,
    /// Up to where lines were counted.
    counted: usize,
    start: usize,
    pipes: Vec<usize>,
    /// Stays so: where one statement may go on, nobody can tell the next.
    is_torn: bool,
}

impl<'t> Splitter<'t> {
    /// A statement ends here, the next begins there.
    fn end(&mut self, end: usize, next: usize) {
        let pipes = std::mem::take(&mut self.pipes);
        let start = std::mem::replace(&mut self.start, next);
        let whole = self.text.get(start..end).unwrap_or_default();
        let text = without_prompt(whole.trim_matches(is_blank));
        if text.is_empty() || text.starts_with("```") && !text.contains('\n') {
            return;
        }
        let begins = end - whole.trim_start_matches(is_blank).len();
        let lines = self.text.as_bytes().get(self.counted..begins).unwrap_or_default();
        self.line += lines.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.counted = begins;
        let bounds = pipes.iter().map(|pipe| pipe + 1);
        let starts = std::iter::once(start).chain(bounds);
        let ends = pipes.iter().copied().chain([end]);
        let command =
            |(start, end): (usize, usize)| self.text.get(start..end).unwrap_or_default().trim_matches(is_blank);
        let commands = starts.zip(ends).map(command).map(without_prompt).collect();
        self.found.push(Statement { text, line: self.line, commands, is_torn: self.is_torn });
    }
}

/// A command without the prompt that was copied with it: `PS C:\> `, `[PS] C:\>`.
fn without_prompt(text: &str) -> &str {
    let Some(rest) = text.strip_prefix("PS ").or_else(|| text.strip_prefix("[PS] ")) else { return text };
    let line = rest.split('\n').next().unwrap_or_default();
    match line.split_once('>') {
        Some((path, _)) if path.len() < 260 && !path.contains(['|', '"', '\'', '$']) => {
            rest[path.len() + 1..].trim_start_matches('>').trim_start_matches(is_blank)
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(u64, &[&str])]) {
        let found = statements(text);
        let found: Vec<(u64, &[&str])> = found.iter().map(|one| (one.line, one.commands.as_slice())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn ok_torn() {
        for (text, expected) in [
            ("A 'x'", false),
            ("A \"x $(y) z\" (a) {b}", false),
            ("A 'x", true),
            ("A \"x", true),
            ("A \"x $(y", true),
            ("A (x", true),
            ("A {x", true),
            ("A @'\nx", true),
            ("A <# x", true),
            ("A ${x", true),
            ("A a=#b; C", true),
            ("A 'a'#b; C", true),
            ("A https://vendor.example/#b", false),
            ("A x # b", false),
            ("A [x", false),
        ] {
            assert_eq!(statements(text).iter().any(|one| one.is_torn), expected, "{text}");
        }
    }

    #[test]
    fn ok_statements() {
        check("Get-A\nGet-B; Get-C", &[(1, &["Get-A"]), (2, &["Get-B"]), (2, &["Get-C"])]);
        check("\r\n\r\nSet-A `\r\n -B c\r\nGet-D\r\n", &[(3, &["Set-A `\r\n -B c"]), (5, &["Get-D"])]);
        check("A 'x;y' \"p;$(\"q;r\");s\" ; B", &[(1, &["A 'x;y' \"p;$(\"q;r\");s\""]), (1, &["B"])]);
        check("A 'it''s;'; B", &[(1, &["A 'it''s;'"]), (1, &["B"])]);
        check("A | B |\n C\nD", &[(1, &["A", "B", "C"]), (3, &["D"])]);
        check("A\n | B\n# c\nD", &[(1, &["A", "B"]), (3, &["# c"]), (4, &["D"])]);
        check("A x,\n y\nB", &[(1, &["A x,\n y"]), (3, &["B"])]);
        check("A && B || C", &[(1, &["A"]), (1, &["B"]), (1, &["C"])]);
        check("A @{X='1'\nY='2'}\nB", &[(1, &["A @{X='1'\nY='2'}"]), (3, &["B"])]);
        check("A @'\nx'; y\n'@ ; B", &[(1, &["A @'\nx'; y\n'@"]), (3, &["B"])]);
        check("A <# ; #> b; C", &[(1, &["A <# ; #> b"]), (1, &["C"])]);
        check("A b#c # d; e\nF", &[(1, &["A b#c # d; e"]), (2, &["F"])]);
        check("PS C:\\> A b\nPS /home/x> C", &[(1, &["A b"]), (2, &["C"])]);
        check("```powershell\nA b\n```\n", &[(2, &["A b"])]);
        check("```\nA b\n```", &[(2, &["A b"])]);
        check("A\n\n\n | B", &[(1, &["A", "B"])]);
        check("A \"${x\"}\"; B", &[(1, &["A \"${x\"}\""]), (1, &["B"])]);
        check("A [x; B", &[(1, &["A [x"]), (1, &["B"])]);
        check("A 'open\nB", &[(1, &["A 'open\nB"])]);
        check("A (open\nB", &[(1, &["A (open\nB"])]);
    }

    #[test]
    fn ok_here_strings() {
        for (text, len, content) in
            [("@'\na\nb\n'@x", 9, "a\nb"), ("@'\r\na\r\n'@", 9, "a"), ("@\"\n\"@", 5, ""), ("@'\nopen", 7, "open")]
        {
            let here = here_string(text).expect(text);
            assert_eq!((here.len, here.content), (len, content), "{text}");
        }
        assert!(here_string("@'a'").is_none());
        assert!(here_string("@(").is_none());
    }
}
