//! Access tables of Postfix as text (access(5), cidr_table(5), regexp_table(5), pcre_table(5)): which client, sender or recipient is
//! let in or kept out.

use std::sync::LazyLock;

use evidence::{Effect, ListEntry, ListWord, Product, Property, Reading, Setting, SettingClass, SourceId, Unit};

use super::logical::{Logical, logical};
use crate::codes::Codes;
use crate::setup::{self, Part, Says};
use crate::table::setting::bare;
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// Access tables of Postfix.
pub(crate) struct AccessMap;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// How many logical lines are looked at to tell the kind.
const GLANCE_LINES: usize = 400;

impl Source for AccessMap {
    fn id(&self) -> SourceId {
        "postfix/access-map"
    }

    fn title(&self) -> &'static str {
        "Postfix access table"
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
                "cat $(postconf -hn smtpd_client_restrictions smtpd_sender_restrictions smtpd_recipient_restrictions | tr ', ' '\\n\\n' | sed -n 's/^[a-z]*:\\//\\//p') > access_maps.txt",
            ),
            clicks: None,
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "what its patterns are compared with (client, HELO, sender, recipient), and whether the table is used at all: that is in `postconf -n`",
            "whether the server works with this text: a table is compiled with `postmap`",
            "whether a bare domain takes in the domains below it: `parent_domain_matches_subdomains` says so",
            "who made an entry, when, and until when: a table has no dates",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        if is_table(head.text) { Recognition::Certain } else { Recognition::No }
    }
}

impl Reader for AccessMap {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        setup::read(input, query, &Product::Postfix, parts)
    }
}

/// The lines of a table.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let mut within: Vec<String> = Vec::new();
    let mut says = |text: &str| match bracket(text) {
        Some(Bracket::If(pattern)) => {
            within.push(pattern);
            Says::PassedOver("if and endif")
        }
        Some(Bracket::End) => {
            within.pop();
            Says::PassedOver("if and endif")
        }
        None => match entry(text, &within) {
            Some(setting) => Says::Settings(vec![setting]),
            None => Says::Torn { expected: EXPECTED, found: crate::text::first_words(text) },
        },
    };
    logical(text).into_iter().map(|line| Part { span: line.span, says: says(&line.text) }).collect()
}

/// What a line of a table has to be.
pub(crate) const EXPECTED: &str = "`pattern action` (access(5))";

/// A line that begins or ends a part of a table of patterns.
enum Bracket {
    If(String),
    End,
}

fn bracket(text: &str) -> Option<Bracket> {
    if text.eq_ignore_ascii_case("endif") {
        return Some(Bracket::End);
    }
    let (word, rest) = text.split_once(char::is_whitespace)?;
    let pattern = rest.trim();
    let is_pattern = pattern.starts_with(['/', '!']) || is_network(pattern);
    (word.eq_ignore_ascii_case("if") && is_pattern).then(|| Bracket::If(pattern.to_owned()))
}

/// How deep `if` may lie within `if` and still be told with an entry.
const WITHIN_MAX: usize = 8;

/// One line of a table, as it is set up; `None` if it is none.
pub(crate) fn entry(line: &str, within: &[String]) -> Option<Setting> {
    let Line { pattern, on, action } = split(line)?;
    let mut properties = vec![Property { name: "action".to_owned(), values: vec![action.to_owned()] }];
    if !within.is_empty() {
        let values = within.iter().take(WITHIN_MAX).cloned().collect();
        properties.push(Property { name: "if".to_owned(), values });
    }
    let entry = ListEntry { says: says(action), on: on.to_owned(), value: pattern.to_owned() };
    let class = SettingClass::ListEntry;
    Some(Setting { effect: Effect::Acts, entry: Some(entry), properties, ..bare(class, pattern.to_owned()) })
}

/// A line in its parts.
struct Line<'t> {
    pattern: &'t str,
    on: &'static str,
    action: &'t str,
}

fn split(line: &str) -> Option<Line<'_>> {
    let line = line.trim();
    let (pattern, action) = match line.trim_start_matches('!').starts_with('/') {
        true => line.split_at(regexp_end(line)?),
        false => line.split_once(char::is_whitespace)?,
    };
    let on = on(pattern)?;
    let action = action.trim();
    (is_known(action) || is_new(action)).then_some(Line { pattern, on, action })
}

/// Whether a text may be an action that we do not know: a word in capitals, or the name of a restriction class by itself.
fn is_new(action: &str) -> bool {
    let (word, rest) = action.split_once(char::is_whitespace).unwrap_or((action, ""));
    let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "_,".contains(c));
    is_word && (rest.is_empty() || word.bytes().all(|byte| !byte.is_ascii_lowercase()))
}

/// Where `/pattern/flags` ends.
fn regexp_end(line: &str) -> Option<usize> {
    let mut bytes = line.bytes().enumerate().skip_while(|(_, byte)| *byte == b'!').skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'/' => {
                let rest = line.get(at + 1..)?;
                let flags = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
                let is_apart = rest.get(flags..)?.starts_with(char::is_whitespace);
                return is_apart.then_some(at + 1 + flags);
            }
            _ => {}
        }
    }
    None
}

/// What a pattern looks at, as far as its form says; `None` if it is no pattern.
fn on(pattern: &str) -> Option<&'static str> {
    let inner = pattern.trim_start_matches('!');
    if let Some(regexp) = inner.strip_prefix('/') {
        return Some(if is_header(regexp) { "header" } else { "pattern" });
    }
    let is_host = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "._-*".contains(c)) && !text.starts_with('-')
    };
    match inner.rsplit_once('@') {
        _ if inner == "<>" => Some("null sender"),
        _ if is_network(inner) => Some("connecting address"),
        Some(("" | "*", domain)) if is_host(domain) => Some("domain"),
        Some((_, "")) => Some("local part"),
        Some((local, domain)) if is_host(domain) && !local.contains(['@', ':', '=', '"', ',', ';']) => Some("address"),
        Some(_) => None,
        None => is_host(inner).then_some("domain"),
    }
}

/// Whether a pattern is for header fields (header_checks(5)): `^Subject:`.
fn is_header(regexp: &str) -> bool {
    let name = regexp.trim_start_matches(['^', '(']);
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || "-|)".contains(c))).unwrap_or(0);
    regexp.starts_with('^') && end > 1 && name[end..].starts_with(':')
}

/// An address, a network in the form of CIDR, or the first octets of one.
fn is_network(text: &str) -> bool {
    use std::net::IpAddr;
    let text = text.trim_matches(['[', ']']);
    let (net, bits) = text.split_once('/').map_or((text, None), |(net, bits)| (net, Some(bits)));
    if net.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= 128));
    }
    let octets = || net.split('.').all(|octet| octet.parse::<u8>().is_ok());
    let is_part_of_4 = net.split('.').count() < 4 && octets();
    let is_group = |group: &str| (1..=4).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_part_of_6 = net.contains(':') && net.split(':').count() < 8 && net.split(':').all(is_group);
    bits.is_none() && (is_part_of_4 || is_part_of_6)
}

/// What an action says: let in, keep out, or something else.
fn says(action: &str) -> ListWord {
    let word = action.split([' ', '\t', ',']).next().unwrap_or(action);
    let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_reply = is_number && word.len() == 3 && word.starts_with(['4', '5']) && word != action;
    match CODES.means("action", word) {
        Some("allow") => ListWord::Allow,
        Some("block") => ListWord::Block,
        _ if is_reply || word.starts_with(['4', '5']) && is_enhanced(word) => ListWord::Block,
        // A number that is no reply with its text means that mail is taken.
        _ if is_number && word == action => ListWord::Allow,
        _ => ListWord::Other(word.to_owned()),
    }
}

/// `5.7.1`.
fn is_enhanced(word: &str) -> bool {
    word.split('.').count() == 3 && word.split('.').all(|part| part.parse::<u16>().is_ok())
}

/// Whether a line has an action that only such tables have, and is nothing else.
pub(crate) fn is_surely_an_entry(line: &str) -> bool {
    let Some(Line { pattern, on, action }) = split(line) else { return false };
    let (word, rest) = action.split_once(char::is_whitespace).unwrap_or((action, ""));
    let is_alone = rest.trim().is_empty();
    let is_whole = on != "domain" || pattern.trim_matches(['.', '*']).contains('.');
    is_whole
        && match CODES.means("action", word) {
            Some("allow" | "none") => is_alone,
            Some("block" | "other") => word.bytes().all(|byte| !byte.is_ascii_lowercase()) || is_alone,
            _ => false,
        }
}

/// Whether a text is such a table: its first line surely is an entry or a part's beginning, and most of the others are.
pub(crate) fn is_table(text: &str) -> bool {
    let lines = logical(text);
    let mut surely = 0;
    let mut torn = 0;
    for (place, Logical { text, .. }) in lines.iter().take(GLANCE_LINES).enumerate() {
        let is_entry = bracket(text).is_some() || split(text).is_some_and(|line| is_known(line.action));
        if !is_entry && place == 0 {
            return false;
        }
        surely += usize::from(is_surely_an_entry(text));
        torn += usize::from(!is_entry);
    }
    surely > torn * 2
}

/// Whether every line of a text is an entry with a known action, as in a few lines that are to be added to a table.
pub(crate) fn is_entries(text: &str) -> bool {
    let lines = logical(text);
    let word = |action: &str| action.split([' ', '\t', ',']).next().unwrap_or("").to_owned();
    let is_entry =
        |line: &Logical| bracket(&line.text).is_some() || split(&line.text).is_some_and(|line| is_known(line.action));
    let is_named =
        |line: &Logical| split(&line.text).is_some_and(|line| CODES.means("action", &word(line.action)).is_some());
    lines.iter().all(is_entry) && lines.iter().any(is_named)
}

/// Whether an action is one of access(5), a reply, a restriction, or a number.
fn is_known(action: &str) -> bool {
    let word = action.split([' ', '\t', ',']).next().unwrap_or(action);
    let restricts = ["permit", "reject", "check_", "defer", "warn_if_reject"];
    CODES.means("action", word).is_some()
        || says(action) != ListWord::Other(word.to_owned())
        || restricts.iter().any(|start| word.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> String {
        let Some(setting) = entry(line, &[]) else { return "none".to_owned() };
        let entry = setting.entry.expect("an entry");
        format!("{:?} {} {}", entry.says, entry.on, entry.value)
    }

    #[test]
    fn ok_entries() {
        for (line, expected) in [
            ("ann@partner.example OK", "Allow address ann@partner.example"),
            ("partner.example\tok", "Allow domain partner.example"),
            (".partner.example PERMIT", "Allow domain .partner.example"),
            ("ann@ REJECT not here", "Block local part ann@"),
            ("<> 450 4.7.1 later", "Block null sender <>"),
            ("192.0.2.7 OK", "Allow connecting address 192.0.2.7"),
            ("192.0.2 RELAY", "Allow connecting address 192.0.2"),
            ("10 OK", "Allow connecting address 10"),
            ("198.51.100.0/24 permit", "Allow connecting address 198.51.100.0/24"),
            ("2001:db8::/32 permit", "Allow connecting address 2001:db8::/32"),
            ("2001:db8 OK", "Allow connecting address 2001:db8"),
            ("!192.0.2.0/24 REJECT", "Block connecting address !192.0.2.0/24"),
            (r"/@partner\.example$/ OK", r"Allow pattern /@partner\.example$/"),
            (r"/a\/b c/ix  DUNNO", r#"Other("DUNNO") pattern /a\/b c/ix"#),
            ("!/\\.example$/ REJECT", "Block pattern !/\\.example$/"),
            ("/^Subject: offer/ HOLD", r#"Other("HOLD") header /^Subject: offer/"#),
            ("partner.example 250", "Allow domain partner.example"),
            ("partner.example 554 no", "Block domain partner.example"),
            ("partner.example FILTER smtp:[127.0.0.1]:10026", r#"Other("FILTER") domain partner.example"#),
            (
                "partner.example permit_sasl_authenticated, reject",
                r#"Other("permit_sasl_authenticated") domain partner.example"#,
            ),
            ("@partner.example OK", "Allow domain @partner.example"),
            ("* OK", "Allow domain *"),
            ("partner.example", "none"),
            ("/unended OK", "none"),
            ("a=b@c.example OK", "none"),
            ("2026-05-02T10:00:00Z OK", "none"),
        ] {
            assert_eq!(told(line), expected, "{line}");
        }
    }

    #[test]
    fn ok_tables() {
        for (name, text, expected) in [
            ("one line", "partner.example OK\n", true),
            ("comments first", "# access(5)\n\nann@partner.example  OK\n", true),
            ("with a torn line", "a.example OK\nb.example OK\nc.example OK\nbroken\n", true),
            ("regexp", "if /@partner\\.example$/\n/^ann@/ OK\nendif\n", true),
            ("host and state", "localhost OK\n", false),
            ("a table with a head", "Domain\tState\na.example\tOK\n", false),
            ("a log", "2026-05-02 10:00:00 INFO started\n", false),
            ("a log of hosts", "mx.example.com INFO started\nmx.example.com WARN slow\n", false),
            ("an aliases table", "ann@example.com bob@example.com\n", false),
            ("a transport table", "example.com smtp:[192.0.2.1]\n", false),
            ("hosts", "192.0.2.1 mx.example.com\n", false),
            ("prose", "Please let a.example in. OK?\n", false),
            ("prose that ends in OK", "It is OK\n", false),
            ("a state with words", "mx.example.com OK 12 ms\n", false),
            ("nothing", "", false),
        ] {
            assert_eq!(is_table(text), expected, "{name}");
        }
    }

    #[test]
    fn every_code_is_known() {
        for code in &CODES.all {
            assert!(["allow", "block", "none", "other"].contains(&code.means.as_str()), "{code:?}");
        }
    }
}
