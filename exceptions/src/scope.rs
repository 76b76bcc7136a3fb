//! Which mail something is for: conditions that all have to hold.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use evidence::Address;

/// Which mail something is for: all terms hold, and no exception does. Without terms it is all mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// All of these hold.
    pub terms: BTreeSet<Term>,
    /// None of these does.
    pub except: BTreeSet<Term>,
}

/// One condition: any one of its values is enough.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Term {
    /// What it looks at.
    pub on: On,
    /// The values; none of them is no mail.
    pub values: BTreeSet<Value>,
}

/// What a condition looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum On {
    /// RFC 5321 MAIL FROM.
    EnvelopeSender,
    /// RFC 5322 From.
    HeaderFrom,
    /// One of the two.
    EitherSender,
    /// Who is in a group, as senders.
    SenderGroup,
    /// The connecting address.
    Client,
    /// The domain of a signature that passed (DKIM d=), or another proof of who sends: by [`Value::Domain`].
    SignedBy,
    /// The result of DMARC, as our own system states it: by [`Value::Name`] such as `pass`.
    Dmarc,
    /// The domain that sends, by its PTR name (Exchange Online's sending infrastructure).
    Infrastructure,
    /// RFC 5321 RCPT TO.
    Recipient,
    /// Who is in a group, as recipients.
    RecipientGroup,
    /// RFC 5322 Subject.
    Subject,
    /// A link that the message carries.
    Url,
    /// SHA-256 of an attachment.
    Attachment,
    /// The one message with this id.
    Message,
    /// A header field, by name.
    Header(String),
    /// Something else, by the vendor's name.
    Other(String),
}

/// A value of a condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// This address.
    Address(Address),
    /// Any address of exactly this domain; for links: any of this host.
    Domain(String),
    /// Any address of this domain or of one below it; for links likewise.
    DomainAndBelow(String),
    /// Any address from the first to the last.
    Network(IpAddr, IpAddr),
    /// Text that holds this, without regard to case.
    Holds(String),
    /// What a pattern fits, which nobody can follow from here.
    Pattern(String),
    /// Exactly this text, without regard to case: a link, a hash, a group, an id, a result.
    Name(String),
    /// Anything at all.
    Any,
}

impl Scope {
    /// Mail for which all these terms hold.
    pub fn of(terms: impl IntoIterator<Item = Term>) -> Scope {
        Scope { terms: terms.into_iter().collect(), except: BTreeSet::new() }
    }

    /// The terms that look at this.
    pub fn on(&self, on: &On) -> impl Iterator<Item = &Term> {
        self.terms.iter().filter(move |term| term.on == *on)
    }

    /// Whether every message of this scope is surely one of the other: each of the other's terms follows from a term of this.
    pub fn is_within(&self, other: &Scope) -> bool {
        let follows = |term: &Term| term.is_everything() || self.terms.iter().any(|own| own.is_within(term));
        other.terms.iter().all(follows) && other.except.is_subset(&self.except)
    }

    /// The same mail, restricted further.
    #[must_use]
    pub fn and(mut self, term: Term) -> Scope {
        self.terms.insert(term);
        self
    }

    /// The same mail without one of its conditions.
    #[must_use]
    pub fn without(mut self, term: &Term) -> Scope {
        self.terms.remove(term);
        self
    }
}

impl Term {
    /// One condition with these values.
    pub fn new(on: On, values: impl IntoIterator<Item = Value>) -> Term {
        Term { on, values: values.into_iter().collect() }
    }

    /// One condition with one value.
    pub fn one(on: On, value: Value) -> Term {
        Term::new(on, [value])
    }

    /// Whether it lets everything hold.
    pub fn is_everything(&self) -> bool {
        self.values.iter().any(Value::is_everything)
    }

    /// Whether this surely does not hold without the other holding too.
    pub fn is_within(&self, other: &Term) -> bool {
        let looks_at_the_same = self.on == other.on
            || other.on == On::EitherSender && matches!(self.on, On::HeaderFrom | On::EnvelopeSender);
        let fits = |value: &Value| other.values.iter().any(|wider| value.is_within(wider));
        looks_at_the_same && self.values.iter().all(fits)
    }
}

impl Value {
    /// A network: one address, `net/bits`, or `first-last`; `None` if it is none.
    pub fn network(text: &str) -> Option<Value> {
        let text = text.trim();
        if let Some((first, last)) = text.split_once('-') {
            let (first, last): (IpAddr, IpAddr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            return (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(Value::Network(first, last));
        }
        let (net, bits) = text.split_once('/').map_or((text, None), |(net, bits)| (net, Some(bits.trim())));
        let net: IpAddr = net.trim().trim_matches(['[', ']']).parse().ok()?;
        let width = if net.is_ipv4() { 32 } else { 128 };
        let bits: u32 = bits.map_or(Some(width), |bits| bits.parse().ok()).filter(|bits| *bits <= width)?;
        let free = 1_u128.checked_shl(width - bits).map_or(u128::MAX, |size| size - 1);
        Some(match net {
            IpAddr::V4(net) => {
                let free = u32::try_from(free).unwrap_or(u32::MAX);
                Value::Network(IpAddr::V4((net.to_bits() & !free).into()), IpAddr::V4((net.to_bits() | free).into()))
            }
            IpAddr::V6(net) => {
                Value::Network(IpAddr::V6((net.to_bits() & !free).into()), IpAddr::V6((net.to_bits() | free).into()))
            }
        })
    }

    /// A sender or recipient as lists write it: an address, a domain, `@domain`, `*@domain`, `*.domain`, `.domain`, a bare `*`.
    ///
    /// `bare` says what a bare domain takes in, which differs from list to list. What has a wildcard in another place is a pattern.
    pub fn party(text: &str, bare: fn(String) -> Value) -> Value {
        let text = text.trim().trim_matches(['<', '>', '"', '\'']).trim().to_lowercase();
        let text = text.strip_prefix("smtp:").unwrap_or(&text).trim_end_matches('.').to_owned();
        let is_wild = |text: &str| text.contains(['*', '?', '%', '\\', '^', '$', '[', '(', '|']);
        let domain = |domain: &str, make: fn(String) -> Value| match domain {
            "" | "*" | "*.*" => Value::Any,
            domain if domain.strip_prefix("*.").is_some_and(|below| !is_wild(below)) => {
                Value::DomainAndBelow(domain[2..].to_owned())
            }
            domain if is_wild(domain) => Value::Pattern(domain.to_owned()),
            domain => make(domain.to_owned()),
        };
        match text.rsplit_once('@') {
            Some(("" | "*", of)) => domain(of, Value::Domain),
            Some((local, of)) if is_wild(local) || is_wild(of) => Value::Pattern(format!("{local}@{of}")),
            Some(_) => Value::Address(Address::new(&text)),
            None => match text.strip_prefix("*.").or_else(|| text.strip_prefix('.')) {
                Some(below) if !below.is_empty() && !is_wild(below) => Value::DomainAndBelow(below.to_owned()),
                _ => domain(&text, bare),
            },
        }
    }

    /// Whether it takes in everything.
    pub fn is_everything(&self) -> bool {
        match self {
            Value::Any => true,
            Value::Holds(text) | Value::DomainAndBelow(text) => text.is_empty(),
            Value::Network(first, last) => {
                first.is_unspecified()
                    && match last {
                        IpAddr::V4(last) => last.to_bits() == u32::MAX,
                        IpAddr::V6(last) => last.to_bits() == u128::MAX,
                    }
            }
            _ => false,
        }
    }

    /// Whether all that this takes in is surely taken in by the other.
    pub fn is_within(&self, wider: &Value) -> bool {
        let is_below =
            |domain: &str, of: &str| domain == of || domain.strip_suffix(of).is_some_and(|head| head.ends_with('.'));
        match (self, wider) {
            (one, other) if one == other => true,
            (_, other) if other.is_everything() => true,
            (Value::Address(address), Value::Domain(of)) => address.domain() == Some(of),
            (Value::Address(address), Value::DomainAndBelow(of)) => {
                address.domain().is_some_and(|domain| is_below(domain, of))
            }
            (Value::Address(address), Value::Holds(text)) => address.as_str().contains(&text.to_lowercase()),
            (Value::Domain(domain) | Value::DomainAndBelow(domain), Value::DomainAndBelow(of)) => is_below(domain, of),
            (Value::Domain(domain), Value::Holds(text)) => format!("@{domain}").contains(&text.to_lowercase()),
            (Value::Network(first, last), Value::Network(from, to)) => {
                first.is_ipv4() == from.is_ipv4() && from <= first && last <= to
            }
            (Value::Holds(long) | Value::Name(long), Value::Holds(short)) => {
                long.to_lowercase().contains(&short.to_lowercase())
            }
            (Value::Name(one), Value::Name(other)) => one.eq_ignore_ascii_case(other),
            _ => false,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Address(address) => write!(f, "{address}"),
            Value::Domain(domain) => write!(f, "@{domain}"),
            Value::DomainAndBelow(domain) => write!(f, "@{domain} and below"),
            Value::Network(first, last) if first == last => write!(f, "{first}"),
            Value::Network(first, last) => match bits(*first, *last) {
                Some(bits) => write!(f, "{first}/{bits}"),
                None => write!(f, "{first}-{last}"),
            },
            Value::Holds(text) => write!(f, "\"{text}\" anywhere"),
            Value::Pattern(text) => write!(f, "pattern {text}"),
            Value::Name(text) => f.write_str(text),
            Value::Any => f.write_str("anything"),
        }
    }
}

/// The length of the prefix, if the addresses from the first to the last are a network.
fn bits(first: IpAddr, last: IpAddr) -> Option<u32> {
    let (first, last, width) = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => (u128::from(first.to_bits()), u128::from(last.to_bits()), 32),
        (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits(), last.to_bits(), 128),
        _ => return None,
    };
    let free = first ^ last;
    let is_network = free & free.wrapping_add(1) == 0 && first & free == 0;
    is_network.then(|| width - (128 - free.leading_zeros()))
}

impl On {
    /// What it looks at, in words.
    pub fn words(&self) -> &str {
        match self {
            On::EnvelopeSender => "envelope sender",
            On::HeaderFrom => "From address",
            On::EitherSender => "sender",
            On::SenderGroup => "senders of the group",
            On::Client => "sending address",
            On::SignedBy => "DKIM domain",
            On::Dmarc => "DMARC result",
            On::Infrastructure => "sending infrastructure",
            On::Recipient => "recipient",
            On::RecipientGroup => "recipients of the group",
            On::Subject => "subject",
            On::Url => "link",
            On::Attachment => "attachment",
            On::Message => "message",
            On::Header(name) | On::Other(name) => name,
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.on.words())?;
        for (at, value) in self.values.iter().enumerate() {
            write!(f, "{}{value}", if at == 0 { "" } else { " or " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.terms.is_empty() {
            f.write_str("all mail")?;
        }
        for (at, term) in self.terms.iter().enumerate() {
            write!(f, "{}{term}", if at == 0 { "" } else { ", " })?;
        }
        for term in &self.except {
            write!(f, ", except {term}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_networks() {
        for (text, expected) in [
            ("192.0.2.7", Some("192.0.2.7")),
            ("192.0.2.0/24", Some("192.0.2.0/24")),
            ("192.0.2.9/24", Some("192.0.2.0/24")),
            ("192.0.2.1-192.0.2.9", Some("192.0.2.1-192.0.2.9")),
            ("192.0.2.0-192.0.2.255", Some("192.0.2.0/24")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("2001:db8::/64", Some("2001:db8::/64")),
            ("::/0", Some("::/0")),
            ("192.0.2.9-192.0.2.1", None),
            ("192.0.2.0/33", None),
            ("nonsense", None),
        ] {
            let found = Value::network(text).map(|value| value.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn ok_parties() {
        for (text, expected) in [
            ("Ann@Example.com", "ann@example.com"),
            ("<ann@example.com>", "ann@example.com"),
            ("example.com", "@example.com"),
            ("@example.com", "@example.com"),
            ("*@example.com", "@example.com"),
            ("*.example.com", "@example.com and below"),
            (".com", "@com and below"),
            ("*@*.example.com", "@example.com and below"),
            ("*", "anything"),
            ("*@*", "anything"),
            ("@", "anything"),
            ("*@example.*", "pattern example.*"),
            ("a*@example.com", "pattern a*@example.com"),
        ] {
            assert_eq!(Value::party(text, Value::Domain).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn ok_within() {
        let sender = |text| Term::one(On::HeaderFrom, Value::party(text, Value::DomainAndBelow));
        let either = |text| Term::one(On::EitherSender, Value::party(text, Value::Domain));
        let to = |text| Term::one(On::Recipient, Value::party(text, Value::Domain));
        let client = |text| Term::new(On::Client, Value::network(text));
        for (name, narrow, wide, expected) in [
            ("address in domain", vec![sender("ann@a.example")], vec![sender("a.example")], true),
            ("domain in address", vec![sender("a.example")], vec![sender("ann@a.example")], false),
            ("below", vec![sender("ann@x.a.example")], vec![sender("a.example")], true),
            ("like a name below", vec![sender("ann@xa.example")], vec![sender("a.example")], false),
            ("from in either", vec![sender("ann@a.example")], vec![either("a.example")], true),
            ("either in from", vec![either("ann@a.example")], vec![sender("a.example")], false),
            ("more conditions", vec![sender("ann@a.example"), to("bob@b.example")], vec![sender("a.example")], true),
            ("fewer conditions", vec![sender("ann@a.example")], vec![sender("a.example"), to("bob@b.example")], false),
            ("all mail", vec![sender("ann@a.example")], vec![], true),
            ("of all mail", vec![], vec![sender("ann@a.example")], false),
            ("everything is no condition", vec![], vec![sender("*")], true),
            ("address in network", vec![client("192.0.2.7")], vec![client("192.0.2.0/24")], true),
            ("other network", vec![client("192.0.3.7")], vec![client("192.0.2.0/24")], false),
        ] {
            assert_eq!(Scope::of(narrow).is_within(&Scope::of(wide)), expected, "{name}");
        }
    }
}
