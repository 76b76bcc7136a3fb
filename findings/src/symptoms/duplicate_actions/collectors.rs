//! Two collectors that carry the same transaction, each in its own dialect.
//!
//! A gateway's event has one transaction id, one stage and one recipient. Where two feeds tell it at the same second in different words, both
//! were collected, and whoever counts rows counts it twice. A second attempt of the gateway has an instant of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use evidence::{Cite, Layer};
use jiff::{SignedDuration, Timestamp};
use lake::{Line, Name, What};

use super::{counted, first_few};
use crate::Standing;
use crate::symptoms::picture::{Count, Counts};
use crate::symptoms::{Apart, Picture, Sign, Survey};

/// The feed that two generations of collectors read.
const FEED: &str = "mimecast/siem";
/// How far two tellings of one event may lie apart: one dialect is cut to the second.
const SAME_EVENT: SignedDuration = SignedDuration::from_secs(2);

/// Two lines of one event.
struct Twin<'a> {
    id: Name,
    one: &'a Line,
    other: &'a Line,
}

/// What two collectors show.
pub(super) fn find(survey: &Survey<'_>) -> Option<Sign> {
    let ledger = survey.ledger;
    let mut events: HashMap<(Name, u8, Option<Name>), Vec<(Timestamp, &Line)>> = HashMap::new();
    let mut transactions: BTreeSet<Name> = BTreeSet::new();
    let mut files: BTreeSet<&str> = BTreeSet::new();
    for line in survey.lines() {
        let (Some(id), Some(stage), Some(at)) = (line.id, stage(&line.what), line.at) else { continue };
        if ledger.source(line) != FEED {
            continue;
        }
        transactions.insert(id);
        files.insert(ledger.file(line));
        events.entry((id, stage, line.envelope_recipient)).or_default().push((at, line));
    }
    if files.len() < 2 {
        return None;
    }
    // Lines come by time, so that those of one event stand beside each other.
    let mut twins: Vec<Twin<'_>> = Vec::new();
    for ((id, _, _), lines) in &events {
        for pair in lines.windows(2) {
            let ((at, one), (next_at, other)) = (pair[0], pair[1]);
            if next_at.duration_since(at) <= SAME_EVENT && ledger.file(one) != ledger.file(other) {
                twins.push(Twin { id: *id, one, other });
            }
        }
    }
    twins.sort_by_key(|twin| (twin.one.at, survey.text(Some(twin.id)), stage(&twin.one.what)));
    let first = twins.first()?;
    let twice: BTreeSet<Name> = twins.iter().map(|twin| twin.id).collect();
    let statement = format!(
        "{} of {} stand in two feeds, each in words of its own: {} are repeats. {} for {} is in {} and in {}.",
        counted(twice.len(), "transaction"),
        transactions.len(),
        counted(twins.len(), "event"),
        survey.text(Some(first.id)),
        match survey.text(first.one.envelope_recipient) {
            "" => "all recipients",
            recipient => recipient,
        },
        ledger.file(first.one),
        ledger.file(first.other),
    );
    let cites = first_few(twins.iter().take(4).flat_map(|twin| [survey.cite(twin.one), survey.cite(twin.other)]));
    let mut by_file: BTreeMap<&str, (u64, u64, Vec<Cite>)> = BTreeMap::new();
    for lines in events.values() {
        for (_, line) in lines {
            by_file.entry(ledger.file(line)).or_default().0 += 1;
        }
    }
    for twin in &twins {
        for line in [twin.one, twin.other] {
            let row = by_file.entry(ledger.file(line)).or_default();
            row.1 += 1;
            if row.2.len() < 2 {
                row.2.push(survey.cite(line));
            }
        }
    }
    let rows = by_file.into_iter().map(|(file, (all, twice, cites))| Count {
        name: file.to_owned(),
        good: all.saturating_sub(twice),
        bad: twice,
        note: Some("bad: told in another feed too".to_owned()),
        cites,
    });
    Some(Sign {
        specific: Some("two-collectors"),
        standing: Standing::Proved,
        layer: Layer::Arrival,
        envelope_recipient: None,
        statement,
        apart: vec![Apart {
            specific: "entered-twice",
            standing: Standing::Refuted,
            because: "Both feeds name one transaction id: the message came in once.".to_owned(),
            cites: cites.clone(),
        }],
        picture: Some(Picture::Counts(Counts {
            from: twins.first().and_then(|twin| twin.one.at),
            to: twins.last().and_then(|twin| twin.other.at),
            unit: "events: in one feed only, and in both".to_owned(),
            rows: rows.collect(),
        })),
        cites,
        ask_for: Vec::new(),
    })
}

/// The stage of an event, for those that stand once a transaction and recipient.
fn stage(what: &What) -> Option<u8> {
    match what {
        What::Arrival(_) => Some(0),
        What::Quarantine(_) => Some(1),
        What::Handover(..) => Some(2),
        _ => None,
    }
}
