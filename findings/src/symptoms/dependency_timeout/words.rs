//! What the words of a record say did not answer.

use std::sync::LazyLock;

use serde::Deserialize;

/// What sort of thing others depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::symptoms) enum Kind {
    /// Another server that mail is handed to.
    Hop,
    /// A filter that looks into mail.
    Scanner,
    /// A service that is asked whether a message may come in.
    Policy,
    /// A directory or database that knows the recipients.
    Lookup,
    /// The DNS of a domain.
    Names,
    /// What a sign-in depends on.
    Agent,
    /// One of the addresses from which we send.
    OwnAddress,
    /// Nothing: the other end answered.
    Answered,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    kind: Kind,
    words: Vec<String>,
    #[serde(default)]
    codes: Vec<String>,
    #[serde(default)]
    unless: Vec<String>,
    #[allow(dead_code)]
    source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    after: String,
    until: String,
}

#[derive(Debug, Default, Deserialize)]
struct Table {
    word: Vec<Word>,
    place: Vec<Place>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| toml::from_str(include_str!("words.toml")).unwrap_or_default());

/// What a text, or its enhanced status code, says did not answer; [`Kind::Answered`] if it tells anything else.
pub(in crate::symptoms) fn kind_of(text: &str, code: &str) -> Kind {
    let text = text.to_lowercase();
    let is_in = |words: &[String]| words.iter().any(|word| text.contains(word.as_str()));
    let fits =
        |word: &&Word| (is_in(&word.words) || word.codes.iter().any(|known| known == code)) && !is_in(&word.unless);
    TABLE.word.iter().find(fits).map_or(Kind::Answered, |word| word.kind)
}

/// Whom a text names as the one that did not answer: host, socket or domain, lower case.
pub(in crate::symptoms) fn named(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    TABLE.place.iter().find_map(|place| {
        let rest = &text[text.find(&place.after)? + place.after.len()..];
        let rest = &rest[..rest.find(&place.until).unwrap_or(rest.len())];
        let name = rest.split([',', ' ', ';', '(', ')']).next()?.trim_matches(['<', '>', '.', ':']);
        // `name[address]:port`: by the name, else by the address.
        let name = match name.split_once('[') {
            Some(("", rest)) => rest.split(']').next()?,
            Some((name, rest)) if rest.starts_with('/') || rest.starts_with("private") => {
                return Some(format!("{name}[{}", rest.split_inclusive(']').next()?));
            }
            Some((name, _)) => name,
            None => name,
        };
        (!name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_kinds_and_names() {
        assert!(!TABLE.word.is_empty() && !TABLE.place.is_empty());
        for (text, code, kind, name) in [
            (
                "connect to mx.partner.example[192.0.2.7]:25: Connection timed out",
                "4.4.1",
                Kind::Hop,
                Some("mx.partner.example"),
            ),
            (
                "connect to mx1[private/dovecot-lmtp]: Connection refused",
                "4.4.1",
                Kind::Hop,
                Some("mx1[private/dovecot-lmtp]"),
            ),
            (
                "delivery temporarily suspended: connect to 192.0.2.7[192.0.2.7]:25: No route to host",
                "4.4.1",
                Kind::Hop,
                Some("192.0.2.7"),
            ),
            (
                "lost connection with mx.partner.example[192.0.2.7] while receiving the initial server greeting",
                "4.4.2",
                Kind::Hop,
                Some("mx.partner.example"),
            ),
            (
                "conversation with mx.partner.example[192.0.2.7] timed out while sending RCPT TO",
                "4.4.2",
                Kind::Hop,
                Some("mx.partner.example"),
            ),
            (
                "450 4.4.316 Connection refused [Message=Socket error code 10061] [LastAttemptedServerName=mx.partner.example] [LastAttemptedIP=192.0.2.7:25]",
                "4.4.316",
                Kind::Hop,
                Some("mx.partner.example"),
            ),
            (
                "450 4.4.317 Cannot connect to remote server [Message=TLS negotiation failed with status CertExpired]",
                "4.4.317",
                Kind::Answered,
                None,
            ),
            (
                "Host or domain name not found. Name service error for name=partner.example type=MX: Host not found, try again",
                "4.4.3",
                Kind::Names,
                Some("partner.example"),
            ),
            (
                "Host or domain name not found. Name service error for name=gone.example type=AAAA: Host not found",
                "5.4.4",
                Kind::Answered,
                Some("gone.example"),
            ),
            (
                "milter inet:127.0.0.1:11332: can't read SMFIC_RCPT reply packet header: Connection timed out",
                "",
                Kind::Scanner,
                Some("inet:127.0.0.1:11332"),
            ),
            (
                "connect to Milter service inet:127.0.0.1:8891: Connection refused",
                "",
                Kind::Scanner,
                Some("inet:127.0.0.1:8891"),
            ),
            (
                "problem talking to server private/policyd-spf: Connection timed out",
                "",
                Kind::Policy,
                Some("private/policyd-spf"),
            ),
            ("451 4.7.1 Greylisted, come back later", "4.7.1", Kind::Answered, None),
            (
                "451 4.7.500 Server busy. Please try again later from [192.0.2.9]. (S77714)",
                "4.7.500",
                Kind::Answered,
                Some("192.0.2.9"),
            ),
        ] {
            assert_eq!(kind_of(text, code), kind, "{text}");
            let found = named(text);
            if kind != Kind::Answered || name.is_some() {
                assert_eq!(found.as_deref(), name, "{text}");
            }
        }
    }
}
