//! Reports of rule hits that give no rows any more although rules still match: the report's form was changed, or what has to be
//! asked for.

use std::collections::HashSet;

use evidence::{SourceId, VerdictKind};
use jiff::Timestamp;
use lake::{Name, What};

use super::counted::Counts;
use super::reconcile::{CITED, Reconciled, Reconciliation, ReportSide, RowsSide, Step, signed};
use super::reports::Group;
use crate::Standing;
use crate::symptoms::Survey;

/// A hit of a rule.
struct Hit {
    at: Timestamp,
    line: u32,
}

/// Rule hits that a report should count and does not.
pub(super) fn find(survey: &Survey<'_>, groups: &[Group]) -> Vec<Reconciliation> {
    let of_hits: Vec<&Group> = groups.iter().filter(|group| is_of_hits(group)).collect();
    let empty = empty_reports(survey);
    if of_hits.is_empty() && empty.is_empty() {
        return Vec::new();
    }
    let hits = hits(survey);
    if hits.is_empty() {
        return Vec::new();
    }
    if of_hits.is_empty() {
        return match groups.is_empty() {
            true => vec![of_an_empty_report(survey, empty[0], &hits)],
            false => Vec::new(),
        };
    }
    silent(survey, groups, &of_hits, &hits).into_iter().collect()
}

fn is_of_hits(group: &Group) -> bool {
    group.items.iter().any(|item| item.counts == Counts::RuleHits)
}

/// Kinds of report of which a file without any row was supplied.
fn empty_reports(survey: &Survey<'_>) -> Vec<SourceId> {
    let supplied = survey.ledger.around().supplied().iter();
    let empty = supplied.filter(|file| file.error.is_none() && file.rows == 0);
    empty.filter_map(|file| file.source).filter(|source| super::counted::report(source).is_some()).collect()
}

/// Each message and recipient that a rule matched, by time.
fn hits(survey: &Survey<'_>) -> Vec<Hit> {
    let mut seen: HashSet<(Option<Name>, Option<Name>, Option<Name>)> = HashSet::new();
    let mut hits = Vec::new();
    for (number, line) in (0_u32..).zip(survey.lines()) {
        let (Some(at), What::Verdict(VerdictKind::TransportRule, _)) = (line.at, &line.what) else { continue };
        if seen.insert((line.id.or(line.message_id), line.envelope_recipient, line.policy)) {
            let words = (survey.text(line.id.or(line.message_id)), survey.text(line.envelope_recipient));
            hits.push((at, words, number));
        }
    }
    // By what they say, not by where they stand.
    hits.sort_unstable();
    hits.into_iter().map(|(at, _, line)| Hit { at, line }).collect()
}

/// Days without a hit in the report, although rules matched, after days with some.
fn silent(survey: &Survey<'_>, groups: &[Group], of_hits: &[&Group], hits: &[Hit]) -> Option<Reconciliation> {
    let count = |group: &Group| group.items.iter().map(|item| item.count).sum::<u64>();
    let last_counted = of_hits.iter().filter(|group| count(group) > 0).filter_map(|group| group.to).max();
    let is_after = |group: &&Group| last_counted.is_none_or(|last| group.from.is_some_and(|from| from >= last));
    // A day counts as covered if the report says zero for it, or has other numbers for it.
    let silent: Vec<&Group> =
        groups.iter().filter(|group| !is_of_hits(group) || count(group) == 0).filter(is_after).collect();
    let is_silent = |hit: &&Hit| silent.iter().any(|group| group.from <= Some(hit.at) && Some(hit.at) < group.to);
    let missed: Vec<&Hit> = hits.iter().filter(is_silent).collect();
    let (first, last) = (missed.first()?, missed.last()?);
    let zeros: Vec<&Group> = silent.iter().copied().filter(|group| is_of_hits(group)).collect();
    let shown = if zeros.is_empty() { silent.clone() } else { zeros };
    let counted: Vec<&&Group> = of_hits.iter().filter(|group| count(group) > 0).collect();
    let measures: Vec<(String, u64)> = match shown.iter().flat_map(|group| &group.items).next() {
        Some(item) if item.counts == Counts::RuleHits => vec![(item.measure.clone(), 0)],
        _ => of_hits.iter().flat_map(|group| &group.items).take(1).map(|item| (item.measure.clone(), 0)).collect(),
    };
    let report = ReportSide {
        source: of_hits.first()?.source,
        measures,
        count: 0,
        unit: "recipients",
        from: shown.iter().filter_map(|group| group.from).min(),
        to: shown.iter().filter_map(|group| group.to).max(),
        filter: Vec::new(),
        says: super::counted::report(of_hits.first()?.source).map(|entry| entry.says()).unwrap_or_default(),
        cites: shown
            .iter()
            .chain(counted.iter().map(|group| &**group))
            .flat_map(|group| &group.items)
            .map(|item| item.cite.clone())
            .take(CITED)
            .collect(),
    };
    // Without a day that was counted it may be that this report never counted these rules.
    let standing = if counted.is_empty() { Standing::Likely } else { Standing::Proved };
    Some(told(survey, report, &missed, (first.at, last.at), standing))
}

fn of_an_empty_report(survey: &Survey<'_>, source: SourceId, hits: &[Hit]) -> Reconciliation {
    let report = ReportSide {
        source,
        measures: vec![("no row at all".to_owned(), 0)],
        count: 0,
        unit: "recipients",
        from: None,
        to: None,
        filter: Vec::new(),
        says: super::counted::report(source).map(|entry| entry.says()).unwrap_or_default(),
        cites: Vec::new(),
    };
    let missed: Vec<&Hit> = hits.iter().collect();
    let span =
        (missed.first().map(|hit| hit.at).unwrap_or_default(), missed.last().map(|hit| hit.at).unwrap_or_default());
    told(survey, report, &missed, span, Standing::Likely)
}

fn told(
    survey: &Survey<'_>,
    report: ReportSide,
    missed: &[&Hit],
    (from, to): (Timestamp, Timestamp),
    standing: Standing,
) -> Reconciliation {
    let lines: Vec<u32> = missed.iter().map(|hit| hit.line).collect();
    let cites: Vec<evidence::Cite> = lines
        .iter()
        .take(CITED)
        .filter_map(|line| survey.lines().get(*line as usize))
        .map(|line| survey.cite(line))
        .collect();
    let source =
        lines.first().and_then(|line| survey.lines().get(*line as usize)).map(|line| survey.ledger.source(line));
    let count = missed.len() as u64;
    let rows = RowsSide {
        source: source.unwrap_or_default(),
        count,
        copies: count,
        messages: count,
        unit: "one a message, recipient and rule that matched",
        from: Some(from),
        to: Some(to),
        limits: Vec::new(),
        filter: "those that a rule matched".to_owned(),
        says: String::new(),
        cites: cites.clone(),
    };
    let step = Step {
        cause: "report-shape-changed",
        label: "rule hits that the report gives no row for".to_owned(),
        value: signed(count),
        standing,
        cites,
    };
    Reconciliation {
        report,
        rows: Some(rows),
        steps: vec![step],
        residue: 0,
        outcome: Reconciled::Explained,
        ask_for: Vec::new(),
    }
}
