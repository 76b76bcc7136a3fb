//! Mail that the service held by mistake for a while, and of which it let go a part.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Layer, QuarantineState, ReleaseStep};
use jiff::{SignedDuration, Timestamp};
use lake::{Line, What};

use super::{Leftover, clock};
use crate::Standing;
use crate::symptoms::Survey;
use crate::symptoms::picture::{Mark, MarkTone};

/// So much mail held at once is a cluster.
const HELD_MIN: usize = 4;
/// An incident of a filter is over within hours.
const SPAN: SignedDuration = SignedDuration::from_hours(12);

/// The hold of many messages at once.
pub(super) struct Cluster<'a> {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// When the service let go the first of them, if the record says.
    pub(super) let_go: Timestamp,
    pub(super) held: Vec<&'a Line>,
    pub(super) leftover: Leftover,
}

/// What is still held of mail that the service itself took back in part.
pub(super) fn cluster<'a>(survey: &Survey<'a>) -> Option<Cluster<'a>> {
    // By whom each message was let go: a name without an address is the service itself.
    let mut by_service: BTreeMap<&str, &'a Line> = BTreeMap::new();
    let mut let_go: BTreeSet<&str> = BTreeSet::new();
    for line in survey.lines() {
        let id = survey.text(line.id.or(line.message_id));
        match line.what {
            What::Release(ReleaseStep::Released) => {
                let_go.insert(id);
                if line.by.is_some() && !survey.text(line.by).contains('@') {
                    by_service.insert(id, line);
                }
            }
            What::Quarantine(QuarantineState::Released | QuarantineState::Gone) => {
                let_go.insert(id);
            }
            _ => {}
        }
    }
    if by_service.is_empty() {
        return None;
    }
    let mut of_sort: BTreeMap<(&str, &str), Vec<&'a Line>> = BTreeMap::new();
    for line in survey.lines() {
        if matches!(line.what, What::Quarantine(_)) && line.at.is_some() {
            of_sort.entry((survey.text(line.speaker), survey.text(line.policy))).or_default().push(line);
        }
    }
    of_sort.into_iter().find_map(|((_, policy), lines)| {
        let own: Vec<&&Line> = lines.iter().filter(|line| by_service.contains_key(survey.text(line.id.or(line.message_id)))).collect();
        let (first, last) = (own.first()?.at?, own.last()?.at?);
        let from = first.checked_sub(SignedDuration::from_hours(1)).ok()?;
        let to = last.checked_add(SignedDuration::from_hours(1)).ok()?;
        if to.duration_since(from) > SPAN {
            return None;
        }
        let within: Vec<&'a Line> = lines.iter().filter(|line| line.at.is_some_and(|at| from <= at && at <= to)).copied().collect();
        let still: Vec<&'a Line> = within
            .iter()
            .filter(|line| line.what == What::Quarantine(QuarantineState::Held))
            .filter(|line| !let_go.contains(survey.text(line.id.or(line.message_id))))
            .copied()
            .collect();
        // Without a cluster it is everyday mail.
        if within.len() < HELD_MIN || still.is_empty() || within.len() * 2 <= lines.len() {
            return None;
        }
        let said = format!(
            "the service let go {} of them by itself; {} of the same policy{} are still held, and stay so until somebody releases them or their time runs out",
            own.len(),
            still.len(),
            if policy.is_empty() { String::new() } else { format!(" ({policy})") }
        );
        let mut cites: Vec<_> = still.iter().take(4).map(|line| survey.cite(line)).collect();
        cites.extend(own.iter().take(3).map(|line| survey.cite(line)));
        let label = |line: &&'a Line, tone, label: &str| {
            Some(Mark { at: line.at?, tone, label: label.to_owned(), cites: vec![survey.cite(line)] })
        };
        let marks = still.iter().filter_map(|line| label(line, MarkTone::Bad, "still held"));
        let marks = marks.chain(own.iter().filter_map(|line| label(line, MarkTone::Good, "let go by the service")));
        let last = within.last()?.at?;
        Some(Cluster {
            from: within.first()?.at?,
            to: last,
            let_go: by_service.values().filter_map(|line| line.at).max().unwrap_or(last),
            leftover: Leftover {
                specific: "held-items-not-released",
                standing: Standing::Proved,
                layer: Layer::Quarantine,
                envelope_recipient: None,
                said,
                lane: "held mail".to_owned(),
                marks: marks.collect(),
                cites,
                ask_for: Vec::new(),
                apart: Vec::new(),
            },
            held: within,
        })
    })
}

impl Cluster<'_> {
    /// The incident in one phrase.
    pub(super) fn story(&self) -> String {
        format!("{} messages were held between {} and {}", self.held.len(), clock(self.from), clock(self.to))
    }
}
