//! Mail to one domain that waits while other mail is delivered, where no record says what it waits for.

use std::collections::BTreeMap;

use evidence::{Layer, TraceStatus};
use jiff::SignedDuration;
use lake::{Line, What};

use super::attempts::{Attempt, Dependency, End, Field, Record};
use super::words::Kind;
use super::{judge, minute};
use crate::Standing;
use crate::symptoms::{Sign, Survey};

/// What came in less than this before the trace was read is still on its way.
const UNDER_WAY: SignedDuration = SignedDuration::from_mins(15);

/// The visible sign alone: which domain, and what is missing.
pub(super) fn waiting(survey: &Survey<'_>) -> Option<Sign> {
    let mut field = Field::default();
    let last = survey.lines().last()?.at?;
    let mut of_message: BTreeMap<(&str, &str), &Line> = BTreeMap::new();
    for line in survey.lines() {
        if let What::Status(_) = line.what {
            // The last word on a copy counts.
            let id = survey.text(line.message_id.or(line.id));
            of_message.insert((id, survey.text(line.envelope_recipient)), line);
        }
    }
    for ((id, recipient), line) in of_message {
        let (What::Status(status), Some(at), Some((_, domain))) = (&line.what, line.at, recipient.rsplit_once('@'))
        else {
            continue;
        };
        let end = match status {
            TraceStatus::Pending if last.duration_since(at) >= UNDER_WAY => End::Silent,
            TraceStatus::Delivered => End::Answered,
            _ => continue,
        };
        let said = survey.text(line.said);
        field.note(Kind::Hop, domain, Attempt { at, end, subject: id, said, record: Record::Line(line) });
    }
    let all: Vec<Dependency<'_>> = field.dependencies();
    let suspects = judge::suspects(&all, |one, other| one == other);
    let suspect = suspects.iter().find(|suspect| suspect.others != judge::Others::NotShown)?;
    let silent = suspect.failures.iter().filter(|attempt| attempt.end == End::Silent);
    Some(Sign {
        specific: None,
        standing: Standing::NotShown,
        layer: Layer::Delivery,
        envelope_recipient: None,
        statement: format!(
            "{} messages to {} of {} to {} wait, while mail to other domains was delivered; what they wait for is not shown",
            silent.clone().count(),
            suspect.one.name,
            minute(suspect.first),
            minute(suspect.last)
        ),
        cites: silent.take(4).map(|attempt| attempt.record.cite(survey)).collect(),
        ask_for: vec!["exchange-online/message-trace-detail", "exchange-online/extended-report"],
        apart: Vec::new(),
        picture: None,
    })
}
