//! What a refusing server's words mean.

use std::sync::LazyLock;

use evidence::Reply;
use serde::Deserialize;

use crate::Standing;
use crate::status::List;

/// One entry of `replies.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    cause: String,
    #[serde(default)]
    codes: Vec<String>,
    #[serde(default)]
    words: Vec<String>,
    /// Codes with which the words mean something else.
    #[serde(default)]
    unless_codes: Vec<String>,
    /// Only where one of these speaks, by the name of its list.
    #[serde(default)]
    speakers: Vec<String>,
    /// Not where one of these speaks: it gives the code to something else.
    #[serde(default)]
    unless_speakers: Vec<String>,
    class: Option<u8>,
    standing: Option<String>,
    #[allow(dead_code)]
    source: String,
}

#[derive(Debug, Deserialize)]
struct Table {
    reply: Vec<Entry>,
}

static TABLE: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    toml::from_str::<Table>(include_str!("replies.toml")).map(|table| table.reply).unwrap_or_default()
});

/// The cause that a reply names, and how surely; `None` if its words are not known. A number that means different things by
/// who says it counts only where the speaker fits.
pub(crate) fn cause_of(reply: &Reply, speaker: Option<List>) -> Option<(&'static str, Standing)> {
    let text = reply.text.to_lowercase();
    let code = reply.enhanced_status_code.as_deref();
    let class = class_of(reply);
    let is_among = |names: &[String]| speaker.is_some_and(|list| names.iter().any(|name| name == list.name()));
    let entry = TABLE.iter().find(|entry| {
        let class_fits = entry.class.is_none_or(|wanted| class.is_none_or(|class| class == wanted));
        class_fits
            && (entry.speakers.is_empty() || is_among(&entry.speakers))
            && !is_among(&entry.unless_speakers)
            && !code.is_some_and(|code| entry.unless_codes.iter().any(|known| is_code(known, code)))
            && (entry.words.iter().any(|word| text.contains(word.as_str()))
                || code.is_some_and(|code| entry.codes.iter().any(|known| is_code(known, code))))
    })?;
    let standing = if entry.standing.is_some() { Standing::Likely } else { Standing::Proved };
    Some((entry.cause.as_str(), standing))
}

/// Class of a reply: that of the reply code (RFC 5321, 4.2.1) goes before that of the enhanced code.
fn class_of(reply: &Reply) -> Option<u8> {
    let by_code = reply.reply_code.map(|code| (code / 100) as u8);
    let by_status = || reply.enhanced_status_code.as_ref()?.chars().next()?.to_digit(10).map(|digit| digit as u8);
    by_code.or_else(by_status)
}

/// Whether `code` is the known one, or lies in its range (`4.7.500-699`).
fn is_code(known: &str, code: &str) -> bool {
    match known.rsplit_once('-') {
        None => known == code,
        Some((low, high)) => {
            let parts = low.rsplit_once('.').zip(code.rsplit_once('.'));
            let Some(((head, low), (code_head, detail))) = parts else { return false };
            let numbers = (low.parse::<u16>(), high.parse::<u16>(), detail.parse::<u16>());
            head == code_head && matches!(numbers, (Ok(low), Ok(high), Ok(detail)) if (low..=high).contains(&detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: Option<&str>, text: &str) -> Option<&'static str> {
        let reply_code = text.get(..3).and_then(|code| code.parse().ok());
        let reply = Reply { reply_code, enhanced_status_code: code.map(str::to_owned), text: text.to_owned() };
        cause_of(&reply, None).map(|(cause, _)| cause)
    }

    #[test]
    fn ok_replies() {
        for (name, code, text, expected) in [
            (
                "connector",
                Some("5.7.64"),
                "550 5.7.64 TenantAttribution; Relay Access Denied",
                "connector-routing/connector-restriction",
            ),
            (
                "unknown by edge",
                Some("5.4.1"),
                "550 5.4.1 Recipient address rejected: Access denied.",
                "connector-routing/recipient-unknown",
            ),
            (
                "dmarc",
                Some("5.7.509"),
                "550 5.7.509 Access denied, sending domain example.com does not pass DMARC verification",
                "authentication-alignment/dmarc-fail",
            ),
            (
                "spf",
                Some("5.7.23"),
                "550 5.7.23 The message was rejected because of Sender Policy Framework violation",
                "authentication-alignment/spf-fail",
            ),
            (
                "throttled range",
                Some("4.7.651"),
                "451 4.7.651 The mail server has been temporarily rate limited",
                "connector-routing/throttled",
            ),
            (
                "banned range",
                Some("5.7.606"),
                "550 5.7.606 Access denied, banned sending IP",
                "policy-scope-or-order/connection-filter",
            ),
            (
                "full, for now",
                Some("4.2.2"),
                "452 4.2.2 <a@example.com> Mailbox is full",
                "connector-routing/mailbox-full",
            ),
            (
                "dead",
                None,
                "connect to mx.example.com[192.0.2.1]:25: Connection timed out",
                "connector-routing/dead-next-hop",
            ),
            (
                "greylisted",
                Some("4.2.0"),
                "450 4.2.0 <a@example.com>: Recipient address rejected: Greylisted",
                "connector-routing/greylisted",
            ),
            ("personal block", None, "550 Envelope blocked - User Entry", "policy-scope-or-order/user-block-list"),
            (
                "administrator's block",
                None,
                "550 Rejected by header based Blocked Senders - Block policy for Header From",
                "policy-scope-or-order/block-entry",
            ),
        ] {
            assert_eq!(check(code, text), Some(expected), "{name}");
        }
    }

    /// The same number by several speakers.
    #[test]
    fn ok_by_speaker() {
        use Standing::{Likely, Proved};
        let (exchange, gmail) = (Some(List::ExchangeOnline), Some(List::Google));
        for (code, speaker, expected) in [
            ("5.7.12", exchange, Some(("policy-scope-or-order/recipient-restriction", Proved))),
            ("5.7.12", Some(List::Postfix), None),
            ("5.7.13", None, None),
            ("5.7.29", gmail, Some(("connector-routing/tls-failure", Proved))),
            ("5.7.29", None, Some(("authentication-alignment/arc-untrusted", Likely))),
            ("5.7.30", gmail, Some(("authentication-alignment/dkim-fail", Proved))),
            ("5.7.30", None, Some(("connector-routing/tls-failure", Likely))),
        ] {
            let text = format!("550 {code} not taken");
            let reply = Reply { reply_code: Some(550), enhanced_status_code: Some(code.to_owned()), text };
            assert_eq!(cause_of(&reply, speaker), expected, "{code} {speaker:?}");
        }
    }

    #[test]
    fn silent_replies() {
        for (code, text) in [(Some("5.7.1"), "550 5.7.1 Access denied"), (None, "550 no"), (Some("5.0.0"), "")] {
            assert_eq!(check(code, text), None, "{text}");
        }
    }

    #[test]
    fn every_entry_is_whole() {
        let table: Table = toml::from_str(include_str!("replies.toml")).unwrap();
        for entry in &table.reply {
            assert!(crate::causes::all().any(|cause| cause.id() == entry.cause), "{entry:?}");
            assert!(entry.source.contains(", read 20"), "{entry:?}");
            assert!(!entry.codes.is_empty() || !entry.words.is_empty(), "{entry:?}");
            assert!(entry.words.iter().all(|word| *word == word.to_lowercase()), "{entry:?}");
            let named = entry.speakers.iter().chain(&entry.unless_speakers);
            assert!(named.into_iter().all(|name| List::PRODUCTS.iter().any(|list| list.name() == name)), "{entry:?}");
        }
    }
}
