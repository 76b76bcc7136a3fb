//! Lines of the systemd journal as JSON (`journalctl -o json`), put back into the form of syslog.

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
    let at = Timestamp::from_microsecond(micros).ok()?;
    let host =
        entry.host.filter(|host| !host.is_empty() && !host.contains(char::is_whitespace)).unwrap_or("-".to_owned());
    let tag = entry.identifier.or(entry.command)?;
    let message = match entry.message? {
        Message::Text(text) => text,
        Message::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Message::Several(texts) => texts.into_iter().next()?,
    };
    let pid = entry.syslog_pid.or(entry.pid).and_then(|pid| pid.number());
    let pid = pid.map_or(String::new(), |pid| format!("[{pid}]"));
    let message = message.replace(['\n', '\r'], " ");
    Some(format!("{at} {host} {}{pid}: {message}", tag.replace(' ', "_")))
}

#[cfg(test)]
mod tests {
    use super::*;

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
