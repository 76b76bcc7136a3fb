//! The tags of a `DKIM-Signature` or of the signatures of an ARC set (RFC 6376, 3.5; RFC 8617, 4.1).

use std::fmt;
use std::ops::Range;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::canon::{BodyForm, Canon};
use crate::domain;
use crate::tags::{Tag, TagError, Tags, trim};

/// Most names of `h=` that are looked at.
pub const MAX_SIGNED_FIELDS: usize = 2_000;

/// Base64 as mail carries it: missing padding is forgiven, as many published keys lack it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Decodes base64 that may be folded anywhere.
pub(crate) fn base64_of(tag: &Tag<'_>) -> Option<Vec<u8>> {
    BASE64.decode(tag.packed()).ok()
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashKind {
    /// SHA-1: must not be used any more (RFC 8301, 3.1).
    Sha1,
    /// SHA-256.
    Sha256,
}

impl HashKind {
    /// Its name in a key record's `h=`.
    pub fn id(self) -> &'static str {
        match self {
            HashKind::Sha1 => "sha1",
            HashKind::Sha256 => "sha256",
        }
    }
}

/// What a signature was made with, `a=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `rsa-sha1`, historic (RFC 8301, 3.1).
    RsaSha1,
    /// `rsa-sha256`.
    RsaSha256,
    /// `ed25519-sha256` (RFC 8463).
    Ed25519Sha256,
}

impl Algorithm {
    /// All that are known.
    pub const ALL: [Algorithm; 3] = [Algorithm::RsaSha1, Algorithm::RsaSha256, Algorithm::Ed25519Sha256];

    /// Its name in `a=`.
    pub fn id(self) -> &'static str {
        match self {
            Algorithm::RsaSha1 => "rsa-sha1",
            Algorithm::RsaSha256 => "rsa-sha256",
            Algorithm::Ed25519Sha256 => "ed25519-sha256",
        }
    }

    /// Its hash.
    pub fn hash(self) -> HashKind {
        match self {
            Algorithm::RsaSha1 => HashKind::Sha1,
            Algorithm::RsaSha256 | Algorithm::Ed25519Sha256 => HashKind::Sha256,
        }
    }
}

/// The canonical forms of header and body, `c=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Canonicalization {
    /// Of the header fields.
    pub header: Canon,
    /// Of the body.
    pub body: Canon,
}

impl Canonicalization {
    /// What holds without `c=` (RFC 6376, 3.5).
    pub const DEFAULT: Canonicalization = Canonicalization { header: Canon::Simple, body: Canon::Simple };

    fn of(value: &[u8]) -> Option<Canonicalization> {
        let mut parts = value.split(|byte| *byte == b'/');
        let header = Canon::of(trim(parts.next()?))?;
        // RFC 6376, 3.5: if only one is named, it is the header's, and the body's is simple.
        let body = parts.next().map_or(Some(Canon::Simple), |body| Canon::of(trim(body)))?;
        parts.next().is_none().then_some(Canonicalization { header, body })
    }
}

impl fmt::Display for Canonicalization {
    /// Writes `relaxed/simple`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.header.id(), self.body.id())
    }
}

/// Why a signature's tags do not hold (RFC 6376, 6.1.1): such a signature is a permanent failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// It is no list of tags.
    Tags(TagError),
    /// A required tag is missing.
    Missing(&'static str),
    /// A tag's value cannot be.
    Value(&'static str, String),
    /// `i=` is not within `d=`.
    Identity(String, String),
    /// `From` is not among the signed fields (RFC 6376, 5.4).
    FromNotSigned,
    /// `x=` is not after `t=`.
    ExpiresBeforeSigned,
    /// `h=` names more than [`MAX_SIGNED_FIELDS`].
    TooManyFields,
    /// The signature of an ARC set covers the field named, and must not (RFC 8617, 4.1.2).
    Covers(&'static str),
    /// A tag that must not stand there (RFC 8617, 4.1.3: `h=` in a seal).
    Forbidden(&'static str),
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignatureError::Tags(error) => error.fmt(f),
            SignatureError::Missing(tag) => write!(f, "the tag {tag}= is missing"),
            SignatureError::Value(tag, value) => write!(f, "{tag}={value} cannot be"),
            SignatureError::Identity(identity, domain) => write!(f, "i={identity} is not within d={domain}"),
            SignatureError::FromNotSigned => write!(f, "h= does not name From"),
            SignatureError::ExpiresBeforeSigned => write!(f, "x= is not after t="),
            SignatureError::TooManyFields => write!(f, "h= names more than {MAX_SIGNED_FIELDS} fields"),
            SignatureError::Covers(field) => write!(f, "h= names {field}, which it must not"),
            SignatureError::Forbidden(tag) => write!(f, "it has the tag {tag}=, which it must not"),
        }
    }
}

impl std::error::Error for SignatureError {}

/// Whose rules a signature follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// `DKIM-Signature` (RFC 6376, 3.5).
    Dkim,
    /// `ARC-Message-Signature` (RFC 8617, 4.1.2): no `v=`, `i=` is the instance, `From` need not be signed.
    ArcMessage,
    /// `ARC-Seal` (RFC 8617, 4.1.3): no `h=`, no `bh=`, always relaxed.
    ArcSeal,
}

/// Who signed what how, as far as it can be read; also of a signature that does not hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub domain: Option<String>,
    pub selector: Option<String>,
    pub identity: Option<String>,
    pub algorithm: Option<Algorithm>,
    pub canonicalization: Option<Canonicalization>,
}

/// A signature whose tags hold.
#[derive(Clone, Debug)]
pub(crate) struct Signature<'a> {
    pub algorithm: Algorithm,
    pub canonicalization: Canonicalization,
    pub domain: String,
    pub selector: String,
    /// The domain of `i=`, or `d=` without it.
    pub identity_domain: String,
    /// `h=`: the names as written, without white space.
    pub signed: Vec<&'a [u8]>,
    pub length: Option<u64>,
    /// `t=`, in seconds since 1970.
    pub signed_at: Option<u64>,
    /// `x=`, in seconds since 1970.
    pub expires_at: Option<u64>,
    /// `bh=`; empty in a seal.
    pub body_hash: Vec<u8>,
    /// `b=`.
    pub signature: Vec<u8>,
    /// The place of the value of `b=` within the value of the field.
    pub signature_place: Range<usize>,
}

impl<'a> Signature<'a> {
    /// Reads the value of a field.
    pub fn read(value: &'a [u8], rules: Rules) -> (Names, Result<Signature<'a>, SignatureError>) {
        let mut names = Names::default();
        let signature = match Tags::read(value) {
            Ok(tags) => {
                names = names_of(&tags, rules);
                held(&tags, rules, &names)
            }
            Err(error) => {
                // What can be named is named, though it proves nothing.
                for tag in crate::tags::each(value).flatten() {
                    match tag.name {
                        "d" if names.domain.is_none() => names.domain = domain_of(tag.value),
                        "s" if names.selector.is_none() => names.selector = domain_of(tag.value),
                        _ => {}
                    }
                }
                Err(SignatureError::Tags(error))
            }
        };
        (names, signature)
    }

    /// What decides the hash of the body.
    pub fn body_form(&self) -> BodyForm {
        BodyForm { canon: self.canonicalization.body, hash: self.algorithm.hash(), limit: self.length }
    }

    /// The name of the key record (RFC 6376, 3.6.2.1).
    pub fn key_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }
}

fn names_of(tags: &Tags<'_>, rules: Rules) -> Names {
    let value = |name: &str| tags.get(name).map(|tag| tag.value);
    Names {
        domain: value("d").and_then(domain_of),
        selector: value("s").and_then(domain_of),
        identity: (rules == Rules::Dkim).then(|| tags.get("i").map(|tag| tag.text().into_owned())).flatten(),
        algorithm: value("a").and_then(|value| {
            Algorithm::ALL.into_iter().find(|algorithm| value.eq_ignore_ascii_case(algorithm.id().as_bytes()))
        }),
        canonicalization: value("c").map_or(Some(Canonicalization::DEFAULT), Canonicalization::of),
    }
}

fn held<'a>(tags: &Tags<'a>, rules: Rules, names: &Names) -> Result<Signature<'a>, SignatureError> {
    let required: &[&'static str] = match rules {
        Rules::Dkim => &["v", "a", "b", "bh", "d", "h", "s"],
        Rules::ArcMessage => &["i", "a", "b", "bh", "d", "h", "s"],
        Rules::ArcSeal => &["i", "a", "b", "d", "s", "cv"],
    };
    if let Some(tag) = required.iter().find(|tag| tags.get(tag).is_none()) {
        return Err(SignatureError::Missing(tag));
    }
    let wrong = |tag: &'static str| {
        let value = tags.get(tag).map(|tag| tag.text().chars().take(80).collect()).unwrap_or_default();
        SignatureError::Value(tag, value)
    };
    let number = |tag: &'static str| match tags.get(tag) {
        Some(found) => found.number().map(Some).ok_or_else(|| wrong(tag)),
        None => Ok(None),
    };
    let bytes = |tag: &'static str| match tags.get(tag) {
        Some(found) => base64_of(found).filter(|bytes| !bytes.is_empty()).ok_or_else(|| wrong(tag)),
        None => Ok(Vec::new()),
    };
    if rules == Rules::Dkim && tags.get("v").is_some_and(|version| version.value != b"1") {
        return Err(wrong("v"));
    }
    let algorithm = names.algorithm.ok_or_else(|| wrong("a"))?;
    let canonicalization = match rules {
        // RFC 8617, 4.1.3: only relaxed is used for a seal.
        Rules::ArcSeal => Canonicalization { header: Canon::Relaxed, body: Canon::Relaxed },
        Rules::Dkim | Rules::ArcMessage => names.canonicalization.ok_or_else(|| wrong("c"))?,
    };
    let domain = names.domain.clone().filter(|domain| domain.contains('.')).ok_or_else(|| wrong("d"))?;
    let askable = |selector: &String| domain::is_dns_name(&format!("{selector}._domainkey.{domain}"));
    let selector = names.selector.clone().filter(askable).ok_or_else(|| wrong("s"))?;
    let signature_place = tags.get("b").map(|tag| tag.place.clone()).unwrap_or_default();
    let signature = Signature {
        algorithm,
        canonicalization,
        identity_domain: identity_domain(tags, rules, &domain)?,
        domain,
        selector,
        signed: signed_fields(tags, rules)?,
        length: number("l")?,
        signed_at: number("t")?,
        expires_at: number("x")?,
        body_hash: if rules == Rules::ArcSeal { Vec::new() } else { bytes("bh")? },
        signature: bytes("b")?,
        signature_place,
    };
    if matches!((signature.signed_at, signature.expires_at), (Some(signed), Some(expires)) if expires <= signed) {
        return Err(SignatureError::ExpiresBeforeSigned);
    }
    // RFC 6376, 3.5: `q=` lists ways to get the key; those that are not known are skipped.
    let asks_dns = |tag: &Tag<'_>| {
        tag.split(b':').any(|way| way.eq_ignore_ascii_case(b"dns/txt") || way.eq_ignore_ascii_case(b"dns"))
    };
    if rules == Rules::Dkim && tags.get("q").is_some_and(|tag| !asks_dns(tag)) {
        return Err(wrong("q"));
    }
    Ok(signature)
}

fn identity_domain(tags: &Tags<'_>, rules: Rules, domain: &str) -> Result<String, SignatureError> {
    let Some(identity) = tags.get("i").filter(|_| rules == Rules::Dkim) else { return Ok(domain.to_owned()) };
    let outside = || SignatureError::Identity(identity.text().chars().take(80).collect(), domain.to_owned());
    let at = memchr::memrchr(b'@', identity.value).ok_or_else(outside)?;
    let of_identity = domain_of(&identity.value[at + 1..]).ok_or_else(outside)?;
    if domain::is_within(&of_identity, domain) { Ok(of_identity) } else { Err(outside()) }
}

fn signed_fields<'a>(tags: &Tags<'a>, rules: Rules) -> Result<Vec<&'a [u8]>, SignatureError> {
    let Some(tag) = tags.get("h") else { return Ok(Vec::new()) };
    if rules == Rules::ArcSeal {
        return Err(SignatureError::Forbidden("h"));
    }
    let names: Vec<&[u8]> = tag.split(b':').filter(|name| !name.is_empty()).take(MAX_SIGNED_FIELDS + 1).collect();
    if names.len() > MAX_SIGNED_FIELDS {
        return Err(SignatureError::TooManyFields);
    }
    let names_field = |field: &str| names.iter().any(|name| name.eq_ignore_ascii_case(field.as_bytes()));
    match rules {
        Rules::Dkim if !names_field("from") => Err(SignatureError::FromNotSigned),
        Rules::ArcMessage if names_field("arc-seal") => Err(SignatureError::Covers("ARC-Seal")),
        _ => Ok(names),
    }
}

/// A domain name or selector in normal form; labels that are not ASCII become A-labels (RFC 8616, 4). `None` if it is none.
pub(crate) fn domain_of(value: &[u8]) -> Option<String> {
    // No name is longer, and a U-label has at most four bytes for one of its A-label.
    if value.len() > 4 * domain::MAX_NAME_BYTES {
        return None;
    }
    let normal = domain::normal(std::str::from_utf8(value).ok()?);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (domain::is_dns_name(&normal) && normal.bytes().all(fits)).then_some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "v=1; a=rsa-sha256; c=relaxed; d=Example.COM; s=S1; h=From : to:\r\n subject; bh=YQ==; b=YWJj\r\n ZA==";

    #[test]
    fn ok_signature() {
        let (names, signature) = Signature::read(GOOD.as_bytes(), Rules::Dkim);
        let signature = signature.unwrap();
        assert_eq!(names.domain.as_deref(), Some("example.com"));
        assert_eq!(signature.key_name(), "s1._domainkey.example.com");
        assert_eq!(signature.canonicalization.to_string(), "relaxed/simple");
        assert_eq!(signature.signed, [b"From".as_slice(), b"to", b"subject"]);
        assert_eq!(signature.signature, b"abcd");
        assert_eq!(&GOOD[signature.signature_place], "YWJj\r\n ZA==");
    }

    #[test]
    fn refused_signatures() {
        for (name, from, to, expected) in [
            ("version", "v=1", "v=2", "v=2 cannot be"),
            ("no version", "v=1; ", "", "the tag v= is missing"),
            ("algorithm", "rsa-sha256", "rsa-md5", "a=rsa-md5 cannot be"),
            ("canonicalization", "c=relaxed", "c=nowsp", "c=nowsp cannot be"),
            ("three canonicalizations", "c=relaxed", "c=relaxed/simple/simple", "c=relaxed/simple/simple cannot be"),
            ("no From", "From :", "", "h= does not name From"),
            ("identity", "s=S1", "s=S1; i=a@example.net", "i=a@example.net is not within d=example.com"),
            (
                "identity that only ends so",
                "s=S1",
                "s=S1; i=a@badexample.com",
                "i=a@badexample.com is not within d=example.com",
            ),
            ("identity without @", "s=S1", "s=S1; i=example.com", "i=example.com is not within d=example.com"),
            ("expires first", "s=S1", "s=S1; t=20; x=20", "x= is not after t="),
            ("length", "s=S1", "s=S1; l=-1", "l=-1 cannot be"),
            ("body hash", "bh=YQ==", "bh=Y", "bh=Y cannot be"),
            ("empty signature", "YWJj\r\n ZA==", "", "b= cannot be"),
            ("query", "s=S1", "s=S1; q=http", "q=http cannot be"),
            ("domain of one label", "d=Example.COM", "d=com", "d=com cannot be"),
            ("selector", "s=S1", "s=a b", "s=a b cannot be"),
            ("twice", "s=S1", "s=S1; s=S1", "the tag s= occurs twice"),
        ] {
            let text = GOOD.replace(from, to);
            assert_eq!(Signature::read(text.as_bytes(), Rules::Dkim).1.unwrap_err().to_string(), expected, "{name}");
        }
    }

    /// RFC 8616: U-labels in `d=` and `s=` are asked for by their A-labels.
    #[test]
    fn ok_domains() {
        for (text, expected) in [
            ("Example.com.", Some("example.com")),
            ("b\u{fc}cher.example", Some("xn--bcher-kva.example")),
            ("\u{4f8b}\u{3048}.example", Some("xn--r8jz45g.example")),
            ("a..b", None),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(domain_of(text.as_bytes()).as_deref(), expected, "{text}");
        }
    }
}
