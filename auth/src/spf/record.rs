//! The text of an SPF record, read whole before anything is evaluated (RFC 7208, 4.5, 4.6, 12).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::macros::{self, MacroError, Scope};

/// Longest record that is read: a TXT record cannot be longer.
const MAX_RECORD_BYTES: usize = 65_535;

/// What a matching mechanism says of the client (RFC 7208, 4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Qualifier {
    Pass,
    Fail,
    SoftFail,
    Neutral,
}

/// A domain-spec whose syntax was found good; it may hold macros (RFC 7208, 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DomainSpec<'a>(pub &'a str);

/// How many leading bits of an address count, by its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefixes {
    pub ip4: u8,
    pub ip6: u8,
}

/// A mechanism (RFC 7208, 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism<'a> {
    All,
    Include(DomainSpec<'a>),
    A(Option<DomainSpec<'a>>, Prefixes),
    Mx(Option<DomainSpec<'a>>, Prefixes),
    Ptr(Option<DomainSpec<'a>>),
    Ip4(Ipv4Addr, u8),
    Ip6(Ipv6Addr, u8),
    Exists(DomainSpec<'a>),
}

/// A mechanism with its qualifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Directive<'a> {
    /// As written, with its qualifier.
    pub text: &'a str,
    pub qualifier: Qualifier,
    pub mechanism: Mechanism<'a>,
}

/// A modifier that is known: as written, and its domain-spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Modifier<'a> {
    pub text: &'a str,
    pub spec: DomainSpec<'a>,
}

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub directives: Vec<Directive<'a>>,
    pub redirect: Option<Modifier<'a>>,
    pub exp: Option<Modifier<'a>>,
}

impl<'a> Record<'a> {
    /// The redirect that counts: none beside an `all` (RFC 7208, 6.1).
    pub(super) fn effective_redirect(&self) -> Option<Modifier<'a>> {
        let ends = self.directives.iter().any(|directive| directive.mechanism == Mechanism::All);
        self.redirect.filter(|_| !ends)
    }
}

/// What is wrong with a term of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxError {
    /// The record is longer than any TXT record can be.
    TooLong,
    /// No such mechanism.
    UnknownMechanism,
    /// An `=` after something that cannot be the name of a modifier.
    ModifierName,
    /// `redirect=` or `exp=` a second time.
    ModifierTwice,
    /// `all` takes nothing after it.
    Trailing,
    /// A domain is due and missing.
    DomainMissing,
    /// The domain does not end in a top label or a macro.
    DomainEnd,
    /// The domain is an address; `ip4:` or `ip6:` was meant.
    AddressAsDomain,
    /// A macro is malformed.
    Macro(MacroError),
    /// No IPv4 or IPv6 address.
    Address,
    /// A prefix length that is no number or too large.
    Prefix,
    /// A prefix length where none may stand.
    PrefixPlace,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SyntaxError::TooLong => f.write_str("the record is longer than a TXT record can be"),
            SyntaxError::UnknownMechanism => f.write_str("there is no such mechanism"),
            SyntaxError::ModifierName => f.write_str("what stands before `=` is no name of a modifier"),
            SyntaxError::ModifierTwice => f.write_str("this modifier may stand only once"),
            SyntaxError::Trailing => f.write_str("`all` takes nothing after it"),
            SyntaxError::DomainMissing => f.write_str("it needs a domain after the colon"),
            SyntaxError::DomainEnd => f.write_str("its domain does not end in a top-level label or a macro"),
            SyntaxError::AddressAsDomain => {
                f.write_str("an address stands where a domain is due; `ip4:` or `ip6:` was meant")
            }
            SyntaxError::Macro(error) => error.fmt(f),
            SyntaxError::Address => f.write_str("this is no address of that family"),
            SyntaxError::PrefixPlace => f.write_str("a slash stands where no prefix length may stand"),
            SyntaxError::Prefix => f.write_str("the prefix length is no number within the address"),
        }
    }
}

/// A term that cannot be read, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadTerm<'a> {
    pub text: &'a str,
    pub error: SyntaxError,
}

/// Whether a text is an SPF record: the version, then a space or the end (RFC 7208, 4.5).
pub(super) fn is_spf(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.get(..6).is_some_and(|version| version.eq_ignore_ascii_case(b"v=spf1"))
        && bytes.get(6).is_none_or(|byte| *byte == b' ')
}

/// Reads a record whole: one bad term spoils it, wherever it stands (RFC 7208, 4.6).
pub(super) fn parse(text: &str) -> Result<Record<'_>, BadTerm<'_>> {
    if text.len() > MAX_RECORD_BYTES {
        return Err(BadTerm { text: "v=spf1", error: SyntaxError::TooLong });
    }
    let mut record = Record::default();
    for term in text.get(6..).unwrap_or("").split(' ').filter(|term| !term.is_empty()) {
        read_term(term, &mut record).map_err(|error| BadTerm { text: term, error })?;
    }
    Ok(record)
}

fn read_term<'a>(term: &'a str, record: &mut Record<'a>) -> Result<(), SyntaxError> {
    match term.find([':', '/', '=']) {
        Some(at) if term.as_bytes()[at] == b'=' => read_modifier(term, &term[..at], &term[at + 1..], record),
        _ => {
            record.directives.push(read_directive(term)?);
            Ok(())
        }
    }
}

/// RFC 7208, 6: `redirect` and `exp` once each; what is unknown counts for nothing but must be well formed.
fn read_modifier<'a>(text: &'a str, name: &str, value: &'a str, record: &mut Record<'a>) -> Result<(), SyntaxError> {
    let mut bytes = name.bytes();
    let named = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if !named {
        return Err(SyntaxError::ModifierName);
    }
    let place = if name.eq_ignore_ascii_case("redirect") {
        &mut record.redirect
    } else if name.eq_ignore_ascii_case("exp") {
        &mut record.exp
    } else {
        return macros::validate(value, Scope::Domain).map_err(SyntaxError::Macro);
    };
    if place.is_some() {
        return Err(SyntaxError::ModifierTwice);
    }
    *place = Some(Modifier { text, spec: domain_spec(value)? });
    Ok(())
}

fn read_directive(text: &str) -> Result<Directive<'_>, SyntaxError> {
    let (qualifier, mechanism) = match text.as_bytes().first() {
        Some(b'+') => (Qualifier::Pass, &text[1..]),
        Some(b'-') => (Qualifier::Fail, &text[1..]),
        Some(b'~') => (Qualifier::SoftFail, &text[1..]),
        Some(b'?') => (Qualifier::Neutral, &text[1..]),
        _ => (Qualifier::Pass, text),
    };
    let (name, rest) = mechanism.split_at(mechanism.find([':', '/']).unwrap_or(mechanism.len()));
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    let mechanism = if is("all") {
        if !rest.is_empty() {
            return Err(SyntaxError::Trailing);
        }
        Mechanism::All
    } else if is("include") {
        Mechanism::Include(domain_spec(after_colon(rest)?)?)
    } else if is("exists") {
        Mechanism::Exists(domain_spec(after_colon(rest)?)?)
    } else if is("a") {
        let (spec, prefixes) = spec_and_prefixes(rest)?;
        Mechanism::A(spec, prefixes)
    } else if is("mx") {
        let (spec, prefixes) = spec_and_prefixes(rest)?;
        Mechanism::Mx(spec, prefixes)
    } else if is("ptr") {
        Mechanism::Ptr(optional_spec(rest)?)
    } else if is("ip4") {
        let (address, bits) = network(after_colon(rest)?, 32)?;
        Mechanism::Ip4(address.parse().map_err(|_| SyntaxError::Address)?, bits)
    } else if is("ip6") {
        let (address, bits) = network(after_colon(rest)?, 128)?;
        Mechanism::Ip6(address.parse().map_err(|_| SyntaxError::Address)?, bits)
    } else {
        return Err(SyntaxError::UnknownMechanism);
    };
    Ok(Directive { text, qualifier, mechanism })
}

fn after_colon(rest: &str) -> Result<&str, SyntaxError> {
    match rest.strip_prefix(':') {
        Some(argument) if !argument.is_empty() => Ok(argument),
        _ if rest.starts_with('/') => Err(SyntaxError::PrefixPlace),
        _ => Err(SyntaxError::DomainMissing),
    }
}

fn optional_spec(rest: &str) -> Result<Option<DomainSpec<'_>>, SyntaxError> {
    if rest.is_empty() { Ok(None) } else { domain_spec(after_colon(rest)?).map(Some) }
}

/// Splits what follows `a` or `mx`: `[":" domain-spec] ["/" bits] ["//" bits]` (RFC 7208, 5.3).
///
/// It is read from the end, as a slash may also stand within the domain.
fn spec_and_prefixes(rest: &str) -> Result<(Option<DomainSpec<'_>>, Prefixes), SyntaxError> {
    let mut prefixes = Prefixes { ip4: 32, ip6: 128 };
    let mut rest = rest;
    if let Some((head, bits)) = rest.rsplit_once("//").filter(|(_, bits)| is_number(bits)) {
        prefixes.ip6 = prefix(bits, 128)?;
        rest = head;
    }
    if let Some((head, bits)) = rest.rsplit_once('/').filter(|(_, bits)| is_number(bits)) {
        prefixes.ip4 = prefix(bits, 32)?;
        rest = head;
    }
    Ok((optional_spec(rest)?, prefixes))
}

/// Splits `address ["/" bits]` (RFC 7208, 5.6).
fn network(text: &str, most: u8) -> Result<(&str, u8), SyntaxError> {
    match text.split_once('/') {
        Some((address, bits)) => Ok((address, prefix(bits, most)?)),
        None => Ok((text, most)),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A prefix length; leading zeros are not allowed (RFC 7208, 5.6: `"0" / %x31-39 ...`).
fn prefix(text: &str, most: u8) -> Result<u8, SyntaxError> {
    if !is_number(text) || (text.len() > 1 && text.starts_with('0')) {
        return Err(SyntaxError::Prefix);
    }
    text.parse().ok().filter(|bits| *bits <= most).ok_or(SyntaxError::Prefix)
}

/// Checks a domain-spec: macros and visible characters, at the end a macro or `.` and a top label (RFC 7208, 7.1).
fn domain_spec(text: &str) -> Result<DomainSpec<'_>, SyntaxError> {
    if text.is_empty() {
        return Err(SyntaxError::DomainMissing);
    }
    let literal_at = macros::validate_to_last_macro(text, Scope::Domain).map_err(SyntaxError::Macro)?;
    let tail = &text[literal_at..];
    if tail.is_empty() {
        return Ok(DomainSpec(text));
    }
    let tail = tail.strip_suffix('.').unwrap_or(tail);
    match tail.rsplit_once('.') {
        Some((_, top)) if is_top_label(top) => Ok(DomainSpec(text)),
        _ if text.parse::<std::net::IpAddr>().is_ok() => Err(SyntaxError::AddressAsDomain),
        _ => Err(SyntaxError::DomainEnd),
    }
}

/// RFC 7208, 7.1: letters, digits and hyphens, none of these first or last, and not digits alone.
fn is_top_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_version() {
        for (text, expected) in [
            ("v=spf1", true),
            ("V=sPf1 -all", true),
            ("v=spf10", false),
            ("v=spf1\t-all", false),
            ("v=spf", false),
            (" v=spf1", false),
            ("v=spf\u{e9}1", false),
        ] {
            assert_eq!(is_spf(text), expected, "{text}");
        }
    }

    #[test]
    fn ok_mechanisms() {
        let both = |ip4, ip6| Prefixes { ip4, ip6 };
        let spec = |text| Some(DomainSpec(text));
        for (text, expected) in [
            ("all", Mechanism::All),
            ("A", Mechanism::A(None, both(32, 128))),
            ("a/24", Mechanism::A(None, both(24, 128))),
            ("a//64", Mechanism::A(None, both(32, 64))),
            ("a:example.com/24//64", Mechanism::A(spec("example.com"), both(24, 64))),
            ("a:foo:bar/baz.example.com", Mechanism::A(spec("foo:bar/baz.example.com"), both(32, 128))),
            ("mx:%{d}/0", Mechanism::Mx(spec("%{d}"), both(0, 128))),
            ("ptr", Mechanism::Ptr(None)),
            ("ptr:example.com.", Mechanism::Ptr(spec("example.com."))),
            ("ip4:192.0.2.0/24", Mechanism::Ip4(Ipv4Addr::new(192, 0, 2, 0), 24)),
            ("ip6:2001:db8::/32", Mechanism::Ip6("2001:db8::".parse().unwrap(), 32)),
            ("exists:%{i}.example.com", Mechanism::Exists(DomainSpec("%{i}.example.com"))),
            ("include:example.xn--p1ai", Mechanism::Include(DomainSpec("example.xn--p1ai"))),
        ] {
            let record = format!("v=spf1  {text} ");
            assert_eq!(parse(&record).unwrap().directives[0].mechanism, expected, "{text}");
        }
    }

    #[test]
    fn bad_terms() {
        for (text, expected) in [
            ("all.", SyntaxError::UnknownMechanism),
            ("all/8", SyntaxError::Trailing),
            ("a:", SyntaxError::DomainMissing),
            ("include", SyntaxError::DomainMissing),
            ("a:museum", SyntaxError::DomainEnd),
            ("a:museum.", SyntaxError::DomainEnd),
            ("a:example.-com", SyntaxError::DomainEnd),
            ("a:example.com:8080", SyntaxError::DomainEnd),
            ("a:192.0.2.1", SyntaxError::AddressAsDomain),
            ("a/33", SyntaxError::Prefix),
            ("a//129", SyntaxError::Prefix),
            ("a/24/64", SyntaxError::Prefix),
            ("a/24/32", SyntaxError::PrefixPlace),
            ("ptr/0", SyntaxError::PrefixPlace),
            ("ip4:192.0.2", SyntaxError::Address),
            ("ip4:192.0.2.1/032", SyntaxError::Prefix),
            ("ip4:192.0.2.1//32", SyntaxError::Prefix),
            ("ip6::2001::db8", SyntaxError::Address),
            ("=all", SyntaxError::ModifierName),
            ("1up=x", SyntaxError::ModifierName),
            ("redirect=", SyntaxError::DomainMissing),
            ("x=%a", SyntaxError::Macro(MacroError::Percent)),
            ("a:%{x}.com", SyntaxError::Macro(MacroError::Letter)),
            ("exp=%{r}.com", SyntaxError::Macro(MacroError::Letter)),
            ("a:\u{e9}.example.com", SyntaxError::Macro(MacroError::Character)),
            ("ip4:192.0.2.5\n", SyntaxError::Address),
        ] {
            let record = format!("v=spf1 ip4:192.0.2.1 {text} -all");
            assert_eq!(parse(&record), Err(BadTerm { text, error: expected }), "{text}");
        }
        let twice = parse("v=spf1 redirect=a.example redirect=b.example").unwrap_err();
        assert_eq!(twice, BadTerm { text: "redirect=b.example", error: SyntaxError::ModifierTwice });
    }
}
