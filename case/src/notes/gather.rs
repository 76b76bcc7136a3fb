//! What all texts are made of: the sources, and the records as they are cited, each with one number.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use report::{Cite, Comparison, Finding, FindingKind, MessageCopy, Report, Standing};

use super::document::{Claim, Known, NotedEntry, NumberedRecord};
use crate::case::Case;
use crate::journal::{Deed, Entry};

/// What notes are written from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// The ticket.
    pub case: &'a Case,
    /// Its journal.
    pub journal: &'a [Entry],
    /// What its evidence shows.
    pub evidence: Looked<'a>,
    /// A delivered message beside the blocked one, if both are in the evidence.
    pub comparison: Option<&'a Comparison>,
}

/// What became of looking at the evidence.
#[derive(Clone, Copy, Debug)]
pub enum Looked<'a> {
    /// It shows this.
    Answered(&'a Report),
    /// There is none.
    NotSupplied,
    /// There is some, but it could not be looked at: why.
    Unreadable(&'a str),
}

/// How many records one claim cites at most; the report has all of them.
const MAX_RECORDS: usize = 8;

/// The sources with the records that were cited so far.
pub(super) struct Gathered<'a> {
    pub(super) sources: Sources<'a>,
    records: Vec<NumberedRecord>,
    numbers: HashMap<(String, [u64; 2]), u64>,
    entries: BTreeSet<u64>,
}

impl<'a> Gathered<'a> {
    pub(super) fn of(sources: Sources<'a>) -> Gathered<'a> {
        Gathered { sources, records: Vec::new(), numbers: HashMap::new(), entries: BTreeSet::new() }
    }

    /// The report, if the evidence could be looked at.
    pub(super) fn report(&self) -> Option<&'a Report> {
        match self.sources.evidence {
            Looked::Answered(report) => Some(report),
            Looked::NotSupplied | Looked::Unreadable(_) => None,
        }
    }

    /// The numbers of some records, ascending, each once.
    pub(super) fn records<'c>(&mut self, cites: impl IntoIterator<Item = &'c Cite>) -> Vec<u64> {
        let mut cited = Vec::new();
        for cite in cites {
            let number = self.number(cite);
            if !cited.contains(&number) {
                cited.push(number);
            }
            if cited.len() == MAX_RECORDS {
                break;
            }
        }
        cited.sort_unstable();
        cited
    }

    fn number(&mut self, cite: &Cite) -> u64 {
        let next = self.records.len() as u64 + 1;
        let number = *self.numbers.entry((cite.file.clone(), cite.bytes)).or_insert(next);
        if number == next {
            self.records.push(NumberedRecord { number, place: place(cite), cite: cite.clone() });
        }
        number
    }

    /// Takes note that an entry of the journal is cited.
    pub(super) fn entry(&mut self, seq: u64) -> Vec<u64> {
        self.entries.insert(seq);
        vec![seq]
    }

    /// The entry that said last which message is meant.
    pub(super) fn asked_at(&self) -> u64 {
        let asked = |entry: &&Entry| matches!(entry.deed, Deed::Opened { .. } | Deed::Asked { .. });
        self.sources.journal.iter().rev().find(asked).map_or(1, |entry| entry.seq)
    }

    /// The first record of the report that holds a value in its own words.
    pub(super) fn witness(&self, value: &str) -> Option<&'a Cite> {
        let wanted = value.to_lowercase();
        let report = self.report()?;
        let holds = |cite: &&Cite| {
            let excerpt =
                cite.excerpt.as_ref().map(|around| format!("{}{}{}", around.before, around.marked, around.after));
            let says = |text: &str| text.to_lowercase().contains(&wanted);
            says(&cite.said) || excerpt.as_deref().is_some_and(says)
        };
        let events = report.copies.iter().flat_map(|copy| &copy.timeline).flat_map(|event| &event.cites);
        let layers = report.copies.iter().flat_map(|copy| &copy.layers).flat_map(|layer| &layer.cites);
        let findings = report.findings.iter().flat_map(|finding| &finding.cites);
        let samples = report.samples.iter().flat_map(|sample| sample.hops.iter().map(|hop| &hop.cite));
        events.chain(layers).chain(findings).chain(samples).find(holds)
    }

    /// The first record of what happened in the second of an instant.
    pub(super) fn event_at(&self, at: Timestamp) -> Option<&'a Cite> {
        let events = self.report()?.copies.iter().flat_map(|copy| &copy.timeline);
        let mut of_second = events.filter(|event| event.at.as_second() == at.as_second());
        of_second.find_map(|event| event.cites.first())
    }

    /// All that was cited: the records, and the entries of the journal.
    pub(super) fn cited(self) -> (Vec<NumberedRecord>, Vec<NotedEntry>) {
        let cited = self.sources.journal.iter().filter(|entry| self.entries.contains(&entry.seq));
        let entries = cited.map(|entry| NotedEntry {
            seq: entry.seq,
            at: entry.at,
            who: entry.who.clone(),
            deed: entry.deed.word().replace('_', " "),
        });
        let entries = entries.collect();
        (self.records, entries)
    }
}

/// The cause, or else the symptom, that answers; `None` if none is proved or likely.
pub(super) fn answer(report: &Report) -> Option<&Finding> {
    let of_kind = |kind: FindingKind| {
        let shown = |finding: &&Finding| matches!(finding.standing, Standing::Proved | Standing::Likely);
        report.findings.iter().filter(move |finding| finding.kind == kind).find(shown)
    };
    of_kind(FindingKind::Cause).or_else(|| of_kind(FindingKind::Symptom))
}

/// Whether a copy is not shown to have reached the inbox.
pub(super) fn is_troubled(copy: &MessageCopy) -> bool {
    copy.fate != report::Fate::Delivered
}

/// The copy that the notes are about first: the answer's, else the first that is in trouble, else the first.
pub(super) fn main_copy(report: &Report) -> Option<&MessageCopy> {
    let of_answer = answer(report).and_then(|finding| finding.envelope_recipient.as_deref());
    let named = of_answer.and_then(|address| report.copies.iter().find(|copy| copy.envelope_recipient == address));
    named.or_else(|| report.copies.iter().find(|copy| is_troubled(copy))).or_else(|| report.copies.first())
}

/// The records that carry what became of a copy: those of the layer that explains it, else of the last one that has any.
pub(super) fn fate_cites(copy: &MessageCopy) -> &[Cite] {
    let of_layer = copy.layers.iter().find(|layer| Some(layer.layer) == copy.changed_layer);
    let with_cites = copy.layers.iter().rev().find(|layer| !layer.cites.is_empty());
    let layer = of_layer.filter(|layer| !layer.cites.is_empty()).or(with_cites);
    layer.map_or(&[], |layer| layer.cites.as_slice())
}

/// A record's own words about what it is cited for.
pub(super) fn words(cite: &Cite) -> String {
    match &cite.excerpt {
        Some(around) => format!("{}{}{}", around.before, around.marked, around.after),
        None if cite.said.chars().count() >= 300 => format!("{}…", cite.said),
        None => cite.said.clone(),
    }
}

/// Where a record stands, for people.
pub(super) fn place(cite: &Cite) -> String {
    match (cite.line, cite.record) {
        (Some(line), _) => format!("{}, line {line}", cite.file),
        (None, Some(record)) => format!("{}, record {record}", cite.file),
        (None, None) => cite.file.clone(),
    }
}

/// Whose copy it is, for people.
pub(super) fn whose(copy: &MessageCopy) -> &str {
    if copy.envelope_recipient.is_empty() { "a recipient that no record names" } else { &copy.envelope_recipient }
}

/// An instant for people.
pub(super) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `1 row`, `2 rows`.
pub(super) fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

impl Claim {
    /// A claim with nothing to rest on yet.
    pub(super) fn new(label: &str, known: Known, text: impl Into<String>) -> Claim {
        Claim {
            label: label.to_owned(),
            text: text.into(),
            known,
            known_as: known.word().to_owned(),
            records: Vec::new(),
            entries: Vec::new(),
            ask_for: Vec::new(),
            quote: None,
            command: None,
        }
    }

    /// Puts the records in; what only records can show is not shown without any.
    pub(super) fn by(self, records: Vec<u64>) -> Claim {
        let needs = matches!(self.known, Known::Recorded | Known::Proved | Known::Likely | Known::Refuted);
        let known = if needs && records.is_empty() { Known::NotShown } else { self.known };
        Claim { records, known, known_as: known.word().to_owned(), ..self }
    }

    pub(super) fn noted(self, entries: Vec<u64>) -> Claim {
        Claim { entries, ..self }
    }

    pub(super) fn asking(self, ask_for: &[String]) -> Claim {
        Claim { ask_for: ask_for.to_vec(), ..self }
    }

    pub(super) fn quoting(self, cite: Option<&Cite>) -> Claim {
        Claim { quote: cite.map(words), ..self }
    }
}
