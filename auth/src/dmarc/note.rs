//! What DMARC came to and what is worth knowing beside it, for a mail engineer.

use std::fmt;

use evidence::AuthMethod;

use crate::dns::Question;

/// Why a check came to its result; each is one sentence when written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DmarcReason {
    /// The header From has no domain (RFC 9989, 5.3.1).
    NoAuthorDomain {
        /// What stands there instead; empty if nothing does.
        text: String,
    },
    /// The header From has several domains (RFC 9989, 5.3.1).
    SeveralAuthorDomains {
        /// How many.
        count: usize,
    },
    /// No record applies to the domain.
    NoRecord {
        /// The author's domain.
        domain: String,
    },
    /// The record cannot be applied: a policy that cannot be read, and nobody to report to (RFC 9989, 4.10.1).
    RecordUnusable {
        /// The domain of the record.
        domain: String,
    },
    /// An identifier passed and is aligned.
    Aligned {
        /// SPF or DKIM.
        method: AuthMethod,
        /// Its domain.
        domain: String,
    },
    /// No SPF check and no signature passed.
    NothingPassed,
    /// What passed is not aligned.
    NothingAligned {
        /// The author's domain.
        domain: String,
    },
    /// An identifier that could have made it pass came to no result for now.
    IdentifierFailedForNow {
        /// SPF or DKIM.
        method: AuthMethod,
        /// Its domain.
        domain: String,
    },
    /// An identifier that could make it pass could not be checked.
    IdentifierNotChecked {
        /// SPF or DKIM.
        method: AuthMethod,
        /// Its domain.
        domain: String,
    },
    /// The DNS gave no answer.
    DnsFailed {
        /// The question.
        question: Question,
        /// What came instead, such as `SERVFAIL`.
        status: String,
    },
    /// Answers that the result rests on were not saved.
    NotSaved {
        /// The first question that is missing.
        question: Question,
        /// How many are known to be missing.
        count: usize,
    },
}

/// A method's name for people.
pub(super) fn method_name(method: AuthMethod) -> &'static str {
    match method {
        AuthMethod::Spf => "SPF",
        AuthMethod::Dkim => "DKIM",
        AuthMethod::Dmarc => "DMARC",
        AuthMethod::Arc => "ARC",
        AuthMethod::CompAuth => "compauth",
    }
}

impl fmt::Display for DmarcReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DmarcReason::NoAuthorDomain { text } if text.is_empty() => {
                f.write_str("The header From has no domain that DMARC could check.")
            }
            DmarcReason::NoAuthorDomain { text } => {
                write!(f, "`{text}` in the header From is no domain that DMARC could check.")
            }
            DmarcReason::SeveralAuthorDomains { count } => {
                write!(f, "The header From has {count} domains; DMARC is for exactly one.")
            }
            DmarcReason::NoRecord { domain } => write!(f, "No DMARC record applies to {domain}."),
            DmarcReason::RecordUnusable { domain } => {
                write!(f, "The DMARC record of {domain} has a policy that cannot be read, so that it does not apply.")
            }
            DmarcReason::Aligned { method, domain } => {
                write!(f, "{} passed for {domain}, which is aligned.", method_name(*method))
            }
            DmarcReason::NothingPassed => f.write_str("Neither SPF nor a DKIM signature passed."),
            DmarcReason::NothingAligned { domain } => {
                write!(f, "Nothing that passed is aligned with {domain}.")
            }
            DmarcReason::IdentifierFailedForNow { method, domain } => {
                write!(f, "{} for {domain} is aligned and ended in a temporary error.", method_name(*method))
            }
            DmarcReason::IdentifierNotChecked { method, domain } => {
                write!(f, "{} for {domain} could decide it and could not be checked.", method_name(*method))
            }
            DmarcReason::DnsFailed { question, status } => {
                write!(f, "The DNS gave no answer to {question} ({status}).")
            }
            DmarcReason::NotSaved { question, count: 1 } => {
                write!(f, "The answer to {question} was not saved.")
            }
            DmarcReason::NotSaved { question, count } => {
                write!(f, "The answer to {question} was not saved, and {} more.", count - 1)
            }
        }
    }
}

/// Something about a record or a domain that is worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DmarcNote {
    /// A tag of RFC 7489 that RFC 9989 gave up.
    ObsoleteTag {
        /// The tag.
        tag: &'static str,
    },
    /// A tag that nobody knows; it counts for nothing.
    UnknownTag {
        /// The tag as written.
        tag: String,
    },
    /// A value that the tag does not have; the tag counts as not there.
    BadValue {
        /// The tag.
        tag: &'static str,
        /// The value as written.
        value: String,
    },
    /// A tag a second time; the first counts.
    RepeatedTag {
        /// The tag as written.
        tag: String,
    },
    /// A piece between semicolons that is no tag.
    NoTag {
        /// The piece as written.
        text: String,
    },
    /// No `p`: taken as `p=none` (RFC 9989, 4.7). Receivers that go by RFC 7489 may not use the record at all.
    PolicyMissing,
    /// `p`, `sp` or `np` cannot be read: the record is taken as `p=none`, as it has somebody to report to.
    PolicyTakenAsNone,
    /// `t=y`: the owner asks for one level less than the policy says.
    TestMode,
    /// `psd=y`: the record is that of a public suffix.
    PublicSuffix {
        /// Its domain.
        domain: String,
    },
    /// `psd=n`: the record says that its domain is the organizational one.
    Organizational {
        /// Its domain.
        domain: String,
    },
    /// Several records at one name: none of them counts (RFC 9989, 4.10).
    SeveralRecords {
        /// The name.
        name: String,
        /// How many.
        count: usize,
    },
    /// A text that was meant to be a record and is none: `v=DMARC1` must come first, in this case.
    AlmostRecord {
        /// The name.
        name: String,
        /// The text.
        text: String,
    },
    /// The header From has several domains.
    SeveralAuthorDomains {
        /// The domains.
        domains: Vec<String>,
    },
    /// Whether the author's domain exists was asked, and the DNS gave no answer: `sp` or `np` cannot be told apart.
    ExistenceUnknown,
}

impl fmt::Display for DmarcNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DmarcNote::ObsoleteTag { tag } => write!(
                f,
                "The tag `{tag}` is obsolete (RFC 9989) and counts for nothing; older receivers may still go by it."
            ),
            DmarcNote::UnknownTag { tag } => write!(f, "The tag `{tag}` is unknown and counts for nothing."),
            DmarcNote::BadValue { tag, value } => {
                write!(f, "`{tag}={value}` has a value, or a part of it, that cannot be read and counts for nothing.")
            }
            DmarcNote::RepeatedTag { tag } => write!(f, "The tag `{tag}` stands there again; the first one counts."),
            DmarcNote::NoTag { text } => write!(f, "`{text}` is no tag and counts for nothing."),
            DmarcNote::PolicyMissing => {
                f.write_str("The record has no `p` and is taken as `p=none`; older receivers may not use it at all.")
            }
            DmarcNote::PolicyTakenAsNone => f.write_str(
                "The record has a policy that cannot be read; as it asks for reports, it is taken as `p=none`.",
            ),
            DmarcNote::TestMode => {
                f.write_str("`t=y`: the owner is testing, and asks for one level less than the policy says.")
            }
            DmarcNote::PublicSuffix { domain } => {
                write!(f, "{domain} says that it is a public suffix (`psd=y`): names below it belong to others.")
            }
            DmarcNote::Organizational { domain } => {
                write!(f, "{domain} says that it is an organizational domain (`psd=n`).")
            }
            DmarcNote::SeveralRecords { name, count } => {
                write!(f, "{name} has {count} DMARC records, so that none of them counts.")
            }
            DmarcNote::AlmostRecord { name, text } => write!(
                f,
                "`{text}` at {name} is no DMARC record: `v=DMARC1` must come first, spelled like this, before a semicolon."
            ),
            DmarcNote::SeveralAuthorDomains { domains } => {
                write!(f, "The header From has several domains: {}.", domains.join(", "))
            }
            DmarcNote::ExistenceUnknown => f.write_str(
                "The DNS did not say whether the author's domain exists, so that `sp` and `np` cannot be told apart.",
            ),
        }
    }
}
