//! Filters that look into a message for so long that people miss it.

use std::collections::HashMap;

use evidence::{Action, Outcome};
use jiff::{SignedDuration, Timestamp};
use lake::{Fared, Line, Name, What};

use super::attempts::{Attempt, End, Field, Record};
use super::words::Kind;
use crate::symptoms::Survey;

/// How long a scan may take before people ask: vendors promise minutes, and most scans end in less.
const SLOW: SignedDuration = SignedDuration::from_mins(10);

/// One message on its way through the filters.
struct Way<'a> {
    came: (Timestamp, &'a Line),
    scanned: Option<&'a Line>,
    ended: Option<Timestamp>,
}

/// Messages by whether they were looked into for long.
pub(super) fn scans<'a>(survey: &Survey<'a>) -> Field<'a> {
    let mut field = Field::default();
    let is_scan = |line: &Line| matches!(&line.what, What::Verdict(_, Action::Sandboxed));
    if !survey.lines().iter().any(is_scan) {
        return field;
    }
    let mut ways: HashMap<Name, Way<'a>> = HashMap::new();
    let mut last = None;
    for line in survey.lines() {
        let (Some(at), Some(id)) = (line.at, line.message_id.or(line.id)) else { continue };
        last = Some(at);
        let way = ways.entry(id).or_insert(Way { came: (at, line), scanned: None, ended: None });
        if is_scan(line) && way.scanned.is_none() {
            way.scanned = Some(line);
        }
        let is_end = line.fared().is_some_and(|fared| fared != Fared::PutOff)
            || matches!(line.what, What::Handover(Outcome::Accepted, _));
        if is_end {
            way.ended = way.ended.or(Some(at));
        }
    }
    let Some(last) = last else { return field };
    for way in ways.into_values() {
        let took = way.ended.unwrap_or(last).duration_since(way.came.0);
        let is_slow = took >= SLOW;
        let end = match (way.ended, is_slow) {
            (_, true) => End::Silent,
            (Some(_), false) => End::Answered,
            (None, false) => continue,
        };
        let line = way.scanned.unwrap_or(way.came.1);
        let name = match way.scanned {
            Some(line) => format!("sandbox of {}", survey.text(line.speaker)),
            None => "mail that no sandbox looks into".to_owned(),
        };
        let subject = survey.text(line.message_id.or(line.id));
        let (at, said, record) = (way.came.0, survey.text(line.said), Record::Line(line));
        field.note(Kind::Scanner, &name, Attempt { at, end, subject, said, record });
    }
    field
}
