//! A server that remembers at its door that something did not answer.

use std::collections::BTreeSet;

use evidence::Layer;
use jiff::SignedDuration;
use lake::Line;

use super::super::dependency_timeout::words;
use super::outage::Outage;
use super::{Leftover, clock, door};
use crate::Standing;
use crate::symptoms::Survey;
use crate::symptoms::picture::{Mark, MarkTone};

/// What is refused from memory after the service is back.
pub(super) fn remembered(survey: &Survey<'_>, outage: &Outage<'_>) -> Option<Leftover> {
    let of_it: Vec<(&Line, &door::Memory)> = survey
        .lines()
        .iter()
        .filter(|line| line.at.is_some_and(|at| at > outage.back))
        .filter_map(|line| Some((line, door::memory_of(survey, line)?)))
        .filter(|(line, _)| words::named(survey.text(line.said)).is_none_or(|name| name == outage.service))
        .collect();
    let (first, memory) = *of_it.first()?;
    let (last, _) = *of_it.last()?;
    let recipients: BTreeSet<&str> = of_it.iter().map(|(line, _)| survey.text(line.envelope_recipient)).collect();
    // When the probe was made that is remembered: during the outage.
    let until = outage.last.checked_add(SignedDuration::from_hours(memory.hours)).unwrap_or(outage.last);
    let said = format!(
        "the {} of {} still answers {} time(s), for {}, as if nothing had changed, last at {}; {}, so it lasts until about {}",
        memory.name,
        survey.text(first.speaker),
        of_it.len(),
        recipients.into_iter().take(3).collect::<Vec<_>>().join(", "),
        last.at.map(clock).unwrap_or_default(),
        memory.until,
        clock(until)
    );
    let marks = of_it.iter().filter_map(|(line, memory)| {
        Some(Mark {
            at: line.at?,
            tone: MarkTone::Bad,
            label: format!("put off by {}", memory.name),
            cites: vec![survey.cite(line)],
        })
    });
    let cites = of_it.iter().take(4).map(|(line, _)| survey.cite(line)).collect();
    Some(Leftover {
        specific: "verify-cache",
        standing: Standing::Proved,
        layer: Layer::Arrival,
        envelope_recipient: None,
        said,
        lane: memory.name.clone(),
        marks: marks.collect(),
        cites,
        ask_for: Vec::new(),
        apart: Vec::new(),
    })
}
