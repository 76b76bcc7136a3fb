//! What lists and indexes still show.

use std::collections::{BTreeSet, HashMap, HashSet};

use evidence::{Folder, QuarantineState, SourceId, TraceStatus};
use jiff::{SignedDuration, Timestamp};
use lake::{Line, Name, What};

use super::is_waiting;
use crate::symptoms::Survey;

/// Lists of what is kept back.
const HELD_LISTS: &[SourceId] = &["exchange-online/quarantine", "mimecast/held-queue", "proofpoint/quarantine"];
/// Indexes of messages with one word for the state of each.
const FINDER: SourceId = "mimecast/message-finder";
const TRACE: SourceId = "exchange-online/message-trace";
/// An index of copies with the place where each lies now.
const PLACES: SourceId = "defender/email-events";

/// How far the instants of one message may be apart in two lists of one product: one is cut to the minute, one begins with the hold.
pub(super) const SAME_MESSAGE: SignedDuration = SignedDuration::from_secs(120);

/// What a row shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shows {
    /// Kept back.
    Held,
    /// On its way, or not yet seen by the index.
    Waiting,
    /// In the mailbox, where it was delivered.
    There,
}

/// A row of a list.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    /// The list.
    pub(super) index: SourceId,
    /// What it shows; see [`Row::shows`].
    shows: u8,
    /// Its line.
    pub(super) line: &'a Line,
    /// When the message came to the list.
    pub(super) at: Timestamp,
    /// Whether no other row looks the same at the same time: only then can it be told by its looks.
    pub(super) is_alone: bool,
    /// Whether the message has but this recipient in the list.
    pub(super) is_for_one: bool,
}

impl Row<'_> {
    fn message(&self) -> Option<(SourceId, Name)> {
        Some((self.index, self.line.id.or(self.line.message_id)?))
    }

    /// The looks by which a row without ids is told.
    fn looks(&self) -> Option<(SourceId, (Name, Name))> {
        let has_id = self.line.id.or(self.line.message_id).is_some();
        Some((self.index, looks(self.line).filter(|_| !has_id)?))
    }

    /// What it shows.
    pub(super) fn shows(&self) -> Shows {
        match self.shows {
            0 => Shows::Held,
            1 => Shows::Waiting,
            _ => Shows::There,
        }
    }
}

/// Sender and recipient, by which lists without ids tell a message.
pub(super) fn looks(line: &Line) -> Option<(Name, Name)> {
    line.envelope_sender.or(line.header_from).zip(line.envelope_recipient)
}

/// Whether a kind of export is a list: what it says has no instant of its own.
pub(super) fn is_index(source: SourceId) -> bool {
    HELD_LISTS.contains(&source) || [FINDER, TRACE, PLACES].contains(&source)
}

/// All rows that show something which may have ended since.
pub(super) fn of<'a>(survey: &Survey<'a>) -> Vec<Row<'a>> {
    let mut rows = showing(survey);
    if rows.is_empty() {
        return rows;
    }
    let wanted: HashSet<(SourceId, Name)> = rows.iter().filter_map(|row| row.message()).collect();
    let looked: HashSet<(SourceId, (Name, Name))> = rows.iter().filter_map(Row::looks).collect();
    // A list that shows the later state as well is a history, whatever else it shows.
    let mut settled: HashSet<(SourceId, Name, Option<Name>)> = HashSet::new();
    let mut recipients: HashMap<(SourceId, Name), BTreeSet<Name>> = HashMap::new();
    let mut alike: HashMap<(SourceId, (Name, Name)), Vec<Timestamp>> = HashMap::new();
    for line in survey.lines() {
        let index = survey.ledger.source(line);
        if !is_index(index) {
            continue;
        }
        if let Some(message) = line.id.or(line.message_id).filter(|message| wanted.contains(&(index, *message))) {
            recipients.entry((index, message)).or_default().extend(line.envelope_recipient);
            if is_later_state(index, line) {
                settled.insert((index, message, line.envelope_recipient));
            }
        }
        if let Some((looks, at)) = looks(line).zip(line.at).filter(|(looks, _)| looked.contains(&(index, *looks))) {
            let of_looks = alike.entry((index, looks)).or_default();
            // Lines come by time; one row may give several.
            if of_looks.last() != Some(&at) {
                of_looks.push(at);
            }
        }
    }
    rows.retain(|row| {
        row.message().is_none_or(|(index, message)| !settled.contains(&(index, message, row.line.envelope_recipient)))
    });
    for row in &mut rows {
        row.is_alone = row.looks().and_then(|looks| alike.get(&looks)).is_some_and(|times| {
            let from = times.partition_point(|at| at.duration_since(row.at) < -SAME_MESSAGE);
            let to = times.partition_point(|at| at.duration_since(row.at) <= SAME_MESSAGE);
            to.saturating_sub(from) == 1
        });
        let of_message = row.message().and_then(|message| recipients.get(&message));
        row.is_for_one = of_message.is_none_or(|recipients| recipients.len() <= 1);
    }
    rows
}

/// The rows by themselves, each once.
fn showing<'a>(survey: &Survey<'a>) -> Vec<Row<'a>> {
    let mut seen: HashSet<(SourceId, Option<Name>, Option<Name>, Option<Name>, Timestamp)> = HashSet::new();
    let mut rows = Vec::new();
    for line in survey.lines() {
        let index = survey.ledger.source(line);
        let (true, Some(at)) = (is_index(index), line.at) else { continue };
        let Some(shows) = shows(survey, index, line) else { continue };
        if seen.insert((index, line.id.or(line.message_id), line.envelope_recipient, line.envelope_sender, at)) {
            rows.push(Row { index, shows, line, at, is_alone: false, is_for_one: false });
        }
    }
    rows
}

fn is_later_state(index: SourceId, line: &Line) -> bool {
    match &line.what {
        What::Quarantine(state) => *state != QuarantineState::Held,
        What::Status(TraceStatus::Delivered | TraceStatus::Failed | TraceStatus::Released) => true,
        What::PostDelivery(..) => index == PLACES,
        _ => false,
    }
}

fn shows(survey: &Survey<'_>, index: SourceId, line: &Line) -> Option<u8> {
    match (index, &line.what) {
        (PLACES, What::Stored(folder)) if line.is_unmoved => match folder {
            None | Some(Folder::Inbox) => Some(2),
            _ => None,
        },
        (PLACES, What::Quarantine(QuarantineState::Held)) if line.is_unmoved => Some(0),
        (PLACES, _) => None,
        (FINDER, What::Status(TraceStatus::Held)) => Some(0),
        (FINDER, What::Status(TraceStatus::Pending)) => Some(1),
        (FINDER, What::Status(TraceStatus::Other(_))) => is_waiting(survey.text(line.said)).then_some(1),
        (TRACE, What::Status(TraceStatus::Pending | TraceStatus::GettingStatus)) => Some(1),
        (list, What::Quarantine(QuarantineState::Held)) if HELD_LISTS.contains(&list) => Some(0),
        _ => None,
    }
}
