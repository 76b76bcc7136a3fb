//! Values as PowerShell writes them: strings, lists, hash tables, variables; what would have to be computed stays unknown.

use std::collections::HashMap;

use super::script::{Walk, here_string, is_blank, is_dash, is_double_quote, is_single_quote};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// `$null`.
    Null,
    /// `$true`, `$false`.
    Flag(bool),
    /// A text or number.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A hash table, in its order.
    Table(Vec<(String, Value)>),
    /// What only PowerShell could compute, as written.
    Unknown(String),
}

/// One argument of a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Argument {
    /// `-Name`, or `-Name:value`.
    Named(String, Option<Value>),
    /// A value without a name, or that of the name before it.
    Value(Value),
    /// `@name`: the members of a hash table as arguments.
    Splat(String),
}

/// A command and its arguments.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Command {
    /// Its name as written, without the module before it.
    pub(super) name: String,
    /// Its arguments, in their order.
    pub(super) arguments: Vec<Argument>,
}

/// What cannot be read: what was expected there, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What was expected.
    pub(super) expected: String,
    /// What was found.
    pub(super) found: String,
}

impl Fault {
    pub(super) fn new(expected: &str, found: impl AsRef<str>) -> Fault {
        Fault { expected: expected.to_owned(), found: shortened(found.as_ref(), FOUND_CHARS) }
    }
}

/// How much of what was found is repeated.
const FOUND_CHARS: usize = 120;

/// The first characters of a text.
pub(super) fn shortened(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}

/// The variables of a text, by name in lower case.
///
/// What is taken out of them is bounded: a text that doubles a variable again and again would otherwise fill the memory.
pub(super) struct Variables {
    values: HashMap<String, (Value, usize)>,
    left: usize,
}

/// How much is taken out of variables at most, in bytes.
const TAKEN_MAX_BYTES: usize = 16 << 20;

impl Variables {
    pub(super) fn new() -> Variables {
        Variables { values: HashMap::new(), left: TAKEN_MAX_BYTES }
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        let size = value.size();
        self.values.insert(name.to_lowercase(), (value, size));
    }

    /// The value of a variable; unknown if the text does not say it.
    pub(super) fn get(&mut self, name: &str) -> Value {
        match name.to_lowercase().as_str() {
            "true" => Value::Flag(true),
            "false" => Value::Flag(false),
            "null" => Value::Null,
            name => {
                let unknown = || Value::Unknown(format!("${name}"));
                let Some((value, size)) = self.values.get(name) else { return unknown() };
                match self.left.checked_sub(*size) {
                    Some(left) => {
                        self.left = left;
                        value.clone()
                    }
                    None => unknown(),
                }
            }
        }
    }
}

impl Value {
    /// About how many bytes it takes.
    fn size(&self) -> usize {
        const EACH: usize = 32;
        EACH + match self {
            Value::Null | Value::Flag(_) => 0,
            Value::Text(text) | Value::Unknown(text) => text.len(),
            Value::List(values) => values.iter().map(Value::size).sum(),
            Value::Table(members) => members.iter().map(|(key, value)| EACH + key.len() + value.size()).sum(),
        }
    }

    /// What it is within a string in double quotes; `None` if unknown.
    fn within_text(&self) -> Option<String> {
        Some(match self {
            Value::Null => String::new(),
            Value::Flag(true) => "True".to_owned(),
            Value::Flag(false) => "False".to_owned(),
            Value::Text(text) => text.clone(),
            Value::List(values) => values.iter().map(Value::within_text).collect::<Option<Vec<_>>>()?.join(" "),
            Value::Table(_) | Value::Unknown(_) => return None,
        })
    }

    /// The first part of it that is unknown.
    pub(super) fn unknown(&self) -> Option<&str> {
        match self {
            Value::Unknown(said) => Some(said),
            Value::List(values) => values.iter().find_map(Value::unknown),
            Value::Table(members) => members.iter().find_map(|(_, value)| value.unknown()),
            _ => None,
        }
    }
}

/// Up to how deep brackets in brackets are understood.
const DEPTH_MAX: usize = 12;

/// Reads values out of a text.
pub(super) struct Cursor<'t, 'v> {
    text: &'t str,
    at: usize,
    variables: &'v mut Variables,
}

/// What a text assigns to a variable.
pub(super) struct Assignment<'t> {
    /// The variable's name.
    pub(super) name: String,
    /// Whether the value is added to what is there.
    pub(super) adds: bool,
    /// What stands right of the sign.
    pub(super) value: &'t str,
}

/// The assignment that a statement is; `None` if it is none.
pub(super) fn assignment(text: &str) -> Option<Assignment<'_>> {
    let text = without_casts(text);
    let after = text.strip_prefix('$')?;
    let name_end = after.find(|c| !is_name(c)).unwrap_or(after.len());
    let (name, rest) = after.split_at(name_end);
    let rest = rest.trim_start_matches(is_blank);
    let (adds, value) = match rest.strip_prefix("+=") {
        Some(value) => (true, value),
        None => (false, rest.strip_prefix('=')?),
    };
    let is_one = !name.is_empty() && !value.starts_with('=');
    is_one.then_some(Assignment { name: without_scope(name).to_owned(), adds, value: value.trim_matches(is_blank) })
}

/// The name of a variable without its scope; those of other drives, such as `env:`, are other variables.
fn without_scope(name: &str) -> &str {
    match name.split_once(':') {
        Some((scope, name)) if SCOPES.contains(&scope.to_ascii_lowercase().as_str()) => name,
        _ => name,
    }
}

const SCOPES: &[&str] = &["global", "script", "local", "private", "variable", "using"];

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ':')
}

/// Types that change nothing about how a value is read.
const CASTS: &[&str] =
    &["string", "string[]", "array", "object[]", "ordered", "hashtable", "datetime", "system.string"];

fn without_casts(text: &str) -> &str {
    let mut text = text.trim_start_matches(is_blank);
    while let Some((cast, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        // `[string[]]` ends with a second bracket.
        let (cast, rest) = match rest.strip_prefix(']') {
            Some(rest) if cast.ends_with('[') => (format!("{cast}]"), rest),
            _ => (cast.to_owned(), rest),
        };
        if !CASTS.contains(&cast.to_ascii_lowercase().as_str()) || rest.starts_with("::") {
            break;
        }
        text = rest.trim_start_matches(is_blank);
    }
    text
}

/// The value of an expression that is all of a text.
pub(super) fn expression(text: &str, variables: &mut Variables) -> Value {
    let mut cursor = Cursor { text, at: 0, variables };
    let value = cursor.expression(0);
    cursor.blanks();
    if cursor.at < text.len() { Value::Unknown(text.to_owned()) } else { value }
}

/// The command that a text is.
///
/// # Errors
/// [`Fault`] if it is something else.
pub(super) fn command(text: &str, variables: &mut Variables) -> Result<Command, Fault> {
    let mut cursor = Cursor { text, at: 0, variables };
    cursor.blanks();
    let start = cursor.rest();
    let begins_word = |c: char| c.is_alphabetic() || c == '`' || c == '%' || c == '?';
    if !start.starts_with(begins_word) {
        return Err(Fault::new(A_COMMAND, start));
    }
    let Value::Text(name) = cursor.word() else { return Err(Fault::new(A_COMMAND, start)) };
    let name = name.rsplit(['\\', '/']).next().unwrap_or(&name).to_owned();
    let mut arguments = Vec::new();
    while let Some(argument) = cursor.argument()? {
        arguments.extend(argument.0);
    }
    Ok(Command { name, arguments })
}

const A_COMMAND: &str = "a command by its name";
const AN_ARGUMENT: &str = "a parameter or a value";

/// An argument, or a redirection, which is none.
struct Argued(Option<Argument>);

impl<'t> Cursor<'t, '_> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, c: char) -> bool {
        let is_next = self.peek() == Some(c);
        if is_next {
            self.at += c.len_utf8();
        }
        is_next
    }

    /// Skips blanks, line ends, and comments.
    fn blanks(&mut self) {
        loop {
            let rest = self.rest();
            let len = match rest.chars().next() {
                Some(c) if is_blank(c) => c.len_utf8(),
                Some('#') => rest.find('\n').unwrap_or(rest.len()),
                Some('<') if rest.starts_with("<#") => rest.find("#>").map_or(rest.len(), |end| end + 2),
                Some('`') if rest[1..].starts_with("\r\n") => 3,
                Some('`') if rest[1..].starts_with(is_blank) => 1,
                Some('`') if rest.len() == 1 => 1,
                _ => return,
            };
            self.at += len;
        }
    }

    /// The next argument; `None` at the end.
    fn argument(&mut self) -> Result<Option<Argued>, Fault> {
        self.blanks();
        let rest = self.rest();
        let mut chars = rest.chars();
        let Some(c) = chars.next() else { return Ok(None) };
        let next = chars.next();
        if let Some(len) = redirection(rest) {
            self.at += len;
            self.blanks();
            let target = if rest[..len].ends_with("&1") || self.rest().is_empty() { Value::Null } else { self.list(0) };
            return match target.unknown() {
                Some(unknown) => Err(Fault::new("the name of a file after `>`", unknown)),
                None => Ok(Some(Argued(None))),
            };
        }
        let argument = match (c, next) {
            (c, Some(next)) if is_dash(c) && (next.is_alphabetic() || next == '_') => self.named()?,
            (c, Some(next)) if is_dash(c) && is_dash(next) => return Err(Fault::new(AN_ARGUMENT, rest)),
            ('@', Some(next)) if next.is_alphabetic() || next == '_' => {
                let name = rest[1..].split(|c| !is_name(c)).next().unwrap_or_default();
                self.at += 1 + name.len();
                Argument::Splat(name.to_owned())
            }
            (')' | '}' | ']' | '|' | ';' | '&' | ',' | '<', _) => return Err(Fault::new(AN_ARGUMENT, rest)),
            _ => Argument::Value(self.list(0)),
        };
        Ok(Some(Argued(Some(argument))))
    }

    fn named(&mut self) -> Result<Argument, Fault> {
        let start = self.rest();
        let is_end = |c: char| is_blank(c) || ":,;|&(){}@$".contains(c);
        let after = start.trim_start_matches(is_dash);
        let mut name = after.split(is_end).next().unwrap_or_default().to_owned();
        self.at += start.len() - after.len() + name.len();
        name.retain(|c| c != '`');
        if !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(Fault::new("the name of a parameter", start));
        }
        let value = self.take(':').then(|| {
            self.blanks();
            self.list(0)
        });
        Ok(Argument::Named(name, value))
    }

    /// Values with commas between them, as arguments write them.
    fn list(&mut self, depth: usize) -> Value {
        self.separated(|cursor| cursor.piece(depth))
    }

    /// Values with commas between them, as expressions write them.
    fn expression(&mut self, depth: usize) -> Value {
        self.separated(|cursor| cursor.sum(depth))
    }

    fn separated(&mut self, mut piece: impl FnMut(&mut Self) -> Value) -> Value {
        let mut values = vec![piece(self)];
        loop {
            let before = self.at;
            self.blanks();
            if !self.take(',') {
                self.at = before;
                break;
            }
            self.blanks();
            values.push(piece(self));
        }
        match (values.len(), values.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                values.extend(last);
                flat(values)
            }
        }
    }

    /// Texts or lists that are added up.
    fn sum(&mut self, depth: usize) -> Value {
        self.blanks();
        let start = self.at;
        let cast = self.rest().len() - without_casts(self.rest()).len();
        self.at += cast;
        let mut value = if self.peek() == Some(',') && {
            self.at += 1;
            true
        } {
            Value::List(vec![self.piece(depth)])
        } else {
            self.primary(depth)
        };
        loop {
            let before = self.at;
            self.blanks();
            if !self.take('+') {
                self.at = before;
                return value;
            }
            self.blanks();
            let next = self.primary(depth);
            value = match added(value, next) {
                Some(sum) => sum,
                None => Value::Unknown(self.since(start)),
            };
        }
    }

    /// A value in an expression: a bare word there would be a command, of which one is understood.
    fn primary(&mut self, depth: usize) -> Value {
        let start = self.at;
        let rest = self.rest();
        let is_date = rest.get(..8).is_some_and(|word| word.eq_ignore_ascii_case("get-date"));
        if !is_date || !rest[8..].starts_with(is_blank) {
            let is_bare = rest.starts_with(char::is_alphabetic);
            return match self.piece(depth) {
                // It would be a command; somebody forgot the quotes of an address or a domain.
                Value::Text(word) if is_bare && !word.contains(['.', '@']) => Value::Unknown(word),
                value => value,
            };
        }
        self.at += 8;
        self.blanks();
        let name = self.rest();
        if name.starts_with('-') {
            let is_own = name.get(..5).is_some_and(|name| name.eq_ignore_ascii_case("-date"));
            if !is_own {
                return Value::Unknown(self.since(start));
            }
            self.at += 5;
            self.blanks();
        }
        self.piece(depth)
    }

    fn since(&self, start: usize) -> String {
        self.text.get(start..self.at).unwrap_or_default().to_owned()
    }

    /// One value.
    fn piece(&mut self, depth: usize) -> Value {
        let start = self.at;
        let rest = self.rest();
        let mut chars = rest.chars();
        let (first, next) = (chars.next(), chars.next());
        let value = match (first, next) {
            (Some('@'), Some('(')) => self.in_brackets(2, ')', depth, Self::members_of_list),
            (Some('@'), Some('{')) => self.in_brackets(2, '}', depth, Self::members_of_table),
            (Some('('), _) => self.in_brackets(1, ')', depth, |cursor, depth| Some(cursor.expression(depth))),
            (Some('$'), Some('(')) => self.in_brackets(2, ')', depth, |_, _| None),
            (Some('{'), _) => self.in_brackets(1, '}', depth, |_, _| None),
            (Some('['), _) => {
                self.skip_word();
                Value::Unknown(self.since(start))
            }
            (Some('@'), _) if here_string(rest).is_some() => self.here(),
            (Some(c), _) if is_single_quote(c) => {
                self.at += c.len_utf8();
                Value::Text(self.single_quoted())
            }
            (Some(c), _) if is_double_quote(c) => {
                self.at += c.len_utf8();
                self.double_quoted(start)
            }
            (Some('$'), _) => return self.variable(),
            _ => return self.word(),
        };
        self.tail(start, value)
    }

    /// What is asked of a value (`.Length`, `[0]`) has to be computed; that it is meant in UTC has not.
    fn tail(&mut self, start: usize, value: Value) -> Value {
        let rest = self.rest();
        const IN_UTC: &str = ".ToUniversalTime()";
        let is_date =
            matches!(value, Value::Text(_)) && self.text.get(start..).is_some_and(|text| text.starts_with('('));
        if is_date && rest.get(..IN_UTC.len()).is_some_and(|tail| tail.eq_ignore_ascii_case(IN_UTC)) {
            self.at += IN_UTC.len();
            return value;
        }
        if !rest.starts_with(['.', '[']) && !rest.starts_with("::") {
            return value;
        }
        self.skip_word();
        Value::Unknown(self.since(start))
    }

    /// Skips to the next blank, comma or closing bracket that stands in no brackets.
    fn skip_word(&mut self) {
        let mut walk = Walk::new(self.text);
        walk.at = self.at;
        let is_end = |c: char| is_blank(c) || ",;|)}".contains(c);
        while self.text.get(walk.at..).and_then(|rest| rest.chars().next()).is_some_and(|c| !is_end(c)) {
            if !walk.advance() {
                break;
            }
            walk.out();
        }
        self.at = walk.at.max(self.at);
    }

    /// Reads what stands in brackets; if that is not understood, it is skipped and unknown.
    fn in_brackets(
        &mut self,
        open_len: usize,
        close: char,
        depth: usize,
        read: impl FnOnce(&mut Self, usize) -> Option<Value>,
    ) -> Value {
        let start = self.at;
        self.at += open_len;
        let value = if depth < DEPTH_MAX { read(self, depth + 1) } else { None };
        self.blanks();
        let is_closed = self.take(close);
        if let (Some(value), true) = (value, is_closed) {
            return value;
        }
        if !is_closed {
            let mut walk = Walk::inside(self.text, self.at, close);
            walk.out();
            self.at = walk.at;
        }
        Value::Unknown(self.since(start))
    }

    fn members_of_list(&mut self, depth: usize) -> Option<Value> {
        let mut values = Vec::new();
        loop {
            self.separators();
            if matches!(self.peek(), None | Some(')')) {
                return Some(flat(values));
            }
            let before = self.at;
            values.push(self.expression(depth));
            if self.at == before || !self.is_separated(')') {
                return None;
            }
        }
    }

    fn members_of_table(&mut self, depth: usize) -> Option<Value> {
        let mut members = Vec::new();
        loop {
            self.separators();
            if matches!(self.peek(), None | Some('}')) {
                return Some(Value::Table(members));
            }
            let key = self.key()?;
            self.blanks();
            if !self.take('=') {
                return None;
            }
            self.blanks();
            members.push((key, self.expression(depth)));
            if !self.is_separated('}') {
                return None;
            }
        }
    }

    fn key(&mut self) -> Option<String> {
        let start = self.at;
        match self.peek()? {
            c if is_single_quote(c) || is_double_quote(c) => match self.piece(DEPTH_MAX) {
                Value::Text(text) => Some(text),
                _ => None,
            },
            _ => {
                let word = self.rest().split(|c: char| !is_name(c) && !is_dash(c)).next().unwrap_or_default();
                self.at += word.len();
                (!word.is_empty()).then(|| self.since(start))
            }
        }
    }

    fn separators(&mut self) {
        loop {
            self.blanks();
            if !self.take(';') {
                return;
            }
        }
    }

    /// Whether the member that was read last ends here: at a line end, a semicolon or the bracket.
    fn is_separated(&mut self, close: char) -> bool {
        let before = self.at;
        self.blanks();
        let next = self.peek();
        matches!(next, None | Some(';')) || next == Some(close) || self.since(before).contains('\n')
    }

    fn here(&mut self) -> Value {
        let start = self.at;
        let Some(here) = here_string(self.rest()) else { return Value::Unknown(String::new()) };
        self.at += here.len;
        match here.expands {
            true => self.expanded(here.content, start),
            false => Value::Text(here.content.to_owned()),
        }
    }

    fn expanded(&mut self, text: &str, start: usize) -> Value {
        let mut inner = Cursor { text, at: 0, variables: &mut *self.variables };
        match inner.expand(|_| false, |_| true) {
            Some(text) => Value::Text(text),
            None => Value::Unknown(self.since(start)),
        }
    }

    fn single_quoted(&mut self) -> String {
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            if is_single_quote(c) {
                match self.peek() {
                    Some(next) if is_single_quote(next) => self.at += next.len_utf8(),
                    _ => break,
                }
            }
            text.push(c);
        }
        text
    }

    fn double_quoted(&mut self, start: usize) -> Value {
        let text = self.expand(is_double_quote, is_double_quote);
        match text {
            Some(text) => Value::Text(text),
            None => Value::Unknown(self.since(start)),
        }
    }

    /// Text up to its end, escapes and variables replaced; `None` if a variable is unknown. The end is taken; a doubled one
    /// stands for itself.
    fn expand(&mut self, is_end: fn(char) -> bool, doubles: fn(char) -> bool) -> Option<String> {
        let mut text = Some(String::new());
        let push = |text: &mut Option<String>, part: &str| text.iter_mut().for_each(|text| text.push_str(part));
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            let next = self.peek();
            match c {
                c if is_end(c) => match next {
                    Some(next) if doubles(next) => {
                        self.at += next.len_utf8();
                        push(&mut text, c.encode_utf8(&mut [0; 4]));
                    }
                    _ => return text,
                },
                '`' => push(&mut text, self.escaped().encode_utf8(&mut [0; 4])),
                '$' if next == Some('(') => {
                    let mut walk = Walk::inside(self.text, self.at + 1, ')');
                    walk.out();
                    self.at = walk.at;
                    text = None;
                }
                '$' if next.is_some_and(begins_name) => {
                    self.at -= 1;
                    let name = self.name();
                    match self.variables.get(&name).within_text() {
                        Some(value) => push(&mut text, &value),
                        None => text = None,
                    }
                }
                c => push(&mut text, c.encode_utf8(&mut [0; 4])),
            }
        }
        text
    }

    /// The character after a backtick.
    fn escaped(&mut self) -> char {
        let Some(c) = self.peek() else { return '`' };
        self.at += c.len_utf8();
        match c {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '0' => '\0',
            c => c,
        }
    }

    /// The name of a variable, its `$` and braces taken.
    fn name(&mut self) -> String {
        self.at += 1;
        if self.take('{') {
            let name = self.rest().split('}').next().unwrap_or_default().to_owned();
            self.at += name.len();
            self.take('}');
            return without_scope(&name).to_owned();
        }
        let rest = self.rest();
        let mut name = rest.split(|c| !is_name(c)).next().unwrap_or_default();
        // A colon belongs to the name only between a scope and it.
        name = name.trim_end_matches(':');
        self.at += name.len();
        without_scope(name).to_owned()
    }

    fn variable(&mut self) -> Value {
        let start = self.at;
        if !self.rest()[1..].starts_with(begins_name) {
            return self.word();
        }
        let name = self.name();
        if self.peek().is_some_and(|c| !ends_word(c) && !matches!(c, '.' | '[' | ':' | '+')) {
            // `$user@example.com`: a word that begins with a variable.
            self.at = start;
            return self.word();
        }
        let value = self.variables.get(&name);
        self.tail(start, value)
    }

    /// A bare word, its escapes, quotes and variables replaced.
    fn word(&mut self) -> Value {
        let start = self.at;
        let mut text = Some(String::new());
        let push = |text: &mut Option<String>, part: &str| text.iter_mut().for_each(|text| text.push_str(part));
        while let Some(c) = self.peek().filter(|c| !ends_word(*c)) {
            match c {
                '`' => {
                    self.at += 1;
                    push(&mut text, self.escaped().encode_utf8(&mut [0; 4]));
                }
                c if is_single_quote(c) => {
                    self.at += c.len_utf8();
                    push(&mut text, &self.single_quoted());
                }
                c if is_double_quote(c) => {
                    self.at += c.len_utf8();
                    match self.expand(is_double_quote, is_double_quote) {
                        Some(part) => push(&mut text, &part),
                        None => text = None,
                    }
                }
                '$' if self.rest()[1..].starts_with(begins_name) => {
                    let name = self.name();
                    match self.variables.get(&name).within_text() {
                        Some(value) => push(&mut text, &value),
                        None => text = None,
                    }
                }
                c => {
                    self.at += c.len_utf8();
                    push(&mut text, c.encode_utf8(&mut [0; 4]));
                }
            }
        }
        if self.at == start {
            // Nothing that could be a value: the rest is left to whoever reads on.
            return Value::Unknown(shortened(self.rest(), FOUND_CHARS));
        }
        text.map_or_else(|| Value::Unknown(self.since(start)), |text| Value::Text(number(text)))
    }
}

/// A negative number with a plain dash and without leading zeros; any other word as it is.
fn number(word: String) -> String {
    let digits = word.strip_prefix(is_dash).filter(|digits| !digits.is_empty() && is_number(digits));
    match digits.map(|digits| digits.trim_start_matches('0')) {
        Some("") => "0".to_owned(),
        Some(digits) => format!("-{digits}"),
        None => word,
    }
}

fn begins_name(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '_' | '{')
}

fn ends_word(c: char) -> bool {
    is_blank(c) || ",;|&(){}<>".contains(c)
}

/// The length of a redirection: `>`, `2>`, `*>>`, `2>&1`.
fn redirection(text: &str) -> Option<usize> {
    let stream = usize::from(text.starts_with(|c: char| c.is_ascii_digit() || c == '*'));
    let after = text[stream..].strip_prefix('>')?;
    let after = after.strip_prefix('>').unwrap_or(after);
    let after = after.strip_prefix("&1").unwrap_or(after);
    Some(text.len() - after.len())
}

/// A list whose members are no lists.
fn flat(values: Vec<Value>) -> Value {
    let mut all = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Value::List(inner) => all.extend(inner),
            other => all.push(other),
        }
    }
    Value::List(all)
}

/// What `+` makes of two values.
pub(super) fn added(one: Value, other: Value) -> Option<Value> {
    Some(match (one, other) {
        (Value::List(mut values), Value::List(more)) => {
            values.extend(more);
            Value::List(values)
        }
        (Value::List(mut values), other @ (Value::Text(_) | Value::Flag(_))) => {
            values.push(other);
            Value::List(values)
        }
        (Value::Text(text), Value::Text(more)) if !(is_number(&text) && is_number(&more)) => Value::Text(text + &more),
        (Value::Table(mut members), Value::Table(more)) => {
            members.extend(more);
            Value::Table(members)
        }
        _ => return None,
    })
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
