//! What the rules look at: every row of the evidence, and the followed message if there is one.

use evidence::{Act, Alert, Change, Cite, DnsAnswer, Fact, JobStep, ProbeStep, Setting, SignIn, SourceId, Total};
use jiff::Timestamp;
use lake::{Entry, Ledger, Line, Name};

use super::courses::{self, Course};
use crate::{Answer, Scene};

/// All that symptoms are found in.
pub struct Survey<'a> {
    /// Every row of every file, in short.
    pub ledger: &'a Ledger<'a>,
    /// The message that is followed, if one is.
    pub followed: Option<Followed<'a>>,
    /// The instant that the user calls now.
    pub now: Option<Timestamp>,
    courses: Vec<Course>,
}

/// The followed message and what was found about it.
#[derive(Clone, Copy)]
pub struct Followed<'a> {
    /// Its way and its copies.
    pub scene: &'a Scene<'a>,
    /// One answer a copy.
    pub answers: &'a [Answer],
}

/// Something that is stated around messages.
#[derive(Clone, Copy, Debug)]
pub struct Stated<'a, T> {
    /// What was stated.
    pub fact: &'a T,
    /// The record.
    pub entry: &'a Entry,
}

impl<T> Stated<'_, T> {
    /// When, as the record says.
    pub fn at(&self) -> Option<Timestamp> {
        self.entry.observation.when.as_ref().map(|when| when.at)
    }

    /// Where it is written.
    pub fn cite(&self) -> Cite {
        self.entry.observation.cite.clone()
    }

    /// The kind of export.
    pub fn source(&self) -> SourceId {
        self.entry.source
    }
}

impl<'a> Survey<'a> {
    /// Looks over all rows once, so that the rules need not.
    pub fn of(ledger: &'a Ledger<'a>, followed: Option<Followed<'a>>, now: Option<Timestamp>) -> Survey<'a> {
        Survey { ledger, followed, now, courses: courses::of(ledger) }
    }

    /// How each copy fared, by the time of its first line.
    pub fn courses(&self) -> &[Course] {
        &self.courses
    }

    /// The line that says how a copy fared.
    pub fn deciding(&self, course: &Course) -> &'a Line {
        &self.ledger.lines()[course.decides as usize]
    }

    /// What is said about messages: by time, lines without an instant first.
    pub fn lines(&self) -> &'a [Line] {
        self.ledger.lines()
    }

    /// The text of a name, empty if there is none.
    pub fn text(&self, name: Option<Name>) -> &'a str {
        self.ledger.said(name)
    }

    /// Opens the record of a line.
    pub fn cite(&self, line: &Line) -> Cite {
        self.ledger.cite(line)
    }

    /// Who changed which setting, by time.
    pub fn changes(&self) -> Vec<Stated<'a, Change>> {
        self.stated(|fact| if let Fact::Change(change) = fact { Some(change) } else { None })
    }

    /// What somebody did that changes no setting, by time.
    pub fn acts(&self) -> Vec<Stated<'a, Act>> {
        self.stated(|fact| if let Fact::Act(act) = fact { Some(act) } else { None })
    }

    /// How things are set up, by the time of the export.
    pub fn settings(&self) -> Vec<Stated<'a, Setting>> {
        self.stated(|fact| if let Fact::Setting(setting) = fact { Some(&**setting) } else { None })
    }

    /// Sign-ins, by time.
    pub fn sign_ins(&self) -> Vec<Stated<'a, SignIn>> {
        self.stated(|fact| if let Fact::SignIn(sign_in) = fact { Some(&**sign_in) } else { None })
    }

    /// Alerts, by time.
    pub fn alerts(&self) -> Vec<Stated<'a, Alert>> {
        self.stated(|fact| if let Fact::Alert(alert) = fact { Some(alert) } else { None })
    }

    /// Numbers of reports, by time.
    pub fn totals(&self) -> Vec<Stated<'a, Total>> {
        self.stated(|fact| if let Fact::Total(total) = fact { Some(total) } else { None })
    }

    /// What jobs did, by time.
    pub fn jobs(&self) -> Vec<Stated<'a, JobStep>> {
        self.stated(|fact| if let Fact::Job(step) = fact { Some(step) } else { None })
    }

    /// What the DNS answered, by time.
    pub fn dns(&self) -> Vec<Stated<'a, DnsAnswer>> {
        self.stated(|fact| if let Fact::Dns(answer) = fact { Some(answer) } else { None })
    }

    /// What tests saw, by time.
    pub fn probes(&self) -> Vec<Stated<'a, ProbeStep>> {
        self.stated(|fact| if let Fact::Probe(step) = fact { Some(step) } else { None })
    }

    /// Whether a kind of export was supplied at all.
    pub fn has(&self, source: SourceId) -> bool {
        self.ledger.around().has(source)
    }

    /// Whether a kind of export was supplied that would show something at `at`: read, its span covers the instant and the
    /// vendor's lag, and it is not suspected to be cut.
    pub fn would_show(&self, source: SourceId, at: Timestamp) -> bool {
        self.ledger.around().would_show(source, at)
    }

    fn stated<T>(&self, pick: impl Fn(&'a Fact) -> Option<&'a T>) -> Vec<Stated<'a, T>> {
        let entries = self.ledger.entries().iter();
        let picked = entries.filter_map(|entry| Some(Stated { fact: pick(&entry.observation.fact)?, entry }));
        let mut all: Vec<Stated<'a, T>> = picked.collect();
        all.sort_by(|a, b| {
            let key = |one: &Stated<'a, T>| (one.at(), one.entry.observation.cite.order());
            key(a).cmp(&key(b))
        });
        all
    }
}
