//! What happened with a copy since, by the records that have an instant of their own.

use std::collections::{BTreeSet, HashMap, HashSet};

use evidence::{
    Action, ActorKind, Address, FileName, Folder, NextHop, Outcome, QuarantineState, ReleaseStep, SourceId,
};
use jiff::Timestamp;
use lake::{Line, Name, What};

use super::rows::{Row, SAME_MESSAGE, Shows, is_index, looks};
use crate::symptoms::Survey;

/// What an event made of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Kept back.
    Held,
    /// Let go.
    Released,
    /// Deleted from the quarantine, or run out.
    Gone,
    /// Handed on, or stored.
    Delivered,
    /// Moved or removed after delivery.
    Moved,
}

/// One event.
#[derive(Clone, Copy)]
pub(super) struct Event<'a> {
    pub(super) at: Timestamp,
    pub(super) state: State,
    pub(super) line: &'a Line,
    pub(super) source: SourceId,
}

/// All events, findable as rows need them.
pub(super) struct Truths<'a> {
    by_id: HashMap<Name, Vec<Event<'a>>>,
    by_message: HashMap<Name, Vec<Event<'a>>>,
    by_looks: HashMap<(Name, Name), Vec<Event<'a>>>,
    /// When each id was first heard of.
    first: HashMap<Name, Timestamp>,
    /// Message-IDs that have several ids for one recipient: an event that names the Message-ID alone may be about either.
    ambiguous: HashSet<(Name, Name)>,
    /// The records of the followed message, which were matched by more than sender and recipient.
    followed: HashSet<(FileName, u64)>,
}

impl<'a> Truths<'a> {
    /// The events that can bear on `rows`.
    pub(super) fn of(survey: &Survey<'a>, rows: &[Row<'a>]) -> Truths<'a> {
        let ids: HashSet<Name> = rows.iter().filter_map(|row| row.line.id).collect();
        let messages: HashSet<Name> = rows.iter().filter_map(|row| row.line.message_id).collect();
        let by_look = |row: &&Row<'_>| row.line.id.is_none() && row.line.message_id.is_none();
        let looked: HashSet<(Name, Name)> = rows.iter().filter(by_look).filter_map(|row| looks(row.line)).collect();
        let mut truths = Truths {
            by_id: HashMap::new(),
            by_message: HashMap::new(),
            by_looks: HashMap::new(),
            first: HashMap::new(),
            ambiguous: HashSet::new(),
            followed: HashSet::new(),
        };
        for entry in survey.followed.iter().flat_map(|followed| followed.scene.lake.entries()) {
            let cite = &entry.observation.cite;
            truths.followed.insert((cite.file.clone(), cite.bytes.start));
        }
        let mut known: HashMap<(Name, Name), Name> = HashMap::new();
        for line in survey.lines() {
            let Some(at) = line.at else { continue };
            if let Some(id) = line.id {
                truths.first.entry(id).or_insert(at);
                if let Some(copy) = line.message_id.zip(line.envelope_recipient)
                    && messages.contains(&copy.0)
                    && is_of_exchange(survey, line)
                    && *known.entry(copy).or_insert(id) != id
                {
                    truths.ambiguous.insert(copy);
                }
            }
            let source = survey.ledger.source(line);
            let Some(state) = state(source, line) else { continue };
            let event = Event { at, state, line, source };
            match (line.id, line.message_id) {
                (Some(id), _) if ids.contains(&id) => truths.by_id.entry(id).or_default().push(event),
                (None, Some(message)) if messages.contains(&message) => {
                    truths.by_message.entry(message).or_default().push(event);
                }
                _ => {}
            }
            if let Some(looks) = looks(line).filter(|looks| looked.contains(looks)) {
                truths.by_looks.entry(looks).or_default().push(event);
            }
        }
        truths
    }

    /// The event that ended what a row shows, if nothing brought it back since.
    pub(super) fn ended(&self, survey: &Survey<'_>, row: &Row<'a>) -> Option<Event<'a>> {
        let mut events = self.about(survey, row);
        events.retain(|event| event.at > row.at);
        events.sort_by_key(|event| event.at);
        let ends = |event: &Event<'_>| ends(&row.shows(), event);
        let last = events.iter().rposition(|event| !ends(event) && brings_back(&row.shows(), event));
        let since = last.map_or(0, |last| last + 1);
        events.get(since..)?.iter().copied().find(|event| ends(event))
    }

    fn about(&self, survey: &Survey<'_>, row: &Row<'a>) -> Vec<Event<'a>> {
        let line = row.line;
        let is_for = |event: &&Event<'a>| match event.line.envelope_recipient {
            Some(recipient) => line.envelope_recipient.is_none_or(|own| own == recipient),
            None => row.is_for_one,
        };
        let of_id = line.id.and_then(|id| self.by_id.get(&id));
        let mut found: Vec<Event<'a>> = of_id.into_iter().flatten().filter(is_for).copied().collect();
        if let Some(message) = line.message_id {
            let copy = line.envelope_recipient.map(|recipient| (message, recipient));
            if copy.is_none_or(|copy| !self.ambiguous.contains(&copy)) {
                found.extend(self.by_message.get(&message).into_iter().flatten().filter(is_for).copied());
            }
        }
        if line.id.is_none() && line.message_id.is_none() {
            if self.is_followed(survey, line) {
                let alike = looks(line).and_then(|looks| self.by_looks.get(&looks));
                let own =
                    alike.into_iter().flatten().take(ALIKE_MAX).filter(|event| self.is_followed(survey, event.line));
                found.extend(own.copied());
            } else if row.is_alone {
                found.extend(self.alike(row));
            }
        }
        found
    }

    /// Whether a line is of the followed message.
    pub(super) fn is_followed(&self, survey: &Survey<'_>, line: &Line) -> bool {
        let cite = survey.cite(line);
        self.followed.contains(&(cite.file, cite.bytes.start))
    }

    /// Whether a message is followed at all.
    pub(super) fn follows(&self) -> bool {
        !self.followed.is_empty()
    }

    /// Events that look like the row's message: by the time at which it was first heard of, or, where an event has no id, if there is
    /// but one such message.
    fn alike(&self, row: &Row<'a>) -> Vec<Event<'a>> {
        let Some(all) = looks(row.line).and_then(|looks| self.by_looks.get(&looks)) else { return Vec::new() };
        if all.len() > ALIKE_MAX {
            return Vec::new();
        }
        let is_near = |at: Timestamp| at.duration_since(row.at).abs() <= SAME_MESSAGE;
        let with_id: Vec<&Event<'a>> = all
            .iter()
            .filter(|event| event.line.id.and_then(|id| self.first.get(&id)).is_some_and(|first| is_near(*first)))
            .collect();
        let ids: BTreeSet<Option<Name>> = with_id.iter().map(|event| event.line.id).collect();
        let without: Vec<&Event<'a>> =
            all.iter().filter(|event| event.line.id.is_none() && event.at > row.at).collect();
        let released = without.iter().filter(|event| event.state == State::Released).count();
        let mut found: Vec<Event<'a>> = Vec::new();
        if ids.len() == 1 {
            found.extend(with_id.into_iter().copied());
        }
        if released <= 1 {
            found.extend(without.into_iter().copied());
        }
        found
    }
}

fn is_of_exchange(survey: &Survey<'_>, line: &Line) -> bool {
    survey.ledger.source(line) == "exchange-online/message-trace" || is_index(survey.ledger.source(line))
}

/// How many events that look alike are compared; of a sender who writes more often nothing is told by looks.
const ALIKE_MAX: usize = 2_000;

/// What an event made of the copy; lists and summaries tell of no event.
fn state(source: SourceId, line: &Line) -> Option<State> {
    if is_index(source) {
        return None;
    }
    Some(match &line.what {
        What::Quarantine(QuarantineState::Held) => State::Held,
        What::Quarantine(QuarantineState::Gone) => State::Gone,
        What::Release(ReleaseStep::Released) => State::Released,
        What::PostDelivery(Action::Quarantined, _) | What::PostDelivery(_, Some(Folder::Quarantine)) => State::Held,
        What::PostDelivery(..) => State::Moved,
        What::Stored(Some(Folder::Quarantine)) => State::Held,
        What::Stored(_) => State::Delivered,
        What::Handover(Outcome::Accepted, NextHop::MailServer | NextHop::MailboxStore | NextHop::NotSaid) => {
            State::Delivered
        }
        _ => return None,
    })
}

fn ends(shows: &Shows, event: &Event<'_>) -> bool {
    match shows {
        Shows::Held => matches!(event.state, State::Released | State::Gone | State::Delivered),
        Shows::Waiting => event.state == State::Delivered,
        Shows::There => matches!(event.state, State::Held | State::Moved),
    }
}

fn brings_back(shows: &Shows, event: &Event<'_>) -> bool {
    match shows {
        Shows::Held => event.state == State::Held,
        Shows::Waiting => false,
        Shows::There => matches!(event.state, State::Released | State::Delivered),
    }
}

/// Whether a person moved the copy in the mailbox, which columns about places never follow.
pub(super) fn is_by_person(survey: &Survey<'_>, event: &Event<'_>) -> bool {
    let by = survey.text(event.line.by);
    let is_owner = !by.is_empty() && Address::new(by).as_str() == survey.text(event.line.envelope_recipient);
    event.source == "exchange-online/audit-log"
        && event.state == State::Moved
        && (is_owner || matches!(event.line.by_kind, ActorKind::Person | ActorKind::Administrator))
}
