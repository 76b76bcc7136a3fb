//! Finds in any text what tells who and where: addresses, hosts, IP addresses, ids, accounts, encoded words.
//!
//! It takes rather too much than too little: what it is asked for is what must not be shown.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    /// `ana@example.com`; also a Message-ID, which has the same form.
    Address,
    /// `mx1.example.com`.
    Host,
    /// `192.0.2.1`.
    Ip4,
    /// `2001:db8::1`.
    Ip6,
    /// A long token of letters and digits, such as a queue id or a network message id.
    Id,
    /// `CONTOSO\ana`.
    Account,
    /// `=?utf-8?B?...?=`: whatever it holds.
    Encoded,
}

/// A stretch of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
}

/// The shortest token that is taken for an id.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdLength(pub(super) usize);

/// Last labels of names that are files rather than hosts. Those that are top-level domains too (`zip`, `md`) are left out on purpose.
const FILE_SUFFIXES: [&str; 36] = [
    "csv", "json", "jsonl", "ndjson", "eml", "msg", "log", "txt", "xml", "html", "htm", "xlsx", "xls", "docx", "doc",
    "pdf", "gz", "bz2", "xz", "tar", "tgz", "ps1", "psm1", "toml", "yaml", "yml", "clixml", "conf", "cfg", "ini",
    "png", "jpg", "jpeg", "gif", "tsv", "evtx",
];

/// How far back a quoted local part or an angle bracket is looked for, in bytes.
const MAX_BACK: usize = 320;

/// All that is found, from left to right, without overlap.
pub(super) fn find(text: &str, shortest: IdLength) -> Vec<Span> {
    let mut spans = Vec::new();
    encoded(text, &mut spans);
    addresses(text, &mut spans);
    accounts(text, &mut spans);
    tokens(text, shortest, &mut spans);
    apart(spans)
}

/// Leaves the span that begins first, of those the longest; what overlaps it goes.
pub(super) fn apart(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.range.start, std::cmp::Reverse(span.range.end), span.kind));
    let mut kept: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        if kept.last().is_none_or(|last| last.range.end <= span.range.start) {
            kept.push(span);
        }
    }
    kept
}

fn encoded(text: &str, spans: &mut Vec<Span>) {
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find("=?")).map(|found| at + found) {
        let body = text.get(start + 2..).unwrap_or_default();
        // charset ? B or Q ? text ?=
        let mut parts = body.splitn(3, '?');
        let (charset, method, rest) = (parts.next(), parts.next(), parts.next());
        let length = match (charset, method, rest) {
            (Some(charset), Some(method), Some(rest))
                if method.len() == 1 && !charset.contains(char::is_whitespace) =>
            {
                rest.find("?=").map(|end| 2 + charset.len() + 1 + method.len() + 1 + end + 2)
            }
            _ => None,
        };
        match length {
            Some(length) => {
                spans.push(Span { range: start..start + length, kind: Kind::Encoded });
                at = start + length;
            }
            None => at = start + 2,
        }
    }
}

/// A sign between local part and domain: `@`, or how a link spells it.
const AT_SIGNS: [&str; 2] = ["@", "%40"];

fn addresses(text: &str, spans: &mut Vec<Span>) {
    for sign in AT_SIGNS {
        for (at, _) in text.match_indices(sign) {
            let end = at + sign.len();
            let Some(domain) = domain_after(text, end) else { continue };
            let Some(start) = local_before(text, at) else { continue };
            let end = end + domain;
            spans.push(Span { range: bracketed(text, start, end).unwrap_or(start..end), kind: Kind::Address });
        }
    }
}

/// How many bytes of a domain or an address literal stand at the beginning of the rest; `None` if none.
fn domain_after(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    if let Some(literal) = rest.strip_prefix('[') {
        return literal.find(']').filter(|end| *end <= 60).map(|end| end + 2);
    }
    let length = rest.find(|c: char| !is_name_char(c)).unwrap_or(rest.len());
    let mut name = rest.get(..length)?.trim_end_matches(|c: char| !c.is_alphanumeric());
    // A file that is named by an address: `ana@example.com.eml`.
    while let Some((domain, suffix)) = name.rsplit_once('.') {
        if !FILE_SUFFIXES.contains(&suffix.to_lowercase().as_str()) {
            break;
        }
        name = domain;
    }
    (!name.is_empty()).then_some(name.len())
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_' || is_dot(c)
}

/// A full stop, or what browsers take for one.
fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

/// Beginnings of local parts in which another address is written.
const WRAPPED: [&str; 6] = ["bounce", "srs0", "srs1", "prvs", "msprvs", "btv1"];

fn local_before(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?;
    if let Some(quoted) = before.strip_suffix('"') {
        let start = quoted.rfind('"')?;
        return (at - start <= MAX_BACK).then_some(start);
    }
    let is_local = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '+' | '-' | '\'');
    let start_of = |text: &str, is: &dyn Fn(char) -> bool| {
        text.char_indices().rev().take_while(|(_, c)| is(*c)).last().map_or(text.len(), |(at, _)| at)
    };
    let start = start_of(before, &is_local);
    let wide = start_of(before, &|c| is_local(c) || c == '=' || c == '/');
    let wraps = before.get(wide..).is_some_and(|local| {
        let local = local.to_ascii_lowercase();
        WRAPPED.iter().any(|begin| local.starts_with(begin))
    });
    let start = if wraps { wide } else { start };
    let local = before.get(start..)?;
    let lead = local.len() - local.trim_start_matches(|c: char| !c.is_alphanumeric()).len();
    (lead < local.len()).then_some(start + lead)
}

/// The whole of what stands in angle brackets, if an address of any spelling fills them: a Message-ID may hold any sign.
fn bracketed(text: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let before = text.get(..start)?;
    let open = before.rfind('<').filter(|open| start - open <= MAX_BACK)?;
    let inner = text.get(open + 1..start)?;
    let closes = text.get(end..)?.starts_with('>');
    (closes && !inner.contains(|c: char| c.is_whitespace() || matches!(c, '>' | ',' | '"'))).then_some(open + 1..end)
}

fn accounts(text: &str, spans: &mut Vec<Span>) {
    for (at, _) in text.match_indices('\\') {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '$');
        let left = text.get(..at).unwrap_or_default();
        let start = left.char_indices().rev().take_while(|(_, c)| is_part(*c)).last().map(|(at, _)| at);
        let right = text.get(at + 1..).unwrap_or_default();
        let right = right.get(right.starts_with('\\').into()..).unwrap_or_default();
        let skipped = text.len() - at - right.len();
        let length = right.find(|c: char| !is_part(c)).unwrap_or(right.len());
        let Some(start) = start else { continue };
        let domain = left.get(start..).unwrap_or_default();
        // Lower case is an escape within a text rather than a domain: `line\nnext`.
        let is_domain = domain.len() >= 2 && !domain.contains(char::is_lowercase);
        if is_domain && length > 0 {
            spans.push(Span { range: start..at + skipped + length, kind: Kind::Account });
        }
    }
}

/// Hosts, IP addresses and ids: stretches between other signs.
fn tokens(text: &str, shortest: IdLength, spans: &mut Vec<Span>) {
    let mut push = |range: Range<usize>, kind: Kind| spans.push(Span { range, kind });
    for range in runs(text, |c| c.is_ascii_hexdigit() || c == ':' || is_dot(c)) {
        if let Some((range, kind)) = ip(text, range) {
            push(range, kind);
        }
    }
    for range in runs(text, is_name_char) {
        let token = text.get(range.clone()).unwrap_or_default();
        let cut = token.trim_end_matches(|c: char| !c.is_alphanumeric());
        let lead = cut.len() - cut.trim_start_matches(|c: char| !c.is_alphanumeric()).len();
        let token = cut.get(lead..).unwrap_or_default();
        let start = range.start + lead;
        if is_host(token) {
            push(start..start + token.len(), Kind::Host);
        } else if is_guid(token) {
            push(start..start + token.len(), Kind::Id);
        }
    }
    for range in runs(text, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        let token = text.get(range.clone()).unwrap_or_default();
        let parts: Vec<Range<usize>> = runs(token, |c| c.is_ascii_alphanumeric());
        let is_part = |part: &&Range<usize>| token.get((*part).clone()).is_some_and(|part| is_id(part, shortest));
        let is_hash = token.len() == 64 && text.get(..range.start).is_some_and(|before| before.ends_with("sha256 "));
        match parts.iter().find(is_part) {
            // The whole of `aB3x-92Kd_17`: what is cut out of an id is one still.
            Some(_) if token.len() >= 16 && !is_hash => push(range, Kind::Id),
            Some(part) if !is_hash => push(range.start + part.start..range.start + part.end, Kind::Id),
            _ => {}
        }
    }
}

/// The longest stretches of characters of one sort.
fn runs(text: &str, is: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| is(*c)) {
        let end = at + c.len_utf8();
        match runs.last_mut() {
            Some(last) if last.end == at => last.end = end,
            _ => runs.push(at..end),
        }
    }
    runs
}

/// The IP address in a stretch of hexadecimal digits, colons and dots; a port behind it is left out.
fn ip(text: &str, range: Range<usize>) -> Option<(Range<usize>, Kind)> {
    let mut start = range.start;
    let token = text.get(range.clone())?;
    // The `6:` of `IPv6:2001:db8::1`.
    let is_tagged = token.starts_with("6:") && text.get(..start)?.to_ascii_lowercase().ends_with("ipv");
    if is_tagged {
        start += 2;
    } else if token.starts_with(':') && !token.starts_with("::") {
        // The `:` of `CIP:192.0.2.7`.
        start += 1;
    } else if text.get(..start)?.ends_with(|c: char| c.is_alphanumeric() || c == '-') {
        // The letters of a key may be digits as well: the `ace:` of `place:192.0.2.7`.
        start += token.find(':')? + 1;
    }
    let token = text.get(start..range.end)?.trim_end_matches(['.', ':']);
    let token = if text.get(start..range.end)?.ends_with("::") { text.get(start..range.end)? } else { token };
    let digits = token.bytes().filter(u8::is_ascii_hexdigit).count();
    let parsed = |token: &str| token.parse::<IpAddr>().ok();
    let kind = |ip: IpAddr| if ip.is_ipv4() { Kind::Ip4 } else { Kind::Ip6 };
    if let Some(ip) = parsed(token).filter(|_| digits >= 2) {
        return Some((start..start + token.len(), kind(ip)));
    }
    let mut at = start;
    for host in token.split(':') {
        if host.parse::<Ipv4Addr>().is_ok() {
            return Some((at..at + host.len(), Kind::Ip4));
        }
        at += host.len() + 1;
    }
    None
}

/// Whether a name with dots is a host or domain rather than a file, a version or a number.
fn is_host(token: &str) -> bool {
    let Some((rest, last)) = token.rsplit_once(is_dot) else { return false };
    let last = last.to_lowercase();
    let is_top = last.starts_with("xn--") || (last.chars().count() >= 2 && last.chars().all(char::is_alphabetic));
    is_top && !FILE_SUFFIXES.contains(&last.as_str()) && rest.split(is_dot).all(|label| !label.is_empty())
}

fn is_guid(token: &str) -> bool {
    let lengths: Vec<usize> = token.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && token.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Letters and digits mixed, and long: no word is.
fn is_id(token: &str, shortest: IdLength) -> bool {
    let letters = token.bytes().filter(u8::is_ascii_alphabetic).count();
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    let is_instant = letters <= 2 && token.get(8..9) == Some("T");
    token.len() >= shortest.0 && digits >= 2 && letters >= 2 && !is_instant
}

/// Whether a whole text is one address.
pub(super) fn is_address(text: &str) -> bool {
    find(text, IdLength(10)).as_slice() == [Span { range: 0..text.len(), kind: Kind::Address }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let spans = find(text, IdLength(10));
        spans.into_iter().map(|span| format!("{:?} {}", span.kind, &text[span.range])).collect()
    }

    #[test]
    fn ok_find() {
        for (name, text, expected) in [
            ("address", "to=<ana@example.com>, orig", vec!["Address ana@example.com"]),
            ("after a key", "from=ana.diaz@example.com", vec!["Address ana.diaz@example.com"]),
            ("quoted", "\"ana diaz\"@example.com", vec!["Address \"ana diaz\"@example.com"]),
            ("literal", "ana@[192.0.2.7] x", vec!["Address ana@[192.0.2.7]"]),
            ("a file's name", "001/ana@example.com.eml", vec!["Address ana@example.com"]),
            ("no dot", "root@mx1 did", vec!["Address root@mx1"]),
            ("in a link", "?u=ana%40example.com&x", vec!["Address ana%40example.com"]),
            ("wrapped", "bounce-ana=example.com@lists.example", vec!["Address bounce-ana=example.com@lists.example"]),
            ("Message-ID", "<a$1!b@host.example>", vec!["Address a$1!b@host.example"]),
            ("host", "at mx1.example.com, then", vec!["Host mx1.example.com"]),
            ("end of sentence", "See example.org. Then", vec!["Host example.org"]),
            ("other dots", "evil\u{3002}example", vec!["Host evil\u{3002}example"]),
            ("umlaut", "bücher.example", vec!["Host bücher.example"]),
            ("file", "001/trace.csv and mail.log.1.gz", vec![]),
            ("numbers", "5.7.51 at 10.5 and 1.2", vec![]),
            ("abbreviation", "e.g. this, i.e. that", vec![]),
            ("IP", "from [192.0.2.1]:25, 198.51.100.2:4242", vec!["Ip4 192.0.2.1", "Ip4 198.51.100.2"]),
            ("IP behind a key", "CIP:203.0.113.25;CTRY:DE", vec!["Ip4 203.0.113.25"]),
            ("IP behind a key of digits", "place:192.0.2.7 face:192.0.2.8:25", vec!["Ip4 192.0.2.7", "Ip4 192.0.2.8"]),
            ("IPv6 behind a key", "CIP:2001:db8::7;", vec!["Ip6 2001:db8::7"]),
            ("version", "v1.2.3.4 and a-1.2.3.4", vec![]),
            ("IPv6", "IPv6:2001:db8::1 and 2001:db8::2]", vec!["Ip6 2001:db8::1", "Ip6 2001:db8::2"]),
            ("time", "at 12:30:45", vec![]),
            ("instant", "2026-08-20T10:02:11Z 20260820T100211Z", vec![]),
            ("guid", "id 0f8fad5b-d9cb-469f-a165-70867728950e.", vec!["Id 0f8fad5b-d9cb-469f-a165-70867728950e"]),
            ("queue id", "4XkQ2m1Z3bz9: removed", vec!["Id 4XkQ2m1Z3bz9"]),
            ("parts", "\"id\":\"Q7v-R4bLw9sYc1A_17949\"", vec!["Id Q7v-R4bLw9sYc1A_17949"]),
            ("word", "TenantInboundAttribution", vec![]),
            ("account", "by CONTOSO\\ana now", vec!["Account CONTOSO\\ana"]),
            ("escape", "line\\nnext", vec![]),
            ("encoded", "From: =?utf-8?B?QW5h?= x", vec!["Encoded =?utf-8?B?QW5h?="]),
            ("nothing", "@ @@ a@ @b =? \\", vec![]),
        ] {
            assert_eq!(found(text), expected, "{name}");
        }
    }
}
