//! What is said at the door, before a message has a queue id: refusals, and the policy servers that were asked.
//!
//! Such a line names no message. It fits by sender, recipient and time; where it names no recipient (a refusal at MAIL FROM, a
//! policy server asked about the sender), by the sender and what else is known.

use std::ops::Range;

use evidence::Address;
use jiff::Timestamp;

use super::event::{self, Event};
use super::line::{self, Line, Program};
use super::{helpers, looks_words};
use crate::lines::search::{self, Log, Needles};
use crate::{Likeness, Query};

/// How long in seconds before and after an arrival a policy server may have been asked about it.
const ASKED_SECONDS: u64 = 300;
/// How far in seconds from the message a refusal may lie that names its sender only.
const REFUSED_SECONDS: u64 = 60 * 60;

/// The search for lines without a queue id.
pub(super) struct Door<'a> {
    pub(super) log: &'a Log<'a>,
    pub(super) query: &'a Query<'a>,
    pub(super) likeness: &'a Likeness,
    /// The part of the log in which such lines can stand.
    pub(super) within: Range<usize>,
    /// Whence the message came to this log's hosts, and when.
    pub(super) clients: Vec<(String, Timestamp)>,
    /// Whether the log has lines with an id of the message: then it got past the door.
    pub(super) is_known: bool,
}

impl Door<'_> {
    /// The lines of refusals and policy servers without a queue id that look like the message.
    ///
    /// `taken` are other messages of the senders that this log shows as taken; other files may show more.
    pub(super) fn unnamed(&self, taken: &[(Address, Timestamp)]) -> Vec<usize> {
        let words = ["NOQUEUE"].iter().chain(helpers::UNNAMED).copied();
        let mut lines = self.with_an_address(&Needles::new(words));
        lines.retain(|line| self.read(*line, |line, at| self.fits(line, at, taken).then_some(())).is_some());
        lines
    }

    /// The lines with one of the words that also hold an address of the message: most hold none, and are not parsed.
    fn with_an_address(&self, words: &Needles) -> Vec<usize> {
        let looks = looks_words(self.likeness);
        match aho_corasick::AhoCorasick::builder().ascii_case_insensitive(true).build(&looks) {
            Ok(looks) => {
                let keep = |line: &[u8]| looks.is_match(line);
                search::find_kept(self.log.bytes(), self.within.clone(), words, &keep, self.query.progress)
            }
            Err(_) => Vec::new(),
        }
    }

    /// Asks something about a line and its instant; nothing for what is no line of a log.
    fn read<T>(&self, start: usize, ask: impl Fn(&Line<'_>, Option<Timestamp>) -> Option<T>) -> Option<T> {
        let raw = self.log.text(search::line_from(self.log.bytes(), start));
        let text = search::unwrapped(&raw);
        let line = line::line(&text)?;
        let at = line.when(self.query.clock).map(|when| when.at);
        ask(&line, at)
    }

    fn fits(&self, line: &Line<'_>, at: Option<Timestamp>, taken: &[(Address, Timestamp)]) -> bool {
        match line.program {
            Program::Postfix { daemon, .. } => {
                let Event::Access(access) = event::read(daemon, line.body).event else { return false };
                match (access.from, access.to) {
                    (Some(from), Some(to)) => self.looks_alike(from, to, at),
                    (Some(from), None) if access.ends_all() => self.refused_its_sender(from, at, taken),
                    _ => false,
                }
            }
            Program::Helper(helper) => {
                let Some(read) = helpers::read(helper, line.body).filter(|read| read.queue_id.is_none()) else {
                    return false;
                };
                match (read.from, read.to) {
                    (Some(from), Some(to)) => self.looks_alike(from, to, at),
                    (Some(from), None) => self.asked_about(from, line.body, at),
                    _ => false,
                }
            }
            _ => false,
        }
    }

    fn looks_alike(&self, from: &str, to: &str, at: Option<Timestamp>) -> bool {
        self.likeness.fits(&[Address::new(from)], &[Address::new(to)], None, at)
    }

    /// Whether a policy server that names no recipient was asked about the message: the client that brought it, its sender,
    /// its time.
    fn asked_about(&self, from: &str, body: &str, at: Option<Timestamp>) -> bool {
        let is_client = |(ip, arrived): &(String, Timestamp)| {
            at.is_some_and(|at| at.as_second().abs_diff(arrived.as_second()) <= ASKED_SECONDS)
                && body.split([' ', ';', '=', ',']).any(|word| word == ip)
        };
        self.likeness.senders.contains(&Address::new(from)) && self.clients.iter().any(is_client)
    }

    /// Whether a refusal that names no recipient can be of the message: its sender, its time, no line of the log that knows
    /// the message, and no other message of that sender that was taken and may have been the one.
    fn refused_its_sender(&self, from: &str, at: Option<Timestamp>, taken: &[(Address, Timestamp)]) -> bool {
        let sender = Address::new(from);
        let Some(at) = at.filter(|_| !self.is_known && !sender.is_null()) else { return false };
        let is_near = |other: Timestamp| other.as_second().abs_diff(at.as_second()) <= REFUSED_SECONDS;
        // Where nothing but the sender is known, what came before may be the message that is asked for.
        let only_the_sender = self.likeness.envelope_recipients.is_empty() && self.likeness.subjects.is_empty();
        let another = |(other, took): &(Address, Timestamp)| {
            *other == sender && is_near(*took) && (*took >= at || only_the_sender)
        };
        self.likeness.senders.contains(&sender)
            && self.likeness.is_near(at, REFUSED_SECONDS)
            && !taken.iter().chain(&self.likeness.others_taken).any(another)
    }

    /// The senders of other messages that were taken about then, and when. In a log that knows the message nobody asks.
    pub(super) fn others_taken(&self) -> Vec<(Address, Timestamp)> {
        if self.is_known || self.likeness.senders.is_empty() {
            return Vec::new();
        }
        let sender = |line: &Line<'_>, at: Option<Timestamp>| {
            let Program::Postfix { daemon, .. } = line.program else { return None };
            let Event::Active { from, .. } = event::read(daemon, line.body).event else { return None };
            let sender = Address::new(from);
            let at = at.filter(|at| self.likeness.is_near(*at, 2 * REFUSED_SECONDS))?;
            self.likeness.senders.contains(&sender).then_some((sender, at))
        };
        let active = self.with_an_address(&Needles::new(["queue active"]));
        active.into_iter().filter_map(|start| self.read(start, sender)).collect()
    }
}
