//! One line of an Exim log, taken apart; no conclusions yet.

use evidence::Peer;

use crate::lines::envelope;

/// A line: when, on which host, about which message, and the text that follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// The instant as written, with milliseconds and offset where the log has them; empty if the line has none.
    pub(super) stamp: &'t str,
    /// The host, where syslog wrote it; else empty.
    pub(super) host: &'t str,
    /// The message id.
    pub(super) id: Option<&'t str>,
    /// The text after the id.
    pub(super) rest: &'t str,
}

/// Takes a line apart, as Exim writes it or as syslog does; `None` if it is neither.
pub(super) fn line(text: &str) -> Option<Line<'_>> {
    let text = text.trim_start_matches('\0');
    if let Some((stamp, rest)) = own_stamp(text) {
        // syslog-ng puts its own host and tag behind the same form of stamp.
        if let Some((host, rest)) = tagged(rest) {
            return Some(with_id(stamp, host, rest));
        }
        return Some(with_id(stamp, "", rest));
    }
    if let Some(envelope) = envelope::split(text)
        && is_exim(envelope.tag)
    {
        return Some(with_id(envelope.stamp, envelope.host, envelope.body));
    }
    let (host, rest) = tagged(text)?;
    let (stamp, rest) = own_stamp(rest)?;
    Some(with_id(stamp, host, rest))
}

fn is_exim(tag: &str) -> bool {
    let name = tag.split('[').next().unwrap_or(tag);
    matches!(name, "exim" | "exim4" | "Exim") || name.starts_with("exim-")
}

/// `host exim[123]: text`.
fn tagged(text: &str) -> Option<(&str, &str)> {
    let (host, rest) = text.split_once(' ')?;
    let (tag, rest) = rest.split_once(": ")?;
    (is_exim(tag) && !tag.contains(' ')).then_some((host, rest))
}

/// `2026-05-02 10:00:00`, `2026-05-02 10:00:00.123 +0200`, and the text after it.
pub(super) fn own_stamp(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let is_date = bytes.len() > 19
        && [4, 7].iter().all(|at| bytes[*at] == b'-')
        && bytes[10] == b' '
        && [13, 16].iter().all(|at| bytes[*at] == b':')
        && [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18].iter().all(|at| bytes[*at].is_ascii_digit());
    if !is_date {
        return None;
    }
    let mut end = 19;
    if bytes.get(end) == Some(&b'.') {
        end += 1 + bytes[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    }
    let offset = bytes.get(end..end + 6).is_some_and(|zone| {
        zone[0] == b' ' && matches!(zone[1], b'+' | b'-') && zone[2..].iter().all(u8::is_ascii_digit)
    });
    if offset && bytes.get(end + 6).is_none_or(|byte| *byte == b' ') {
        end += 6;
    }
    let rest = text.get(end..)?;
    rest.starts_with(' ').then(|| (&text[..end], &rest[1..]))
}

fn with_id<'t>(stamp: &'t str, host: &'t str, rest: &'t str) -> Line<'t> {
    let rest = first_piece(rest);
    // Exim may repeat its own stamp behind that of syslog (`syslog_timestamp`).
    let (stamp, rest) = own_stamp(rest).unwrap_or((stamp, rest));
    let rest = process(rest);
    let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
    match is_id(word) {
        true => Line { stamp, host, id: Some(word), rest: process(after) },
        false => Line { stamp, host, id: None, rest },
    }
}

/// The text after `[1/3] ` or `[1\\3] `, by which Exim marks the pieces of a line that is too long for syslog; the other
/// pieces keep their mark.
fn first_piece(text: &str) -> &str {
    let inside = text.strip_prefix("[1").and_then(|rest| rest.split_once("] "));
    match inside {
        Some((count, rest)) if count.starts_with(['/', '\\']) && count[1..].bytes().all(|b| b.is_ascii_digit()) => rest,
        _ => text,
    }
}

/// The text after `[1234] ` (`log_selector = +pid`).
fn process(text: &str) -> &str {
    let inside = text.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    match inside {
        Some((pid, rest)) if !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => text,
    }
}

/// Whether a word is a message id: `XXXXXX-XXXXXX-XX`, since release 4.97 `XXXXXX-XXXXXXXXXXX-XXXX`.
pub(super) fn is_id(word: &str) -> bool {
    let bytes = word.as_bytes();
    let dashes = match bytes.len() {
        16 => [6, 13],
        23 => [6, 18],
        _ => return false,
    };
    bytes.iter().enumerate().all(|(at, byte)| match dashes.contains(&at) {
        true => *byte == b'-',
        false => byte.is_ascii_alphanumeric(),
    })
}

/// The keys that Exim writes, `KEY=value` (Exim specification, chapter 53, log fields).
const KEYS: &[&str] = &[
    "A", "C", "CV", "Ci", "D", "DKIM", "DN", "DS", "DT", "F", "H", "I", "K", "L", "M8S", "P", "PRX", "PRDR", "QT", "R",
    "RT", "S", "SNI", "T", "TFO", "U", "X", "id",
];

/// `head KEY=value KEY="a value" tail`: the text before the first key, the keys, and what stands behind the last value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields<'t> {
    pub(super) head: &'t str,
    keys: Vec<(&'t str, &'t str)>,
}

impl<'t> Fields<'t> {
    /// Takes a text apart.
    pub(super) fn of(text: &'t str) -> Fields<'t> {
        let mut fields = Fields { head: text, keys: Vec::new() };
        let mut open: Option<(&'t str, usize)> = None;
        let mut at = 0;
        while at < text.len() {
            let Some((key, value_at)) = key_at(text, at) else {
                at = text[at..].find(' ').map_or(text.len(), |next| at + next + 1);
                continue;
            };
            let end = at.saturating_sub(1);
            match open.take() {
                Some((key, start)) => fields.keys.push((key, text.get(start..end).unwrap_or("").trim())),
                None => fields.head = text[..end].trim(),
            }
            if let Some(end) = quoted_end(text, value_at) {
                fields.keys.push((key, &text[value_at + 1..end]));
                at = text[end + 1..].find(' ').map_or(text.len(), |next| end + 1 + next + 1);
                // What follows a quoted value is no part of it.
                open = Some(("", at.min(text.len())));
                continue;
            }
            open = Some((key, value_at));
            at = text[value_at..].find(' ').map_or(text.len(), |next| value_at + next + 1);
        }
        if let Some((key, start)) = open {
            fields.keys.push((key, text.get(start..).unwrap_or("").trim()));
        }
        fields
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'t str> {
        self.keys.iter().find(|(known, _)| *known == key).map(|(_, value)| *value).filter(|value| !value.is_empty())
    }

    /// The first word of a key's value.
    pub(super) fn word(&self, key: &str) -> Option<&'t str> {
        self.get(key)?.split(' ').next()
    }
}

/// A key that starts at `at`, and where its value starts.
fn key_at(text: &str, at: usize) -> Option<(&str, usize)> {
    let rest = text.get(at..)?;
    let end = rest.bytes().take(5).position(|byte| byte == b'=')?;
    let key = rest.get(..end)?;
    KEYS.contains(&key).then_some((key, at + end + 1))
}

/// Where a quoted value that starts at `at` ends; a backslash keeps the next byte.
fn quoted_end(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return Some(at),
            _ => at += 1,
        }
    }
    None
}

/// `name (helo) [192.0.2.7]:25`, where only the address is certain.
pub(super) fn peer(text: &str) -> Option<Peer> {
    let name = text.split([' ', '[']).next().filter(|name| !name.is_empty() && !name.starts_with('('));
    let inside = text.rfind('[').and_then(|open| {
        let close = open + text[open..].find(']')?;
        Some((&text[open + 1..close], &text[close + 1..]))
    });
    let port = inside.and_then(|(_, rest)| rest.strip_prefix(':')).and_then(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest[..digits].parse().ok()
    });
    let peer = Peer { name: name.map(str::to_ascii_lowercase), ip: inside.map(|(ip, _)| ip.to_owned()), port };
    (peer.name.is_some() || peer.ip.is_some()).then_some(peer)
}

/// The addresses of a delivery line: what it was delivered to, and the address in angle brackets behind it.
pub(super) fn delivered_to(head: &str) -> (&str, Option<&str>) {
    let head = head.trim();
    if head.starts_with('<') {
        let end = head.find('>').map_or(head.len(), |end| end + 1);
        return (&head[..end], None);
    }
    match head.rfind(" <").zip(head.rfind('>')) {
        Some((open, close)) if close > open => {
            let to = head[..open].split(" (").next().unwrap_or(&head[..open]);
            (to.trim(), Some(&head[open + 1..close + 1]))
        }
        _ => (head.split(' ').next().unwrap_or(head), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_envelopes() {
        for (name, text, stamp, host, id, rest) in [
            (
                "old id",
                "2026-05-02 10:00:00 1AbCdE-0001Xy-5Z Completed",
                "2026-05-02 10:00:00",
                "",
                Some("1AbCdE-0001Xy-5Z"),
                "Completed",
            ),
            (
                "new id, milliseconds, offset, process",
                "2026-05-02 10:00:00.123 +0200 [77] 1AbCdE-00000000Xyz-5Z12 Completed",
                "2026-05-02 10:00:00.123 +0200",
                "",
                Some("1AbCdE-00000000Xyz-5Z12"),
                "Completed",
            ),
            (
                "syslog",
                "May  2 10:00:00 mx1 exim[77]: 1AbCdE-0001Xy-5Z Completed",
                "May  2 10:00:00",
                "mx1",
                Some("1AbCdE-0001Xy-5Z"),
                "Completed",
            ),
            (
                "syslog with Exim's own stamp",
                "<22>May  2 10:00:00 mx1 exim[77]: 2026-05-02 10:00:01 [77] no MAIL",
                "2026-05-02 10:00:01",
                "mx1",
                None,
                "no MAIL",
            ),
            ("journal without a time", "mx1 exim[77]: 2026-05-02 10:00:01 x", "2026-05-02 10:00:01", "mx1", None, "x"),
            (
                "split by syslog",
                "May  2 10:00:00 mx1 exim[77]: [1\\2] 1AbCdE-0001Xy-5Z Completed",
                "May  2 10:00:00",
                "mx1",
                Some("1AbCdE-0001Xy-5Z"),
                "Completed",
            ),
            (
                "no id",
                "2026-05-02 10:00:00 Start queue run: pid=1",
                "2026-05-02 10:00:00",
                "",
                None,
                "Start queue run: pid=1",
            ),
        ] {
            let found = line(text).unwrap_or_else(|| panic!("{name}: no line"));
            assert_eq!(found, Line { stamp, host, id, rest }, "{name}");
        }
        for text in
            ["", "hello", "2026-05-02", "2026-05-02 10:00", "******** SERVER ********", "May  2 10:00:00 mx1 x: y"]
        {
            assert_eq!(line(text), None, "{text}");
        }
    }

    #[test]
    fn ok_fields() {
        let text = r#"anna@partner.example H=mail.partner.example (helo) [192.0.2.7]:1234 P=esmtps S=99 id=x@partner.example T="R= and \" a quote" for b@client.example c@client.example"#;
        let fields = Fields::of(text);
        assert_eq!(fields.head, "anna@partner.example");
        assert_eq!(fields.get("T"), Some("R= and \\\" a quote"));
        assert_eq!(fields.get("R"), None);
        assert_eq!(fields.get("id"), Some("x@partner.example"));
        let peer = peer(fields.get("H").unwrap_or("")).expect("a peer");
        assert_eq!(
            (peer.name.as_deref(), peer.ip.as_deref(), peer.port),
            (Some("mail.partner.example"), Some("192.0.2.7"), Some(1234))
        );
    }

    #[test]
    fn ok_addresses() {
        for (head, expected) in [
            ("ben <ben@client.example>", ("ben", Some("<ben@client.example>"))),
            (":blackhole: <ben@client.example>", (":blackhole:", Some("<ben@client.example>"))),
            ("b@x.example", ("b@x.example", None)),
            ("/var/mail/ben (a@x.example) <b@x.example>", ("/var/mail/ben", Some("<b@x.example>"))),
            ("", ("", None)),
        ] {
            assert_eq!(delivered_to(head), expected, "{head}");
        }
    }
}
