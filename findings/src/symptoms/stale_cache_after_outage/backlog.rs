//! Mail that was put off during the outage and waits, or was given up, although new mail passes.

use std::collections::BTreeSet;

use evidence::Layer;
use jiff::{SignedDuration, Timestamp};
use lake::{Fared, Line};

use super::super::dependency_timeout::words::Kind;
use super::outage::{Outage, last_words};
use super::{Leftover, clock};
use crate::Standing;
use crate::symptoms::Survey;
use crate::symptoms::picture::{Mark, MarkTone};

/// How long a queue takes to try again by itself: what waits longer was not tried, and what took longer came late.
const DRAINED: SignedDuration = SignedDuration::from_mins(30);
/// One late message may have a reason of its own; one that was given up is lost.
const LATE_MIN: usize = 2;
/// So much new mail has to pass, that it is the old mail alone which waits.
const NEW_MIN: usize = 2;

/// What became of one message of the outage.
enum Became<'a> {
    GivenUp(Timestamp, &'a Line),
    Late(Timestamp, &'a Line),
    Waits(Timestamp, &'a Line),
}

/// The mail that still carries the outage.
pub(super) fn left(survey: &Survey<'_>, outage: &Outage<'_>) -> Option<Leftover> {
    if !matches!(outage.kind, Kind::Hop | Kind::Scanner) {
        return None;
    }
    let old: BTreeSet<&str> = outage.failures.iter().map(|one| one.subject).filter(|one| !one.is_empty()).collect();
    let new: BTreeSet<&str> = outage.well.iter().map(|one| one.subject).filter(|one| !old.contains(one)).collect();
    if old.is_empty() || new.is_empty() {
        return None;
    }
    let last = survey.lines().last()?.at?;
    let mut became: Vec<Became<'_>> = Vec::new();
    for (line, fared) in last_words(survey, &old).into_values() {
        let Some(at) = line.at else { continue };
        match fared {
            Fared::Blocked if at > outage.back => became.push(Became::GivenUp(at, line)),
            Fared::Through if at.duration_since(outage.back) >= DRAINED => became.push(Became::Late(at, line)),
            Fared::PutOff if last.duration_since(outage.back) >= DRAINED => became.push(Became::Waits(at, line)),
            _ => {}
        }
    }
    let number = |is: fn(&Became<'_>) -> bool| became.iter().filter(|one| is(one)).count();
    let given_up = number(|one| matches!(one, Became::GivenUp(..)));
    let late = number(|one| matches!(one, Became::Late(..)));
    let waits = number(|one| matches!(one, Became::Waits(..)));
    if given_up == 0 && late + waits < LATE_MIN {
        return None;
    }
    became.sort_by_key(|one| match one {
        Became::GivenUp(at, _) => (0, *at),
        Became::Waits(at, _) => (1, *at),
        Became::Late(at, _) => (2, *at),
    });
    let told: Vec<String> = [
        (given_up, "was given up after it came back", "were given up after it came back"),
        (waits, "still waits", "still wait"),
        (late, "came 30 minutes or more after it was back", "came 30 minutes or more after it was back"),
    ]
    .into_iter()
    .filter(|(number, ..)| *number > 0)
    .map(|(number, one, many)| format!("{number} {}", if number == 1 { one } else { many }))
    .collect();
    let source = outage.failures.first().map(|one| one.record.source(survey)).unwrap_or_default();
    // That a message still waits is an absence: the log has to go on.
    let goes_on = outage.back.checked_add(DRAINED).is_ok_and(|until| survey.would_show(source, until));
    let is_sure = new.len() >= NEW_MIN && (given_up + late > 0 || goes_on);
    let said = format!(
        "of the {} messages that it put off {}; {} new messages passed since {}; what waits is tried again by its queue alone, until the queue's lifetime is over",
        old.len(),
        told.join(", "),
        new.len(),
        clock(outage.back)
    );
    let marks = became.iter().map(|one| {
        let (at, tone, label, line) = match one {
            Became::GivenUp(at, line) => (*at, MarkTone::Bad, "given up", line),
            Became::Waits(at, line) => (*at, MarkTone::Bad, "put off, and not tried since", line),
            Became::Late(at, line) => (*at, MarkTone::Plain, "delivered late", line),
        };
        Mark { at, tone, label: label.to_owned(), cites: vec![survey.cite(line)] }
    });
    let marks: Vec<Mark> = marks.collect();
    let cites = marks.iter().take(5).flat_map(|mark| mark.cites.clone()).collect();
    Some(Leftover {
        specific: "deferred-backlog",
        standing: if is_sure { Standing::Proved } else { Standing::Likely },
        layer: Layer::Delivery,
        envelope_recipient: None,
        said,
        lane: "mail of the outage".to_owned(),
        marks,
        cites,
        ask_for: if is_sure { Vec::new() } else { vec![source] },
        apart: Vec::new(),
    })
}
