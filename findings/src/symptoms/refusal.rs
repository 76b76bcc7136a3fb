//! What a refusal or a deferral says about the way that was taken: which of the marks by which servers know each other did not fit.

use std::sync::LazyLock;

use serde::Deserialize;

/// What did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Refusal {
    /// It comes again, and then it may go through.
    Transient,
    /// Mail of our own domain without a connector.
    DirectSend,
    /// No connector knows the sending server, or a connector knows the domain and not the server.
    Connector,
    /// Mail is not forwarded to outside.
    Forwarding,
    /// Nobody has logged in, or that way of logging in is not taken.
    Login,
    /// Encryption, or a certificate's name.
    Tls,
    /// The server was called by a name that is for something else.
    Hostname,
    /// It does not know the recipient.
    Recipient,
    /// It does not relay for this client or to this domain.
    Relay,
    /// SPF, DKIM, DMARC, or a forged sender.
    Authentication,
    /// Nobody answered.
    NoAnswer,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: Refusal,
    #[serde(default)]
    codes: Vec<String>,
    #[serde(default)]
    words: Vec<String>,
    #[allow(dead_code)]
    source: String,
}

#[derive(Debug, Deserialize)]
struct Table {
    refusal: Vec<Entry>,
}

static TABLE: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    toml::from_str::<Table>(include_str!("refusals.toml")).map(|table| table.refusal).unwrap_or_default()
});

impl Refusal {
    /// What an enhanced status code and the words of a reply say; a known code goes before words.
    pub(super) fn of(code: &str, said: &str) -> Option<Refusal> {
        let text = said.to_lowercase();
        let by_code =
            TABLE.iter().find(|entry| !code.is_empty() && entry.codes.iter().any(|known| is_code(known, code)));
        let by_words = || TABLE.iter().find(|entry| entry.words.iter().any(|word| text.contains(word.as_str())));
        // A relay that is denied says so with the code of an unknown recipient as well.
        let relay = || text.contains("relay access denied") && code == "5.4.1";
        match by_code {
            Some(_) if relay() => Some(Refusal::Relay),
            Some(entry) => Some(entry.kind),
            None => by_words().map(|entry| entry.kind),
        }
    }
}

/// Whether `code` is the known one, or lies in its range (`4.7.500-699`).
fn is_code(known: &str, code: &str) -> bool {
    let Some((low, high)) = known.rsplit_once('-') else { return known == code };
    let Some(((head, low), (own_head, detail))) = low.rsplit_once('.').zip(code.rsplit_once('.')) else { return false };
    let numbers = (low.parse::<u16>(), high.parse::<u16>(), detail.parse::<u16>());
    head == own_head && matches!(numbers, (Ok(low), Ok(high), Ok(detail)) if (low..=high).contains(&detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_refusals() {
        for (name, code, said, expected) in [
            (
                "direct send",
                "5.7.68",
                "550 5.7.68 TenantInboundAttribution; Direct Send not allowed",
                Some(Refusal::DirectSend),
            ),
            ("no connector", "5.7.64", "550 5.7.64 TenantAttribution; Relay Access Denied", Some(Refusal::Connector)),
            ("certificate", "4.7.325", "certificate-host-mismatch", Some(Refusal::Tls)),
            ("no code", "", "Server certificate not verified", Some(Refusal::Tls)),
            ("relay", "5.7.1", "554 5.7.1 <a@b.example>: Relay access denied", Some(Refusal::Relay)),
            ("relay, as an address", "5.4.1", "550 5.4.1 Relay access denied", Some(Refusal::Relay)),
            ("range", "4.7.650", "Access denied", Some(Refusal::Transient)),
            ("nothing known", "5.7.1", "Message contains spam", None),
        ] {
            assert_eq!(Refusal::of(code, said), expected, "{name}");
        }
    }

    #[test]
    fn the_table_is_read() {
        assert!(toml::from_str::<Table>(include_str!("refusals.toml")).is_ok());
    }
}
