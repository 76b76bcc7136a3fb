//! What the kinds share that the table engine reads: answers of the API, and tables of the console and of Log Analytics.

use evidence::{Address, Fact, Identifier, Identity, Product, System, When};
use jiff::Timestamp;
use serde_json::Value;

use super::values::{addresses, direction, message_id, subject, text_at};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts};
use crate::text::first_words;
use crate::time::Zoneless;
use crate::{Clock, Likeness};

/// Who speaks in every file of this vendor.
pub(super) fn speaker() -> System {
    System::of(Product::Mimecast)
}

/// Something that a row needs: how to call it, and the folded names of which one must hold a value.
pub(super) type Need<'n> = (&'n str, &'n [&'n str]);

/// Whether a row is no failure of the API, and holds what it needs.
///
/// # Errors
/// [`Torn`] if it is a failure, or something is missing.
pub(super) fn check(row: &Row, needs: &[Need<'_>]) -> Result<(), Torn> {
    if row.has(&["errors"]) {
        return Err(Torn { expected: "an answer without failures".to_owned(), found: failures(row) });
    }
    match needs.iter().find(|(_, names)| row.text(names).is_none()) {
        None => Ok(()),
        Some((name, _)) => Err(table::missing(name, "the row has other keys")),
    }
}

/// The failures of an answer, each as `code: message`.
fn failures(row: &Row) -> String {
    let said: Vec<String> = row
        .objects(&["errors"])
        .iter()
        .map(|error| {
            let part = |key| text_at(error, key).unwrap_or_else(|| format!("no {key}"));
            format!("{}: {}", part("code"), part("message"))
        })
        .collect();
    if said.is_empty() { row.text(&["errors"]).map_or("no reason".to_owned(), first_words) } else { said.join("; ") }
}

/// What an instant without an offset means: Log Analytics prints UTC and says so in the column's name, the console
/// prints the zone of whoever looks at it.
pub(super) fn zoneless<'c>(row: &Row, names: &[&str], clock: &'c Clock) -> Zoneless<'c> {
    let column = names.iter().find_map(|name| row.written(name)).unwrap_or("");
    let says_utc = column.to_ascii_uppercase().contains("UTC") || column.ends_with("_t");
    if says_utc { Zoneless::Utc } else { Zoneless::AsAsked(clock) }
}

/// An instant as the file writes it; the unset times of Mimecast (1900, 1970, 2100) give `None`.
pub(super) fn instant(facts: &Facts<'_>, said: &str) -> Option<When> {
    facts.instant(said).filter(|when| when.at.as_second() < UNSET_FROM)
}

/// A day before 2100, at whose beginning, in some zone, policies without an end end.
const UNSET_FROM: i64 = 4_102_444_800 - 86_400;

/// Under which folded names a log writes what it says of the message itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct MessageNames {
    /// The Message-ID.
    pub(super) id: &'static [&'static str],
    /// The envelope sender.
    pub(super) envelope_sender: &'static [&'static str],
    /// The author.
    pub(super) header_from: &'static [&'static str],
    /// The envelope recipients.
    pub(super) recipients: &'static [&'static str],
    /// The subject.
    pub(super) subject: &'static [&'static str],
    /// Which way it went.
    pub(super) direction: &'static [&'static str],
}

impl MessageNames {
    /// The ids of a row.
    pub(super) fn ids(&self, row: &Row) -> Vec<Identifier> {
        row.text(self.id).and_then(message_id).into_iter().collect()
    }

    /// Whether a row looks like the message.
    pub(super) fn look_like(&self, row: &Row, at: Option<Timestamp>, likeness: &Likeness) -> bool {
        let senders: Vec<Address> =
            [self.envelope_sender, self.header_from].iter().filter_map(|names| sender(row, names)).collect();
        let subject = row.text(self.subject).map(subject);
        likeness.fits(&senders, &recipients(row, self.recipients), subject.as_deref(), at)
    }

    /// Names the recipients of a row, and states who and what the message is.
    pub(super) fn introduce(&self, row: &Row, facts: &mut Facts<'_>) {
        facts.about.envelope_recipients = recipients(row, self.recipients);
        let identity = Identity {
            envelope_sender: sender(row, self.envelope_sender),
            header_from: sender(row, self.header_from).filter(|address| !address.is_null()),
            subject: row.text(self.subject).map(subject),
            direction: row.text(self.direction).and_then(direction),
            ..Identity::default()
        };
        if identity != Identity::default() {
            facts.say(Fact::Identity(identity));
        }
    }
}

/// How the logs of detections name it.
pub(super) const DETECTED: MessageNames = MessageNames {
    id: &["messageid", "messageids"],
    envelope_sender: &["senderaddress", "senderaddresss"],
    header_from: &["headerfrom", "senderheader"],
    recipients: &["recipientaddress", "recipientaddresss"],
    subject: &["subject", "subjects"],
    direction: &["route", "routes"],
};

/// The row's own words, each after its name, such as `action hold; hits 2`.
pub(super) fn said(row: &Row, words: &[Need<'_>]) -> String {
    let said = words.iter().filter_map(|(name, names)| Some(format!("{name} {}", row.text(names)?)));
    said.collect::<Vec<_>>().join("; ")
}

/// The addresses under one of these names, in any of their forms.
pub(super) fn recipients(row: &Row, names: &[&str]) -> Vec<Address> {
    row.list(names).into_iter().flat_map(|said| addresses(&value(said))).collect()
}

fn sender(row: &Row, names: &[&str]) -> Option<Address> {
    row.text(names).and_then(|said| super::values::address(&value(said)))
}

/// The value of a text, which may be an object written as text.
fn value(said: &str) -> Value {
    let object = said.starts_with('{').then(|| serde_json::from_str(said).ok()).flatten();
    object.unwrap_or_else(|| Value::String(said.to_owned()))
}
