//! The conditions of all scopes as indexes: which of them hold for a value is a few look-ups, however many there are.

use std::net::IpAddr;

use evidence::Identifier;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};

use super::sets::Map;
use crate::{On, Scope, Term, Value};

/// What rows may state and conditions look at, as bits.
pub(super) mod dim {
    /// Envelope sender.
    pub(in crate::history) const ENVELOPE: u16 = 1;
    /// From address.
    pub(in crate::history) const HEADER: u16 = 1 << 1;
    /// Sending address.
    pub(in crate::history) const CLIENT: u16 = 1 << 2;
    /// Name of the sending address.
    pub(in crate::history) const HOST: u16 = 1 << 3;
    /// DKIM domain.
    pub(in crate::history) const SIGNED: u16 = 1 << 4;
    /// DMARC result.
    pub(in crate::history) const DMARC: u16 = 1 << 5;
    /// Recipient.
    pub(in crate::history) const RECIPIENT: u16 = 1 << 6;
    /// Subject.
    pub(in crate::history) const SUBJECT: u16 = 1 << 7;
    /// Links.
    pub(in crate::history) const URL: u16 = 1 << 8;
    /// Attachments.
    pub(in crate::history) const ATTACHMENT: u16 = 1 << 9;
    /// Ids.
    pub(in crate::history) const MESSAGE: u16 = 1 << 10;
    /// What no row ever states.
    pub(in crate::history) const NEVER: u16 = 1 << 11;

    /// All that rows may state, with its name.
    pub(in crate::history) const ALL: [(u16, &str); 11] = [
        (ENVELOPE, "envelope sender"),
        (HEADER, "From address"),
        (CLIENT, "sending address"),
        (HOST, "name of the sending address"),
        (SIGNED, "DKIM domain"),
        (DMARC, "DMARC result"),
        (RECIPIENT, "recipient"),
        (SUBJECT, "subject"),
        (URL, "link"),
        (ATTACHMENT, "hash of an attachment"),
        (MESSAGE, "id of the message"),
    ];
}

/// What a condition looks at.
fn looks_at(on: &On) -> u16 {
    match on {
        On::EnvelopeSender => dim::ENVELOPE,
        On::HeaderFrom => dim::HEADER,
        On::EitherSender => dim::ENVELOPE | dim::HEADER,
        On::Client => dim::CLIENT,
        On::Infrastructure => dim::HOST,
        On::SignedBy => dim::SIGNED,
        On::Dmarc => dim::DMARC,
        On::Recipient => dim::RECIPIENT,
        On::Subject => dim::SUBJECT,
        On::Url => dim::URL,
        On::Attachment => dim::ATTACHMENT,
        On::Message => dim::MESSAGE,
        On::SenderGroup | On::RecipientGroup | On::Header(_) | On::Other(_) => dim::NEVER,
    }
}

/// Whether the envelope sender stands for the From address: rows that state these state no other. Most traces show no From address at all;
/// the two differ where a service sends for somebody, and that is said ([`super::span`]).
pub(super) fn is_by_envelope(stated: u16) -> bool {
    stated & (dim::HEADER | dim::ENVELOPE) == dim::ENVELOPE
}

/// One condition, by number.
#[derive(Clone, Debug)]
struct One {
    /// What must be stated before it is known not to hold: all of these.
    looks_at: u16,
    /// What it is, for people.
    words: String,
}

/// A scope by the numbers of its conditions. Those that always hold are left out.
#[derive(Clone, Debug, Default)]
pub(super) struct ScopeTerms {
    /// All of these hold.
    pub(super) terms: Vec<u32>,
    /// None of these does.
    pub(super) except: Vec<u32>,
    /// Whether no mail can be in it.
    pub(super) is_no_mail: bool,
}

/// The conditions of all scopes.
#[derive(Debug, Default)]
pub(super) struct Terms {
    all: Vec<One>,
    /// The scopes, in their order.
    pub(super) scopes: Vec<ScopeTerms>,
    /// What any condition looks at.
    pub(super) used: u16,
    /// Conditions on envelope senders.
    pub(super) envelope: Index,
    /// Conditions on From addresses.
    pub(super) header: Index,
    /// Conditions on recipients.
    pub(super) recipient: Index,
    /// Conditions on sending addresses.
    pub(super) client: Index,
    /// Conditions on the names of sending addresses.
    pub(super) host: Index,
    /// Conditions on DKIM domains.
    pub(super) signed: Index,
    /// Conditions on DMARC results.
    pub(super) dmarc: Index,
    /// Conditions on subjects.
    pub(super) subject: Index,
    /// Conditions on links.
    pub(super) url: Index,
    /// Conditions on attachments.
    pub(super) attachment: Index,
    /// Conditions on ids.
    pub(super) message: Index,
}

impl Terms {
    /// Those of these scopes.
    pub(super) fn of(scopes: &[Scope]) -> Terms {
        let mut terms = Terms::default();
        let mut numbers: Map<&Term, u32> = Map::default();
        for scope in scopes {
            let mut compiled = ScopeTerms {
                is_no_mail: scope.terms.iter().any(|term| term.values.is_empty())
                    || scope.except.iter().any(Term::is_everything),
                ..ScopeTerms::default()
            };
            for term in scope.terms.iter().filter(|term| !term.is_everything()) {
                compiled.terms.push(*numbers.entry(term).or_insert_with(|| terms.add(term)));
            }
            for term in scope.except.iter().filter(|term| !term.values.is_empty()) {
                compiled.except.push(*numbers.entry(term).or_insert_with(|| terms.add(term)));
            }
            terms.scopes.push(compiled);
        }
        terms.each_index(Index::finish);
        terms
    }

    fn add(&mut self, term: &Term) -> u32 {
        let number = self.all.len() as u32;
        let looks_at = looks_at(&term.on);
        let is_pattern = |value: &Value| matches!(value, Value::Pattern(_));
        let unclear = if term.values.iter().any(is_pattern) { dim::NEVER } else { 0 };
        self.all.push(One { looks_at: looks_at | unclear, words: term.to_string() });
        self.used |= looks_at;
        for value in &term.values {
            for (bit, index) in self.indexes() {
                if looks_at & bit != 0 {
                    index.add(value, number);
                }
            }
        }
        number
    }

    fn indexes(&mut self) -> [(u16, &mut Index); 11] {
        [
            (dim::ENVELOPE, &mut self.envelope),
            (dim::HEADER, &mut self.header),
            (dim::RECIPIENT, &mut self.recipient),
            (dim::CLIENT, &mut self.client),
            (dim::HOST, &mut self.host),
            (dim::SIGNED, &mut self.signed),
            (dim::DMARC, &mut self.dmarc),
            (dim::SUBJECT, &mut self.subject),
            (dim::URL, &mut self.url),
            (dim::ATTACHMENT, &mut self.attachment),
            (dim::MESSAGE, &mut self.message),
        ]
    }

    fn each_index(&mut self, each: fn(&mut Index)) {
        self.indexes().into_iter().for_each(|(_, index)| each(index));
    }

    /// How many conditions there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether a condition that was not seen to hold may hold, where rows state these.
    pub(super) fn may_hold(&self, term: u32, stated: u16) -> bool {
        let known = if is_by_envelope(stated) { stated | dim::HEADER } else { stated };
        self.all.get(term as usize).is_some_and(|one| one.looks_at & !known != 0)
    }

    /// The number under which a condition on the From address is noted to hold for the envelope sender.
    pub(super) fn by_envelope(&self, term: u32) -> u32 {
        term + self.all.len() as u32
    }

    /// What has to be known of a row to judge these conditions.
    pub(super) fn needed(&self) -> u16 {
        let for_from = if self.used & dim::HEADER == 0 { 0 } else { dim::ENVELOPE };
        self.used | for_from | dim::RECIPIENT
    }

    /// Conditions that no row can show, in words.
    pub(super) fn never_shown(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter(|one| one.looks_at & dim::NEVER != 0).map(|one| one.words.as_str())
    }
}

/// The conditions on one thing: which of them hold for a value.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Whole texts in lower case: addresses, links, hashes, ids, results.
    exact: Map<String, Vec<u32>>,
    /// Domains and hosts in lower case.
    domain: Map<String, Vec<u32>>,
    below: Map<String, Vec<u32>>,
    /// Text within, lower case.
    holds: Vec<(String, u32)>,
    finder: Option<AhoCorasick>,
    /// By their first address; the third is the highest last address up to here.
    networks: Vec<(IpAddr, IpAddr, IpAddr, u32)>,
    is_any: bool,
}

/// The id of the message in one of a held copy, which is followed by that of the recipient; any other text as it is.
fn own_id(text: &str) -> &str {
    let is_id = |text: &str| Identifier::network_message_id(text).is_some();
    text.split_once('\\').map_or(text, |(message, copy)| if is_id(message) && is_id(copy) { message } else { text })
}

impl Index {
    fn add(&mut self, value: &Value, term: u32) {
        self.is_any = true;
        let lower = |text: &str| text.to_lowercase();
        match value {
            Value::Address(address) => self.exact.entry(address.as_str().to_owned()).or_default().push(term),
            // Upper and lower case of other letters are told apart, as everywhere.
            Value::Name(text) => self.exact.entry(own_id(text).to_ascii_lowercase()).or_default().push(term),
            Value::Domain(domain) => self.domain.entry(lower(domain)).or_default().push(term),
            Value::DomainAndBelow(domain) => self.below.entry(lower(domain)).or_default().push(term),
            Value::Holds(text) => self.holds.push((lower(text), term)),
            Value::Network(first, last) => self.networks.push((*first, *last, *last, term)),
            Value::Pattern(_) | Value::Any => {}
        }
    }

    fn finish(&mut self) {
        self.networks.sort_unstable();
        let mut highest: Option<IpAddr> = None;
        for (_, last, reach, _) in &mut self.networks {
            *reach = highest.map_or(*last, |highest| highest.max(*last));
            highest = Some(*reach);
        }
        let texts = self.holds.iter().map(|(text, _)| text);
        // What cannot be built is looked for one by one.
        self.finder = (!self.holds.is_empty())
            .then(|| AhoCorasickBuilder::new().ascii_case_insensitive(true).build(texts).ok())
            .flatten();
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        !self.is_any
    }

    /// Those that hold for an address, in lower case.
    pub(super) fn of_address(&self, address: &str, put: &mut Vec<u32>) {
        put.extend(self.exact.get(address).into_iter().flatten());
        if let Some((_, domain)) = address.rsplit_once('@') {
            self.of_domain(domain, put);
        }
        self.within(address, put);
    }

    /// Those that hold for a domain, in lower case, and for those above it.
    pub(super) fn of_domain(&self, domain: &str, put: &mut Vec<u32>) {
        put.extend(self.domain.get(domain).into_iter().flatten());
        if self.below.is_empty() {
            return;
        }
        let mut rest = Some(domain);
        while let Some(name) = rest {
            put.extend(self.below.get(name).into_iter().flatten());
            rest = name.split_once('.').map(|(_, above)| above);
        }
    }

    /// Those that hold for a domain alone, such as one that signed.
    pub(super) fn of_bare_domain(&self, domain: &str, put: &mut Vec<u32>) {
        let domain = domain.trim_end_matches('.').to_lowercase();
        self.of_domain(&domain, put);
        self.within(&format!("@{domain}"), put);
    }

    /// Those that hold for an IP address.
    pub(super) fn of_ip(&self, ip: &str, put: &mut Vec<u32>) {
        if self.networks.is_empty() {
            return;
        }
        let Ok(ip) = ip.trim_matches(['[', ']']).parse::<IpAddr>() else { return };
        // Addresses of both kinds are in order, those of version 4 first.
        let end = self.networks.partition_point(|(first, ..)| *first <= ip);
        for (_, last, reach, term) in self.networks.iter().take(end).rev() {
            if *reach < ip {
                break;
            }
            if ip.is_ipv4() == last.is_ipv4() && ip <= *last {
                put.push(*term);
            }
        }
    }

    /// Those that hold for a text: a subject, a hash, an id, a result.
    pub(super) fn of_text(&self, text: &str, put: &mut Vec<u32>) {
        if !self.exact.is_empty() {
            put.extend(self.exact.get(&text.to_ascii_lowercase()).into_iter().flatten());
        }
        self.within(text, put);
    }

    /// Those that hold for a link.
    pub(super) fn of_url(&self, url: &str, put: &mut Vec<u32>) {
        self.of_text(url, put);
        if !(self.domain.is_empty() && self.below.is_empty()) {
            self.of_domain(&host(url), put);
        }
    }

    fn within(&self, text: &str, put: &mut Vec<u32>) {
        if self.holds.is_empty() {
            return;
        }
        let lower;
        // The finder takes upper and lower case of ASCII for the same.
        let text = if text.is_ascii() && self.finder.is_some() {
            text
        } else {
            lower = text.to_lowercase();
            &lower
        };
        match &self.finder {
            Some(finder) => {
                let found = finder.find_overlapping_iter(text);
                put.extend(found.filter_map(|found| Some(self.holds.get(found.pattern().as_usize())?.1)));
            }
            None => put.extend(self.holds.iter().filter(|(part, _)| text.contains(part)).map(|(_, term)| term)),
        }
    }
}

/// The host of a link, in lower case; empty if there is none.
pub(crate) fn host(url: &str) -> String {
    let rest = url.trim().split_once("://").map_or(url.trim(), |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host.trim_end_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use evidence::Address;

    use super::*;

    fn domain(text: &str) -> Value {
        Value::Domain(text.to_owned())
    }

    fn below(text: &str) -> Value {
        Value::DomainAndBelow(text.to_owned())
    }

    fn holds(text: &str) -> Value {
        Value::Holds(text.to_owned())
    }

    /// What an index answers is what the values themselves say.
    #[test]
    fn ok_as_values_say() {
        let values = [
            Value::Address(Address::new("ann@a.example")),
            domain("a.example"),
            below("a.example"),
            below("example"),
            below("b.example"),
            holds("nn@"),
            holds("Example"),
            holds("zz"),
        ];
        let mut index = Index::default();
        values.iter().zip(0..).for_each(|(value, term)| index.add(value, term));
        index.finish();
        for text in ["ann@a.example", "ann@x.a.example", "bob@xa.example", "x@b.example", "", "ann", "zz@example.com"] {
            let mut found = Vec::new();
            index.of_address(text, &mut found);
            found.sort_unstable();
            let own = Value::Address(Address::new(text));
            let expected: Vec<u32> =
                values.iter().zip(0..).filter(|(value, _)| own.is_within(value)).map(|(_, term)| term).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn ok_networks() {
        let values: Vec<Value> = ["192.0.2.0/24", "192.0.2.7", "192.0.0.0/16", "2001:db8::/32", "10.0.0.0/8"]
            .iter()
            .filter_map(|text| Value::network(text))
            .collect();
        let mut index = Index::default();
        values.iter().zip(0..).for_each(|(value, term)| index.add(value, term));
        index.finish();
        for (ip, expected) in [
            ("192.0.2.7", vec![0, 1, 2]),
            ("192.0.2.8", vec![0, 2]),
            ("192.0.3.1", vec![2]),
            ("192.1.3.1", vec![]),
            ("10.9.9.9", vec![4]),
            ("2001:db8::7", vec![3]),
            ("nonsense", vec![]),
        ] {
            let mut found = Vec::new();
            index.of_ip(ip, &mut found);
            found.sort_unstable();
            assert_eq!(found, expected, "{ip}");
        }
    }

    #[test]
    fn ok_hosts() {
        for (url, expected) in [
            ("https://Shop.Example.com/a?b", "shop.example.com"),
            ("https://user:word@example.com:8443/", "example.com"),
            ("example.com/path", "example.com"),
            ("https://[2001:db8::1]:443/x", "2001:db8::1"),
            ("https://example.com./", "example.com"),
            ("", ""),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }
}
