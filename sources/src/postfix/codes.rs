//! The words of `codes.toml`.

use std::sync::LazyLock;

use evidence::{AuthMethod, VerdictKind};
use serde::Deserialize;

#[derive(Deserialize)]
struct Codes {
    code: Vec<Code>,
}

#[derive(Deserialize)]
struct Code {
    field: String,
    value: String,
    means: String,
    #[allow(dead_code)] // read by people and by the test
    source: String,
}

static CODES: LazyLock<Codes> =
    LazyLock::new(|| toml::from_str(include_str!("codes.toml")).unwrap_or(Codes { code: Vec::new() }));

/// The kind that a whole word of `field` stands for.
pub(crate) fn verdict(field: &str, word: &str) -> Option<VerdictKind> {
    let code = CODES.code.iter().find(|code| code.field == field && code.value.eq_ignore_ascii_case(word))?;
    kind(&code.means).flatten()
}

/// The kind that a refusal's wording names; `None` if it names none.
pub(crate) fn refusal(text: &str) -> Option<VerdictKind> {
    let text = text.to_ascii_lowercase();
    let code = CODES.code.iter().find(|code| code.field == "refusal" && text.contains(&code.value))?;
    kind(&code.means).flatten()
}

/// The result of a signature's check that a line of OpenDKIM states (RFC 8601 word); `None` if it states none.
pub(super) fn opendkim(text: &str) -> Option<&'static str> {
    let code = CODES.code.iter().find(|code| code.field == "opendkim" && text.starts_with(code.value.as_str()))?;
    Some(code.means.as_str())
}

/// The meaning of a word of the table: `Some(None)` for `none`, `None` for a word we do not know.
fn kind(means: &str) -> Option<Option<VerdictKind>> {
    Some(Some(match means {
        "none" => return Some(None),
        "clean" => VerdictKind::Clean,
        "spam" => VerdictKind::Spam,
        "phish" => VerdictKind::Phish,
        "malware" => VerdictKind::Malware,
        "attachment" => VerdictKind::Attachment,
        "rule" => VerdictKind::TransportRule,
        "block-entry" => VerdictKind::BlockEntry,
        "connection-filter" => VerdictKind::ConnectionFilter,
        "spf" => VerdictKind::Authentication(AuthMethod::Spf),
        "dkim" => VerdictKind::Authentication(AuthMethod::Dkim),
        "dmarc" => VerdictKind::Authentication(AuthMethod::Dmarc),
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_every_code() {
        let codes: Codes = toml::from_str(include_str!("codes.toml")).expect("a table of codes");
        for code in &codes.code {
            let is_result = code.field == "opendkim"
                && ["pass", "fail", "none", "neutral", "temperror", "permerror"].contains(&code.means.as_str());
            assert!(is_result || kind(&code.means).is_some(), "{}: unknown meaning {}", code.value, code.means);
            assert!(code.source.contains(", read 20"), "{}: no source", code.value);
            assert!(matches!(code.field.as_str(), "refusal" | "amavis category" | "opendkim"), "{}", code.field);
            if code.field == "refusal" {
                assert_eq!(code.value, code.value.to_ascii_lowercase(), "refusal words are compared lower-case");
            }
        }
    }

    #[test]
    fn ok_refusals() {
        for (text, expected) in [
            (
                "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using spamhaus.example",
                Some(VerdictKind::ConnectionFilter),
            ),
            (
                "550 5.7.1 rejected by DMARC policy for example.com",
                Some(VerdictKind::Authentication(AuthMethod::Dmarc)),
            ),
            ("5.7.1 Spam message rejected", Some(VerdictKind::Spam)),
            ("451 4.7.1 Greylisting in action, spam check later", None),
            ("550 5.1.1 User unknown", None),
        ] {
            assert_eq!(refusal(text), expected, "{text}");
        }
    }
}
