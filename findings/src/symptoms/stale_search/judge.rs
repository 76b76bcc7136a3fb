//! What a list shows beside what happened: how far behind it is, and why.

use std::collections::BTreeMap;

use evidence::{Address, Cite, Layer, SourceId};
use jiff::{SignedDuration, Timestamp};
use lake::Line;

use super::rows::{Row, Shows};
use super::truth::{Event, State, Truths, is_by_person};
use super::{is_waiting, lag, span, told};
use crate::Standing;
use crate::symptoms::picture::{BeforeAfter, Compared, Weight};
use crate::symptoms::{Apart, Picture, Sign, Survey};

/// Why a row is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// The place in the list does not follow moves within the mailbox.
    DoesNotFollow,
    /// It was read within the lag, at the latest now.
    TooEarly,
    /// It was read after the event; whether within the lag is not shown.
    TooEarlyOrBehind,
    /// It was read later than the lag allows.
    Behind,
    /// The index says itself that it waits; when it was read is not shown.
    Waiting,
}

/// A row that shows what has ended.
struct Stale<'a> {
    row: Row<'a>,
    ended: Event<'a>,
    /// The newest row of the list, if it is newer than the event: the list was read after it.
    newer: Option<&'a Line>,
}

/// The symptoms, one a list and reason.
pub(super) fn signs<'a>(survey: &Survey<'a>, rows: &[Row<'a>], truths: &Truths<'a>) -> Vec<Sign> {
    let newest = Newest::of(survey);
    let mut by_why: BTreeMap<(Why, SourceId), Vec<Stale<'a>>> = BTreeMap::new();
    for row in rows {
        let Some(ended) = truths.ended(survey, row) else { continue };
        let newer = newest.of_list(survey, row).filter(|line| line.at.is_some_and(|at| at > ended.at));
        let stale = Stale { row: *row, ended, newer };
        let Some(why) = why(survey, &stale) else { continue };
        // What an owner did with other mail is nobody's question.
        let is_asked = why != Why::DoesNotFollow || !truths.follows() || truths.is_followed(survey, row.line);
        if is_asked {
            by_why.entry((why, row.index)).or_default().push(stale);
        }
    }
    by_why
        .into_iter()
        .filter_map(|((why, index), mut all)| {
            all.sort_by_key(|stale| (stale.ended.at, survey.text(stale.row.line.envelope_recipient), stale.row.at));
            sign(survey, why, index, &all)
        })
        .collect()
}

/// The newest row of each list, and of each file of it.
struct Newest<'a> {
    of_list: BTreeMap<SourceId, &'a Line>,
    of_file: BTreeMap<(SourceId, &'a str), &'a Line>,
    /// Lists that were exported more than once: a row of the earlier export says nothing about the later one.
    several: BTreeMap<SourceId, bool>,
}

impl<'a> Newest<'a> {
    fn of(survey: &Survey<'a>) -> Newest<'a> {
        let mut newest = Newest { of_list: BTreeMap::new(), of_file: BTreeMap::new(), several: BTreeMap::new() };
        // Lines come by time.
        for line in survey.lines() {
            let index = survey.ledger.source(line);
            if !super::rows::is_index(index) || line.at.is_none() {
                continue;
            }
            newest.of_list.insert(index, line);
            newest.of_file.insert((index, survey.ledger.file(line)), line);
            *newest.several.entry(index).or_default() |= line.copies > 1;
        }
        newest
    }

    fn of_list(&self, survey: &Survey<'a>, row: &Row<'a>) -> Option<&'a Line> {
        // Rows that stand in two files are of two exports; files without such are parts of one.
        match self.several.get(&row.index) {
            Some(true) => self.of_file.get(&(row.index, survey.ledger.file(row.line))).copied(),
            _ => self.of_list.get(row.index).copied(),
        }
    }
}

fn why(survey: &Survey<'_>, stale: &Stale<'_>) -> Option<Why> {
    let allowed = lag(stale.row.index);
    let behind = stale.newer.and_then(|newer| newer.at).map(|at| at.duration_since(stale.ended.at));
    let by_now = survey.now.map(|now| now.duration_since(stale.ended.at)).filter(|span| !span.is_negative());
    if stale.row.shows() == Shows::There && is_by_person(survey, &stale.ended) {
        return behind.map(|_| Why::DoesNotFollow);
    }
    match (behind, by_now) {
        (_, Some(by_now)) if by_now < allowed => Some(Why::TooEarly),
        (Some(behind), _) if behind >= allowed => Some(Why::Behind),
        (Some(_), _) => Some(Why::TooEarlyOrBehind),
        (None, _) if stale.row.shows() == Shows::Waiting && is_waiting(survey.text(stale.row.line.said)) => {
            Some(Why::Waiting)
        }
        (None, _) => None,
    }
}

fn title(index: SourceId) -> &'static str {
    sources::source(index).map_or(index, |source| source.title())
}

fn shown(survey: &Survey<'_>, row: &Row<'_>) -> String {
    match row.shows() {
        Shows::Held => "held".to_owned(),
        Shows::Waiting => format!("`{}`", survey.text(row.line.said)),
        Shows::There => "in the mailbox where it was delivered".to_owned(),
    }
}

fn happened(survey: &Survey<'_>, event: &Event<'_>) -> String {
    let what = match event.state {
        State::Held => "taken to quarantine",
        State::Released => "released",
        State::Gone => "removed from the quarantine",
        State::Delivered => "handed on and accepted",
        State::Moved => "moved or removed in the mailbox",
    };
    match survey.text(event.line.by) {
        "" => what.to_owned(),
        by => format!("{what} by {by}"),
    }
}

fn named(survey: &Survey<'_>, row: &Row<'_>) -> String {
    match survey.text(row.line.message_id.or(row.line.id)) {
        "" => format!("the message from {}", survey.text(row.line.envelope_sender.or(row.line.header_from))),
        id => id.to_owned(),
    }
}

fn sign(survey: &Survey<'_>, why: Why, index: SourceId, all: &[Stale<'_>]) -> Option<Sign> {
    let first = all.first()?;
    let (row, ended) = (&first.row, &first.ended);
    let allowed = lag(index);
    let recipient = survey.text(row.line.envelope_recipient);
    let head = format!(
        "The {} still shows {} for {recipient} as {}{}; it was {} at {} ({}).",
        title(index),
        named(survey, row),
        shown(survey, row),
        if all.len() > 1 { format!(", and {} more rows like it", all.len() - 1) } else { String::new() },
        happened(survey, ended),
        told(ended.at),
        title(ended.source),
    );
    let newer = first.newer.and_then(|newer| newer.at);
    let read = newer.map(|at| {
        format!(
            " The list was read at {} or later, as its newest row shows: {} after the event.",
            told(at),
            span(at.duration_since(ended.at))
        )
    });
    let read = read.unwrap_or_default();
    let now = survey.now.map(|now| (now, now.duration_since(ended.at)));
    let (specific, standing, tail) = match why {
        Why::DoesNotFollow => (
            Some("place-does-not-follow"),
            Standing::Proved,
            format!(
                "{read} Its place is that of the delivery and of the service's own moves; it never follows what is done in the mailbox."
            ),
        ),
        Why::TooEarly => (
            Some("read-too-early"),
            Standing::Proved,
            match now {
                Some((now, by_now)) => format!(
                    "{read} It was read at {} at the latest, {} after the event; the index may lag {} behind.",
                    told(now),
                    span(by_now),
                    span(allowed)
                ),
                None => read.clone(),
            },
        ),
        Why::TooEarlyOrBehind => (
            Some("read-too-early"),
            Standing::Likely,
            format!("{read} The index may lag {} behind; when exactly it was read, no record shows.", span(allowed)),
        ),
        Why::Behind => (
            Some("index-behind"),
            Standing::Proved,
            format!("{read} That is more than the {} that the index may lag behind.", span(allowed)),
        ),
        Why::Waiting => (
            None,
            Standing::NotShown,
            format!(
                " The index says itself that it waits; when it was read, and so whether {} have passed, no record shows.",
                span(allowed)
            ),
        ),
    };
    let cites = cites(survey, all);
    Some(Sign {
        specific,
        standing,
        layer: layer(row),
        envelope_recipient: (all.len() == 1 && !recipient.is_empty()).then(|| Address::new(recipient)),
        statement: format!("{head}{tail}"),
        ask_for: asked(why, index),
        apart: apart(survey, why, first, allowed),
        picture: Some(picture(survey, first, allowed)),
        cites,
    })
}

/// The row, the event, and the newer row that dates the reading.
fn cites(survey: &Survey<'_>, all: &[Stale<'_>]) -> Vec<Cite> {
    let mut cites: Vec<Cite> = Vec::new();
    for stale in all.iter().take(3) {
        let lines = [Some(stale.row.line), Some(stale.ended.line), stale.newer];
        for cite in lines.into_iter().flatten().map(|line| survey.cite(line)) {
            if !cites.contains(&cite) {
                cites.push(cite);
            }
        }
    }
    cites
}

fn layer(row: &Row<'_>) -> Layer {
    match row.shows() {
        Shows::Held => Layer::Release,
        Shows::Waiting => Layer::Delivery,
        Shows::There => Layer::Mailbox,
    }
}

/// What would show the present state, or why the index is behind.
fn asked(why: Why, index: SourceId) -> Vec<SourceId> {
    match why {
        Why::DoesNotFollow | Why::TooEarly => Vec::new(),
        Why::TooEarlyOrBehind | Why::Behind => vec![index],
        Why::Waiting => vec![index, "mimecast/message-info"],
    }
}

fn apart(survey: &Survey<'_>, why: Why, stale: &Stale<'_>, allowed: SignedDuration) -> Vec<Apart> {
    let (row, ended) = (&stale.row, &stale.ended);
    let both = vec![survey.cite(row.line), survey.cite(ended.line)];
    let mut apart = Vec::new();
    if row.line.envelope_recipient.is_some() && row.line.envelope_recipient == ended.line.envelope_recipient {
        apart.push(Apart {
            specific: "another-recipient",
            standing: Standing::Refuted,
            because: "The row and the event name the same recipient.".to_owned(),
            cites: both.clone(),
        });
    }
    match why {
        Why::TooEarly => apart.push(Apart {
            specific: "index-behind",
            standing: Standing::NotShown,
            because: format!("Whether the index catches up is seen only when {} have passed.", span(allowed)),
            cites: Vec::new(),
        }),
        Why::TooEarlyOrBehind => apart.push(Apart {
            specific: "index-behind",
            standing: Standing::NotShown,
            because: "The list was read after the event; its exact reading time is missing.".to_owned(),
            cites: Vec::new(),
        }),
        Why::Behind => apart.push(Apart {
            specific: "read-too-early",
            standing: Standing::Refuted,
            because: format!(
                "A row that is newer than the event by more than {} stands in the same list.",
                span(allowed)
            ),
            cites: stale.newer.map(|newer| survey.cite(newer)).into_iter().collect(),
        }),
        Why::DoesNotFollow => apart.push(Apart {
            specific: "index-behind",
            standing: Standing::Refuted,
            because: "Somebody moved it within the mailbox, which this column does not follow however long one waits."
                .to_owned(),
            cites: vec![survey.cite(ended.line)],
        }),
        Why::Waiting => {}
    }
    apart
}

/// What happened beside what the list shows.
fn picture(survey: &Survey<'_>, stale: &Stale<'_>, allowed: SignedDuration) -> Picture {
    let (row, ended) = (&stale.row, &stale.ended);
    let both = vec![survey.cite(row.line), survey.cite(ended.line)];
    let text = |name| Some(survey.text(name).to_owned()).filter(|text| !text.is_empty());
    let newer: Option<(Timestamp, Cite)> = stale.newer.and_then(|newer| Some((newer.at?, survey.cite(newer))));
    let read = match (&newer, survey.now) {
        (Some((at, _)), Some(now)) if now > *at => format!("between {} and {}", told(*at), told(now)),
        (Some((at, _)), _) => format!("{} or later", told(*at)),
        (None, Some(now)) => format!("{} or earlier", told(now)),
        (None, None) => "not shown".to_owned(),
    };
    let same = row.line.envelope_recipient == ended.line.envelope_recipient;
    let rows = vec![
        Compared {
            field: "state".to_owned(),
            before: Some(happened(survey, ended)),
            after: Some(shown(survey, row)),
            weight: Weight::Decides,
            cites: both.clone(),
        },
        Compared {
            field: "recipient".to_owned(),
            before: text(ended.line.envelope_recipient),
            after: text(row.line.envelope_recipient),
            weight: if same { Weight::Same } else { Weight::Unknown },
            cites: both,
        },
        Compared {
            field: "as of".to_owned(),
            before: Some(told(ended.at)),
            after: Some(format!("read {read}")),
            weight: Weight::Differs,
            cites: newer.into_iter().map(|(_, cite)| cite).collect(),
        },
        Compared {
            field: "lag that is allowed".to_owned(),
            before: None,
            after: Some(span(allowed)),
            weight: Weight::Unknown,
            cites: Vec::new(),
        },
    ];
    Picture::BeforeAfter(BeforeAfter {
        before: format!("what happened ({})", title(ended.source)),
        after: format!("what the list shows ({})", title(row.index)),
        rows,
    })
}
