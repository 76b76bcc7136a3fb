//! SPF: may this client use this domain as its envelope sender or HELO name? (RFC 7208)
//!
//! [`check`] gives the result and how it came about: the mechanism that matched and by which includes it was reached, what
//! each look-up was spent on, and which answers are missing when nothing can be said.
//!
//! ```text
//!  record: text -> terms     values, macros: %{i} -> 192.0.2.1
//!  evaluate: goes through the terms, keeps the limits     terms: what each one asks and when it matches
//! ```

mod address;
mod evaluate;
mod macros;
mod reason;
mod record;
mod terms;
mod values;

use std::fmt;
use std::net::IpAddr;

use evidence::AuthResult;

use crate::dns::{Dns, Question};

pub use macros::MacroError;
pub use reason::SpfReason;
pub use record::SyntaxError;

/// Most terms that may look something up (RFC 7208, 4.6.4).
pub const MAX_LOOKUPS: u32 = 10;

/// Most look-ups that may come back empty (RFC 7208, 4.6.4).
pub const MAX_VOID_LOOKUPS: u32 = 2;

/// Which name of the client is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The envelope sender; for the null sender `postmaster` at the HELO name (RFC 7208, 2.4).
    MailFrom,
    /// The HELO name (RFC 7208, 2.3).
    Helo,
}

/// Who sent the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address that connected. An IPv4 address within IPv6 counts as IPv4 (RFC 7208, 5).
    pub ip: IpAddr,
    /// The name that it gave at HELO or EHLO.
    pub helo: String,
    /// The envelope sender without angle brackets; empty for the null sender.
    pub sender: String,
    /// The name of the receiving server, for explanations (`%{r}`).
    pub receiver: Option<String>,
}

/// What the check of one identity came to, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpfCheck {
    /// The identity that was checked.
    pub identity: Identity,
    /// Its domain, in normal form.
    pub domain: String,
    /// The result; `None` if it could not be checked, because answers of [`SpfCheck::needs`] are missing.
    pub result: Option<AuthResult>,
    /// Why.
    pub reason: SpfReason,
    /// The record of the domain: the question that found it, and its text.
    pub record: Option<(Question, String)>,
    /// The mechanism that decided.
    pub matched: Option<Matched>,
    /// Terms up to the decision that count against [`MAX_LOOKUPS`].
    pub lookups: u32,
    /// Terms up to the decision that count against [`MAX_VOID_LOOKUPS`]: the answer to the term's own question was empty.
    /// Addresses of mail exchangers and of names of the client are no terms of their own, and do not count.
    pub void_lookups: u32,
    /// How many look-ups the whole record needs, beyond the term that decided; `None` if answers are missing for that, or
    /// if it does not end.
    pub total_lookups: Option<u32>,
    /// The term that went over a limit.
    pub over_limit: Option<OverLimit>,
    /// Each term that costs a look-up, in the order of the record and its includes.
    pub lookup_tree: Vec<LookupStep>,
    /// What the owner of the domain wants to be said to a refused client: `exp=`, expanded (RFC 7208, 6.2). It is the
    /// owner's word, not ours, and can say anything.
    pub explanation: Option<String>,
    /// Questions whose answers led to the result.
    pub asked: Vec<Question>,
    /// Questions without a saved answer that the result rests on; empty if there is a result.
    pub needs: Vec<Question>,
    /// Questions without a saved answer that would add the explanation or [`SpfCheck::total_lookups`]. The result stands
    /// without them.
    pub would_add: Vec<Question>,
}

/// The mechanism that decided, and the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The mechanism as written, such as `ip4:192.0.2.0/24`.
    pub term: String,
    /// The domain whose record holds it.
    pub domain: String,
    /// The includes and redirects that led there, from the first record on; empty if it stands in the first.
    pub path: Vec<PathStep>,
}

/// A term that leads to another record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathStep {
    /// The domain whose record holds it.
    pub domain: String,
    /// The term as written, such as `include:_spf.example.net`.
    pub term: String,
}

impl fmt::Display for Matched {
    /// Writes `ip4:192.0.2.0/24 of _spf.example.net (by include:_spf.example.net of example.com)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.term, self.domain)?;
        for (index, step) in self.path.iter().enumerate() {
            write!(f, "{}{} of {}", if index == 0 { " (by " } else { ", " }, step.term, step.domain)?;
        }
        if self.path.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

/// The limits of a check (RFC 7208, 4.6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// [`MAX_LOOKUPS`].
    Lookups,
    /// [`MAX_VOID_LOOKUPS`].
    VoidLookups,
    /// Ten mail exchangers of one name.
    MailExchangers,
}

/// The term that went over a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverLimit {
    /// Which limit.
    pub limit: Limit,
    /// The domain whose record holds the term.
    pub domain: String,
    /// The term as written.
    pub term: String,
}

/// Whether the evaluation came to a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reached {
    /// It was evaluated.
    Evaluated,
    /// A term before it had decided; it is only counted.
    OnlyCounted,
}

/// A term that costs a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupStep {
    /// The domain whose record holds it.
    pub domain: String,
    /// The term as written.
    pub term: String,
    /// How many includes and redirects lead to its record.
    pub depth: u32,
    /// How many look-ups there are up to this one, of the whole record.
    pub count: u32,
    /// Whether the evaluation came to it.
    pub reached: Reached,
}

/// Checks an identity of a client with what the DNS said (RFC 7208, 4).
pub fn check(client: &Client, identity: Identity, dns: &dyn Dns) -> SpfCheck {
    evaluate::check(client, identity, dns)
}
