//! DKIM: who signed the message, whether it is as it was signed, and if not, what was changed.
//!
//! RFC 6376 with RFC 8301 (no SHA-1, no keys below 1024 bits), RFC 8463 (Ed25519) and RFC 8616 (international names).
//!
//! Result words (RFC 8601, 2.7.1): `pass`; `fail` for a body or header that does not verify, and for a signature that had
//! expired; `permerror` for what RFC 6376, 6.1 calls PERMFAIL before anything is computed (syntax, no key, a key that does
//! not fit, SHA-1 and short keys, which RFC 8301 forbids to accept); `temperror` if the DNS failed. `None` if the key is not
//! among the saved answers: then nobody can tell.

mod broken;
pub(crate) mod canon;
pub(crate) mod key;
mod reason;
pub(crate) mod signature;

use std::ops::Range;
use std::sync::Arc;

use aws_lc_rs::digest;
use evidence::AuthResult;
use jiff::Timestamp;

pub use broken::{Broken, Cause, Change, Hint, LinkService, MAX_SEARCHES, Relaxed, SEARCH_BUDGET_BYTES, Search};
pub use canon::{BodyHashes, Canon};
pub use key::{ADVISED_RSA_BITS, KeyError, KeyFlag, KeyKind, KeyRecord, Keys, LEAST_RSA_BITS};
pub use reason::{DkimNote, DkimReason};
pub use signature::{Algorithm, Canonicalization, HashKind, MAX_SIGNED_FIELDS, SignatureError};

use crate::dns::{Dns, Question};
use crate::message::{Field, Raw};
use canon::FieldIndex;
use key::Found;
use signature::{Rules, Signature};

/// Most signatures of a message that are checked; more are an attack or an accident.
pub const MAX_SIGNATURES: usize = 32;

/// Whether to search for what broke a signature that fails; it costs more than the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    /// Search, within [`SEARCH_BUDGET_BYTES`] a search and [`MAX_SEARCHES`] a message.
    Yes,
    /// Only check.
    No,
}

/// What was found of one `DKIM-Signature`.
#[derive(Clone, Debug)]
pub struct DkimCheck {
    /// The field, as bytes of the message.
    pub field: Range<usize>,
    /// `d=`, in normal form.
    pub domain: Option<String>,
    /// `s=`, in normal form.
    pub selector: Option<String>,
    /// `i=`, as written.
    pub identity: Option<String>,
    /// `a=`; `None` if it is not known.
    pub algorithm: Option<Algorithm>,
    /// `c=`; `None` if it is not known.
    pub canonicalization: Option<Canonicalization>,
    /// `h=`, as written.
    pub signed_fields: Vec<String>,
    /// The result; `None` if it could not be checked.
    pub result: Option<AuthResult>,
    /// Why.
    pub reason: DkimReason,
    /// The question whose answer holds the key; `None` if the signature does not name one.
    pub key: Option<Question>,
    /// The key record that was taken.
    pub key_record: Option<Arc<KeyRecord>>,
    /// What else is to be known.
    pub notes: Vec<DkimNote>,
    /// What was changed, where it can be shown; only under [`Explain::Yes`], and only of a body or header that does not hold.
    pub broken: Option<Broken>,
}

impl DkimCheck {
    /// The question whose answer is missing for a result.
    pub fn needs(&self) -> Option<&Question> {
        match &self.reason {
            DkimReason::KeyNotSaved(question) => Some(question),
            _ => None,
        }
    }
}

/// Checks all signatures of a message, from the top.
///
/// `at` is when the receiving system took the message; `x=` is judged by it. Without it an expiry is noted and not judged.
pub fn check(raw: &Raw<'_>, dns: &dyn Dns, at: Option<Timestamp>, keys: &Keys, explain: Explain) -> Vec<DkimCheck> {
    check_sharing(raw, &mut BodyHashes::of(raw), dns, at, keys, explain)
}

/// Checks like [`check`], and shares the hashes of the body with other checks of the same message.
pub fn check_sharing(
    raw: &Raw<'_>,
    hashes: &mut BodyHashes<'_>,
    dns: &dyn Dns,
    at: Option<Timestamp>,
    keys: &Keys,
    explain: Explain,
) -> Vec<DkimCheck> {
    let found = raw.named("DKIM-Signature").count();
    if found == 0 {
        return Vec::new();
    }
    let index = FieldIndex::of(raw);
    let line_ends = LineEnds::of(raw);
    let mut message = Message {
        raw,
        index: &index,
        hashes,
        dns,
        at,
        keys,
        explain,
        line_ends,
        searches: broken::Searches::default(),
    };
    let mut checks: Vec<DkimCheck> = Vec::with_capacity(found.min(MAX_SIGNATURES + 1));
    for (place, field) in raw.named("DKIM-Signature").enumerate() {
        if place == MAX_SIGNATURES {
            let reason = DkimReason::TooManySignatures { found, checked: MAX_SIGNATURES };
            checks.push(empty(field, reason, None));
            break;
        }
        checks.push(message.check(field));
    }
    checks
}

/// Whether a message has lines that end with a bare LF.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    Crlf,
    SomeBareLf,
}

impl LineEnds {
    /// Looks at the header and the start of the body: samples are saved in one way throughout.
    fn of(raw: &Raw<'_>) -> LineEnds {
        let between = raw.fields.windows(2).any(|pair| pair[0].bytes().end + 1 == pair[1].at);
        let first = memchr::memchr(b'\n', raw.body).is_some_and(|at| at == 0 || raw.body[at - 1] != b'\r');
        if between || first { LineEnds::SomeBareLf } else { LineEnds::Crlf }
    }
}

fn empty(field: &Field<'_>, reason: DkimReason, result: Option<AuthResult>) -> DkimCheck {
    DkimCheck {
        field: field.bytes(),
        domain: None,
        selector: None,
        identity: None,
        algorithm: None,
        canonicalization: None,
        signed_fields: Vec::new(),
        result,
        reason,
        key: None,
        key_record: None,
        notes: Vec::new(),
        broken: None,
    }
}

/// A message under check.
struct Message<'m, 'b> {
    raw: &'m Raw<'m>,
    index: &'m FieldIndex,
    hashes: &'m mut BodyHashes<'b>,
    dns: &'m dyn Dns,
    at: Option<Timestamp>,
    keys: &'m Keys,
    explain: Explain,
    line_ends: LineEnds,
    searches: broken::Searches,
}

impl Message<'_, '_> {
    fn check(&mut self, field: &Field<'_>) -> DkimCheck {
        let (names, signature) = Signature::read(field.value(), Rules::Dkim);
        let mut check = empty(field, DkimReason::Sha1, Some(AuthResult::PermError));
        check.domain = names.domain;
        check.selector = names.selector;
        check.identity = names.identity;
        check.algorithm = names.algorithm;
        check.canonicalization = names.canonicalization;
        let signature = match signature {
            Ok(signature) => signature,
            Err(error) => {
                check.reason = DkimReason::Syntax(error);
                return check;
            }
        };
        check.signed_fields = signature.signed.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        let body = self.hashes.get(signature.body_form());
        let body_holds = body.digest.as_ref() == signature.body_hash;
        self.note(&signature, body.total, &mut check.notes);
        let (question, found) = key::find(&signature, self.dns, self.keys);
        check.key = Some(question.clone());
        let mut header_holds = None;
        let mut record = None;
        let usable = match found {
            _ if signature.algorithm == Algorithm::RsaSha1 => Err((Some(AuthResult::PermError), DkimReason::Sha1)),
            Found::NotSaved => Err((None, DkimReason::KeyNotSaved(question))),
            Found::Failed(status) => Err((Some(AuthResult::TempError), DkimReason::KeyNotAnswered(question, status))),
            Found::Nothing => Err((Some(AuthResult::PermError), DkimReason::NoKey(question))),
            Found::Unfit(unfit, error, count) => {
                note_record(&unfit, count, &mut check.notes);
                check.key_record = Some(unfit);
                Err((Some(AuthResult::PermError), DkimReason::KeyUnfit(question, error)))
            }
            Found::Key(key, count) => {
                note_record(&key, count, &mut check.notes);
                // A changed body fails whatever the header; whether the header holds is only asked to explain it.
                if body_holds || self.explain == Explain::Yes {
                    header_holds = Some(key.verifies(&self.header_hash(field, &signature), &signature.signature));
                }
                record = Some(key.clone());
                check.key_record = Some(key.clone());
                Ok(key)
            }
        };
        (check.result, check.reason) = match usable {
            Err((result, reason)) => {
                check.notes.push(if body_holds { DkimNote::BodyAsSigned } else { DkimNote::BodyNotAsSigned });
                (result, reason)
            }
            Ok(_) if signature.length.is_some_and(|length| length > body.total) => (
                Some(AuthResult::Fail),
                DkimReason::BodyCut { signed_bytes: signature.length.unwrap_or(0), body_bytes: body.total },
            ),
            Ok(_) if !body_holds => {
                check.notes.extend(header_holds.map(|holds| match holds {
                    true => DkimNote::HeaderAsSigned,
                    false => DkimNote::HeaderNotAsSigned,
                }));
                (Some(AuthResult::Fail), DkimReason::BodyChanged)
            }
            Ok(_) if header_holds == Some(false) => (Some(AuthResult::Fail), DkimReason::HeaderChanged),
            Ok(key) => match expired(&check.notes) {
                Some(by) => (Some(AuthResult::Fail), DkimReason::Expired { by }),
                None => {
                    let verified =
                        DkimReason::Verified { kind: key.kind.to_string(), bits: key.bits.unwrap_or_default() };
                    (Some(AuthResult::Pass), verified)
                }
            },
        };
        if self.explain == Explain::Yes && (!body_holds || header_holds == Some(false)) {
            check.broken = Some(self.searches.explain(&broken::Failed {
                raw: self.raw,
                index: self.index,
                field,
                signature: &signature,
                record: record.as_deref(),
                body: if body_holds { broken::State::Holds } else { broken::State::Changed },
                header: if header_holds == Some(false) { broken::State::Changed } else { broken::State::Holds },
            }));
        }
        check
    }

    fn header_hash(&self, field: &Field<'_>, signature: &Signature<'_>) -> digest::Digest {
        let form = signature.canonicalization.header;
        let mut data = Vec::with_capacity(4096);
        for place in self.index.select(self.raw, signature.signed.iter().copied()) {
            canon::field(form, &self.raw.fields[place], &mut data);
        }
        canon::own_field(form, field, signature.signature_place.clone(), &mut data);
        digest::digest(&digest::SHA256, &data)
    }

    fn note(&self, signature: &Signature<'_>, body_bytes: u64, notes: &mut Vec<DkimNote>) {
        if let Some(expires) = signature.expires_at {
            match (self.at, instant(expires)) {
                (Some(at), Some(expires)) if at > expires => {
                    notes.push(DkimNote::Expired { by: at.duration_since(expires) });
                }
                (Some(_), _) => {}
                (None, expires) => notes.push(DkimNote::ExpiryNotJudged { at: expires }),
            }
        }
        if let (Some(at), Some(signed)) = (self.at, signature.signed_at.and_then(instant))
            && signed > at
        {
            notes.push(DkimNote::SignedInFuture { by: signed.duration_since(at) });
        }
        if let Some(length) = signature.length.filter(|length| *length < body_bytes) {
            notes.push(DkimNote::PartOfBody { signed_bytes: length, body_bytes });
        }
        self.note_fields(signature, notes);
        if self.line_ends == LineEnds::SomeBareLf {
            notes.push(DkimNote::BareLf);
        }
        if self.raw.torn {
            notes.push(DkimNote::TornHeader);
        }
    }

    /// Notes which of the fields that a reader sees are signed, and whether one more could be added.
    fn note_fields(&self, signature: &Signature<'_>, notes: &mut Vec<DkimNote>) {
        let (mut not_signed, mut more, mut open) = (Vec::new(), Vec::new(), Vec::new());
        for name in SEEN_FIELDS {
            let signed = signature.signed.iter().filter(|signed| signed.eq_ignore_ascii_case(name.as_bytes())).count();
            let there = self.raw.named(name).count();
            match (signed, there) {
                (0, 0) => {}
                (0, _) => not_signed.push((*name).to_owned()),
                (signed, there) if there > signed => more.push((*name).to_owned()),
                (signed, there) if there == signed => open.push((*name).to_owned()),
                _ => {}
            }
        }
        notes.extend((!not_signed.is_empty()).then_some(DkimNote::NotSigned(not_signed)));
        notes.extend((!more.is_empty()).then_some(DkimNote::MoreThanSigned(more)));
        notes.extend((!open.is_empty()).then_some(DkimNote::NotOversigned(open)));
    }
}

/// The fields that a reader sees or a mail client acts on (after RFC 6376, 5.4.1).
const SEEN_FIELDS: &[&str] =
    &["From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"];

fn note_record(record: &KeyRecord, count: usize, notes: &mut Vec<DkimNote>) {
    if record.has(KeyFlag::Testing) {
        notes.push(DkimNote::TestMode);
    }
    if let Some(bits) = record.bits.filter(|bits| record.kind == KeyKind::Rsa && *bits < ADVISED_RSA_BITS) {
        notes.push(DkimNote::ShortKey { bits });
    }
    if count > 1 {
        notes.push(DkimNote::SeveralRecords(count));
    }
}

fn expired(notes: &[DkimNote]) -> Option<jiff::SignedDuration> {
    notes.iter().find_map(|note| match note {
        DkimNote::Expired { by } => Some(*by),
        _ => None,
    })
}

/// An instant of seconds since 1970; `None` if it is beyond all instants.
pub(crate) fn instant(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}
