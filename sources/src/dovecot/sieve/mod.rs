//! Sieve scripts (RFC 5228): one rule an `if`, `elsif` or `else`, and what stands outside of them.

mod tokens;

use std::ops::Range;

use evidence::{
    Cite, Condition, ConditionOn, CopyKey, Fact, Observation, Problem, Product, Property, Reading, SettingClass,
    SourceId, System, Unit,
};

use crate::page::Page;
use crate::snapshot::instant_in_name;
use crate::table::setting::bare;
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};
use tokens::{Kind, Token, tokens};

/// How deep blocks and tests may lie within each other; what lies deeper is kept as written.
const DEPTH_MAX: usize = 16;

/// Tests with which a condition begins.
const TESTS: &[&str] = &[
    "address",
    "allof",
    "anyof",
    "envelope",
    "exists",
    "false",
    "header",
    "not",
    "size",
    "true",
    "body",
    "date",
    "currentdate",
    "string",
    "hasflag",
    "spamtest",
    "virustest",
    "environment",
    "mailboxexists",
    "duplicate",
];

/// Sieve scripts.
pub(crate) struct Sieve;

impl Source for Sieve {
    fn id(&self) -> SourceId {
        "dovecot/sieve"
    }

    fn title(&self) -> &'static str {
        "Sieve script"
    }

    fn unit(&self) -> Unit {
        Unit::Setting
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::Nothing
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "doveadm sieve get -u {recipient} \"$(doveadm sieve list -u {recipient} | awk '/ACTIVE/{print $1}')\" > {recipient}.sieve",
            ),
            clicks: Some("webmail > Settings > Filters > Download"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "whose script it is and whether it is the active one: the file does not say",
            "which rule took a message: see the mail log (`sieve: msgid=...: stored mail into mailbox`)",
            "scripts of the administrator that run before or after this one",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        if is_script(head.text) { Recognition::Certain } else { Recognition::No }
    }
}

impl Reader for Sieve {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let mut page = Page::of(input)?;
        let script = page.text();
        let (words, fault) = tokens(&script);
        let mut walk = Walk { words: &words, at: 0, rules: Vec::new(), skipped: Vec::new(), name: None };
        let end = walk.commands();
        let mut reading = Reading::default();
        let when = instant_in_name(&input.name, query.clock);
        let about = CopyKey::default;
        for (place, rule) in walk.rules.into_iter().enumerate() {
            reading.rows += 1;
            reading.observed += 1;
            let cite = page.cite(rule.span.clone());
            let fact = Fact::Setting(Box::new(rule.setting(place)));
            let speaker = System::of(Product::Dovecot);
            reading.observations.push(Observation { cite, when: when.clone(), speaker, about: about().into(), fact });
        }
        for span in walk.skipped {
            reading.rows += 1;
            let cite = page.cite(span);
            reading.pass_over("declaration", 1, Some(cite));
        }
        let stop = match (end, fault) {
            (Some(at), _) => words.get(at).map(|word| (word.span.start, crate::text::first_words(&word.text))),
            (None, Some(at)) => Some((at, crate::text::first_words(script.get(at..).unwrap_or("")))),
            (None, None) => None,
        };
        if let Some((at, found)) = stop {
            reading.rows += 1;
            let cite: Cite = page.cite(at..script.len());
            let expected = "a command of Sieve (RFC 5228, 8.2)".to_owned();
            reading.problems.push(Problem { cite, expected, found });
        }
        query.progress.advance(input.bytes.len() as u64);
        Ok(reading)
    }
}

/// Whether a text begins with a command that only Sieve has.
fn is_script(front: &str) -> bool {
    let (words, _) = tokens(front);
    let mut words = words.iter().filter(|word| word.kind != Kind::Comment);
    let (Some(first), Some(second)) = (words.next(), words.next()) else { return false };
    let third = words.next();
    if first.is_word("require") {
        let is_list = second.is('[') && third.is_some_and(|word| word.kind == Kind::String);
        let is_one = second.kind == Kind::String && third.is_some_and(|word| word.is(';'));
        return is_list || is_one;
    }
    let is_test = second.kind == Kind::Word && TESTS.iter().any(|test| second.is_word(test));
    first.is_word("if") && is_test && third.is_some()
}

/// One rule.
struct Rule {
    name: Option<String>,
    word: String,
    conditions: Vec<Condition>,
    exceptions: Vec<Condition>,
    actions: Vec<Property>,
    span: Range<usize>,
}

impl Rule {
    fn setting(self, place: usize) -> evidence::Setting {
        let name = self.name.unwrap_or_else(|| format!("rule {}", place + 1));
        let order = Property { name: "command".to_owned(), values: vec![self.word] };
        let properties = std::iter::once(order).chain(self.actions).collect();
        evidence::Setting {
            priority: u32::try_from(place).ok(),
            conditions: self.conditions,
            exceptions: self.exceptions,
            properties,
            ..bare(SettingClass::MailboxRule, name)
        }
    }
}

/// A block that is open.
struct Open {
    rule: usize,
    conditions: Vec<Condition>,
    exceptions: Vec<Condition>,
}

/// Walks through the commands of a script.
struct Walk<'t> {
    words: &'t [Token],
    at: usize,
    rules: Vec<Rule>,
    skipped: Vec<Range<usize>>,
    /// The name that a comment gives to the next rule, as webmail programs write it: `# rule:[Name]`.
    name: Option<String>,
}

impl Walk<'_> {
    /// Takes all commands; gives the number of the word at which it cannot go on.
    fn commands(&mut self) -> Option<usize> {
        let mut open: Vec<Open> = Vec::new();
        while let Some(word) = self.words.get(self.at) {
            match &word.kind {
                Kind::Comment => {
                    let named = word.text.strip_prefix("rule:[").and_then(|name| name.strip_suffix(']'));
                    self.name = named.map(str::to_owned).or(self.name.take());
                    self.at += 1;
                }
                Kind::Mark('}') => {
                    let Some(block) = open.pop() else { return Some(self.at) };
                    if let Some(rule) = self.rules.get_mut(block.rule) {
                        rule.span.end = word.span.end;
                    }
                    self.at += 1;
                }
                Kind::Mark(';') => self.at += 1,
                Kind::Word if is_branch(word) => {
                    let start = self.at;
                    let Some(end) = self.find(|word| word.is('{') || word.is(';')) else { return Some(start) };
                    if !self.words.get(end).is_some_and(|word| word.is('{')) || open.len() >= DEPTH_MAX {
                        return Some(start);
                    }
                    let block = self.branch(start, end, open.last());
                    open.push(block);
                    self.at = end + 1;
                }
                Kind::Word => {
                    let start = self.at;
                    let Some(end) = self.find(|word| word.is(';') || word.is('{') || word.is('}')) else {
                        return Some(start);
                    };
                    if !self.words.get(end).is_some_and(|word| word.is(';')) {
                        return Some(start);
                    }
                    self.action(start, end, open.last().map(|block| block.rule));
                    self.at = end + 1;
                }
                _ => return Some(self.at),
            }
        }
        // A block that is not closed: the script was cut.
        (!open.is_empty()).then(|| self.words.len().saturating_sub(1))
    }

    /// The number of the next word for which a test holds.
    fn find(&self, test: impl Fn(&Token) -> bool) -> Option<usize> {
        self.words.get(self.at..)?.iter().position(test).map(|more| self.at + more)
    }

    /// One `if`, `elsif` or `else`: a rule with its own conditions and those of the blocks around it.
    fn branch(&mut self, start: usize, end: usize, around: Option<&Open>) -> Open {
        let words = &self.words[start..end];
        let test: Vec<Token> = words.iter().skip(1).filter(|word| word.kind != Kind::Comment).cloned().collect();
        let (mut conditions, mut exceptions) =
            around.map(|block| (block.conditions.clone(), block.exceptions.clone())).unwrap_or_default();
        all_of(&test, 0, &mut conditions, &mut exceptions);
        let span = words.first().map_or(0..0, |word| word.span.clone());
        self.rules.push(Rule {
            name: self.name.take(),
            word: words.first().map(|word| word.text.to_ascii_lowercase()).unwrap_or_default(),
            conditions: conditions.clone(),
            exceptions: exceptions.clone(),
            actions: Vec::new(),
            span: span.start..self.words.get(end).map_or(span.end, |word| word.span.end),
        });
        Open { rule: self.rules.len() - 1, conditions, exceptions }
    }

    /// One command that ends in a semicolon: a declaration, or an action of the rule around it, or one for all messages.
    fn action(&mut self, start: usize, end: usize, rule: Option<usize>) {
        let words = &self.words[start..end];
        let Some(first) = words.first() else { return };
        let span = first.span.start..self.words.get(end).map_or(first.span.end, |word| word.span.end);
        let name = first.text.to_ascii_lowercase();
        if ["require", "set", "global", "import", "include"].contains(&name.as_str()) && rule.is_none() {
            return self.skipped.push(span);
        }
        let values = words.iter().skip(1).filter(|word| matches!(word.kind, Kind::String | Kind::Tag | Kind::Word));
        let values: Vec<String> = values.map(|word| word.text.clone()).collect();
        let property = Property { name, values };
        match rule.and_then(|rule| self.rules.get_mut(rule)) {
            Some(rule) => rule.actions.push(property),
            None => self.rules.push(Rule {
                name: self.name.take(),
                word: "always".to_owned(),
                conditions: Vec::new(),
                exceptions: Vec::new(),
                actions: vec![property],
                span,
            }),
        }
    }
}

fn is_branch(word: &Token) -> bool {
    ["if", "elsif", "else"].iter().any(|branch| word.is_word(branch))
}

/// Takes a test that has to hold: `allof` gives several, `not` an exception.
fn all_of(test: &[Token], depth: usize, conditions: &mut Vec<Condition>, exceptions: &mut Vec<Condition>) {
    let Some(first) = test.first() else { return };
    if first.is_word("true") {
        return;
    }
    if depth < DEPTH_MAX && first.is_word("allof") {
        for part in parts(&test[1..]) {
            all_of(part, depth + 1, conditions, exceptions);
        }
        return;
    }
    match first.is_word("not") {
        true => exceptions.extend(one(&test[1..])),
        false => conditions.extend(one(test)),
    }
}

/// The tests within parentheses, at their commas.
fn parts(list: &[Token]) -> Vec<&[Token]> {
    let Some(inner) = list.iter().position(|word| word.is('(')).and_then(|at| list.get(at + 1..)) else {
        return Vec::new();
    };
    let (mut found, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (at, word) in inner.iter().enumerate() {
        match word.kind {
            Kind::Mark('(' | '[') => depth += 1,
            Kind::Mark(')') if depth == 0 => {
                found.push(&inner[start..at]);
                return found;
            }
            Kind::Mark(')' | ']') => depth = depth.saturating_sub(1),
            Kind::Mark(',') if depth == 0 => {
                found.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&inner[start..]);
    found
}

/// One test as a condition; `anyof` keeps its tests as values, of which one is enough.
fn one(test: &[Token]) -> Option<Condition> {
    let first = test.first()?;
    let name = first.text.to_ascii_lowercase();
    if first.is_word("anyof") {
        let values = parts(&test[1..]).into_iter().map(written).collect();
        return Some(Condition { on: ConditionOn::Other, name, values });
    }
    if first.is_word("allof") || first.is_word("not") {
        return Some(Condition { on: ConditionOn::Other, name, values: vec![written(test)] });
    }
    let tags: Vec<&str> = test.iter().filter(|word| word.kind == Kind::Tag).map(|word| word.text.as_str()).collect();
    let mut lists = lists(test);
    let subject = if lists.len() > 1 { lists.remove(0) } else { Vec::new() };
    let mut values: Vec<String> = lists.into_iter().flatten().collect();
    let numbers = test.iter().skip(1).filter(|word| word.kind == Kind::Word).map(|word| word.text.clone());
    values.extend(numbers);
    let on = looks_at(&name, &subject, tags.contains(&":domain"));
    let how = test.iter().enumerate().filter(|(_, word)| word.kind == Kind::Tag && word.text != ":comparator");
    let how = how.map(|(at, word)| match test.get(at + 1).filter(|_| takes_string(&word.text)) {
        Some(argument) => format!("{} {}", word.text, argument.text),
        None => word.text.clone(),
    });
    let name = [name].into_iter().chain(how).chain(subject).collect::<Vec<_>>();
    Some(Condition { on, name: name.join(" "), values })
}

/// Whether the string after a tag belongs to the tag (RFC 5228, 2.7.3; RFC 5231, 4).
fn takes_string(tag: &str) -> bool {
    [":comparator", ":value", ":count"].contains(&tag)
}

/// The strings and lists of strings of a test, one after the other; the argument of `:comparator` is none of them.
fn lists(test: &[Token]) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    let mut in_list = false;
    for (at, word) in test.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| test.get(at));
        match word.kind {
            Kind::Mark('[') => {
                in_list = true;
                found.push(Vec::new());
            }
            Kind::Mark(']') => in_list = false,
            Kind::String
                if before.is_some_and(|word| [":comparator", ":value", ":count"].contains(&word.text.as_str())) => {}
            Kind::String if in_list => found.last_mut().into_iter().for_each(|list| list.push(word.text.clone())),
            Kind::String => found.push(vec![word.text.clone()]),
            _ => {}
        }
    }
    found
}

fn looks_at(test: &str, subject: &[String], is_domain: bool) -> ConditionOn {
    if !["address", "envelope", "header"].contains(&test) || subject.is_empty() {
        return ConditionOn::Other;
    }
    let all = |names: &[&str]| subject.iter().all(|name| names.contains(&name.to_ascii_lowercase().as_str()));
    match (all(&["from", "sender", "reply-to", "return-path"]), all(&["to", "cc", "bcc", "delivered-to"])) {
        (true, _) if is_domain => ConditionOn::SenderDomain,
        (true, _) => ConditionOn::Sender,
        (_, true) if is_domain => ConditionOn::RecipientDomain,
        (_, true) => ConditionOn::Recipient,
        _ => ConditionOn::Other,
    }
}

/// A test as it is written, with single blanks.
fn written(test: &[Token]) -> String {
    let words = test.iter().map(|word| match word.kind {
        Kind::String => format!("\"{}\"", word.text),
        _ => word.text.clone(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts() {
        for (text, expected) in [
            ("require [\"fileinto\"];", true),
            ("# a comment\nrequire \"fileinto\";\n", true),
            ("if header :contains \"subject\" \"x\" { discard; }", true),
            ("require 'x';", false),
            ("if (a) { b; }", false),
            ("if true", false),
            ("Subject: x", false),
        ] {
            assert_eq!(is_script(text), expected, "{text}");
        }
    }

    #[test]
    fn hostile_scripts_end() {
        let clock = crate::Clock {
            zone: jiff::tz::TimeZone::UTC,
            zone_label: "UTC".to_owned(),
            reference: jiff::Timestamp::UNIX_EPOCH,
        };
        for text in [
            "if true {".repeat(10_000),
            format!("if {} true {{ keep; }}", "not ".repeat(50_000)),
            format!("if {} true", "allof(".repeat(50_000)),
            "require \"x\"; if header [".to_owned(),
            "require \"x\"; text:".to_owned(),
            "}".repeat(100),
            "require \"x\"; reject text:\nno end".to_owned(),
        ] {
            let query = Query { wanted: &crate::Wanted::Everything, clock: &clock, progress: &crate::NoProgress };
            let input = Input { name: "file".into(), bytes: text.as_bytes() };
            let reading = Sieve.read(&input, &query).expect("text");
            assert_eq!(reading.rows_accounted_for(), reading.rows);
            assert!(!reading.problems.is_empty() || reading.observed > 0, "{}", &text[..20]);
        }
    }
}
