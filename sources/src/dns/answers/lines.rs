//! Answers as text: of dig, nslookup, host, zone files, and lists of names with their TXT records.

use std::collections::HashMap;
use std::ops::Range;

use evidence::{DnsAnswer, Peer};

use super::record::{self, Record};
use crate::page::lines;

/// How a text spells its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Output of dig, whole or with the command before it.
    Dig,
    /// Output of nslookup.
    Nslookup,
    /// Output of host.
    Host,
    /// Records one after the other: a zone file, `dig +noall +answer`.
    Zone,
    /// `name: text` or `name text`, lines that end in a backslash going on.
    List,
}

/// What stands in one stretch of a text.
pub(super) struct Block {
    pub(super) span: Range<usize>,
    pub(super) answers: Vec<DnsAnswer>,
    /// When it was asked, as written.
    pub(super) when: Option<String>,
    /// Why it cannot be read.
    pub(super) torn: Option<&'static str>,
}

/// How a text spells its answers, judged by its front.
pub(super) fn spelling(front: &str) -> Option<Spelling> {
    let has_line = |test: &dyn Fn(&str) -> bool| front.lines().take(200).any(test);
    if has_line(&|line| line.starts_with(";; ->>HEADER<<-") || line.starts_with("; <<>> DiG"))
        || has_line(&|line| prompt(line).is_some())
    {
        return Some(Spelling::Dig);
    }
    if has_line(&|line| line.starts_with("Server:")) && has_line(&|line| line.starts_with("Address:")) {
        return Some(Spelling::Nslookup);
    }
    if front.lines().next().is_some_and(|line| host_line(line).is_some()) {
        return Some(Spelling::Host);
    }
    is_zone(front).then_some(Spelling::Zone).or_else(|| is_list(front).then_some(Spelling::List))
}

/// The blocks of a text.
pub(super) fn blocks(text: &str, spelling: Spelling) -> Vec<Block> {
    match spelling {
        Spelling::Dig => dig(text),
        Spelling::Nslookup => nslookup(text),
        Spelling::Host => host(text),
        Spelling::Zone => zone(text),
        Spelling::List => list(text),
    }
}

fn answer(name: String, record_type: String, status: &str) -> DnsAnswer {
    DnsAnswer { name, record_type, status: status.to_owned(), ttl_seconds: None, data: Vec::new(), server: None }
}

/// Puts records of one name and type together.
pub(super) fn grouped(records: Vec<Record>, status: &str, server: Option<&Peer>) -> Vec<DnsAnswer> {
    let mut found: Vec<DnsAnswer> = Vec::new();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    for Record { name, record_type, ttl_seconds, data } in records {
        // Signatures say nothing of their own.
        if record_type == "RRSIG" {
            continue;
        }
        let place = *places.entry((name.clone(), record_type.clone())).or_insert(found.len());
        match found.get_mut(place) {
            Some(known) => known.data.push(data),
            None => found.push(DnsAnswer {
                ttl_seconds,
                data: vec![data],
                server: server.cloned(),
                ..answer(name, record_type, status)
            }),
        }
    }
    found
}

/// The command of a line that begins with a prompt: `$ dig +short TXT example.com`.
fn prompt(line: &str) -> Option<&str> {
    let at = line.find("dig ")?;
    let before = line.get(..at)?.trim_end();
    let is_prompt = before.ends_with(['$', '#', '>', '%']) && before.len() < 120;
    is_prompt.then(|| line.get(at + 4..)).flatten()
}

/// One answer of dig while it is read.
#[derive(Default)]
struct Asked {
    start: usize,
    command: Option<String>,
    question: Option<(String, String)>,
    status: Option<String>,
    server: Option<Peer>,
    when: Option<String>,
    records: Vec<Record>,
    /// Lines of `+short`.
    short: Vec<String>,
    in_other_section: bool,
    is_whole: bool,
}

impl Asked {
    fn close(self, end: usize) -> Option<Block> {
        let named = self.question.or_else(|| record::question(self.command.as_deref()?));
        let has_something = self.status.is_some() || !self.records.is_empty() || !self.short.is_empty();
        if !has_something && named.is_none() {
            return None;
        }
        // Without records and without the header nobody can tell whether the name exists.
        let is_silent = self.records.is_empty() && self.short.is_empty();
        let status = self.status.clone().unwrap_or_else(|| if is_silent { "UNKNOWN" } else { "NOERROR" }.to_owned());
        let mut answers = grouped(self.records, &status, self.server.as_ref());
        let mut torn = None;
        match named {
            Some((name, kind)) => {
                let short = self.short.iter().map(|line| record::data(line, &kind)).collect::<Vec<_>>();
                if !short.is_empty() {
                    answers.push(DnsAnswer { data: short, server: self.server.clone(), ..answer(name, kind, &status) });
                } else if !answers.iter().any(|known| known.record_type == kind || kind == "ANY") {
                    // The question has no such record: that is an answer too.
                    answers.push(DnsAnswer { server: self.server.clone(), ..answer(name, kind, &status) });
                }
            }
            None if answers.is_empty() => torn = Some("an answer without its question"),
            None => {}
        }
        Some(Block { span: self.start..end, answers, when: self.when, torn })
    }
}

fn dig(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut asked = Asked::default();
    let mut end = 0;
    for (span, line) in lines(text) {
        let command =
            prompt(line).or_else(|| line.strip_prefix("; <<>> DiG").and_then(|rest| Some(rest.split_once("<<>>")?.1)));
        let begins = command.is_some() || (line.starts_with(";; ->>HEADER<<-") && asked.is_whole);
        // A prompt and the banner that follows it are one.
        let follows_prompt =
            line.starts_with("; <<>> DiG") && asked.command.is_some() && !asked.is_whole && asked.short.is_empty();
        if begins && !follows_prompt {
            found.extend(std::mem::take(&mut asked).close(end));
            asked.start = span.start;
        }
        if let Some(command) = command {
            asked.command = Some(command.trim().to_owned());
        } else {
            dig_line(line, &mut asked);
        }
        if !line.trim().is_empty() {
            end = span.end;
        }
    }
    found.extend(asked.close(end));
    found
}

fn dig_line(line: &str, asked: &mut Asked) {
    if let Some(rest) = line.strip_prefix(";; ->>HEADER<<-") {
        asked.is_whole = true;
        asked.status =
            rest.split_once("status: ").map(|(_, word)| word.split(',').next().unwrap_or("").trim().to_owned());
    } else if let Some(rest) = line.strip_prefix(";; SERVER: ") {
        let server = rest.split(['#', '(', ' ']).next().unwrap_or("").trim();
        asked.server = Some(Peer { ip: Some(server.to_owned()), ..Peer::default() });
    } else if let Some(rest) = line.strip_prefix(";; WHEN: ") {
        asked.when = Some(rest.trim().to_owned());
    } else if line.contains("connection timed out") || line.contains("no servers could be reached") {
        asked.status = Some("TIMEOUT".to_owned());
    } else if let Some(section) = line.strip_prefix(";; ").and_then(|rest| rest.split_once(" SECTION:")) {
        asked.in_other_section = !matches!(section.0, "ANSWER" | "QUESTION");
    } else if line.starts_with(';') {
        // The question stands as a comment: `;example.com.  IN  TXT`.
        let mut words = line.trim_start_matches(';').split_whitespace();
        if let (None, Some(named), Some(class), Some(kind)) =
            (&asked.question, words.next(), words.next(), words.next())
            && class.eq_ignore_ascii_case("IN")
        {
            asked.question = Some((record::name(named), kind.to_uppercase()));
        }
    } else if !line.trim().is_empty() && !asked.in_other_section {
        match record::record(line, None) {
            Some(record) => asked.records.push(record),
            // A prompt without a command is nothing that dig says.
            None if line.trim_end().ends_with(['$', '#', '>', '%']) && !line.contains('"') => {}
            None if !asked.is_whole && asked.command.is_some() => asked.short.push(line.trim().to_owned()),
            None => {}
        }
    }
}

/// The name after `can't find`, and why.
fn not_found(line: &str) -> Option<(String, &'static str)> {
    let (_, rest) = line.split_once("can't find ")?;
    let (name, why) = rest.split_once(": ")?;
    let why = why.to_ascii_lowercase();
    let status = match why.as_str() {
        _ if why.contains("nxdomain") || why.contains("non-existent") => "NXDOMAIN",
        _ if why.contains("servfail") || why.contains("server failed") => "SERVFAIL",
        _ if why.contains("refused") => "REFUSED",
        _ if why.contains("no answer") || why.contains("no response") => "TIMEOUT",
        _ => "NXDOMAIN",
    };
    Some((record::name(name), status))
}

fn nslookup(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut server = None;
    let mut open: Option<(usize, usize, Vec<Record>, Option<DnsAnswer>)> = None;
    let mut owner = String::new();
    let mut texts_follow = false;
    let flush = |open: &mut Option<(usize, usize, Vec<Record>, Option<DnsAnswer>)>,
                 server: &Option<Peer>,
                 found: &mut Vec<Block>| {
        let Some((start, end, records, failed)) = open.take() else { return };
        let mut answers = grouped(records, "NOERROR", server.as_ref());
        answers.extend(failed.map(|failed| DnsAnswer { server: server.clone(), ..failed }));
        let torn = answers.is_empty().then_some("an answer that names no record");
        found.push(Block { span: start..end, answers, when: None, torn });
    };
    for (span, line) in lines(text) {
        if let Some(name) = line.strip_prefix("Server:") {
            flush(&mut open, &server, &mut found);
            owner.clear();
            texts_follow = false;
            server = Some(Peer { name: Some(record::name(name)), ..Peer::default() });
            open = Some((span.start, span.end, Vec::new(), None));
            continue;
        }
        let Some((_, end, records, failed)) = &mut open else { continue };
        if line.trim().is_empty() {
            continue;
        }
        *end = span.end;
        let record = |kind: &str, data: String| Record {
            name: owner.clone(),
            record_type: kind.to_owned(),
            ttl_seconds: None,
            data,
        };
        if let Some((name, status)) = not_found(line) {
            *failed = Some(answer(name, "A".to_owned(), status));
        } else if let Some(address) = line.strip_prefix("Address:").or_else(|| line.strip_prefix("Addresses:")) {
            let address = address.split('#').next().unwrap_or("").trim().to_owned();
            if records.is_empty() && owner.is_empty() {
                if let Some(server) = &mut server {
                    server.ip = Some(address);
                }
            } else {
                let kind = if address.contains(':') { "AAAA" } else { "A" };
                records.push(record(kind, address));
            }
        } else if let Some(name) = line.strip_prefix("Name:") {
            owner = record::name(name);
        } else if let Some((name, rest)) = line.split_once("text =") {
            owner = record::name(name);
            texts_follow = !rest.contains('"');
            if rest.contains('"') {
                records.push(Record {
                    name: owner.clone(),
                    record_type: "TXT".to_owned(),
                    ttl_seconds: None,
                    data: record::data(rest.trim(), "TXT"),
                });
            }
        } else if texts_follow && line.trim_start().starts_with('"') {
            // Further strings of the same record stand on lines of their own.
            let more = record::data(line.trim(), "TXT");
            match records.last_mut().filter(|last| last.record_type == "TXT" && last.name == owner) {
                Some(last) => last.data.push_str(&more),
                None => records.push(record("TXT", more)),
            }
        } else if let Some((name, data)) = line.split_once("mail exchanger = ") {
            let name = name.split(['\t', ' ']).next().unwrap_or("");
            records.push(Record {
                name: record::name(name),
                record_type: "MX".to_owned(),
                ttl_seconds: None,
                data: data.trim().to_owned(),
            });
        } else if let Some((name, data)) = line.split_once("canonical name = ") {
            records.push(Record {
                name: record::name(name),
                record_type: "CNAME".to_owned(),
                ttl_seconds: None,
                data: data.trim().to_owned(),
            });
        }
    }
    flush(&mut open, &server, &mut found);
    found
}

/// What one line of `host` says.
fn host_line(line: &str) -> Option<DnsAnswer> {
    let of = |name: &str, kind: &str, data: String| {
        let name = name.trim();
        (!name.is_empty() && !name.contains(' '))
            .then(|| DnsAnswer { data: vec![data], ..answer(record::name(name), kind.to_owned(), "NOERROR") })
    };
    if let Some((name, data)) = line.split_once(" descriptive text ") {
        return of(name, "TXT", record::data(data.trim(), "TXT"));
    }
    if let Some((name, data)) = line.split_once(" mail is handled by ") {
        return of(name, "MX", data.trim().to_owned());
    }
    if let Some((name, data)) = line.split_once(" has IPv6 address ") {
        return of(name, "AAAA", data.trim().to_owned());
    }
    if let Some((name, data)) = line.split_once(" has address ") {
        return of(name, "A", data.trim().to_owned());
    }
    if let Some((name, data)) = line.split_once(" is an alias for ") {
        return of(name, "CNAME", data.trim().to_owned());
    }
    let (name, why) = line.strip_prefix("Host ")?.split_once(" not found: ")?;
    let status = why.split(['(', ')']).nth(1).unwrap_or("");
    Some(answer(record::name(name), "A".to_owned(), &record::status_name(status)))
}

fn host(text: &str) -> Vec<Block> {
    let body = lines(text).filter(|(_, line)| !line.trim().is_empty());
    body.map(|(span, line)| {
        let found = host_line(line);
        let torn = found.is_none().then_some("a line of another kind");
        Block { span, answers: found.into_iter().collect(), when: None, torn }
    })
    .collect()
}

/// A record's lines, joined: parentheses open a record that goes on. A `;` outside quotes begins a comment.
fn joined(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let (mut open, mut depth): (Option<(Range<usize>, String)>, usize) = (None, 0);
    for (span, line) in lines(text) {
        let (mut body, mut quoted, mut escaped) = (String::new(), false, false);
        for c in line.chars() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => quoted = !quoted,
                ';' if !quoted => break,
                '(' if !quoted => depth += 1,
                ')' if !quoted => depth = depth.saturating_sub(1),
                _ => {}
            }
            body.push(if !quoted && matches!(c, '(' | ')') && !escaped { ' ' } else { c });
        }
        if body.trim().is_empty() && open.is_none() {
            continue;
        }
        match &mut open {
            Some((whole, text)) => {
                whole.end = span.end;
                text.push(' ');
                text.push_str(body.trim());
            }
            None => open = Some((span, body)),
        }
        if depth == 0 {
            found.extend(open.take());
        }
    }
    found.extend(open);
    found
}

/// Whether the front of a text is a list of records.
fn is_zone(front: &str) -> bool {
    let mut owner: Option<String> = None;
    let (mut records, mut others) = (0, 0);
    for (_, line) in joined(front).into_iter().take(20) {
        if line.starts_with('$') {
            continue;
        }
        match record::record(&line, owner.as_deref()) {
            Some(record) => {
                owner = Some(record.name);
                records += 1;
            }
            None => others += 1,
        }
    }
    records > 0 && others * 3 <= records
}

fn zone(text: &str) -> Vec<Block> {
    let (mut origin, mut owner, mut default_ttl) = (String::new(), None::<String>, None);
    let mut found = Vec::new();
    for (span, line) in joined(text) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("$ORIGIN"), Some(name)) => {
                origin = record::name(name);
                continue;
            }
            (Some("$TTL"), Some(ttl)) => {
                default_ttl = ttl.parse().ok();
                continue;
            }
            _ => {}
        }
        let is_absolute = line.split_whitespace().next().is_some_and(|name| name.ends_with('.'));
        match record::record(&line, owner.as_deref()) {
            Some(mut record) => {
                if !line.starts_with([' ', '\t']) {
                    record.name = match (record.name.as_str(), is_absolute || origin.is_empty()) {
                        ("@", _) => origin.clone(),
                        (_, true) => record.name,
                        (name, false) => format!("{name}.{origin}"),
                    };
                }
                owner = Some(record.name.clone());
                if ["CNAME", "DNAME", "MX", "NS", "PTR"].contains(&record.record_type.as_str())
                    && !record.data.ends_with('.')
                    && !origin.is_empty()
                {
                    record.data.push_str(&format!(".{origin}."));
                }
                record.ttl_seconds = record.ttl_seconds.or(default_ttl);
                let answers = grouped(vec![record], "NOERROR", None);
                let torn = answers.is_empty().then_some("a signature");
                found.push(Block { span, answers, when: None, torn });
            }
            None => found.push(Block { span, answers: Vec::new(), when: None, torn: Some("no record") }),
        }
    }
    found
}

/// With what the text of a TXT record begins that mail depends on.
const TAGS: &[&str] = &["v=", "k=", "p=", "t=s", "TEMPERROR", "PERMERROR", "NXDOMAIN", "SERVFAIL", "TIMEOUT"];

/// A name and what is published under it: `name: text`, `'name:text` or `name text`.
fn entry(line: &str) -> Option<(String, &str)> {
    let line = line.trim().trim_start_matches('\'');
    let end = line.find([':', ' ', '\t'])?;
    let (name, rest) = line.split_at(end);
    let text = rest.trim_start_matches([':', ' ', '\t']);
    let is_name =
        name.contains('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    let is_text = TAGS.iter().any(|tag| text.get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag)));
    (is_name && is_text).then(|| (record::name(name), text))
}

/// Lines that end in a backslash go on.
fn continued(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut open: Option<(Range<usize>, String)> = None;
    for (span, line) in lines(text) {
        let (body, goes_on) = match line.trim_end().strip_suffix('\\') {
            Some(body) => (body.trim(), true),
            None => (line.trim(), false),
        };
        if body.is_empty() && open.is_none() {
            continue;
        }
        let (whole, text) = open.get_or_insert_with(|| (span.clone(), String::new()));
        whole.end = span.end;
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(body);
        if !goes_on {
            found.extend(open.take());
        }
    }
    found.extend(open);
    found
}

fn is_list(front: &str) -> bool {
    let body: Vec<_> = continued(front).into_iter().filter(|(_, line)| !line.starts_with('#')).take(10).collect();
    !body.is_empty() && body.iter().all(|(_, line)| entry(line).is_some())
}

fn list(text: &str) -> Vec<Block> {
    let body = continued(text).into_iter().filter(|(_, line)| !line.starts_with('#'));
    body.map(|(span, line)| match entry(&line) {
        Some((name, text)) => {
            let status = match text.trim().to_ascii_uppercase().as_str() {
                "TEMPERROR" => "SERVFAIL",
                "TIMEOUT" => "TIMEOUT",
                "NXDOMAIN" | "PERMERROR" => "NXDOMAIN",
                "SERVFAIL" => "SERVFAIL",
                _ => "NOERROR",
            };
            let data = if status == "NOERROR" { vec![text.trim().to_owned()] } else { Vec::new() };
            let found = DnsAnswer { data, ..answer(name, "TXT".to_owned(), status) };
            Block { span, answers: vec![found], when: None, torn: None }
        }
        None => Block { span, answers: Vec::new(), when: None, torn: Some("no name with its text") },
    })
    .collect()
}
