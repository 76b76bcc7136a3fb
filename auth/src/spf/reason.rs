//! Why a check came to its result, for a mail engineer.

use std::fmt;

use super::{Limit, MAX_LOOKUPS, MAX_VOID_LOOKUPS, Matched, OverLimit, SyntaxError};
use crate::dns::Question;

/// Why a check came to its result; each is one sentence when written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpfReason {
    /// There is no domain that could have a record (RFC 7208, 4.3).
    NoDomain {
        /// What stands there instead.
        text: String,
    },
    /// The domain does not exist.
    NoName {
        /// The domain.
        domain: String,
    },
    /// The domain has no SPF record (RFC 7208, 4.5).
    NoRecord {
        /// The domain.
        domain: String,
    },
    /// A domain has several records (RFC 7208, 4.5).
    SeveralRecords {
        /// The domain.
        domain: String,
        /// How many.
        count: usize,
    },
    /// A mechanism matches.
    Matched(Matched),
    /// No mechanism matches, and there is no redirect (RFC 7208, 4.7).
    NothingMatched {
        /// The domain whose record came to its end.
        domain: String,
    },
    /// A term cannot be read.
    Syntax {
        /// The domain whose record holds it.
        domain: String,
        /// The term as written.
        term: String,
        /// What is wrong with it.
        error: SyntaxError,
    },
    /// An include or redirect leads to a name without an SPF record (RFC 7208, 5.2, 6.1).
    TargetWithoutRecord {
        /// The domain whose record holds the term.
        domain: String,
        /// The term as written.
        term: String,
        /// The name without a record.
        target: String,
    },
    /// A limit was exceeded (RFC 7208, 4.6.4).
    OverLimit(OverLimit),
    /// The DNS gave no answer (RFC 7208, 2.6.6).
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

impl fmt::Display for SpfReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpfReason::NoDomain { text } if text.is_empty() => f.write_str("There is no domain to check."),
            SpfReason::NoDomain { text } => write!(f, "`{text}` is no domain that could have an SPF record."),
            SpfReason::NoName { domain } => write!(f, "{domain} does not exist."),
            SpfReason::NoRecord { domain } => write!(f, "{domain} has no SPF record."),
            SpfReason::SeveralRecords { domain, count } => {
                write!(f, "{domain} has {count} SPF records, and may have only one.")
            }
            SpfReason::Matched(matched) => write!(f, "The client matches {matched}."),
            SpfReason::NothingMatched { domain } => {
                write!(f, "No mechanism matches the client, and the record of {domain} says nothing of others.")
            }
            SpfReason::Syntax { domain, term, error } => {
                write!(f, "The record of {domain} cannot be read at `{term}`: {error}.")
            }
            SpfReason::TargetWithoutRecord { domain, term, target } => {
                write!(f, "`{term}` in the record of {domain} leads to {target}, which has no SPF record.")
            }
            SpfReason::OverLimit(OverLimit { limit, domain, term }) => match limit {
                Limit::Lookups => write!(
                    f,
                    "`{term}` in the record of {domain} would be look-up {}; {MAX_LOOKUPS} are allowed.",
                    MAX_LOOKUPS + 1
                ),
                Limit::VoidLookups => write!(
                    f,
                    "`{term}` in the record of {domain} is the {}rd look-up with an empty answer; {MAX_VOID_LOOKUPS} are \
                     allowed.",
                    MAX_VOID_LOOKUPS + 1
                ),
                Limit::MailExchangers => {
                    write!(
                        f,
                        "`{term}` in the record of {domain} needs the addresses of more than ten mail exchangers."
                    )
                }
            },
            SpfReason::DnsFailed { question, status } => {
                write!(f, "The DNS gave no answer to {question} ({status}).")
            }
            SpfReason::NotSaved { question, count: 1 } => {
                write!(f, "The answer to {question} was not saved.")
            }
            SpfReason::NotSaved { question, count } => {
                write!(f, "The answer to {question} was not saved, and {} more.", count - 1)
            }
        }
    }
}
