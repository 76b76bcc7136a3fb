//! What one body of evidence shows to signals: lists of items, each with its fields, its key and its records.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use evidence::{Act, Alert, Change, Cite, JobStep, Property, Setting, SignIn, SourceId};
use findings::symptoms::{Course, Stated, Survey};
use findings::{Finding, Standing};
use jiff::Timestamp;
use lake::{Line, Name};
use sha2::{Digest, Sha256};

use super::{Event, Topic, words};

/// So many items of a list are looked at, the newest.
pub(super) const MAX_ITEMS: usize = 200_000;
/// So many records carry an event.
const MAX_CITES: usize = 6;
/// So many other keys an event has.
const MAX_ALSO: usize = 8;

/// A field of an item.
#[derive(Clone, Debug)]
pub(super) enum Field<'a> {
    Text(Cow<'a, str>),
    Number(i64),
    Truth(bool),
    Texts(Vec<Cow<'a, str>>),
    Pairs(Vec<(Cow<'a, str>, Cow<'a, str>)>),
    Numbers(Vec<(String, i64)>),
    Codes(Vec<i64>),
    /// There is none, and a record says so.
    Null,
    /// No record says.
    NotStated,
    /// Only following the message would tell.
    NotFollowed,
}

/// What following a message told about one copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowedCopy {
    /// What became of it, in the contract's word; `None` if not shown.
    pub fate: Option<String>,
    /// The layer that explains it, in the contract's word.
    pub changed_layer: Option<String>,
    /// The cause that is proved or likely, `family/specific`.
    pub cause: Option<String>,
    /// Whether fate and cause are shown: only then is what is not there known not to be.
    pub is_shown: bool,
    /// The records of the cause.
    pub cites: Vec<Cite>,
}

/// What one body of evidence shows to signals.
pub struct Shown<'a> {
    survey: &'a Survey<'a>,
    courses: Vec<&'a Course>,
    /// The lines of each course: where they begin and end in `lines`.
    spans: Vec<(u32, u32)>,
    lines: Vec<u32>,
    plain: BTreeMap<Topic, Vec<Plain<'a>>>,
    supplied: BTreeSet<Topic>,
    cut: BTreeMap<Topic, String>,
    left_out: BTreeSet<Topic>,
    followed: HashMap<u32, FollowedCopy>,
    counts: Vec<(&'static str, Field<'a>)>,
    /// Keys of events that are no return, and the instant before which nothing is one.
    aside: Option<(BTreeSet<String>, Option<Timestamp>)>,
}

/// By what a message is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sought<'a> {
    /// Its Message-ID, where a record names it.
    pub message_id: Option<&'a str>,
    /// Who sent it; empty if no record says.
    pub sender: &'a str,
    /// For whom; empty if no record says.
    pub recipient: &'a str,
    /// The first instant of it.
    pub at: Timestamp,
}

/// An item that is no copy.
struct Plain<'a> {
    fields: Vec<(&'static str, Field<'a>)>,
    identity: Vec<String>,
    lasts: bool,
    at: Option<Timestamp>,
    cites: Vec<Cite>,
}

impl<'a> Shown<'a> {
    /// Looks over all rows once; `symptoms` are those that they show.
    pub fn of(survey: &'a Survey<'a>, symptoms: &'a [Finding]) -> Shown<'a> {
        let all = survey.courses();
        let courses: Vec<&Course> = all.iter().skip(all.len().saturating_sub(MAX_ITEMS)).collect();
        let (spans, lines) = lines_of(survey, &courses);
        let mut shown = Shown {
            survey,
            courses,
            spans,
            lines,
            plain: BTreeMap::new(),
            supplied: BTreeSet::new(),
            cut: BTreeMap::new(),
            left_out: BTreeSet::new(),
            followed: HashMap::new(),
            counts: Vec::new(),
            aside: None,
        };
        if all.len() > MAX_ITEMS || survey.ledger.left_out() > 0 {
            shown.left_out.insert(Topic::Copies);
        }
        let mut audit: Vec<Plain<'a>> = survey.changes().iter().map(change).collect();
        audit.extend(survey.acts().iter().map(act));
        audit.sort_by_key(|one| one.at);
        shown.keep(Topic::Audit, audit);
        shown.keep(Topic::Settings, survey.settings().iter().map(setting).collect());
        shown.keep(Topic::Alerts, survey.alerts().iter().map(alert).collect());
        shown.keep(Topic::SignIns, survey.sign_ins().iter().map(sign_in).collect());
        shown.keep(Topic::Jobs, survey.jobs().iter().map(job).collect());
        shown.keep(Topic::Symptoms, symptoms.iter().map(symptom).collect());
        shown.note_files();
        shown.counts = shown.counted();
        shown
    }

    fn keep(&mut self, topic: Topic, mut rows: Vec<Plain<'a>>) {
        let beyond = rows.len().saturating_sub(MAX_ITEMS);
        if beyond > 0 {
            rows.drain(..beyond);
            self.left_out.insert(topic);
        }
        self.plain.insert(topic, rows);
    }

    /// Which lists the files show, and which of the files are suspected to be cut.
    fn note_files(&mut self) {
        let around = self.survey.ledger.around();
        for file in around.supplied().iter().filter(|file| file.error.is_none()) {
            let Some(source) = file.source else { continue };
            self.supplied.insert(Topic::Symptoms);
            for topic in Topic::ALL.into_iter().filter(|topic| topic.kinds().iter().any(|kind| kind == source)) {
                self.supplied.insert(topic);
                if file.coverage.suspected_cut {
                    self.cut.entry(topic).or_insert_with(|| file.file.to_string());
                }
            }
        }
        let filled = Topic::ALL.into_iter().filter(|topic| self.len(*topic) > 0);
        self.supplied.extend(filled.collect::<Vec<_>>());
    }

    /// Whether the evidence shows a list at all: it may be empty.
    pub(super) fn shows(&self, topic: Topic) -> bool {
        match topic {
            Topic::Counts => self.supplied.iter().any(|topic| *topic != Topic::Symptoms),
            topic => self.supplied.contains(&topic),
        }
    }

    /// Why a list may lack items; `None` if nothing says so.
    pub(super) fn lacks(&self, topic: Topic) -> Option<String> {
        if let Some(file) = self.cut.get(&topic) {
            return Some(format!("{file} is probably cut: rows are missing from it"));
        }
        let lacks = self.left_out.contains(&topic);
        lacks.then(|| format!("there are more than {MAX_ITEMS} {}, and only the newest were looked at", topic.word()))
    }

    /// Whether one of some kinds of export was supplied.
    pub(super) fn has_any(&self, kinds: &[String]) -> bool {
        let supplied = self.survey.ledger.around().supplied().iter();
        let read = supplied.filter(|file| file.error.is_none()).filter_map(|file| file.source);
        read.into_iter().any(|source| kinds.iter().any(|kind| kind == source))
    }

    /// The vendors of which there is a file.
    pub(super) fn vendors(&self) -> BTreeSet<&'a str> {
        let supplied = self.survey.ledger.around().supplied().iter();
        supplied.filter_map(|file| file.source?.split('/').next()).collect()
    }

    /// How many items a list has.
    pub(super) fn len(&self, topic: Topic) -> usize {
        match topic {
            Topic::Copies => self.courses.len(),
            topic => self.plain.get(&topic).map_or(0, Vec::len),
        }
    }

    /// Puts down what following the message of a copy told.
    pub fn follow(&mut self, copy: usize, told: FollowedCopy) {
        self.followed.insert(u32::try_from(copy).unwrap_or(u32::MAX), told);
    }

    /// Whether the message of a copy was followed.
    pub fn is_followed(&self, copy: usize) -> bool {
        u32::try_from(copy).is_ok_and(|copy| self.followed.contains_key(&copy))
    }

    /// By what the message of a copy is followed; `None` if no record names enough of it.
    pub fn message_of(&self, copy: usize) -> Option<Sought<'a>> {
        let course = *self.courses.get(copy)?;
        let text = |name: Option<Name>| Some(self.survey.text(name)).filter(|text| !text.is_empty());
        let message_id = self.lines_of(copy).find_map(|line| text(line.message_id));
        let sought = Sought {
            message_id,
            sender: text(course.sender).unwrap_or_default(),
            recipient: text(course.envelope_recipient).unwrap_or_default(),
            at: course.at,
        };
        let is_known = message_id.is_some() || !(sought.sender.is_empty() || sought.recipient.is_empty());
        is_known.then_some(sought)
    }

    /// Whether one of some records is a record of a copy.
    pub fn is_told_by(&self, copy: usize, cites: &[Cite]) -> bool {
        let ledger = self.survey.ledger;
        self.lines_of(copy).any(|line| {
            let (file, start) = (ledger.file(line), line.record_key().1);
            cites.iter().any(|cite| *cite.file == *file && cite.bytes.start == start)
        })
    }

    /// Leaves items aside that are no return: what has one of these keys, and what is older than `since`. What lasts is never left aside.
    pub fn leave_aside(&mut self, keys: BTreeSet<String>, since: Option<Timestamp>) {
        self.aside = Some((keys, since));
    }

    /// Whether an item is left aside.
    pub(super) fn is_left_aside(&self, topic: Topic, item: usize) -> bool {
        let Some((keys, since)) = &self.aside else { return false };
        let is_old = |at: Option<Timestamp>| at.zip(*since).is_some_and(|(at, since)| at < since);
        if topic == Topic::Copies {
            let at = self.courses.get(item).map(|course| course.at);
            return is_old(at) || self.copy_keys(item).iter().any(|key| keys.contains(key));
        }
        let row = self.plain.get(&topic).and_then(|rows| rows.get(item));
        row.is_some_and(|row| !row.lasts && (is_old(row.at) || keys.contains(&row.key(topic))))
    }

    fn lines_of(&self, copy: usize) -> impl Iterator<Item = &'a Line> {
        let (start, end) = self.spans.get(copy).copied().unwrap_or_default();
        let numbers = self.lines.get(start as usize..end as usize).unwrap_or_default().to_vec();
        let all = self.survey.lines();
        numbers.into_iter().filter_map(|number| all.get(number as usize))
    }

    /// A field of an item; `None` if items of this list have none of that name.
    pub(super) fn field(&self, topic: Topic, item: usize, name: &str) -> Option<Field<'a>> {
        match topic {
            Topic::Copies => self.of_copy(item, name),
            Topic::Counts => Some(self.counts.iter().find(|(own, _)| *own == name)?.1.clone()),
            topic => {
                let row = self.plain.get(&topic)?.get(item)?;
                Some(row.fields.iter().find(|(own, _)| *own == name)?.1.clone())
            }
        }
    }

    fn of_copy(&self, copy: usize, name: &str) -> Option<Field<'a>> {
        let course = *self.courses.get(copy)?;
        let decides = self.survey.deciding(course);
        let text =
            |name: Option<Name>| name.map_or(Field::NotStated, |name| Field::Text(self.survey.text(Some(name)).into()));
        let first =
            |pick: &dyn Fn(&Line) -> Option<Name>| text(pick(decides).or_else(|| self.lines_of(copy).find_map(pick)));
        let all = |pick: &dyn Fn(&Line) -> Option<Cow<'a, str>>| {
            let each: BTreeSet<Cow<'a, str>> = self.lines_of(copy).filter_map(pick).collect();
            Field::Texts(each.into_iter().collect())
        };
        let said = |name: Option<Name>| name.map(|name| Cow::from(self.survey.text(Some(name))));
        let followed = |pick: &dyn Fn(&FollowedCopy) -> Option<&String>| {
            let Some(told) = self.followed.get(&u32::try_from(copy).ok()?) else {
                return Some(if self.message_of(copy).is_some() { Field::NotFollowed } else { Field::NotStated });
            };
            Some(match pick(told) {
                Some(word) => Field::Text(word.clone().into()),
                None if told.is_shown => Field::Null,
                None => Field::NotStated,
            })
        };
        Some(match name {
            "at" => Field::Number(course.at.as_second()),
            "at_text" => Field::Text(course.at.to_string().into()),
            "until" => Field::Number(course.until.as_second()),
            "fared" => Field::Text(words::fared(course.fared).into()),
            "states" => all(&|line| words::state(&line.what).map(Cow::from)),
            "message_id" => first(&|line| line.message_id),
            "id" => first(&|line| line.id),
            "sender" => text(course.sender),
            "sender_domain" => domain(text(course.sender)),
            "envelope_sender" => first(&|line| line.envelope_sender),
            "header_from" => first(&|line| line.header_from),
            "recipient" => text(course.envelope_recipient),
            "recipient_domain" => domain(text(course.envelope_recipient)),
            "system" => text(decides.speaker),
            "systems" => all(&|line| said(line.speaker)),
            "policy" => first(&|line| line.policy),
            "policies" => all(&|line| said(line.policy)),
            "connector" => first(&|line| line.connector),
            "by" => first(&|line| line.by),
            "verdict" => {
                let mut kinds = std::iter::once(decides).chain(self.lines_of(copy)).filter_map(verdict);
                kinds.next().map_or(Field::NotStated, |kind| Field::Text(kind.into()))
            }
            "verdicts" => all(&|line| verdict(line).map(Cow::from)),
            "reply_code" => {
                let mut codes = std::iter::once(decides).chain(self.lines_of(copy)).filter_map(|line| line.reply_code);
                codes.next().map_or(Field::NotStated, |code| Field::Number(code.into()))
            }
            "reply_codes" => {
                let each: BTreeSet<u16> = self.lines_of(copy).filter_map(|line| line.reply_code).collect();
                Field::Codes(each.into_iter().map(i64::from).collect())
            }
            "enhanced_status_code" => first(&|line| line.enhanced_status_code),
            "enhanced_status_codes" => all(&|line| said(line.enhanced_status_code)),
            "said" => first(&|line| line.said),
            "words" => all(&|line| said(line.said)),
            "times" => Field::Number(decides.copies.into()),
            "fate" => return followed(&|told| told.fate.as_ref()),
            "changed_layer" => return followed(&|told| told.changed_layer.as_ref()),
            "cause" => return followed(&|told| told.cause.as_ref()),
            _ => return None,
        })
    }

    fn counted(&self) -> Vec<(&'static str, Field<'a>)> {
        let mut states: BTreeMap<&'static str, i64> = BTreeMap::new();
        let mut systems: BTreeMap<String, i64> = BTreeMap::new();
        for (copy, course) in self.courses.iter().enumerate() {
            let mut own: BTreeSet<&'static str> =
                self.lines_of(copy).filter_map(|line| words::state(&line.what)).collect();
            own.insert(words::fared(course.fared));
            own.into_iter().for_each(|state| *states.entry(state).or_default() += 1);
            *systems.entry(self.survey.text(self.survey.deciding(course).speaker).to_owned()).or_default() += 1;
        }
        let size = |topic: Topic| match self.supplied.contains(&topic) {
            true => Field::Number(i64::try_from(self.len(topic)).unwrap_or(i64::MAX)),
            false => Field::NotStated,
        };
        let of_state = |state: &str| match self.supplied.contains(&Topic::Copies) {
            true => Field::Number(states.get(state).copied().unwrap_or(0)),
            false => Field::NotStated,
        };
        let mut counts = vec![
            ("copies", size(Topic::Copies)),
            ("audit_rows", size(Topic::Audit)),
            ("settings", size(Topic::Settings)),
            ("alerts", size(Topic::Alerts)),
            ("sign_ins", size(Topic::SignIns)),
            ("jobs", size(Topic::Jobs)),
            ("symptoms", size(Topic::Symptoms)),
            ("systems", Field::Numbers(systems.into_iter().collect())),
        ];
        let named = super::COUNTED.iter().map(|state| (*state, of_state(state)));
        counts.extend(named);
        counts
    }

    /// An item as an event: its keys, what it is, and its records.
    pub(super) fn event(&self, topic: Topic, item: usize) -> Option<Event> {
        if topic == Topic::Copies {
            return self.copy_event(item);
        }
        let row = self.plain.get(&topic)?.get(item)?;
        Some(Event {
            key: row.key(topic),
            also: Vec::new(),
            lasts: row.lasts,
            at: row.at,
            statement: told(topic, row),
            cites: row.cites.clone(),
            grounds: row.cites.clone(),
        })
    }

    /// The newest copies that have a state, as events.
    pub(super) fn with_state(&self, state: &str, most: usize) -> Vec<Event> {
        let has = |copy: &usize| {
            let fared = self.courses.get(*copy).map(|course| words::fared(course.fared));
            fared == Some(state) || self.lines_of(*copy).any(|line| words::state(&line.what) == Some(state))
        };
        (0..self.courses.len()).rev().filter(has).take(most).filter_map(|copy| self.copy_event(copy)).collect()
    }

    fn copy_event(&self, copy: usize) -> Option<Event> {
        let course = *self.courses.get(copy)?;
        let decides = self.survey.deciding(course);
        let mut keys = self.copy_keys(copy);
        let also = keys.split_off(keys.len().min(1));
        let followed = u32::try_from(copy).ok().and_then(|copy| self.followed.get(&copy));
        Some(Event {
            key: keys.pop().unwrap_or_default(),
            also,
            lasts: false,
            at: Some(course.at),
            statement: self.copy_told(copy, course, decides, followed),
            cites: self.copy_cites(copy, decides, followed),
            grounds: self.alike(copy, decides),
        })
    }

    /// The record that decided, and those that state the same of the copy: any of them would have shown how it fared.
    fn alike(&self, copy: usize, decides: &Line) -> Vec<Cite> {
        let state = words::state(&decides.what);
        let same = self.lines_of(copy).filter(|line| state.is_some() && words::state(&line.what) == state);
        std::iter::once(decides).chain(same).map(|line| self.survey.cite(line)).collect()
    }

    /// All keys of a copy, that by the Message-ID first.
    fn copy_keys(&self, copy: usize) -> Vec<String> {
        let Some(course) = self.courses.get(copy) else { return Vec::new() };
        let recipient = self.survey.text(course.envelope_recipient);
        let ids: BTreeSet<&str> =
            self.lines_of(copy).map(|line| self.survey.text(line.id)).filter(|id| !id.is_empty()).collect();
        let message_id = self.lines_of(copy).map(|line| self.survey.text(line.message_id)).find(|id| !id.is_empty());
        let keys = message_id.into_iter().chain(ids).map(|id| key(&["copy", id, recipient]));
        let mut keys: Vec<String> = keys.take(MAX_ALSO + 1).collect();
        if keys.is_empty() {
            let (at, sender) = (course.at.to_string(), self.survey.text(course.sender));
            let said = self.survey.text(self.survey.deciding(course).said);
            keys.push(key(&["copy at", &at, sender, recipient, said]));
        }
        keys
    }

    fn copy_told(&self, copy: usize, course: &Course, decides: &Line, followed: Option<&FollowedCopy>) -> String {
        let or = |name: Option<Name>, other: &'static str| match self.survey.text(name) {
            "" => other.to_owned(),
            text => text.to_owned(),
        };
        let sender = or(course.sender, "a sender that no record names");
        let recipient = or(course.envelope_recipient, "a recipient that no record names");
        let states: BTreeSet<&str> = self.lines_of(copy).filter_map(|line| words::state(&line.what)).collect();
        let states: Vec<String> = states.into_iter().map(|state| state.replace('_', " ")).collect();
        let states = if states.is_empty() { words::fared(course.fared).replace('_', " ") } else { states.join(", ") };
        let said = match self.survey.text(decides.said) {
            "" => String::new(),
            said => format!(", \"{said}\""),
        };
        let cause = followed.and_then(|told| told.cause.as_ref()).map(|cause| format!("; {cause}")).unwrap_or_default();
        format!("{sender} to {recipient} at {}: {states}{said}{cause}", minute(course.at))
    }

    fn copy_cites(&self, copy: usize, decides: &Line, followed: Option<&FollowedCopy>) -> Vec<Cite> {
        let mut cites = vec![self.survey.cite(decides)];
        let mut seen: BTreeSet<&str> = words::state(&decides.what).into_iter().collect();
        for line in self.lines_of(copy) {
            if let Some(state) = words::state(&line.what)
                && seen.insert(state)
            {
                cites.push(self.survey.cite(line));
            }
        }
        cites.extend(followed.iter().flat_map(|told| told.cites.iter().cloned()));
        let mut places = BTreeSet::new();
        cites.retain(|cite| places.insert((cite.file.clone(), cite.bytes.start)));
        cites.truncate(MAX_CITES);
        cites
    }
}

impl Plain<'_> {
    fn key(&self, topic: Topic) -> String {
        let mut parts = vec![topic.word()];
        parts.extend(self.identity.iter().map(String::as_str));
        key(&parts)
    }
}

/// The lines of each course, by time: all that name the same message for the same recipient.
fn lines_of(survey: &Survey<'_>, courses: &[&Course]) -> (Vec<(u32, u32)>, Vec<u32>) {
    let mut named: HashMap<(Name, Option<Name>), u32> = HashMap::new();
    let mut alone: HashMap<(u32, u64), u32> = HashMap::new();
    for (number, course) in (0_u32..).zip(courses) {
        let line = survey.deciding(course);
        match line.message_id.or(line.id) {
            Some(id) => drop(named.insert((id, line.envelope_recipient), number)),
            None => drop(alone.insert(line.record_key(), number)),
        }
    }
    let mut of: Vec<(u32, u32)> = Vec::new();
    for (number, line) in (0_u32..).zip(survey.lines()) {
        let course = match line.message_id.or(line.id) {
            Some(id) => named.get(&(id, line.envelope_recipient)),
            None => alone.get(&line.record_key()),
        };
        of.extend(course.map(|course| (*course, number)));
    }
    of.sort_unstable();
    let mut spans = vec![(0, 0); courses.len()];
    let mut lines = Vec::with_capacity(of.len());
    for same in of.chunk_by(|a, b| a.0 == b.0) {
        let start = u32::try_from(lines.len()).unwrap_or(u32::MAX);
        lines.extend(same.iter().map(|(_, line)| *line));
        let end = u32::try_from(lines.len()).unwrap_or(u32::MAX);
        if let Some(span) = same.first().and_then(|(course, _)| spans.get_mut(*course as usize)) {
            *span = (start, end);
        }
    }
    (spans, lines)
}

fn verdict(line: &Line) -> Option<String> {
    match &line.what {
        lake::What::Verdict(kind, _) => words::verdict(kind),
        _ => None,
    }
}

fn domain(address: Field<'_>) -> Field<'_> {
    let of = |text: &str| text.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
    match address {
        Field::Text(text) => of(&text).map_or(Field::NotStated, |domain| Field::Text(domain.into())),
        other => other,
    }
}

fn text<'a>(text: &'a Option<String>) -> Field<'a> {
    text.as_deref().map_or(Field::NotStated, |text| Field::Text(text.into()))
}

fn owned<'a>(text: Option<String>) -> Field<'a> {
    text.map_or(Field::NotStated, |text| Field::Text(text.into()))
}

fn instant<'a>(at: Option<Timestamp>) -> [(&'static str, Field<'a>); 2] {
    [
        ("at", at.map_or(Field::NotStated, |at| Field::Number(at.as_second()))),
        ("at_text", at.map_or(Field::NotStated, |at| Field::Text(at.to_string().into()))),
    ]
}

fn pairs(properties: &[Property]) -> Field<'_> {
    Field::Pairs(properties.iter().map(|one| (one.name.as_str().into(), one.values.join(", ").into())).collect())
}

fn second(at: Option<Timestamp>) -> String {
    at.map(|at| at.as_second().to_string()).unwrap_or_default()
}

fn said(part: &Option<String>) -> String {
    part.clone().unwrap_or_default()
}

fn change<'a>(stated: &Stated<'a, Change>) -> Plain<'a> {
    let fact = stated.fact;
    let after = |one: &'a evidence::Alteration| {
        let after = one.after.as_deref().unwrap_or_default();
        (Cow::from(one.name.as_str()), Cow::from(after))
    };
    let before = |one: &'a evidence::Alteration| Some((Cow::from(one.name.as_str()), one.before.as_deref()?.into()));
    let mut fields = vec![
        ("operation", Field::Text(fact.operation.as_str().into())),
        ("kind", Field::Text(words::change(fact.kind).into())),
        ("class", fact.class.as_ref().map_or(Field::Null, |class| Field::Text(words::class(class).into()))),
        ("object", text(&fact.object)),
        ("who", text(&fact.by.name)),
        ("who_kind", owned(words::actor(fact.by.kind))),
        ("done", words::done(fact.done).map_or(Field::NotStated, Field::Truth)),
        ("properties", Field::Texts(fact.alterations.iter().map(|one| one.name.as_str().into()).collect())),
        ("to", Field::Pairs(fact.alterations.iter().map(after).collect())),
        ("from", Field::Pairs(fact.alterations.iter().filter_map(before).collect())),
        ("times", Field::Number(stated.entry.copies.into())),
    ];
    fields.extend(instant(stated.at()));
    let mut identity = vec![second(stated.at()), fact.operation.clone(), said(&fact.object), said(&fact.by.name)];
    let mut alterations: Vec<String> =
        fact.alterations.iter().map(|one| format!("{}={}", one.name, said(&one.after))).collect();
    alterations.sort();
    identity.extend(alterations);
    Plain { fields, identity, lasts: false, at: stated.at(), cites: vec![stated.cite()] }
}

fn act<'a>(stated: &Stated<'a, Act>) -> Plain<'a> {
    let fact = stated.fact;
    let mut fields = vec![
        ("operation", Field::Text(fact.operation.as_str().into())),
        ("kind", Field::Text("act".into())),
        ("class", Field::Null),
        ("object", text(&fact.object)),
        ("who", text(&fact.by.name)),
        ("who_kind", owned(words::actor(fact.by.kind))),
        ("done", words::done(fact.done).map_or(Field::NotStated, Field::Truth)),
        ("properties", Field::Texts(fact.details.iter().map(|one| one.name.as_str().into()).collect())),
        ("to", pairs(&fact.details)),
        ("from", Field::Pairs(Vec::new())),
        ("times", Field::Number(stated.entry.copies.into())),
    ];
    fields.extend(instant(stated.at()));
    let mut identity = vec![second(stated.at()), fact.operation.clone(), said(&fact.object), said(&fact.by.name)];
    let mut details: Vec<String> =
        fact.details.iter().map(|one| format!("{}={}", one.name, one.values.join(", "))).collect();
    details.sort();
    identity.extend(details);
    Plain { fields, identity, lasts: false, at: stated.at(), cites: vec![stated.cite()] }
}

fn setting<'a>(stated: &Stated<'a, Setting>) -> Plain<'a> {
    let fact = stated.fact;
    let when = |when: &Option<evidence::When>| {
        when.as_ref().map_or(Field::NotStated, |when| Field::Number(when.at.as_second()))
    };
    let entry = fact.entry.as_ref();
    let of_entry = |pick: &dyn Fn(&'a evidence::ListEntry) -> Cow<'a, str>| match &fact.entry {
        Some(entry) => Field::Text(pick(entry)),
        None => Field::Null,
    };
    let mut fields = vec![
        ("class", Field::Text(words::class(&fact.class).into())),
        ("name", Field::Text(fact.name.as_str().into())),
        ("id", text(&fact.id)),
        ("effect", owned(words::effect(fact.effect))),
        ("priority", fact.priority.map_or(Field::NotStated, |priority| Field::Number(priority.into()))),
        ("says", of_entry(&|entry| words::list_word(&entry.says).into())),
        ("on", of_entry(&|entry| entry.on.as_str().into())),
        ("value", of_entry(&|entry| entry.value.as_str().into())),
        ("changed", when(&fact.changed)),
        ("changed_by", text(&fact.changed_by)),
        ("expires", when(&fact.expires)),
        ("properties", Field::Texts(fact.properties.iter().map(|one| one.name.as_str().into()).collect())),
        ("to", pairs(&fact.properties)),
    ];
    fields.extend(instant(stated.at()));
    let named = fact.id.clone().unwrap_or_else(|| fact.name.clone());
    let mut identity = vec![words::class(&fact.class), named];
    identity.extend(entry.map(|entry| format!("{} {} {}", words::list_word(&entry.says), entry.on, entry.value)));
    Plain { fields, identity, lasts: true, at: stated.at(), cites: vec![stated.cite()] }
}

fn alert<'a>(stated: &Stated<'a, Alert>) -> Plain<'a> {
    let fact = stated.fact;
    let mut fields = vec![
        ("id", Field::Text(fact.id.as_str().into())),
        ("title", Field::Text(fact.title.as_str().into())),
        ("raised_by", text(&fact.raised_by)),
        ("rule", text(&fact.rule)),
        ("severity", text(&fact.severity)),
        ("status", text(&fact.status)),
        ("incident", text(&fact.incident)),
        ("entities", Field::Texts(fact.entities.iter().map(|one| one.as_str().into()).collect())),
    ];
    fields.extend(instant(stated.at()));
    let identity = match fact.id.is_empty() {
        true => vec![second(stated.at()), fact.title.clone()],
        false => vec![fact.id.clone()],
    };
    Plain { fields, identity, lasts: false, at: stated.at(), cites: vec![stated.cite()] }
}

fn sign_in<'a>(stated: &Stated<'a, SignIn>) -> Plain<'a> {
    let fact = stated.fact;
    let mut fields = vec![
        ("who", text(&fact.who)),
        ("kind", owned(words::sign_in_kind(fact.kind))),
        ("outcome", owned(words::sign_in_outcome(fact.outcome))),
        ("error_code", fact.error_code.map_or(Field::NotStated, Field::Number)),
        ("reason", text(&fact.reason)),
        ("application", text(&fact.application)),
        ("resource", text(&fact.resource)),
        ("client", text(&fact.client)),
        ("policy_result", text(&fact.policy_result)),
        ("policies", Field::Texts(fact.policies.iter().map(|one| one.name.as_str().into()).collect())),
    ];
    fields.extend(instant(stated.at()));
    let identity = match &fact.request {
        Some(request) => vec![request.clone()],
        None => vec![second(stated.at()), said(&fact.who), said(&fact.application), said(&fact.reason)],
    };
    Plain { fields, identity, lasts: false, at: stated.at(), cites: vec![stated.cite()] }
}

fn job<'a>(stated: &Stated<'a, JobStep>) -> Plain<'a> {
    let fact = stated.fact;
    let mut fields = vec![
        ("job", Field::Text(fact.job.as_str().into())),
        ("stage", Field::Text(words::snake(&format!("{:?}", fact.stage)).into())),
        ("identity", text(&fact.identity)),
        ("host", text(&fact.host)),
        ("run", text(&fact.run)),
        ("code", text(&fact.code)),
        ("said", Field::Text(fact.said.as_str().into())),
    ];
    fields.extend(instant(stated.at()));
    let stage = words::snake(&format!("{:?}", fact.stage));
    let identity =
        vec![second(stated.at()), fact.job.clone(), stage, said(&fact.host), said(&fact.run), fact.said.clone()];
    Plain { fields, identity, lasts: false, at: stated.at(), cites: vec![stated.cite()] }
}

fn symptom(finding: &Finding) -> Plain<'_> {
    let standing = match finding.standing {
        Standing::Proved => Field::Text("proved".into()),
        Standing::Likely => Field::Text("likely".into()),
        Standing::Refuted => Field::Text("refuted".into()),
        Standing::NotShown => Field::NotStated,
    };
    let specific = finding.told.as_ref().and_then(|told| told.specific);
    let recipient = finding.envelope_recipient.as_ref().map(ToString::to_string);
    let fields = vec![
        ("id", Field::Text(finding.id.as_str().into())),
        ("specific", specific.map_or(Field::NotStated, |specific| Field::Text(specific.into()))),
        ("standing", standing),
        ("layer", Field::Text(finding.layer.id().into())),
        ("recipient", owned(recipient.clone())),
        ("statement", Field::Text(finding.statement.as_str().into())),
    ];
    let identity = vec![finding.id.clone(), specific.unwrap_or_default().to_owned(), recipient.unwrap_or_default()];
    Plain { fields, identity, lasts: true, at: None, cites: finding.cites.iter().take(MAX_CITES).cloned().collect() }
}

/// An item in one sentence.
fn told(topic: Topic, row: &Plain<'_>) -> String {
    let field = |name: &str| match row.fields.iter().find(|(own, _)| *own == name) {
        Some((_, Field::Text(text))) => text.to_string(),
        _ => String::new(),
    };
    let named: &[&str] = match topic {
        Topic::Audit => &["operation", "object", "who"],
        Topic::Settings => &["class", "name", "says", "value"],
        Topic::Alerts => &["title", "severity"],
        Topic::SignIns => &["who", "application", "outcome", "reason"],
        Topic::Jobs => &["job", "stage", "said"],
        Topic::Symptoms => &["id", "statement"],
        Topic::Copies | Topic::Counts => &[],
    };
    let parts: Vec<String> = named.iter().map(|name| field(name)).filter(|part| !part.is_empty()).collect();
    let at = row.at.map(|at| format!(" at {}", minute(at))).unwrap_or_default();
    format!("{}{at}", parts.join(", "))
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// What makes an event this one: SHA-256 over some texts, each with its length before it, letters' case and blanks around aside.
pub(super) fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.trim().to_lowercase();
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Kinds of export that would tell more, those of vendors at hand first; at most so many.
pub(super) fn ask_for(kinds: &[String], vendors: &BTreeSet<&str>) -> Vec<SourceId> {
    const MAX: usize = 4;
    let known = kinds.iter().filter_map(|kind| Some(sources::source(kind)?.id()));
    let is_at_hand = |id: &SourceId| id.split('/').next().is_some_and(|vendor| vendors.contains(vendor));
    let (own, others): (Vec<SourceId>, Vec<SourceId>) = known.partition(is_at_hand);
    let mut asked = if own.is_empty() { others } else { own };
    asked.truncate(MAX);
    asked
}
