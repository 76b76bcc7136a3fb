//! Two engines that act on one copy: the service's own purge, an application, an administrator's remediation.
//!
//! Each alone is in order. Two that act on one copy within the hour repeat each other, and where they end differently the copy's state is
//! that of whoever came last. A person who releases what a filter held has made up their mind, and is no engine; so is the mailbox's owner.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use evidence::{Action, ActorKind, Address, Cite, Folder, Layer, QuarantineState, ReleaseStep};
use jiff::{SignedDuration, Timestamp};
use lake::{Line, Name, What};
use serde::Deserialize;

use super::{counted, first_few, told};
use crate::Standing;
use crate::symptoms::picture::{EventStrip, Lane, Mark, MarkTone};
use crate::symptoms::{Apart, Picture, Sign, Survey};

/// Within what time two engines answer the same finding; what is done later is done for a reason of its own.
const SAME_FINDING: SignedDuration = SignedDuration::from_hours(1);

#[derive(Default, Deserialize)]
struct Words {
    engine: Vec<Word>,
    operation: Vec<Operation>,
}

#[derive(Deserialize)]
struct Operation {
    has: String,
}

#[derive(Deserialize)]
struct Word {
    has: String,
    is: String,
}

static WORDS: LazyLock<Words> =
    LazyLock::new(|| toml::from_str::<Words>(include_str!("engines.toml")).unwrap_or_default());

/// Whether an operation does something with messages.
pub(super) fn is_on_messages(operation: &str) -> bool {
    let operation = operation.to_lowercase();
    WORDS.operation.iter().any(|word| operation.contains(&word.has))
}

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Engine {
    /// The mail service by itself.
    Service,
    /// An application of the organisation.
    Application(String),
    /// An administrator's remediation; the record does not say whether a person or a program signed in.
    Administrator(String),
    /// A person.
    Person(String),
    /// The record does not say.
    NotSaid,
}

impl Engine {
    /// Whether a program acted.
    pub(super) fn is_automatic(&self) -> bool {
        matches!(self, Engine::Service | Engine::Application(_))
    }

    fn name(&self) -> String {
        match self {
            Engine::Service => "the mail service itself".to_owned(),
            Engine::Application(name) => format!("the application {name}"),
            Engine::Administrator(name) if name.is_empty() => "an administrator's remediation".to_owned(),
            Engine::Administrator(name) => format!("the administrator {name}"),
            Engine::Person(name) => name.clone(),
            Engine::NotSaid => "somebody whom no record names".to_owned(),
        }
    }
}

/// Who acted, by the kind of actor that the record names, else by its words.
pub(super) fn engine_of(survey: &Survey<'_>, line: &Line) -> Engine {
    let by = survey.text(line.by).to_owned();
    match line.by_kind {
        ActorKind::Application => return Engine::Application(by),
        ActorKind::Vendor => return Engine::Service,
        ActorKind::Administrator => return Engine::Administrator(by),
        ActorKind::Person => return Engine::Person(by),
        ActorKind::NotSaid => {}
    }
    let said = survey.text(line.said);
    match WORDS.engine.iter().find(|word| said.contains(&word.has)).map(|word| word.is.as_str()) {
        Some("service") => Engine::Service,
        Some("application") => Engine::Application(by),
        Some("person") => Engine::Person(by),
        Some("administrator") => Engine::Administrator(String::new()),
        _ if by.is_empty() => Engine::NotSaid,
        _ => Engine::Person(by),
    }
}

/// Where an action leaves the copy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Quarantine,
    Junk,
    Deleted,
    Mailbox,
    Elsewhere(String),
}

impl End {
    fn name(&self) -> &str {
        match self {
            End::Quarantine => "in quarantine",
            End::Junk => "in junk",
            End::Deleted => "deleted",
            End::Mailbox => "in the mailbox",
            End::Elsewhere(folder) => folder,
        }
    }
}

/// What one engine did with a copy.
#[derive(Clone)]
struct Deed {
    at: Timestamp,
    id: Option<Name>,
    engine: Engine,
    end: End,
    is_release: bool,
    cite: Cite,
}

/// What several engines on one copy show.
pub(super) fn find(survey: &Survey<'_>) -> Vec<Sign> {
    let mut copies: BTreeMap<(Name, Option<Name>), Vec<Deed>> = BTreeMap::new();
    for line in survey.lines() {
        let (Some(at), Some((end, is_release))) = (line.at, end(line)) else { continue };
        let Some(message) = line.message_id.or(line.id) else { continue };
        let engine = engine_of(survey, line);
        if matches!(&engine, Engine::Person(_))
            || is_owner(&engine, survey.text(line.envelope_recipient))
            || is_put_there_on_delivery(line, &engine)
        {
            continue;
        }
        // A person released it, who knew what the filter had said.
        if is_release && matches!(engine, Engine::Administrator(_) | Engine::NotSaid) {
            continue;
        }
        let deed = Deed { at, engine, end, is_release, cite: survey.cite(line), id: line.id };
        copies.entry((message, line.envelope_recipient)).or_default().push(deed);
    }
    for_every_copy(&mut copies);
    let mut found: Vec<Found> = Vec::new();
    for ((message, recipient), mut deeds) in copies {
        deeds.sort_by(|a, b| (a.at, a.cite.order()).cmp(&(b.at, b.cite.order())));
        if let Some(pair) = two(&deeds) {
            let (message, recipient) = (survey.text(Some(message)).to_owned(), survey.text(recipient).to_owned());
            found.push(Found { message, recipient, pair, deeds });
        }
    }
    found.sort_by(|a, b| (&a.message, &a.recipient).cmp(&(&b.message, &b.recipient)));
    if found.is_empty() {
        return Vec::new();
    }
    let investigated = investigated(survey);
    let mut by_kind: BTreeMap<Kind, Vec<(&Found, Option<&Cite>)>> = BTreeMap::new();
    for one in &found {
        let investigation = one.investigation(survey, &investigated);
        by_kind.entry(kind_of(one, investigation)).or_default().push((one, investigation));
    }
    by_kind.into_iter().filter_map(|(kind, found)| sign(kind, &found)).collect()
}

/// What names no recipient was done to every copy of the message of which another record tells.
fn for_every_copy(copies: &mut BTreeMap<(Name, Option<Name>), Vec<Deed>>) {
    let of_all: Vec<Name> =
        copies.keys().filter(|(_, recipient)| recipient.is_none()).map(|(message, _)| *message).collect();
    for message in of_all {
        let named: Vec<Name> = copies
            .range((message, None)..)
            .take_while(|((of, _), _)| *of == message)
            .filter_map(|((_, of), _)| *of)
            .collect();
        if named.is_empty() {
            continue;
        }
        let deeds = copies.remove(&(message, None)).unwrap_or_default();
        for recipient in named {
            copies.entry((message, Some(recipient))).or_default().extend(deeds.iter().cloned());
        }
    }
}

fn is_owner(engine: &Engine, owner: &str) -> bool {
    match engine {
        Engine::Administrator(name) | Engine::Application(name) => {
            !name.is_empty() && Address::new(name).as_str() == owner
        }
        _ => false,
    }
}

/// A store's word without an engine tells of the delivery itself.
fn is_put_there_on_delivery(line: &Line, engine: &Engine) -> bool {
    matches!(line.what, What::Stored(_)) && *engine == Engine::NotSaid
}

/// Where a line says that an action left the copy, and whether that was a release.
fn end(line: &Line) -> Option<(End, bool)> {
    Some(match &line.what {
        What::PostDelivery(Action::Quarantined, _) => (End::Quarantine, false),
        What::PostDelivery(Action::Junked, _) => (End::Junk, false),
        What::PostDelivery(Action::Discarded, _) => (End::Deleted, false),
        What::PostDelivery(_, Some(folder)) => (of_folder(folder), false),
        What::Release(ReleaseStep::Released) => (End::Mailbox, true),
        What::Quarantine(QuarantineState::Gone) => (End::Deleted, false),
        What::Stored(Some(folder)) if line.said.is_some() => (of_folder(folder), false),
        _ => return None,
    })
}

fn of_folder(folder: &Folder) -> End {
    match folder {
        Folder::Inbox => End::Mailbox,
        Folder::Junk => End::Junk,
        Folder::Quarantine => End::Quarantine,
        Folder::Deleted => End::Deleted,
        Folder::Other(name) => End::Elsewhere(format!("in {name}")),
    }
}

/// A copy on which two engines acted.
struct Found {
    message: String,
    recipient: String,
    pair: (usize, usize),
    deeds: Vec<Deed>,
}

impl Found {
    fn both(&self) -> (&Deed, &Deed) {
        (&self.deeds[self.pair.0], &self.deeds[self.pair.1])
    }

    fn is_conflict(&self) -> bool {
        let (one, other) = self.both();
        one.end != other.end
    }
}

/// The first two deeds of two engines within the time, those that end differently before those that repeat each other.
fn two(deeds: &[Deed]) -> Option<(usize, usize)> {
    let mut same_end = None;
    for (later, next) in deeds.iter().enumerate().skip(1) {
        // The one right before it is enough: whoever acted in between is compared in its turn.
        let before = deeds[..later].iter().rposition(|before| before.engine != next.engine);
        let Some(earlier) = before else { continue };
        let before = &deeds[earlier];
        if next.at.duration_since(before.at) > SAME_FINDING
            || !(before.engine.is_automatic() || next.engine.is_automatic())
            || before.engine == Engine::NotSaid
            || next.engine == Engine::NotSaid
            // The service's purge, and its own release of what it held.
            || before.is_release
        {
            continue;
        }
        if before.end != next.end {
            return Some((earlier, later));
        }
        same_end = same_end.or(Some((earlier, later)));
    }
    same_end
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Proved,
    Likely,
    NotShown,
}

/// Whether the records name both engines: who is behind an administrator's remediation, only another record says.
fn kind_of(found: &Found, investigation: Option<&Cite>) -> Kind {
    let (one, other) = found.both();
    let is_named = |engine: &Engine| match engine {
        Engine::Service => true,
        Engine::Application(name) | Engine::Administrator(name) => !name.is_empty(),
        _ => false,
    };
    if one.engine.is_automatic() && other.engine.is_automatic() || investigation.is_some() {
        Kind::Proved
    } else if is_named(&one.engine) && is_named(&other.engine) {
        Kind::Likely
    } else {
        Kind::NotShown
    }
}

impl Found {
    /// The record of an automatic investigation of the message, which is who acted in an administrator's name.
    fn investigation<'c>(&self, survey: &Survey<'_>, investigated: &'c BTreeMap<String, Cite>) -> Option<&'c Cite> {
        let ids = self.deeds.iter().map(|deed| survey.text(deed.id));
        ids.chain([self.message.as_str()]).find_map(|id| investigated.get(id))
    }
}

/// The messages that an automatic investigation was about, each with its record.
fn investigated(survey: &Survey<'_>) -> BTreeMap<String, Cite> {
    let mut found = BTreeMap::new();
    for act in survey.acts() {
        if act.fact.details.iter().any(|detail| detail.name.eq_ignore_ascii_case("investigationtype")) {
            for id in &act.entry.observation.about.ids {
                found.entry(id.text().to_owned()).or_insert_with(|| act.cite());
            }
        }
    }
    found
}

fn sign(kind: Kind, told_of: &[(&Found, Option<&Cite>)]) -> Option<Sign> {
    let found: Vec<&Found> = told_of.iter().map(|(one, _)| *one).collect();
    let first = found.iter().find(|one| one.is_conflict()).or(found.first())?;
    let (one, other) = first.both();
    let conflicts = found.iter().filter(|one| one.is_conflict()).count();
    let deeds: usize = found.iter().map(|one| one.deeds.len()).sum();
    let head = format!(
        "Two engines acted on {} ({}): {} for {} was left {} by {} at {}, and {} by {} at {}.",
        if found.len() == 1 { "one copy".to_owned() } else { format!("{} copies", found.len()) },
        counted(deeds, "action"),
        first.message,
        first.recipient,
        one.end.name(),
        one.engine.name(),
        told(one.at),
        other.end.name(),
        other.engine.name(),
        told(other.at),
    );
    let ends = match conflicts {
        0 => "Both end alike: the second only repeats the first.".to_owned(),
        _ => format!(
            "{} end differently, in the state that the last one wanted.",
            counted(conflicts, "copy").replace("copys", "copies")
        ),
    };
    let cites = first_few(told_of.iter().take(2).flat_map(|(one, investigation)| {
        let (first, second) = one.both();
        [Some(&first.cite), Some(&second.cite), *investigation].into_iter().flatten().cloned().collect::<Vec<Cite>>()
    }));
    let (specific, standing, tail, ask_for) = match kind {
        Kind::Proved => (Some("two-engines"), Standing::Proved, "", Vec::new()),
        Kind::Likely => (
            Some("two-engines"),
            Standing::Likely,
            " Whether a person or a program signed in as the administrator, the records do not say.",
            Vec::new(),
        ),
        Kind::NotShown => (
            None,
            Standing::NotShown,
            " Which program or person stands behind the remediation, no record here names.",
            vec!["exchange-online/audit-log"],
        ),
    };
    let lanes = found.iter().take(6).map(|found| Lane {
        label: format!("{} for {}", found.message, found.recipient),
        marks: found
            .deeds
            .iter()
            .take(12)
            .map(|deed| Mark {
                at: deed.at,
                tone: if deed.end == found.deeds[0].end { MarkTone::Plain } else { MarkTone::Bad },
                label: format!("{}, by {}", deed.end.name(), deed.engine.name()),
                cites: vec![deed.cite.clone()],
            })
            .collect(),
    });
    let lanes: Vec<Lane> = lanes.collect();
    let apart = vec![Apart {
        specific: "read-again",
        standing: Standing::Refuted,
        because: "The records have instants and actors of their own: they are two actions, not one told twice."
            .to_owned(),
        cites: first_few([one.cite.clone(), other.cite.clone()]),
    }];
    Some(Sign {
        specific,
        standing,
        layer: Layer::Mailbox,
        envelope_recipient: (found.len() == 1 && !first.recipient.is_empty()).then(|| Address::new(&first.recipient)),
        statement: format!("{head} {ends}{tail}"),
        cites,
        ask_for,
        apart,
        picture: Some(Picture::EventStrip(EventStrip { lanes })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_known() {
        let words: Words = toml::from_str(include_str!("engines.toml")).unwrap();
        assert!(
            words
                .engine
                .iter()
                .all(|word| ["service", "application", "administrator", "person"].contains(&word.is.as_str()))
        );
        assert!(words.operation.len() > 3);
    }
}
