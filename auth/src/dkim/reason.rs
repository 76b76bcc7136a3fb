//! What is said about a signature, in one sentence for a mail engineer.

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::key::{ADVISED_RSA_BITS, KeyError, LEAST_RSA_BITS};
use super::signature::SignatureError;
use crate::dns::Question;

/// Why a signature has its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DkimReason {
    /// Body and header are as they were signed, with a key of this kind and this many bits.
    Verified {
        /// `rsa` or `ed25519`.
        kind: String,
        /// The length of the key.
        bits: u32,
    },
    /// The body's hash is not that of `bh=`: the body was changed.
    BodyChanged,
    /// `l=` is larger than the body: some of it is missing (RFC 6376, 3.5).
    BodyCut {
        /// `l=`.
        signed_bytes: u64,
        /// The length of the canonical body.
        body_bytes: u64,
    },
    /// The body is as it was signed, but the signature does not hold: a signed header field was changed, or the key is not the one.
    HeaderChanged,
    /// Body and header are as they were signed, but `x=` was over when the message was received (RFC 6376, 6.1.1).
    Expired {
        /// How long it was over.
        by: SignedDuration,
    },
    /// The key is not among the saved answers: it could not be checked.
    KeyNotSaved(Question),
    /// The DNS failed to answer for the key, with its status (RFC 6376, 6.1.2).
    KeyNotAnswered(Question, Arc<str>),
    /// There is no key record (RFC 6376, 6.1.2: "no key for signature").
    NoKey(Question),
    /// The key record cannot be used for this signature.
    KeyUnfit(Question, KeyError),
    /// The field's tags do not hold (RFC 6376, 6.1.1).
    Syntax(SignatureError),
    /// `rsa-sha1`: must be taken as permanently failed (RFC 8301, 3.1).
    Sha1,
    /// The message has more signatures than are checked; this and those below it were left out.
    TooManySignatures {
        /// How many there are.
        found: usize,
        /// How many are checked.
        checked: usize,
    },
}

impl fmt::Display for DkimReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DkimReason::Verified { kind, bits } => {
                write!(f, "body and signed header fields are as they were signed ({kind} key of {bits} bits)")
            }
            DkimReason::BodyChanged => {
                write!(f, "the body hash is not that of bh=: the body was changed after it was signed")
            }
            DkimReason::BodyCut { signed_bytes, body_bytes } => {
                write!(f, "l= covers {signed_bytes} bytes, but the body has {body_bytes}: its end is missing")
            }
            DkimReason::HeaderChanged => write!(
                f,
                "the body is as it was signed, but the signature does not hold: a signed header field was changed, or the key"
            ),
            DkimReason::Expired { by } => {
                write!(f, "body and header hold, but the signature had expired {by:#} before the message was received")
            }
            DkimReason::KeyNotSaved(question) => {
                write!(f, "could not be checked: the answer to {question} is not among the saved ones")
            }
            DkimReason::KeyNotAnswered(question, status) => write!(f, "the DNS did not answer {question}: {status}"),
            DkimReason::NoKey(question) => write!(f, "no key for the signature: {question} has no record"),
            DkimReason::KeyUnfit(question, error) => write!(f, "the key record {question} cannot be used: {error}"),
            DkimReason::Syntax(error) => write!(f, "the signature field is not valid: {error}"),
            DkimReason::Sha1 => {
                write!(f, "the signature is rsa-sha1, which must be taken as failed since RFC 8301")
            }
            DkimReason::TooManySignatures { found, checked } => {
                write!(f, "the message has {found} signatures; only the first {checked} were checked")
            }
        }
    }
}

/// What else a mail engineer should know of a signature; none of it changes the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DkimNote {
    /// `x=` was over at the instant of reception.
    Expired {
        /// How long it was over.
        by: SignedDuration,
    },
    /// There is an `x=`, but it is not known when the message was received.
    ExpiryNotJudged {
        /// `x=`; `None` if it is beyond all instants.
        at: Option<Timestamp>,
    },
    /// `t=` is after the instant of reception.
    SignedInFuture {
        /// How long after.
        by: SignedDuration,
    },
    /// `t=y`: the domain tests DKIM, and a receiver is to treat a failed signature as if it were not there (RFC 6376, 3.6.1).
    TestMode,
    /// An RSA key of fewer bits than signers should use (RFC 8301, 3.2).
    ShortKey {
        /// Its length.
        bits: u32,
    },
    /// `l=`: what follows in the body is not signed (RFC 6376, 8.2).
    PartOfBody {
        /// How many bytes of the canonical body are signed.
        signed_bytes: u64,
        /// How many it has.
        body_bytes: u64,
    },
    /// Fields that a reader or a mail client relies on, and that are not signed.
    NotSigned(Vec<String>),
    /// Fields of which the message has more than `h=` names: the upper ones are not signed.
    MoreThanSigned(Vec<String>),
    /// Fields of which one more could be added without breaking the signature (RFC 6376, 5.4 and 8.15).
    NotOversigned(Vec<String>),
    /// There are several TXT records for the key; the first that fits was taken (RFC 6376, 3.6.2.2: undefined).
    SeveralRecords(usize),
    /// The sample was saved with bare LF, which were taken for CRLF.
    BareLf,
    /// A line of the header is neither a field nor a continuation; it was left out.
    TornHeader,
    /// The body is as it was signed, though the signature could not be checked.
    BodyAsSigned,
    /// The body is not as it was signed, though the signature could not be checked.
    BodyNotAsSigned,
    /// The body was changed, but the signed header fields were not.
    HeaderAsSigned,
    /// The body was changed, and so was a signed header field, or the key.
    HeaderNotAsSigned,
}

impl fmt::Display for DkimNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DkimNote::Expired { by } => write!(f, "expired {by:#} before the message was received"),
            DkimNote::ExpiryNotJudged { at: Some(at) } => {
                write!(f, "expires {at}; could not be judged, as it is not known when the message was received")
            }
            DkimNote::ExpiryNotJudged { at: None } => write!(f, "expires beyond all instants"),
            DkimNote::SignedInFuture { by } => write!(f, "signed {by:#} after it was received"),
            DkimNote::TestMode => {
                write!(f, "t=y: the domain tests DKIM; a failed signature is to be treated as if it were not there")
            }
            DkimNote::ShortKey { bits } if *bits < LEAST_RSA_BITS => {
                write!(f, "RSA key of {bits} bits: must not count below {LEAST_RSA_BITS}")
            }
            DkimNote::ShortKey { bits } => write!(f, "RSA key of {bits} bits: {ADVISED_RSA_BITS} are advised"),
            DkimNote::PartOfBody { signed_bytes, body_bytes } => {
                write!(f, "l= covers {signed_bytes} of {body_bytes} bytes of the body; the rest is not signed")
            }
            DkimNote::NotSigned(names) => write!(f, "not signed: {}", names.join(", ")),
            DkimNote::MoreThanSigned(names) => write!(f, "more in the message than signed: {}", names.join(", ")),
            DkimNote::NotOversigned(names) => {
                write!(f, "one more could be added without breaking the signature: {}", names.join(", "))
            }
            DkimNote::SeveralRecords(count) => {
                write!(f, "{count} TXT records stand where one key record should; the first that fits was taken")
            }
            DkimNote::BareLf => write!(f, "saved with bare LF; taken for CRLF"),
            DkimNote::TornHeader => {
                write!(f, "a line of the header is neither a field nor a continuation, and was left out")
            }
            DkimNote::BodyAsSigned => write!(f, "the body hash is that of bh=: the body is as it was signed"),
            DkimNote::BodyNotAsSigned => write!(f, "the body hash is not that of bh=: the body was changed"),
            DkimNote::HeaderAsSigned => write!(f, "the signed header fields are as they were signed"),
            DkimNote::HeaderNotAsSigned => write!(f, "the signed header fields do not hold either"),
        }
    }
}
