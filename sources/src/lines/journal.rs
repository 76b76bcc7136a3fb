//! Entries of the systemd journal (`journalctl -o json`, `-o export`), put back into the form of syslog.

use std::borrow::Cow;
use std::ops::Range;

use jiff::Timestamp;
use serde::Deserialize;

/// The fields of a journal entry that a mail log needs (systemd, journal JSON format).
#[derive(Deserialize)]
struct Entry<'e> {
    #[serde(rename = "__REALTIME_TIMESTAMP", borrow)]
    realtime: Word<'e>,
    #[serde(rename = "_SOURCE_REALTIME_TIMESTAMP", default, borrow)]
    source: Option<Word<'e>>,
    #[serde(rename = "_HOSTNAME", default)]
    host: Option<String>,
    #[serde(rename = "SYSLOG_IDENTIFIER", default)]
    identifier: Option<String>,
    #[serde(rename = "_COMM", default)]
    command: Option<String>,
    #[serde(rename = "SYSLOG_PID", default, borrow)]
    syslog_pid: Option<Word<'e>>,
    #[serde(rename = "_PID", default, borrow)]
    pid: Option<Word<'e>>,
    #[serde(rename = "MESSAGE", default)]
    message: Option<Message>,
}

/// A number, in quotes or not.
#[derive(Deserialize)]
#[serde(untagged)]
enum Word<'e> {
    Text(#[serde(borrow)] std::borrow::Cow<'e, str>),
    Number(i64),
}

impl Word<'_> {
    fn number(&self) -> Option<i64> {
        match self {
            Word::Text(text) => text.parse().ok(),
            Word::Number(number) => Some(*number),
        }
    }
}

/// The text of an entry: bytes one by one where it is not plain UTF-8.
#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Text(String),
    Bytes(Vec<u8>),
    Several(Vec<String>),
}

/// One entry of the journal as a syslog line with the instant in UTC; `None` for any other text.
pub(crate) fn line(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.starts_with('{') || !text.contains("\"__REALTIME_TIMESTAMP\"") {
        return None;
    }
    let entry: Entry<'_> = serde_json::from_str(text).ok()?;
    let micros = entry.source.as_ref().and_then(Word::number).or_else(|| entry.realtime.number())?;
    let tag = entry.identifier.or(entry.command)?;
    let message = match entry.message? {
        Message::Text(text) => text,
        Message::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Message::Several(texts) => texts.into_iter().next()?,
    };
    let pid = entry.syslog_pid.or(entry.pid).and_then(|pid| pid.number()).map(|pid| pid.to_string());
    syslog(micros, entry.host.as_deref(), &tag, pid.as_deref(), &message)
}

/// The line that syslog would have written.
fn syslog(micros: i64, host: Option<&str>, tag: &str, pid: Option<&str>, message: &str) -> Option<String> {
    let at = Timestamp::from_microsecond(micros).ok()?;
    let host = host.filter(|host| !host.is_empty() && !host.contains(char::is_whitespace)).unwrap_or("-");
    let pid = pid.map_or(String::new(), |pid| format!("[{pid}]"));
    let message = message.replace(['\n', '\r'], " ");
    Some(format!("{at} {host} {}{pid}: {message}", tag.replace([' ', '\n', '\r'], "_")))
}

/// Whether a file is of `journalctl -o export`: its entries begin with their place in the journal.
pub(crate) fn is_export(bytes: &[u8]) -> bool {
    bytes.starts_with(b"__CURSOR=") || bytes.starts_with(b"__REALTIME_TIMESTAMP=")
}

/// One entry of an export: where it stands, on which line, and what syslog would have written.
pub(crate) struct Exported {
    /// Its bytes.
    pub(crate) bytes: Range<usize>,
    /// The line at which it starts, from 1.
    pub(crate) line: u64,
    /// As a line of syslog; what cannot be put so is `?`.
    pub(crate) text: String,
}

/// The entries of an export (systemd, journal export format): fields `KEY=value`, or `KEY`, eight bytes of length and
/// the value; a blank line ends an entry.
pub(crate) fn exported(bytes: &[u8]) -> Vec<Exported> {
    let mut entries = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < bytes.len() {
        let mut fields: Vec<(&[u8], &[u8])> = Vec::new();
        let (start, first) = (at, line);
        while at < bytes.len() && bytes[at] != b'\n' && bytes[at] != b'\r' {
            let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end);
            let field = &bytes[at..end];
            let next = match memchr::memchr(b'=', field) {
                Some(equals) => {
                    fields.push((&field[..equals], field[equals + 1..].trim_ascii_end()));
                    end + 1
                }
                None => match sized(bytes, end + 1) {
                    Some(value) => {
                        fields.push((field, &bytes[value.clone()]));
                        value.end + 1
                    }
                    None => end + 1,
                },
            };
            let next = next.min(bytes.len());
            line += memchr::memchr_iter(b'\n', &bytes[at..next]).count() as u64;
            at = next;
        }
        if at > start {
            let end = at - bytes[start..at].iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
            let text = entry(&fields).unwrap_or_else(|| "?".to_owned());
            entries.push(Exported { bytes: start..end, line: first, text });
        }
        while at < bytes.len() && matches!(bytes[at], b'\n' | b'\r') {
            line += u64::from(bytes[at] == b'\n');
            at += 1;
        }
    }
    entries
}

/// Where a value stands whose length is written before it, in eight bytes from `at`, the lowest first.
fn sized(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let length: [u8; 8] = bytes.get(at..at.checked_add(8)?)?.try_into().ok()?;
    let length = usize::try_from(u64::from_le_bytes(length)).ok()?;
    let start = at + 8;
    let end = start.checked_add(length)?;
    (end <= bytes.len()).then_some(start..end)
}

fn entry(fields: &[(&[u8], &[u8])]) -> Option<String> {
    let get = |key: &str| {
        let value = fields.iter().find(|(name, _)| *name == key.as_bytes()).map(|(_, value)| *value)?;
        Some(String::from_utf8_lossy(value))
    };
    let number = |key: &str| get(key)?.parse().ok();
    let micros = number("_SOURCE_REALTIME_TIMESTAMP").or_else(|| number("__REALTIME_TIMESTAMP"))?;
    let tag = get("SYSLOG_IDENTIFIER").or_else(|| get("_COMM"))?;
    let pid = get("SYSLOG_PID").or_else(|| get("_PID"));
    syslog(micros, get("_HOSTNAME").as_deref(), &tag, pid.as_deref(), &get("MESSAGE")?)
}

/// The first lines of a file as syslog would have written them, for recognising its kind.
pub(crate) fn first_lines(head: &str) -> Vec<Cow<'_, str>> {
    const LINES: usize = 2000;
    if is_export(head.as_bytes()) {
        return exported(head.as_bytes()).into_iter().take(LINES).map(|entry| Cow::Owned(entry.text)).collect();
    }
    let lines = head.lines().filter(|line| !line.trim().is_empty()).take(LINES);
    lines.map(super::search::unwrapped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_exports() {
        let mut bytes = b"__CURSOR=s=0\n__REALTIME_TIMESTAMP=1785729906000000\n_HOSTNAME=mx1\nSYSLOG_IDENTIFIER=postfix/qmgr\nSYSLOG_PID=9\nMESSAGE=4C0FFEE: removed\n\n__CURSOR=s=1\n__REALTIME_TIMESTAMP=1785729907000000\n_COMM=x\nMESSAGE\n".to_vec();
        bytes.extend(3u64.to_le_bytes());
        bytes.extend(b"a\nb\n\n\n__CURSOR=s=2\nMESSAGE\n");
        bytes.extend(u64::MAX.to_le_bytes());
        let found: Vec<(u64, String)> = exported(&bytes).into_iter().map(|entry| (entry.line, entry.text)).collect();
        let expected = [
            (1, "2026-08-03T04:05:06Z mx1 postfix/qmgr[9]: 4C0FFEE: removed"),
            (8, "2026-08-03T04:05:07Z - x: a b"),
            (16, "?"),
        ];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
        for bytes in [&b"__CURSOR="[..], b"__CURSOR=x\nA", b"__CURSOR=x\nA\n12345678", b"\n\n\n"] {
            exported(bytes);
        }
    }

    #[test]
    fn ok_entries() {
        for (name, text, expected) in [
            (
                "text",
                r#"{"__REALTIME_TIMESTAMP":"1785729906123456","_HOSTNAME":"mx1","SYSLOG_IDENTIFIER":"postfix/qmgr","SYSLOG_PID":"9","MESSAGE":"4C0FFEE: removed"}"#,
                "2026-08-03T04:05:06.123456Z mx1 postfix/qmgr[9]: 4C0FFEE: removed",
            ),
            (
                "bytes",
                r#"{"__REALTIME_TIMESTAMP":"1785729906000000","_HOSTNAME":"mx1","SYSLOG_IDENTIFIER":"amavis","_PID":"7","MESSAGE":[104,105,255]}"#,
                "2026-08-03T04:05:06Z mx1 amavis[7]: hi\u{fffd}",
            ),
            (
                "several lines",
                "{\"__REALTIME_TIMESTAMP\":1785729906000000,\"_COMM\":\"x y\",\"MESSAGE\":\"a\\nb\"}",
                "2026-08-03T04:05:06Z - x_y: a b",
            ),
        ] {
            assert_eq!(line(text).as_deref(), Some(expected), "{name}");
        }
        for text in
            ["", "{}", "{\"__REALTIME_TIMESTAMP\":", "{\"__REALTIME_TIMESTAMP\":\"1\"}", "Aug  3 04:05:06 x y: {"]
        {
            assert_eq!(line(text), None, "{text}");
        }
    }
}
