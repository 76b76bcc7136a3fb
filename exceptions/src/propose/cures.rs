//! What is mended instead of excepted: the words are data, here they are filled with what a need knows.

use std::sync::LazyLock;

use evidence::{Address, Product};
use findings::fill;
use serde::Deserialize;
use sources::policy::Device;

use crate::Need;

/// Why malware is not excepted.
pub(super) const MALWARE: &str = "Malware is kept back whatever allows the sender, and is not excepted: have the security team look at the sample. If \
     the find is wrong, submit the file to the vendor as a false positive; the sender sends it clean, or in another form";
/// Who says so where no table of the product does.
pub(super) const MALWARE_SOURCE: &str = "Microsoft, Secure by default, read 2026-08-20";
/// What helps against a forbidden file.
pub(super) const ATTACHMENT: &str = "Ask the sender for the file in a permitted form; if the file is known and was looked at, release this one message; if a scanner was \
     wrong about it, submit the file to the vendor";
/// What helps against phishing of high confidence.
pub(super) const HIGH_CONFIDENCE_PHISH: &str = "Entries made by hand, rules and safe lists do not reach phishing of high confidence: only an entry that comes out of a \
     submission to the vendor does. Submit the message as one that should not have been blocked, with an entry that ends";
/// Who says so.
pub(super) const HIGH_CONFIDENCE_PHISH_SOURCE: &str = "Microsoft, Secure by default, read 2026-08-20";

/// Ways of letting mail through that somebody could think of.
pub(super) const DEVICES: &[Device] = &[
    Device::ListEntry,
    Device::SubmittedEntry,
    Device::PolicySender,
    Device::ConnectingAddress,
    Device::Rule,
    Device::UserList,
    Device::SpoofPair,
    Device::PermitPolicy,
];

/// What may be done for one message until the fault is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Meanwhile {
    /// Nothing.
    Nothing,
    /// It is let go, for its recipients.
    Release,
    /// That, or an entry for just this pair of sender and system.
    Dated,
    /// That, or a change of the very setting that stopped it.
    Setting,
}

/// What is to be done about a cause.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    cause: String,
    pub(super) owner: String,
    what: String,
    because: String,
    pub(super) meanwhile: Meanwhile,
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever keeps the table"))]
    source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    cure: Vec<Entry>,
}

static TABLE: LazyLock<Vec<Entry>> =
    LazyLock::new(|| toml::from_str::<Table>(include_str!("cures.toml")).map(|table| table.cure).unwrap_or_default());

/// What is to be done about a cause; `None` if it may be excepted.
pub(super) fn of(cause: &str) -> Option<&'static Entry> {
    let family = cause.split('/').next().unwrap_or(cause);
    let named = |id: &str| TABLE.iter().find(|entry| entry.cause == id);
    named(cause).or_else(|| TABLE.iter().find(|entry| entry.cause.strip_suffix("/*") == Some(family)))
}

impl Entry {
    /// What is to be done.
    pub(super) fn what(&self, need: &Need) -> String {
        filled(&self.what, need)
    }

    /// Why no exception.
    pub(super) fn because(&self, need: &Need) -> String {
        filled(&self.because, need)
    }
}

fn filled(template: &str, need: &Need) -> String {
    let value = |place: &str| match place {
        "client" => need.client.map(|client| client.to_string()),
        "policy" => need.policy.clone(),
        "entry" => Some(entry(need)),
        "from_domain" => Some(from_domain(need).unwrap_or("the domain in the From field").to_owned()),
        "sender" => Some(sender(need).map_or("the sender".to_owned(), |sender| sender.to_string())),
        "recipients" => Some(recipients(need)),
        "mending" => mending(need),
        _ => None,
    };
    fill::sentence(template, &value).unwrap_or_else(|| template.to_owned())
}

/// The block entry that matched, as far as a record names it.
fn entry(need: &Need) -> String {
    let sender = sender(need).map_or("this sender".to_owned(), |sender| sender.to_string());
    let list = match need.product {
        Product::ExchangeOnline => "the tenant allow/block list and the anti-spam policies",
        _ => "the list of the system that refused it",
    };
    match &need.policy {
        Some(named) => format!("the one block entry for {sender} that matched (the record names \"{named}\")"),
        None => format!("the block entry for {sender} (not shown which: fetch {list})"),
    }
}

fn sender(need: &Need) -> Option<&Address> {
    need.header_from.as_ref().or(need.envelope_sender.as_ref())
}

/// The author's domain: what authentication is about. The envelope's may be another.
fn from_domain(need: &Need) -> Option<&str> {
    need.header_from.as_ref().and_then(Address::domain)
}

fn recipients(need: &Need) -> String {
    match need.envelope_recipients.first() {
        None => "the recipient".to_owned(),
        Some(first) if need.envelope_recipients.len() == 1 => first.to_string(),
        Some(first) => format!("{first} and {} more", need.envelope_recipients.len() - 1),
    }
}

/// What the sender has to sign or list, as far as what our side saw tells.
fn mending(need: &Need) -> Option<String> {
    let from = from_domain(need)?;
    let strangers: Vec<&str> =
        need.signed_by.iter().map(String::as_str).filter(|signer| !are_kin(signer, from)).collect();
    let is_signed = need.signed_by.len() > strangers.len();
    let mut parts = Vec::new();
    match strangers.as_slice() {
        _ if is_signed => {}
        [] => parts.push(format!("sign with a key of {from} (d={from})")),
        some => parts.push(format!("let the service that signs as {} sign as {from}", some.join(", "))),
    }
    let envelope = need.envelope_sender.as_ref().and_then(Address::domain);
    let client = need.client.filter(|_| !need.is_behind_a_gateway);
    match envelope {
        Some(envelope) if !are_kin(envelope, from) => {
            let listed = client.map(|client| format!(" whose SPF record lists {client}")).unwrap_or_default();
            parts.push(format!("or use an envelope sender of {from} instead of {envelope}{listed}"));
        }
        Some(envelope) => parts.extend(client.map(|client| format!("list {client} in the SPF record of {envelope}"))),
        None => {}
    }
    let said = parts.join(", ");
    let said = said.strip_prefix("or ").unwrap_or(&said);
    (!said.is_empty()).then(|| said.to_owned())
}

/// Whether two domains are one, or one lies below the other.
fn are_kin(one: &str, other: &str) -> bool {
    let below = |low: &str, high: &str| low.strip_suffix(high).is_some_and(|head| head.ends_with('.'));
    one == other || below(one, other) || below(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_whole_and_dated() {
        assert!(TABLE.len() > 20, "the table is not read");
        let known = findings::catalogue();
        for entry in TABLE.iter() {
            assert!(entry.source.contains("read 20"), "{}", entry.cause);
            for text in [&entry.owner, &entry.what, &entry.because] {
                assert!(!text.trim().is_empty(), "{}", entry.cause);
            }
            let is_known = entry.cause.ends_with("/*") || known.iter().any(|page| page.id == entry.cause);
            assert!(is_known, "{} is no cause", entry.cause);
        }
    }

    #[test]
    fn ok_which_causes_are_mended() {
        for (cause, expected) in [
            ("authentication-alignment/dmarc-fail", Some("authentication-alignment/*")),
            ("authentication-alignment/spf-of-the-gateway", Some("authentication-alignment/spf-of-the-gateway")),
            ("connector-routing/loop", Some("connector-routing/*")),
            ("content-verdict/spam", None),
            ("content-verdict/malware", None),
            ("content-verdict/spoof", None),
        ] {
            assert_eq!(of(cause).map(|entry| entry.cause.as_str()), expected, "{cause}");
        }
    }
}
