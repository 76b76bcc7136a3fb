//! Key records (RFC 6376, 3.6.1; RFC 8301; RFC 8463), and the keys in them, each parsed once.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use aws_lc_rs::digest::Digest;
use aws_lc_rs::signature::{ED25519, ParsedPublicKey, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY};

use super::signature::{Algorithm, HashKind, Signature, base64_of};
use crate::dns::{Answer, Dns, Question, RecordType};
use crate::tags::{TagError, Tags};

/// Fewest bits of an RSA key whose signature may count (RFC 8301, 3.2).
pub const LEAST_RSA_BITS: u32 = 1024;

/// Fewest bits that a signer should use (RFC 8301, 3.2).
pub const ADVISED_RSA_BITS: u32 = 2048;

/// Most records that [`Keys`] remembers.
const MAX_KEYS: usize = 10_000;

/// Longest record that is read; a key of 8192 bits needs about 1,400 bytes.
const MAX_RECORD_BYTES: usize = 65_536;

/// The kind of a key, `k=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// `rsa`, also without `k=`.
    Rsa,
    /// `ed25519` (RFC 8463).
    Ed25519,
    /// Another word, as published.
    Other(String),
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyKind::Rsa => "rsa",
            KeyKind::Ed25519 => "ed25519",
            KeyKind::Other(kind) => kind,
        })
    }
}

/// A flag of a record, `t=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFlag {
    /// `y`: the domain tests DKIM; a signature that fails is to be treated as if it were not there.
    Testing,
    /// `s`: the domain of `i=` must be that of `d=`.
    StrictIdentity,
}

/// Why a key record cannot be used, or not for this signature (RFC 6376, 6.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// It is no list of tags.
    Tags(TagError),
    /// `v=` is not `DKIM1`, or not the first tag.
    Version(String),
    /// It has no `p=`.
    NoKey,
    /// `p=` is empty: the key was revoked.
    Revoked,
    /// `p=` is no base64, or no key of the kind.
    Unreadable(KeyKind),
    /// The kind of the key is not known.
    Kind(String),
    /// The record is longer than can be.
    TooLong(usize),
    /// The kind of the key is not that of the signature's `a=`.
    OtherKind(KeyKind, Algorithm),
    /// `h=` does not allow the signature's hash.
    Hash(Vec<String>, HashKind),
    /// `s=` does not allow e-mail.
    Service(Vec<String>),
    /// `t=s`, and the domain of `i=` is not that of `d=`.
    StrictIdentity(String, String),
    /// An RSA key of fewer than 1024 bits: must not count (RFC 8301, 3.2).
    Short(u32),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Tags(error) => error.fmt(f),
            KeyError::Version(version) => write!(f, "v={version} stands where only a first v=DKIM1 may"),
            KeyError::NoKey => write!(f, "it has no p="),
            KeyError::Revoked => write!(f, "p= is empty: the key was revoked"),
            KeyError::Unreadable(kind) => write!(f, "p= is not a key of the kind {kind}"),
            KeyError::Kind(kind) => write!(f, "k={kind} is not a kind of key that is known"),
            KeyError::TooLong(bytes) => write!(f, "it has {bytes} bytes, more than any key needs"),
            KeyError::OtherKind(kind, algorithm) => {
                write!(f, "the key is of the kind {kind}, the signature is {}", algorithm.id())
            }
            KeyError::Hash(allowed, hash) => write!(f, "h={} does not allow {}", allowed.join(":"), hash.id()),
            KeyError::Service(allowed) => write!(f, "s={} does not allow email", allowed.join(":")),
            KeyError::StrictIdentity(identity, domain) => {
                write!(f, "t=s asks that i= be of {domain}, and it is of {identity}")
            }
            KeyError::Short(bits) => {
                write!(
                    f,
                    "the RSA key has {bits} bits, fewer than the {LEAST_RSA_BITS} without which it must not count"
                )
            }
        }
    }
}

impl std::error::Error for KeyError {}

/// A key record, read.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    /// The text as published.
    pub text: String,
    /// `k=`.
    pub kind: KeyKind,
    /// The length of the key; `None` if it cannot be read.
    pub bits: Option<u32>,
    /// `t=`: those that are known.
    pub flags: Vec<KeyFlag>,
    /// `h=`: the hashes that are allowed; `None` allows all.
    pub hashes: Option<Vec<String>>,
    /// `s=`: the services that are allowed; `None` allows all.
    pub services: Option<Vec<String>>,
    /// `n=`: a note of the domain's administrator.
    pub note: Option<String>,
    /// Why it cannot be used; `None` if it can.
    pub problem: Option<KeyError>,
    key: Option<Arc<ParsedPublicKey>>,
}

impl KeyRecord {
    /// Reads the text of a TXT record.
    pub fn read(text: &str) -> KeyRecord {
        let mut record = KeyRecord {
            text: text.to_owned(),
            kind: KeyKind::Rsa,
            bits: None,
            flags: Vec::new(),
            hashes: None,
            services: None,
            note: None,
            problem: None,
            key: None,
        };
        record.problem = if text.len() > MAX_RECORD_BYTES {
            record.text = text.chars().take(300).collect();
            Some(KeyError::TooLong(text.len()))
        } else {
            match Tags::read(text.as_bytes()) {
                Ok(tags) => record.fill(&tags).err(),
                Err(error) => Some(KeyError::Tags(error)),
            }
        };
        record
    }

    fn fill(&mut self, tags: &Tags<'_>) -> Result<(), KeyError> {
        let words = |tag: &str| -> Option<Vec<String>> {
            let tag = tags.get(tag)?;
            Some(tag.split(b':').map(|word| String::from_utf8_lossy(word).to_ascii_lowercase()).collect())
        };
        self.hashes = words("h");
        self.services = words("s");
        self.note = tags.get("n").map(|tag| tag.text().into_owned());
        self.flags = words("t")
            .unwrap_or_default()
            .iter()
            .filter_map(|flag| match flag.as_str() {
                "y" => Some(KeyFlag::Testing),
                "s" => Some(KeyFlag::StrictIdentity),
                _ => None,
            })
            .collect();
        if let Some(kind) = tags.get("k") {
            self.kind = match kind.text().to_ascii_lowercase().as_str() {
                "rsa" => KeyKind::Rsa,
                "ed25519" => KeyKind::Ed25519,
                other => KeyKind::Other(other.chars().take(80).collect()),
            };
        }
        // RFC 6376, 3.6.1: v= is recommended; if it is there it is the first tag, and exactly DKIM1.
        if let Some(version) = tags.get("v")
            && (version.value != b"DKIM1" || tags.iter().next().is_some_and(|first| first.name != "v"))
        {
            return Err(KeyError::Version(version.text().chars().take(80).collect()));
        }
        let key = tags.get("p").ok_or(KeyError::NoKey)?;
        if key.value.is_empty() {
            return Err(KeyError::Revoked);
        }
        let unreadable = || KeyError::Unreadable(self.kind.clone());
        let bytes = base64_of(key).ok_or_else(unreadable)?;
        match &self.kind {
            KeyKind::Rsa => {
                let bits = rsa_bits(&bytes).ok_or_else(unreadable)?;
                self.bits = Some(bits);
                if bits < LEAST_RSA_BITS {
                    return Err(KeyError::Short(bits));
                }
                let key = ParsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, &bytes);
                self.key = Some(Arc::new(key.map_err(|_| unreadable())?));
            }
            KeyKind::Ed25519 => {
                // RFC 8463, 4.2: the 32 bytes alone; some publish the SubjectPublicKeyInfo around them.
                let bare = bytes.strip_prefix(ED25519_INFO).unwrap_or(&bytes);
                let key = ParsedPublicKey::new(&ED25519, bare).ok().filter(|_| bare.len() == 32);
                self.key = Some(Arc::new(key.ok_or_else(unreadable)?));
                self.bits = Some(256);
            }
            KeyKind::Other(kind) => return Err(KeyError::Kind(kind.clone())),
        }
        Ok(())
    }

    /// Whether the domain tests DKIM only, `t=y`.
    pub fn has(&self, flag: KeyFlag) -> bool {
        self.flags.contains(&flag)
    }

    /// Why the record cannot be used for a signature; `None` if it can (RFC 6376, 6.1.2).
    pub(crate) fn misfit(&self, signature: &Signature<'_>) -> Option<KeyError> {
        if let Some(problem) = &self.problem {
            return Some(problem.clone());
        }
        let kind = match signature.algorithm {
            Algorithm::RsaSha1 | Algorithm::RsaSha256 => KeyKind::Rsa,
            Algorithm::Ed25519Sha256 => KeyKind::Ed25519,
        };
        if self.kind != kind {
            return Some(KeyError::OtherKind(self.kind.clone(), signature.algorithm));
        }
        let hash = signature.algorithm.hash();
        if let Some(allowed) = &self.hashes
            && !allowed.iter().any(|word| word == hash.id())
        {
            return Some(KeyError::Hash(allowed.clone(), hash));
        }
        if let Some(allowed) = &self.services
            && !allowed.iter().any(|word| word == "*" || word == "email")
        {
            return Some(KeyError::Service(allowed.clone()));
        }
        if self.has(KeyFlag::StrictIdentity) && signature.identity_domain != signature.domain {
            return Some(KeyError::StrictIdentity(signature.identity_domain.clone(), signature.domain.clone()));
        }
        None
    }

    /// Whether `signature` was made by the owner of the key over data of this hash.
    pub(crate) fn verifies(&self, digest: &Digest, signature: &[u8]) -> bool {
        let Some(key) = &self.key else { return false };
        match self.kind {
            // RFC 8463, 3: what is signed is the hash itself.
            KeyKind::Ed25519 => key.verify_sig(digest.as_ref(), signature).is_ok(),
            _ => key.verify_digest_sig(digest, signature).is_ok(),
        }
    }
}

/// What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410, 4).
const ED25519_INFO: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The bits of the modulus of an RSA key, as SubjectPublicKeyInfo or as a bare PKCS#1 key.
fn rsa_bits(der: &[u8]) -> Option<u32> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    const BIT_STRING: u8 = 0x03;
    let (tag, outer, _) = der_value(der)?;
    if tag != SEQUENCE {
        return None;
    }
    let (tag, first, rest) = der_value(outer)?;
    let modulus = match tag {
        INTEGER => first,
        SEQUENCE => {
            let (tag, bits, _) = der_value(rest)?;
            let (&0, key) = bits.split_first()? else { return None };
            let (inner, sequence, _) = der_value(key)?;
            let (last, modulus, _) = der_value(sequence)?;
            if (tag, inner, last) != (BIT_STRING, SEQUENCE, INTEGER) {
                return None;
            }
            modulus
        }
        _ => return None,
    };
    let modulus = &modulus[modulus.iter().take_while(|byte| **byte == 0).count()..];
    let first = modulus.first()?;
    u32::try_from(modulus.len()).ok()?.checked_mul(8)?.checked_sub(first.leading_zeros())
}

/// The tag and the content of the first DER value, and what follows it.
fn der_value(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, length, rest @ ..] = der else { return None };
    let (length, rest) = match *length {
        short @ 0..=0x7f => (usize::from(short), rest),
        long => {
            let count = usize::from(long & 0x7f);
            if count == 0 || count > 3 || rest.len() < count {
                return None;
            }
            let (length, rest) = rest.split_at(count);
            (length.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
    };
    (length <= rest.len()).then(|| (*tag, &rest[..length], &rest[length..]))
}

/// The key records of a run, each parsed once.
#[derive(Debug, Default)]
pub struct Keys {
    known: RwLock<HashMap<String, Arc<KeyRecord>>>,
}

impl Keys {
    /// The record of a text.
    pub fn read(&self, text: &str) -> Arc<KeyRecord> {
        if let Ok(known) = self.known.read()
            && let Some(record) = known.get(text)
        {
            return record.clone();
        }
        let record = Arc::new(KeyRecord::read(text));
        if let Ok(mut known) = self.known.write()
            && text.len() <= MAX_RECORD_BYTES
        {
            if known.len() >= MAX_KEYS {
                known.clear();
            }
            known.insert(text.to_owned(), record.clone());
        }
        record
    }
}

/// What the DNS holds for a signature's key.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// A record that fits, and how many TXT records there are.
    Key(Arc<KeyRecord>, usize),
    /// No record fits: the first, and why it does not.
    Unfit(Arc<KeyRecord>, KeyError, usize),
    /// There is none.
    Nothing,
    /// The DNS failed, with the status.
    Failed(Arc<str>),
    /// Nobody saved the answer.
    NotSaved,
}

/// Finds the key of a signature.
///
/// Of several TXT records the first that fits is taken: RFC 6376, 6.1.2 leaves the choice to the verifier, and 3.6.2.2 what
/// several mean undefined.
pub(crate) fn find(signature: &Signature<'_>, dns: &dyn Dns, keys: &Keys) -> (Question, Found) {
    let question = Question { name: signature.key_name(), record_type: RecordType::Txt };
    let records = match dns.ask(&question.name, RecordType::Txt) {
        Answer::Records(records) => records,
        Answer::NoData | Answer::NoName => return (question, Found::Nothing),
        Answer::Failed(status) => return (question, Found::Failed(status)),
        Answer::NotSaved => return (question, Found::NotSaved),
    };
    let mut unfit: Option<(Arc<KeyRecord>, KeyError)> = None;
    for text in records.iter() {
        let record = keys.read(text);
        match record.misfit(signature) {
            None => return (question, Found::Key(record, records.len())),
            // What is no key record at all, such as a wildcard's SPF record, tells less than a key record that does not fit.
            Some(error) if unfit.as_ref().is_none_or(|(_, known)| is_no_key(known) && !is_no_key(&error)) => {
                unfit = Some((record, error));
            }
            Some(_) => {}
        }
    }
    let found = match unfit {
        Some((record, error)) => Found::Unfit(record, error, records.len()),
        None => Found::Nothing,
    };
    (question, found)
}

fn is_no_key(error: &KeyError) -> bool {
    matches!(error, KeyError::Tags(_) | KeyError::Version(_) | KeyError::NoKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    #[test]
    fn ok_records() {
        for (name, text) in [
            ("all", format!("v=DKIM1; k=ed25519; h=sha1:sha256; s=*; t=y:s:other; n=note; p={ED}")),
            ("no version", format!("k=ed25519; p={ED}")),
            ("unknown tags", format!("v=DKIM1; g=*; zz=1; k=ed25519; p={ED}")),
            ("folded key", format!("v=DKIM1; k=ed25519; p={} {}", &ED[..10], &ED[10..])),
            ("no padding", format!("v=DKIM1; k=ed25519; p={}", ED.trim_end_matches('='))),
            (
                "as SubjectPublicKeyInfo",
                "k=ed25519; p=MCowBQYDK2VwAyEA0eaKUBDU1Gzm/fwWtPveRVPxPkHCmNkBPrwmorjPPX0=".into(),
            ),
        ] {
            let record = KeyRecord::read(&text);
            assert_eq!((record.problem.clone(), record.bits), (None, Some(256)), "{name}");
            assert_eq!(record.text, text, "{name}");
        }
    }

    #[test]
    fn refused_records() {
        for (name, text, expected) in [
            ("revoked", "v=DKIM1; p=", "p= is empty: the key was revoked"),
            ("no key", "v=DKIM1; k=rsa", "it has no p="),
            ("version", "v=DKIM2; p=YQ==", "v=DKIM2 stands where only a first v=DKIM1 may"),
            ("version later", "k=rsa; v=DKIM1; p=YQ==", "v=DKIM1 stands where only a first v=DKIM1 may"),
            ("SPF", "v=spf1 -all", "v=spf1 -all stands where only a first v=DKIM1 may"),
            ("kind", "k=dsa; p=YQ==", "k=dsa is not a kind of key that is known"),
            ("no base64", "p=%%%", "p= is not a key of the kind rsa"),
            ("no key in it", "p=YWJj", "p= is not a key of the kind rsa"),
            ("no ed25519", "k=ed25519; p=YWJj", "p= is not a key of the kind ed25519"),
            ("twice", "v=DKIM1; p=YQ==; p=YQ==", "the tag p= occurs twice"),
            ("rubbish", "hello", "`hello` has no `=`"),
            (
                "512 bits",
                "p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALxGJmTIDE1Zvc4xkRrVvF3eK9epXomkL8fhLmGNpV90DBVI7jYcvDGyanMUZFqf8F9ORE9mqYJS5kgc2m9SQbMCAwEAAQ==",
                "the RSA key has 512 bits, fewer than the 1024 without which it must not count",
            ),
        ] {
            assert_eq!(
                KeyRecord::read(text).problem.map(|error| error.to_string()).as_deref(),
                Some(expected),
                "{name}"
            );
        }
    }
}
