//! Which lines are about the message: queue ids live for a while, and are used again.
//!
//! A queue id lives on one host and instance from its birth (`client=`, `uid=`, or the Message-ID of a notice) to its
//! end (`removed`, or `orig_id=` when it was requeued). Only the lives that carry the message's Message-ID, or that are
//! linked to such a life, are about the message.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use evidence::{Address, Identifier};
use jiff::Timestamp;

use super::event::{self, Event};
use super::facts::Role;
use super::line::{self, Program};
use super::{amavis, dovecot, helpers};
use crate::lines::search::{self, Log, Needles, line_from};
use crate::proxmox::filter;
use crate::rspamd::task;
use crate::{Message, Query};

/// How many rounds of closing over links are made at most.
const MAX_ROUNDS: usize = 64;
/// Above this many ids at once the whole log is searched for all of them together.
const MANY_IDS: usize = 32;
/// How far a walk goes on beyond birth and end in bytes, for lines that were written out of order.
const SLACK_BYTES: usize = 1 << 20;
/// How far apart in seconds the two ends of a link may lie.
const LINK_SECONDS: u64 = 600;
/// How long after its end in seconds lines of a life may still come.
const LATE_SECONDS: u64 = 10;
/// How far before its Message-ID in seconds a life's birth is looked for in an ordered log.
const BEFORE_SECONDS: i64 = 3600;

/// How far in seconds from the message a refusal may lie that was logged without a Message-ID.
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// Whether walks around a line find a whole life, or the log must be searched whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Lines stand in the order of time.
    ByTime,
    /// They may stand anywhere, or the log is small.
    Any,
}

/// How a life is known to be about the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// By the ids of the message.
    Ids,
    /// By sender, recipient and time, because the message has no id that the log knows.
    Looks,
    /// The same, but only a life that was refused before its Message-ID was read: the message has an id, and the log does not
    /// know it.
    Refusals,
}

/// A line that may be about the message.
#[derive(Clone, Debug)]
struct Seen {
    host: String,
    instance: String,
    id: Option<String>,
    at: Option<Timestamp>,
    step: Step,
    message_ids: Vec<String>,
    mail_id: Option<String>,
    links: Vec<Link>,
    senders: Vec<Address>,
    recipients: Vec<Address>,
    subject: Option<String>,
    /// The line says that the message was refused, or thrown away, for all its recipients.
    is_refusal: bool,
}

/// Where in a life a line stands; orders lines of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Birth,
    MessageId,
    Between,
    End,
}

#[derive(Clone, Debug)]
struct Link {
    id: String,
    role: Role,
    /// The line ends the life of the id that it names.
    ends: bool,
}

/// One life of a queue id.
#[derive(Debug)]
struct Life {
    host: String,
    instance: String,
    id: String,
    lines: Vec<usize>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    has_birth: bool,
    is_closed: bool,
    role: Option<Role>,
}

/// The lines that are about the message, by their start, and the ids found on the way.
#[derive(Debug, Default)]
pub(super) struct Followed {
    pub(super) lines: BTreeMap<usize, Role>,
    /// Where each queue id of the message lives: host label and id, to the instance.
    pub(super) instances: BTreeMap<(String, String), String>,
}

/// The search for one message in one log.
pub(super) struct Follow<'a> {
    log: &'a Log<'a>,
    query: &'a Query<'a>,
    message: &'a Message,
    order: Order,
    start: Start,
    seen: BTreeMap<usize, Seen>,
    message_ids: BTreeSet<String>,
    mail_ids: BTreeSet<String>,
    outer: BTreeSet<(String, String)>,
    whole: HashSet<String>,
    walked: HashMap<String, Vec<Range<usize>>>,
}

/// Words of a message that are looked for in a log.
pub(super) fn words(message: &Message) -> BTreeSet<&str> {
    message
        .ids
        .iter()
        .filter(|id| {
            matches!(
                id,
                Identifier::MessageId(_) | Identifier::QueueId { .. } | Identifier::MailId(_) | Identifier::Acode(_)
            )
        })
        .map(Identifier::text)
        .filter(|text| !text.is_empty())
        .collect()
}

impl<'a> Follow<'a> {
    pub(super) fn new(
        log: &'a Log<'a>,
        query: &'a Query<'a>,
        message: &'a Message,
        order: Order,
        start: Start,
    ) -> Follow<'a> {
        let outer = message.ids.iter().filter_map(|id| match id {
            Identifier::QueueId { host, id } => Some((host.clone(), id.clone())),
            _ => None,
        });
        let mail_ids = message.ids.iter().filter_map(|id| match id {
            Identifier::MailId(id) => Some(id.clone()),
            _ => None,
        });
        Follow {
            log,
            query,
            message,
            order,
            start,
            seen: BTreeMap::new(),
            message_ids: message.message_ids().map(str::to_owned).collect(),
            mail_ids: mail_ids.collect(),
            outer: outer.collect(),
            whole: words(message).into_iter().map(str::to_owned).collect(),
            walked: HashMap::new(),
        }
    }

    /// Takes the lines that hold a known word, and follows them to all lines of the message.
    pub(super) fn run(mut self, hits: &[usize]) -> Followed {
        self.take(hits);
        for _ in 0..MAX_ROUNDS {
            let (lives, free) = self.owned();
            if self.query.progress.is_cancelled() || !self.search_on(&lives, &free) {
                return followed(&lives, &free);
            }
        }
        let (lives, free) = self.owned();
        followed(&lives, &free)
    }

    /// Reads lines by their starts.
    fn take(&mut self, starts: &[usize]) {
        for start in starts {
            if !self.seen.contains_key(start) {
                let range = line_from(self.log.bytes(), *start);
                if let Some(seen) = self.see(range) {
                    self.seen.insert(*start, seen);
                }
            }
        }
    }

    fn see(&self, range: Range<usize>) -> Option<Seen> {
        let raw = self.log.text(range);
        let text = search::unwrapped(&raw);
        let line = line::line(&text)?;
        let at = line.when(self.query.clock).map(|when| when.at);
        see(&line, at)
    }

    /// Cuts the lines into lives, and says whose they are; free lines are those without a queue id of their own.
    fn owned(&self) -> (Vec<Life>, BTreeMap<usize, Role>) {
        let mut lives = self.cut();
        let by_id = index(&lives);
        let of_line: HashMap<usize, usize> =
            lives.iter().enumerate().flat_map(|(at, life)| life.lines.iter().map(move |line| (*line, at))).collect();
        self.sure(&mut lives);
        self.outer_ids(&mut lives);
        let mut free = BTreeMap::new();
        for (start, seen) in self.seen.iter().filter(|(start, _)| !of_line.contains_key(start)) {
            let known = seen.message_ids.iter().any(|id| self.message_ids.contains(id))
                || seen.mail_id.as_ref().is_some_and(|id| self.mail_ids.contains(id));
            if known {
                free.insert(*start, Role::Own);
            }
        }
        while self.spread(&mut lives, &by_id, &of_line, &mut free) {}
        (lives, free)
    }

    /// Lives with a known Message-ID, or with the looks if there is no id.
    fn sure(&self, lives: &mut [Life]) {
        for life in lives {
            let lines = || life.lines.iter().filter_map(|line| self.seen.get(line));
            let by_id = lines().flat_map(|seen| &seen.message_ids).any(|id| self.message_ids.contains(id));
            let may_be_it = match self.start {
                Start::Ids => false,
                Start::Looks => true,
                Start::Refusals => {
                    lines().any(|seen| seen.is_refusal)
                        && lines().all(|seen| seen.message_ids.is_empty())
                        && life.from.is_some_and(|at| self.message.likeness.is_near(at, DAY_SECONDS))
                }
            };
            let by_looks = may_be_it && {
                let senders: Vec<Address> = lines().flat_map(|seen| seen.senders.iter().cloned()).collect();
                let recipients: Vec<Address> = lines().flat_map(|seen| seen.recipients.iter().cloned()).collect();
                let subject = lines().find_map(|seen| seen.subject.as_deref());
                self.message.likeness.fits(&senders, &recipients, subject, life.from)
            };
            if by_id || by_looks {
                life.role = Some(Role::Own);
            }
        }
    }

    /// Lives of queue ids that other files name. Another file does not say which life it means: one with the message's
    /// own Message-ID goes before, else the time decides.
    fn outer_ids(&self, lives: &mut [Life]) {
        // A log that knows the message by its own Message-ID needs nobody's word for a life that carries another: the
        // field that names it may be forged, or of an earlier message.
        let known_on: BTreeSet<String> =
            lives.iter().filter(|life| life.role == Some(Role::Own)).map(|life| life.host.clone()).collect();
        for (host, id) in &self.outer {
            let is_it = |life: &Life| {
                life.id == *id
                    && (life.host.is_empty() || *host == place(&life.host, &life.instance) || *host == life.host)
            };
            if lives.iter().any(|life| is_it(life) && life.role.is_some()) {
                continue;
            }
            for life in lives.iter_mut().filter(|life| is_it(life)) {
                let named =
                    life.lines.iter().filter_map(|line| self.seen.get(line)).any(|seen| !seen.message_ids.is_empty());
                if named && life.has_birth && !self.message_ids.is_empty() && known_on.contains(&life.host) {
                    continue;
                }
                let seconds = if named && !self.message_ids.is_empty() { LINK_SECONDS } else { 24 * 60 * 60 };
                let around = &self.message.likeness.around;
                let near = around.is_empty()
                    || life.from.is_none()
                    || around.iter().any(|at| life.distance(Some(*at)) <= seconds);
                if near {
                    // With a Message-ID known, a life that carries another one is a notice's, or was rewritten.
                    let is_notice = named && !self.message_ids.is_empty() && !life.has_birth;
                    life.role = Some(if is_notice { Role::Notice } else { Role::Own });
                }
            }
        }
    }

    /// Spreads ownership over links once; `true` if something changed.
    fn spread(
        &self,
        lives: &mut [Life],
        by_id: &HashMap<(String, String), Vec<usize>>,
        of_line: &HashMap<usize, usize>,
        free: &mut BTreeMap<usize, Role>,
    ) -> bool {
        let mut changed = false;
        for (start, seen) in self.seen.iter().filter(|(_, seen)| !seen.links.is_empty()) {
            let here = of_line.get(start).copied();
            for link in &seen.links {
                let Some(there) = resolve(lives, by_id, seen, &link.id) else { continue };
                let mine = here.map_or_else(|| free.get(start).copied(), |at| lives[at].role);
                match (mine, lives[there].role) {
                    (Some(role), None) => {
                        lives[there].role = Some(if link.role == Role::Notice { Role::Notice } else { role });
                        changed = true;
                    }
                    (None, Some(Role::Own)) if link.role == Role::Own => {
                        match here {
                            Some(at) => lives[at].role = Some(Role::Own),
                            None => drop(free.insert(*start, Role::Own)),
                        }
                        changed = true;
                    }
                    (None, Some(Role::Notice)) if link.role == Role::Own => {
                        match here {
                            Some(at) => lives[at].role = Some(Role::Notice),
                            None => drop(free.insert(*start, Role::Notice)),
                        }
                        changed = true;
                    }
                    _ => {}
                }
            }
        }
        changed
    }

    /// Looks for the rest of all owned lives and for ids that were revealed; `false` if nothing is left to look for.
    fn search_on(&mut self, lives: &[Life], free: &BTreeMap<usize, Role>) -> bool {
        let mut words: BTreeSet<String> = BTreeSet::new();
        let mut wanted: BTreeMap<(String, usize), (String, Role)> = BTreeMap::new();
        for life in lives.iter().filter(|life| life.role.is_some() || self.may_look_alike(life)) {
            let Some(anchor) = life.lines.first() else { continue };
            wanted.insert((life.id.clone(), *anchor), (life.host.clone(), life.role.unwrap_or(Role::Own)));
        }
        let of_life = lives.iter().filter_map(|life| Some((life.role?, &life.lines)));
        let own_lines: Vec<(usize, Role)> = of_life
            .flat_map(|(role, lines)| lines.iter().map(move |line| (*line, role)))
            .chain(free.iter().map(|(line, role)| (*line, *role)))
            .collect();
        for (start, role) in own_lines {
            let Some(seen) = self.seen.get(&start) else { continue };
            for link in &seen.links {
                wanted.insert((link.id.clone(), start), (seen.host.clone(), link.role));
            }
            if role == Role::Own {
                words.extend(seen.message_ids.iter().filter(|id| !self.message_ids.contains(*id)).cloned());
                words.extend(seen.mail_id.iter().filter(|id| !self.mail_ids.contains(*id)).cloned());
                self.message_ids.extend(seen.message_ids.iter().cloned());
                self.mail_ids.extend(seen.mail_id.iter().cloned());
            }
        }
        wanted.retain(|(id, anchor), _| {
            let walked = self.walked.get(id).is_some_and(|ranges| ranges.iter().any(|range| range.contains(anchor)));
            !walked && !self.whole.contains(id)
        });
        words.retain(|word| !self.whole.contains(word));
        if self.order == Order::Any || wanted.len() > MANY_IDS {
            words.extend(wanted.into_keys().map(|(id, _)| id));
            wanted = BTreeMap::new();
        }
        if words.is_empty() && wanted.is_empty() {
            return false;
        }
        if !words.is_empty() {
            let needles = Needles::new(words.iter().map(String::as_str));
            let bytes = self.log.bytes();
            let hits = search::find(bytes, 0..bytes.len(), &needles, self.query.progress);
            self.take(&hits);
            self.whole.extend(words);
        }
        for ((id, anchor), (host, role)) in wanted {
            let walked = self.walked.get(&id).is_some_and(|ranges| ranges.iter().any(|range| range.contains(&anchor)));
            if !walked {
                self.walk(&id, &host, anchor, role);
            }
        }
        true
    }

    /// Whether a life of which only some lines are known yet may turn out to have the looks.
    fn may_look_alike(&self, life: &Life) -> bool {
        let looks = &self.message.likeness;
        let named = |seen: &Seen| seen.recipients.iter().any(|recipient| looks.envelope_recipients.contains(recipient));
        self.start != Start::Ids && life.lines.iter().filter_map(|line| self.seen.get(line)).any(named)
    }

    /// Finds the lines of an id around a line of a log in the order of time: back to its birth, forward to its end.
    fn walk(&mut self, id: &str, host: &str, anchor: usize, role: Role) {
        let needles = Needles::new([id]);
        let birth = self.walk_back(id, host, anchor, role, &needles);
        let end = self.walk_on(id, host, birth.unwrap_or(anchor), anchor, &needles);
        let from = birth.unwrap_or(anchor).saturating_sub(SLACK_BYTES);
        self.walked.entry(id.to_owned()).or_default().push(from..end);
    }

    /// The start of the birth line, or of the earliest line looked at.
    fn walk_back(&mut self, id: &str, host: &str, anchor: usize, role: Role, needles: &Needles) -> Option<usize> {
        let mut to = anchor;
        let mut step = SLACK_BYTES;
        let anchor_at = self.see_at(anchor).and_then(|seen| seen.at);
        if self.is_step(id, host, anchor, Step::Birth) {
            to = self.log.line_at(anchor.saturating_sub(SLACK_BYTES)).start;
            let hits = search::find(self.log.bytes(), to..anchor, needles, self.query.progress);
            self.take(&hits);
            return Some(anchor);
        }
        while to > 0 && !self.query.progress.is_cancelled() {
            let from = self.log.line_at(to.saturating_sub(step)).start;
            let hits = search::find(self.log.bytes(), from..to, needles, self.query.progress);
            self.take(&hits);
            let is_birth = |at: &&usize| {
                self.is_step(id, host, **at, Step::Birth)
                    || (role == Role::Notice && self.is_step(id, host, **at, Step::MessageId))
            };
            if let Some(birth) = hits.iter().rev().find(is_birth) {
                return Some(*birth);
            }
            let early = self.see_at(from).and_then(|seen| seen.at);
            if let (Some(early), Some(at)) = (early, anchor_at)
                && at.as_second() - early.as_second() > BEFORE_SECONDS
            {
                return Some(from);
            }
            to = from;
            step = step.saturating_mul(2);
        }
        Some(to)
    }

    /// Looks on to the end of the life; the offset up to which was looked.
    fn walk_on(&mut self, id: &str, host: &str, birth: usize, anchor: usize, needles: &Needles) -> usize {
        let bytes_len = self.log.bytes().len();
        let mut from = birth;
        let mut step = SLACK_BYTES * 2;
        let mut end = None;
        while from < bytes_len && !self.query.progress.is_cancelled() {
            let to = match end {
                Some(end) => end,
                None => self.next_line(from.saturating_add(step)),
            };
            let hits = search::find(self.log.bytes(), from..to, needles, self.query.progress);
            self.take(&hits);
            from = to;
            if end.is_some() {
                return from;
            }
            if let Some(closed) = hits.iter().find(|at| self.ends(id, host, **at)) {
                end = Some(self.next_line((*closed).max(anchor).saturating_add(SLACK_BYTES)));
                if end.is_some_and(|end| end <= from) {
                    return from;
                }
            }
            step = step.saturating_mul(4);
        }
        from
    }

    /// The start of the line after the one around `at`.
    fn next_line(&self, at: usize) -> usize {
        let bytes = self.log.bytes();
        match bytes.get(at..) {
            Some(rest) => memchr::memchr(b'\n', rest).map_or(bytes.len(), |end| at + end + 1),
            None => bytes.len(),
        }
    }

    fn see_at(&self, start: usize) -> Option<Seen> {
        match self.seen.get(&start) {
            Some(seen) => Some(seen.clone()),
            None => self.see(line_from(self.log.bytes(), start)),
        }
    }

    fn is_step(&self, id: &str, host: &str, start: usize, step: Step) -> bool {
        self.seen
            .get(&start)
            .is_some_and(|seen| seen.id.as_deref() == Some(id) && seen.host == host && seen.step == step)
    }

    fn ends(&self, id: &str, host: &str, start: usize) -> bool {
        self.is_step(id, host, start, Step::End)
            || self
                .seen
                .get(&start)
                .is_some_and(|seen| seen.host == host && seen.links.iter().any(|link| link.ends && link.id == id))
    }

    /// Cuts the lines of each id on each host and instance into lives.
    fn cut(&self) -> Vec<Life> {
        type Key<'k> = (&'k str, &'k str, &'k str);
        let mut by_key: BTreeMap<Key<'_>, Vec<(usize, &Seen)>> = BTreeMap::new();
        for (start, seen) in &self.seen {
            if let Some(id) = &seen.id {
                by_key.entry((&seen.host, &seen.instance, id)).or_default().push((*start, seen));
            }
        }
        let mut lives = Vec::new();
        for ((host, instance, id), mut lines) in by_key {
            if lines.iter().all(|(_, seen)| seen.at.is_some()) {
                lines.sort_by_key(|(start, seen)| (seen.at.map(Timestamp::as_second), seen.step, seen.at, *start));
            }
            let mut life: Option<Life> = None;
            let mut message_ids: Vec<String> = Vec::new();
            for (start, seen) in lines {
                let is_next = life.as_ref().is_some_and(|life| starts_anew(life, seen, &message_ids));
                if is_next {
                    lives.extend(life.take());
                    message_ids.clear();
                }
                let life = life.get_or_insert_with(|| Life {
                    host: host.to_owned(),
                    instance: instance.to_owned(),
                    id: id.to_owned(),
                    lines: Vec::new(),
                    from: seen.at,
                    to: seen.at,
                    has_birth: false,
                    is_closed: false,
                    role: None,
                });
                life.lines.push(start);
                life.from = life.from.min(seen.at).or(seen.at);
                life.to = life.to.max(seen.at);
                life.has_birth |= seen.step == Step::Birth;
                life.is_closed |= seen.step == Step::End;
                if seen.step == Step::MessageId {
                    message_ids.extend(seen.message_ids.iter().cloned());
                }
            }
            lives.extend(life);
        }
        lives
    }
}

/// Whether a line belongs to the next life of its id.
fn starts_anew(life: &Life, seen: &Seen, message_ids: &[String]) -> bool {
    let late = life.distance(seen.at) > LATE_SECONDS;
    match seen.step {
        // The same birth at the same instant is a line that stands twice: no id is given again that fast.
        Step::Birth => {
            let is_double = life.has_birth && seen.at.is_some() && life.from == seen.at;
            life.is_closed || life.has_birth && !is_double || late && !message_ids.is_empty()
        }
        Step::MessageId => life.is_closed || (!message_ids.is_empty() && late),
        Step::Between | Step::End => life.is_closed && late,
    }
}

impl Life {
    /// Seconds from this life to an instant; 0 within it, or if one of them has no instant.
    fn distance(&self, at: Option<Timestamp>) -> u64 {
        match (self.from, self.to, at) {
            (Some(from), Some(to), Some(at)) if at < from || at > to => {
                from.as_second().abs_diff(at.as_second()).min(to.as_second().abs_diff(at.as_second()))
            }
            _ => 0,
        }
    }
}

fn place(host: &str, instance: &str) -> String {
    if instance.is_empty() { host.to_owned() } else { format!("{host}/{instance}") }
}

fn index(lives: &[Life]) -> HashMap<(String, String), Vec<usize>> {
    let mut by_id: HashMap<(String, String), Vec<usize>> = HashMap::new();
    for (at, life) in lives.iter().enumerate() {
        by_id.entry((life.host.clone(), life.id.clone())).or_default().push(at);
        if !life.host.is_empty() {
            // A line that names no host may mean any.
            by_id.entry((String::new(), life.id.clone())).or_default().push(at);
        }
    }
    by_id
}

/// The life of an id on the line's host, of any instance, that is nearest in time.
fn resolve(lives: &[Life], by_id: &HashMap<(String, String), Vec<usize>>, seen: &Seen, id: &str) -> Option<usize> {
    let all = by_id.get(&(seen.host.clone(), id.to_owned()))?;
    let nearest = all.iter().copied().min_by_key(|at| lives[*at].distance(seen.at))?;
    (lives[nearest].distance(seen.at) <= LINK_SECONDS).then_some(nearest)
}

fn followed(lives: &[Life], free: &BTreeMap<usize, Role>) -> Followed {
    let mut found = Followed { lines: free.clone(), ..Followed::default() };
    for life in lives {
        if let Some(role) = life.role {
            found.lines.extend(life.lines.iter().map(|line| (*line, role)));
            found.instances.insert((life.host.clone(), life.id.clone()), life.instance.clone());
        }
    }
    found
}

/// What a line says about ids; `None` for a line that cannot be about a message.
fn see(line: &line::Line<'_>, at: Option<Timestamp>) -> Option<Seen> {
    let mut seen = Seen {
        host: line.host_label(),
        instance: line.instance().unwrap_or("").to_owned(),
        id: None,
        at,
        step: Step::Between,
        message_ids: Vec::new(),
        mail_id: None,
        links: Vec::new(),
        senders: Vec::new(),
        recipients: Vec::new(),
        subject: None,
        is_refusal: false,
    };
    match line.program {
        Program::Postfix { daemon, .. } => postfix(&mut seen, event::read(daemon, line.body))?,
        Program::Amavis => judged(&mut seen, amavis::read(line.body))?,
        Program::Dovecot => seen.message_ids.extend(bare_id(dovecot::read(line.body)?.message_id?)),
        Program::Proxmox => filtered(&mut seen, &filter::read(line.body)?),
        Program::Helper(helper) => helped(&mut seen, &helpers::read(helper, line.body)?),
        Program::Rspamd => scanned(&mut seen, &task::task(line.body)?),
        Program::Other(_) => return None,
    }
    Some(seen)
}

/// A line of Proxmox Mail Gateway: the filter's id lives like a queue id, the quarantine knows the file.
fn filtered(seen: &mut Seen, line: &filter::Line<'_>) {
    seen.id = line.log_id.map(str::to_owned);
    seen.instance = filter::INSTANCE.to_owned();
    match &line.event {
        filter::Event::New { message_id } => {
            seen.step = Step::Birth;
            seen.message_ids.extend(bare_id(message_id));
        }
        filter::Event::Headers { from, to } => {
            seen.senders.push(Address::new(from));
            seen.recipients.extend(to.iter().map(|to| Address::new(to)));
        }
        filter::Event::Accepted { queue_id, .. } if line::is_queue_id(queue_id) => {
            seen.links.push(Link { id: (*queue_id).to_owned(), role: Role::Own, ends: false });
        }
        filter::Event::Held { file, .. } | filter::Event::Released { file, .. } | filter::Event::Deleted { file } => {
            seen.mail_id = (!file.is_empty()).then(|| (*file).to_owned());
        }
        filter::Event::Done => seen.step = Step::End,
        _ => {}
    }
}

/// A line of a milter or policy server: by the life of its queue id, or by Message-ID.
fn helped(seen: &mut Seen, line: &helpers::Line<'_>) {
    seen.message_ids.extend(line.message_id.and_then(bare_id));
    seen.links.extend(line.queue_id.map(|id| Link { id: id.to_owned(), role: Role::Own, ends: false }));
}

/// A scan of a message that is in the queue, or about to be: by Message-ID, and by the life of its queue id.
fn scanned(seen: &mut Seen, task: &task::Task<'_>) {
    seen.message_ids.extend(task.message_id.and_then(bare_id));
    let id = task.queue_id.filter(|id| line::is_queue_id(id));
    seen.links.extend(id.map(|id| Link { id: id.to_owned(), role: Role::Own, ends: false }));
}

fn bare_id(said: &str) -> Option<String> {
    Identifier::message_id(said).map(|id| id.text().to_owned())
}

fn postfix(seen: &mut Seen, text: event::Text<'_>) -> Option<()> {
    seen.id = text.queue_id.map(str::to_owned);
    let link = |id: &str| Link { id: id.to_owned(), role: Role::Own, ends: false };
    match text.event {
        Event::Client { orig_queue_id, .. } => {
            seen.step = Step::Birth;
            seen.links.extend(orig_queue_id.map(link));
        }
        Event::Pickup { orig_id, .. } => {
            seen.step = Step::Birth;
            seen.links.extend(orig_id.map(|id| Link { ends: true, ..link(id) }));
        }
        Event::MessageId { said } => {
            seen.step = Step::MessageId;
            seen.message_ids.extend(bare_id(said));
        }
        Event::ResentMessageId { said } => seen.message_ids.extend(bare_id(said)),
        Event::Active { from, .. } => seen.senders.push(Address::new(from)),
        Event::Removed { .. } => seen.step = Step::End,
        Event::Operator { said } if said.starts_with("removed") => seen.step = Step::End,
        Event::Notice { notice, .. } => {
            seen.links.push(Link { role: Role::Notice, ..link(notice) });
        }
        Event::Delivery(delivery) => {
            seen.recipients.push(Address::new(delivery.to));
            seen.recipients.extend(delivery.orig_to.map(Address::new));
            let peer = event::peer(delivery.relay);
            let next = match delivery.text.strip_prefix("forwarded as ") {
                Some(id) => Some(id.trim()),
                None if peer.is_loopback() => {
                    filter::answered(delivery.text).or_else(|| event::queued_as(delivery.text))
                }
                None => None,
            };
            seen.links.extend(next.filter(|id| line::is_queue_id(id) || filter::is_log_id(id)).map(link));
        }
        Event::Access(access) => {
            // A header check may refuse before the Message-ID is read: sender and recipient are all that names the message.
            seen.senders.extend(access.from.map(Address::new));
            seen.recipients.extend(access.to.map(Address::new));
            seen.subject = access.subject.map(str::to_owned);
            seen.is_refusal = access.ends_all();
            let proxied = (access.action == "proxy-accept").then(|| event::queued_as(access.said)).flatten();
            seen.links.extend(proxied.map(link));
        }
        Event::Session | Event::Statistics | Event::Service if text.queue_id.is_none() => return None,
        _ => {}
    }
    (seen.id.is_some() || !seen.links.is_empty()).then_some(())
}

fn judged(seen: &mut Seen, event: amavis::Event<'_>) -> Option<()> {
    match event {
        amavis::Event::Judged(judged) => {
            seen.message_ids.extend(judged.message_id.and_then(bare_id));
            // Only a held copy is released under this id later.
            seen.mail_id = judged.quarantine.and(judged.mail_id).map(str::to_owned);
            let ids = judged.queue_id.into_iter().chain(judged.queued_as);
            let ids = ids.filter(|id| line::is_queue_id(id));
            seen.links.extend(ids.map(|id| Link { id: id.to_owned(), role: Role::Own, ends: false }));
        }
        amavis::Event::Released { mail_id, .. } | amavis::Event::NotReleased { mail_id, .. } => {
            seen.mail_id = Some(mail_id.to_owned())
        }
        amavis::Event::Service => return None,
    }
    Some(())
}
