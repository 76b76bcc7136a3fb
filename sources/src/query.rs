//! What is to be read from a file.

use std::collections::BTreeSet;
use std::ops::Range;

use evidence::{Address, FileName, Identifier};
use jiff::{Timestamp, tz::TimeZone};

use crate::text;

/// One file as supplied: its name and all its bytes (mapped, so that it may be larger than memory).
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// Name for cites.
    pub name: FileName,
    /// The content.
    pub bytes: &'a [u8],
}

impl Input<'_> {
    /// The words of a record, decoded: what a cite of these bytes says, where they are text of the file itself.
    pub fn said(&self, record: Range<u64>) -> String {
        let (encoding, _) = text::encoding_of(self.bytes);
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        let bytes = &self.bytes[at(record.start).min(at(record.end))..at(record.end)];
        text::Text::part(bytes, record.start, encoding).as_str().to_owned()
    }
}

/// Zone and year for records that do not state them.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Zone of records without one.
    pub zone: TimeZone,
    /// How to name that assumption, such as `UTC (default)` or `Europe/Berlin by --tz`.
    pub zone_label: String,
    /// An instant near the message, from evidence that states its year: a record without a year belongs to the year
    /// that brings it nearest.
    pub reference: Timestamp,
}

/// What the message looks like, for records that carry none of its ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Likeness {
    /// Envelope senders and header_from addresses seen.
    pub senders: BTreeSet<Address>,
    /// Envelope recipients seen.
    pub envelope_recipients: BTreeSet<Address>,
    /// Subjects seen, decoded.
    pub subjects: BTreeSet<String>,
    /// Instants around which it travelled; a record fits within a day of one of them. Empty: any instant fits.
    pub around: BTreeSet<Timestamp>,
    /// When its author says that it was sent: the sender's clock, so that it hints where nothing else is known.
    pub dated: BTreeSet<Timestamp>,
    /// When a system took other messages of these senders.
    pub others_taken: BTreeSet<(Address, Timestamp)>,
}

/// The message that is followed, as far as it is known so far.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// Ids of the message, from the sample, the options, or records already read.
    pub ids: BTreeSet<Identifier>,
    /// Its looks, for records without these ids.
    pub likeness: Likeness,
    /// Ids of other messages that look alike: their records are not matched by looks.
    pub others: BTreeSet<Identifier>,
}

/// Which rows are wanted.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Every row.
    Everything,
    /// The rows about one message; the others are counted as passed over (`other message`).
    Message(Message),
}

/// How much was read, and whether to go on.
pub trait Progress: Sync {
    /// So many bytes of evidence were read.
    fn advance(&self, bytes: u64);
    /// Whether the user asked to stop.
    fn is_cancelled(&self) -> bool;
}

/// Progress that nobody watches.
pub struct NoProgress;

impl Progress for NoProgress {
    fn advance(&self, _bytes: u64) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

/// One reading order: which rows, by which clock, watched by whom.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// Which rows.
    pub wanted: &'a Wanted,
    /// Zone and year for records that do not state them.
    pub clock: &'a Clock,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

impl Likeness {
    /// Whether an instant lies within `seconds` of one at which the message travelled or is said to have been sent.
    pub fn is_near(&self, at: Timestamp, seconds: u64) -> bool {
        self.around.iter().chain(&self.dated).any(|known| known.as_second().abs_diff(at.as_second()) <= seconds)
    }

    /// Whether a record about `sender` and `recipients` with `subject` at `at` looks like the message.
    ///
    /// Needs a shared recipient (if both sides name one), a shared sender (likewise), a shared subject (likewise), at
    /// least two of these three, and an instant within a day of [`Likeness::around`].
    pub fn fits(
        &self,
        senders: &[Address],
        recipients: &[Address],
        subject: Option<&str>,
        at: Option<Timestamp>,
    ) -> bool {
        let mut agreed = 0;
        if !self.senders.is_empty() && !senders.is_empty() {
            if !senders.iter().any(|sender| self.senders.contains(sender)) {
                return false;
            }
            agreed += 1;
        }
        if !self.envelope_recipients.is_empty() && !recipients.is_empty() {
            if !recipients.iter().any(|recipient| self.envelope_recipients.contains(recipient)) {
                return false;
            }
            agreed += 1;
        }
        if let (false, Some(subject)) = (self.subjects.is_empty(), subject) {
            if !self.subjects.iter().any(|known| same_subject(known, subject)) {
                return false;
            }
            agreed += 1;
        }
        let near = match at {
            Some(at) if !self.around.is_empty() => self.around.iter().any(|known| near_in_time(*known, at)),
            _ => true,
        };
        agreed >= 2 && near
    }
}

/// Whether two subjects are one: equal after folding white space and stripping a gateway's leading `[TAG]`s and the
/// other side's cut at the end (at least 30 characters must agree).
pub(crate) fn same_subject(left: &str, right: &str) -> bool {
    let left = bare_subject(left);
    let right = bare_subject(right);
    left == right
        || (left.chars().count().min(right.chars().count()) >= 30
            && (left.starts_with(&right) || right.starts_with(&left)))
}

fn bare_subject(subject: &str) -> String {
    let mut rest = subject.trim();
    while let Some(tail) = rest.strip_prefix('[') {
        match tail.split_once(']') {
            Some((_, after)) if !after.trim().is_empty() => rest = after.trim_start(),
            _ => break,
        }
    }
    rest.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn near_in_time(known: Timestamp, at: Timestamp) -> bool {
    known.duration_since(at).unsigned_abs() <= std::time::Duration::from_secs(24 * 60 * 60)
}

impl Message {
    /// The ids of one kind, as text.
    pub fn message_ids(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().filter_map(|id| match id {
            Identifier::MessageId(id) => Some(id.as_str()),
            _ => None,
        })
    }

    /// Whether any of `ids` belongs to another message that looks alike.
    pub fn is_other(&self, ids: &[Identifier]) -> bool {
        ids.iter().any(|id| self.others.contains(id))
    }

    /// Whether any of `ids` belongs to the message.
    pub fn has_any(&self, ids: &[Identifier]) -> bool {
        ids.iter().any(|id| self.ids.contains(id))
    }
}
