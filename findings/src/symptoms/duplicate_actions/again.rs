//! The same record handed out again, and the same copy again with a grown state.
//!
//! A feed of events may deliver an event more than once, word for word: the record's id is the same, so it is one event. A stream of copies
//! delivers a new row for each change of verdict or place: the copy's ids are the same, the state has grown. Identical rows of a trace say
//! only that an export was copied, and are nothing of the kind.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Cite, Fact, Layer, SourceId};
use lake::{Line, Name, What};

use super::{counted, first_few};
use crate::Standing;
use crate::symptoms::picture::{Count, Counts};
use crate::symptoms::{Apart, Picture, Sign, Survey};

/// Feeds of events: each record has an id of its own, and stands for one event.
const FEEDS: &[SourceId] =
    &["exchange-online/audit-log", "mimecast/audit-events", "defender/alerts", "defender/email-post-delivery-events"];
/// A stream that tells a copy anew when its state changes.
const STREAM: SourceId = "defender/email-events";
/// From how many repeated rows a stream repeats itself; one row more, of one copy, is the history of that copy.
const REPEATS_MIN: usize = 2;
/// How many things a sentence names.
const NAMED_MAX: usize = 3;

/// What repeated records show.
pub(super) fn find(survey: &Survey<'_>) -> Vec<Sign> {
    handed_out_again(survey).into_iter().chain(grown(survey)).collect()
}

/// A record of a feed that stands there several times, word for word.
struct Repeated {
    what: String,
    copies: u32,
    cite: Cite,
}

fn handed_out_again(survey: &Survey<'_>) -> Option<Sign> {
    // How often each record of a kind stands there: a kind of which every record is there twice was copied as a whole.
    let mut least: BTreeMap<SourceId, u32> = BTreeMap::new();
    let mut records: BTreeMap<(SourceId, String, u64), Repeated> = BTreeMap::new();
    let mut note = |source: SourceId, copies: u32, cite: &dyn Fn() -> Cite, what: &dyn Fn() -> String| {
        let known = least.entry(source).or_insert(copies);
        *known = (*known).min(copies);
        if copies > 1 {
            let cite = cite();
            let key = (source, cite.file.to_string(), cite.bytes.start);
            records.entry(key).or_insert_with(|| Repeated { what: what(), copies, cite });
        }
    };
    for entry in survey.ledger.entries() {
        let observation = &entry.observation;
        let what = match &observation.fact {
            Fact::Alert(alert) => &alert.title,
            Fact::Act(act) => &act.operation,
            Fact::Change(change) => &change.operation,
            _ => continue,
        };
        if FEEDS.contains(&entry.source) {
            note(entry.source, entry.copies, &|| observation.cite.clone(), &|| what.clone());
        }
    }
    for line in survey.lines() {
        let source = survey.ledger.source(line);
        if FEEDS.contains(&source) {
            note(source, line.copies, &|| survey.cite(line), &|| survey.text(line.said).to_owned());
        }
    }
    let repeated: Vec<((SourceId, String, u64), Repeated)> = records
        .into_iter()
        .filter_map(|(key, one)| {
            let copies = one.copies / least.get(key.0).copied().unwrap_or(1).max(1);
            (copies > 1).then_some((key, Repeated { copies, ..one }))
        })
        .collect();
    let (first_key, first) = repeated.first()?;
    let copies: usize = repeated.iter().map(|(_, one)| one.copies as usize).sum();
    let source = sources::source(first_key.0).map_or(first_key.0, |source| source.title());
    let statement = format!(
        "{} stand in the {source} {copies} times, word for word and with the record's own id: {} are repeats. The first is `{}`, there {} times.",
        counted(repeated.len(), "record"),
        copies - repeated.len(),
        short(&first.what),
        first.copies,
    );
    let rows = repeated.iter().take(12).map(|(_, one)| Count {
        name: short(&one.what),
        good: 1,
        bad: u64::from(one.copies) - 1,
        note: None,
        cites: vec![one.cite.clone()],
    });
    let rows: Vec<Count> = rows.collect();
    let cites = first_few(repeated.iter().map(|(_, one)| one.cite.clone()));
    Some(Sign {
        specific: Some("read-again"),
        standing: Standing::Proved,
        layer: Layer::Verdict,
        envelope_recipient: None,
        statement,
        apart: vec![Apart {
            specific: "called-again",
            standing: Standing::Refuted,
            because: "A second call would be an event of its own, with an instant and an id of its own.".to_owned(),
            cites: cites.clone(),
        }],
        cites,
        ask_for: Vec::new(),
        picture: Some(Picture::Counts(Counts {
            from: None,
            to: None,
            unit: "records: the event, and repeats".to_owned(),
            rows,
        })),
    })
}

fn short(text: &str) -> String {
    const CHARS: usize = 80;
    match text.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// A row of the stream, by its place.
type Row = (String, String);

/// The same copy, told again with another state.
fn grown(survey: &Survey<'_>) -> Option<Sign> {
    let mut copies: BTreeMap<(Name, Option<Name>), BTreeMap<Row, Vec<&Line>>> = BTreeMap::new();
    let ledger = survey.ledger;
    for line in survey.lines() {
        let Some(id) = line.id else { continue };
        if ledger.source(line) != STREAM {
            continue;
        }
        let cite = survey.cite(line);
        let row = (cite.file.to_string(), format!("{:020}", cite.bytes.start));
        copies.entry((id, line.envelope_recipient)).or_default().entry(row).or_default().push(line);
    }
    let mut told: Vec<(Name, Option<Name>, Vec<Vec<&Line>>)> = Vec::new();
    for ((id, recipient), rows) in copies {
        let states: BTreeSet<Vec<String>> = rows.values().map(|lines| state(survey, lines)).collect();
        if rows.len() > 1 && states.len() > 1 {
            told.push((id, recipient, rows.into_values().collect()));
        }
    }
    told.sort_by_key(|(id, recipient, _)| (survey.text(Some(*id)), survey.text(*recipient)));
    let (id, recipient, rows) = told.first()?;
    let all: usize = told.iter().map(|(_, _, rows)| rows.len()).sum();
    if all - told.len() < REPEATS_MIN {
        return None;
    }
    let changes: Vec<String> = rows.iter().map(|lines| state(survey, lines).join(", ")).collect();
    let statement = format!(
        "{all} rows of the stream tell {}: {} are repeats with a grown state. {} for {} is told {} times: {}.",
        if told.len() == 1 { "1 copy".to_owned() } else { format!("{} copies", told.len()) },
        all - told.len(),
        survey.text(Some(*id)),
        survey.text(*recipient),
        rows.len(),
        changes.iter().take(NAMED_MAX).map(|change| format!("`{}`", short(change))).collect::<Vec<_>>().join(", then "),
    );
    let cite_of = |rows: &Vec<Vec<&Line>>| -> Vec<Cite> {
        rows.iter().filter_map(|lines| lines.first()).map(|line| survey.cite(line)).collect()
    };
    let cites = first_few(told.iter().take(NAMED_MAX).flat_map(|(_, _, rows)| cite_of(rows)));
    let rows = told.iter().take(12).map(|(id, recipient, rows)| Count {
        name: format!("{} for {}", survey.text(Some(*id)), survey.text(*recipient)),
        good: 1,
        bad: rows.len() as u64 - 1,
        note: None,
        cites: first_few(cite_of(rows)),
    });
    let rows: Vec<Count> = rows.collect();
    Some(Sign {
        specific: Some("told-anew"),
        standing: Standing::Proved,
        layer: Layer::Verdict,
        envelope_recipient: None,
        statement,
        apart: vec![Apart {
            specific: "entered-twice",
            standing: Standing::Refuted,
            because: "The rows carry one network message id and one recipient: it is one copy.".to_owned(),
            cites: cites.clone(),
        }],
        cites,
        ask_for: Vec::new(),
        picture: Some(Picture::Counts(Counts {
            from: None,
            to: None,
            unit: "rows: the copy, and repeats".to_owned(),
            rows,
        })),
    })
}

/// What a row says of its copy: verdict, place and what was done; authentication never changes.
fn state(survey: &Survey<'_>, lines: &[&Line]) -> Vec<String> {
    let mut said: Vec<String> = lines
        .iter()
        .filter(|line| !matches!(line.what, What::Authentication(..) | What::Noted))
        .map(|line| match &line.what {
            What::Stored(folder) => format!("stored in {}", folder.as_ref().map_or("the mailbox".to_owned(), name_of)),
            What::Quarantine(_) => "quarantine".to_owned(),
            _ => survey.text(line.said).to_owned(),
        })
        .filter(|said| !said.is_empty())
        .collect();
    said.sort();
    said.dedup();
    said
}

fn name_of(folder: &evidence::Folder) -> String {
    match folder {
        evidence::Folder::Inbox => "the inbox".to_owned(),
        evidence::Folder::Junk => "junk".to_owned(),
        evidence::Folder::Quarantine => "quarantine".to_owned(),
        evidence::Folder::Deleted => "deleted items".to_owned(),
        evidence::Folder::Other(name) => name.clone(),
    }
}
