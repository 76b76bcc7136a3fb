//! Authentication succeeds, and downstream authorisation still blocks.
//!
//! Who somebody is was proved; what he may do was refused. Two senses, one reasoning:
//!
//! - people and programs ([`people`]): the exact attempt that was accepted (code 0, second factor given, logon at the gateway), and
//!   the denial of the same account that follows: not assigned, no consent, an access policy on the next resource, a role that is
//!   missing, a quarantine that may only be asked;
//! - mail ([`mail`]): SPF, DKIM and DMARC (or compauth) pass by our own system's word, and a restriction of the recipient, a rule, a
//!   list or a verdict stops the copy all the same; or a client that signed in may not send in that name.
//!
//! Both records must be there. A wrong password, a prompt that the same session answered, a denial that was mended later, and mail
//! whose authentication failed or is not known are no sign of it. The password was right: to reset it makes a second problem.

mod denials;
mod mail;
mod people;

use evidence::Cite;
use jiff::Timestamp;

use super::{Sign, Survey, Symptom};

/// The rule.
pub struct Rule;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "authorization-blocks-after-authentication"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, survey: &Survey<'_>) -> Vec<Sign> {
        let mut found = people::find(survey);
        found.extend(mail::find(survey));
        found
    }
}

/// How many records a finding shows.
const CITES_MAX: usize = 12;

/// Each record once, in the order given.
fn once(cites: impl IntoIterator<Item = Cite>) -> Vec<Cite> {
    let mut seen = std::collections::BTreeSet::new();
    let mut cites: Vec<Cite> =
        cites.into_iter().filter(|cite| seen.insert((cite.file.clone(), cite.bytes.start))).collect();
    cites.truncate(CITES_MAX);
    cites
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// How much of a record's words a statement quotes.
const QUOTED_CHARS: usize = 140;

fn short(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
