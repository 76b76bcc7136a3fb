//! The order of events on a timeline: by instant; within one instant by the way, and within a log by its lines.
//!
//! Logs know seconds, and much happens in one. What happens to one copy in an instant has its order from the way of that copy; what happens to
//! several is put together here.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::document::{Event, Layer, Report};

/// An event of one copy or several.
pub struct Happened<'a> {
    /// The event.
    pub event: &'a Event,
    /// The numbers of the copies in the report that it is told of, from 1.
    pub places: Vec<usize>,
}

/// How often the orders of the copies are gone through: an event that one copy sets back sets back what follows it in others.
const PASSES: usize = 4;

/// The events of some copies, named by their numbers from 1, in order; the same event of several copies is one.
pub fn happened<'a>(report: &'a Report, places: impl IntoIterator<Item = usize>) -> Vec<Happened<'a>> {
    let mut all: Vec<Happened<'a>> = Vec::new();
    let mut known: HashMap<(Timestamp, &str, Layer, &str), usize> = HashMap::new();
    let mut of_copies: Vec<Vec<usize>> = Vec::new();
    for place in places {
        let Some(copy) = place.checked_sub(1).and_then(|at| report.copies.get(at)) else { continue };
        let mut own = Vec::new();
        for event in &copy.timeline {
            let key = (event.at, event.system.as_str(), event.layer, event.summary.as_str());
            let at = *known.entry(key).or_insert(all.len());
            if at == all.len() {
                all.push(Happened { event, places: Vec::new() });
            }
            if all[at].places.last() != Some(&place) {
                all[at].places.push(place);
                own.push(at);
            }
        }
        of_copies.push(own);
    }
    let steps = steps(&all, &of_copies);
    let mut numbered: Vec<(usize, Happened<'a>)> = steps.into_iter().zip(all).collect();
    numbered.sort_by_key(|(step, one)| (one.event.at, *step));
    let all = numbered.into_iter().map(|(_, one)| one).collect();
    let is_log = |file: &str| {
        let source = report.evidence.iter().find(|one| one.file == file).and_then(|one| one.source.as_deref());
        source.is_some_and(is_written_in_order)
    };
    let logs: Vec<&str> = report.evidence.iter().map(|file| file.file.as_str()).filter(|file| is_log(file)).collect();
    by_lines(all, |one| {
        let cite = one.event.cites.first().filter(|cite| logs.contains(&cite.file.as_str()))?;
        Some((one.event.at, cite.file.clone(), cite.bytes[0]))
    })
}

/// The place of every event of a report among all, as [`happened`] tells them.
pub fn order(report: &Report) -> impl Fn(&Event) -> usize {
    let happened = happened(report, 1..=report.copies.len());
    let key = |event: &Event| (event.at, event.system.clone(), event.layer, event.summary.clone());
    let places: HashMap<(Timestamp, String, Layer, String), usize> =
        happened.iter().enumerate().map(|(place, one)| (key(one.event), place)).collect();
    move |event| places.get(&key(event)).copied().unwrap_or(usize::MAX)
}

/// The step of each event within its instant: behind all that any copy has before it.
fn steps(all: &[Happened<'_>], of_copies: &[Vec<usize>]) -> Vec<usize> {
    let mut steps = vec![0; all.len()];
    for _ in 0..PASSES {
        let mut is_settled = true;
        for own in of_copies {
            for pair in own.windows(2) {
                let &[before, after] = pair else { continue };
                if all[before].event.at == all[after].event.at && steps[after] <= steps[before] {
                    steps[after] = steps[before] + 1;
                    is_settled = false;
                }
            }
        }
        if is_settled {
            break;
        }
    }
    steps
}

/// Whether the rows of a kind of evidence stand in the order in which they were written.
pub(crate) fn is_written_in_order(source: &str) -> bool {
    sources::source(source).is_some_and(|source| source.is_written_in_order())
}

/// Puts what stands in one log at one instant into the order of its lines; each keeps to the places that they have together.
///
/// `line` gives the instant, the file and the offset of what stands in a log.
pub(crate) fn by_lines<T>(all: Vec<T>, line: impl Fn(&T) -> Option<(Timestamp, String, u64)>) -> Vec<T> {
    let mut logs: BTreeMap<(Timestamp, String), Vec<(u64, usize)>> = BTreeMap::new();
    for (at, one) in all.iter().enumerate() {
        if let Some((instant, file, offset)) = line(one) {
            logs.entry((instant, file)).or_default().push((offset, at));
        }
    }
    let mut goes_to: Vec<usize> = (0..all.len()).collect();
    for mut lines in logs.into_values() {
        let places: Vec<usize> = lines.iter().map(|(_, at)| *at).collect();
        lines.sort_unstable();
        for (place, (_, at)) in places.into_iter().zip(lines) {
            goes_to[at] = place;
        }
    }
    let mut moved: Vec<(usize, T)> = goes_to.into_iter().zip(all).collect();
    moved.sort_by_key(|(place, _)| *place);
    moved.into_iter().map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Cite, EvidenceFile, Fate, MessageCopy};

    fn event(second: i64, offset: u64, summary: &str) -> Event {
        let cite = Cite {
            file: "evidence".to_owned(),
            line: None,
            record: None,
            bytes: [offset, offset + 1],
            mark: None,
            said: String::new(),
            excerpt: None,
        };
        Event {
            at: Timestamp::from_second(second).expect("an instant"),
            system: "Exim".to_owned(),
            layer: Layer::Delivery,
            summary: summary.to_owned(),
            cites: vec![cite],
            assumed: None,
        }
    }

    fn copy_without_events() -> MessageCopy {
        MessageCopy {
            envelope_recipient: String::new(),
            fate: Fate::Unknown,
            changed_layer: None,
            layers: Vec::new(),
            timeline: Vec::new(),
            because: None,
            families: Vec::new(),
            replies: Vec::new(),
            cause: None,
            identifiers: Vec::new(),
            stated: Vec::new(),
            releases: Vec::new(),
        }
    }

    /// Events of copies by second, offset and words, and how they are told together.
    #[test]
    fn ok_happened() {
        type Copies<'a> = &'a [&'a [(i64, u64, &'a str)]];
        let cases: [(&str, &str, Copies<'_>, &[&str]); 4] = [
            (
                "the last line of a log is that of another copy",
                "exim/log",
                &[&[(7, 16, "closed")], &[(7, 15, "handed over"), (7, 16, "closed")]],
                &["handed over", "closed"],
            ),
            (
                "refusals of one second in the order of their lines",
                "exim/log",
                &[
                    &[(3, 8, "notice")],
                    &[(3, 7, "thrown away"), (3, 8, "notice")],
                    &[(3, 6, "refused"), (3, 8, "notice")],
                ],
                &["refused", "thrown away", "notice"],
            ),
            (
                "rows of a portal, the newest first, keep the order of the way",
                "exchange-online/message-trace-detail",
                &[&[(3, 9, "received")], &[(3, 9, "received"), (3, 5, "delivered")]],
                &["received", "delivered"],
            ),
            (
                "what comes before in one copy comes before in all",
                "exchange-online/message-trace-detail",
                &[&[(3, 1, "delivered")], &[(3, 9, "received"), (3, 1, "delivered")]],
                &["received", "delivered"],
            ),
        ];
        for (name, source, copies, expected) in cases {
            let copy = |events: &&[(i64, u64, &str)]| MessageCopy {
                timeline: events.iter().map(|(second, offset, words)| event(*second, *offset, words)).collect(),
                ..copy_without_events()
            };
            let file = EvidenceFile {
                file: "evidence".to_owned(),
                source: Some(source.to_owned()),
                ..EvidenceFile::default()
            };
            let report =
                Report { copies: copies.iter().map(copy).collect(), evidence: vec![file], ..Report::default() };
            let told: Vec<&str> =
                happened(&report, 1..=copies.len()).iter().map(|one| one.event.summary.as_str()).collect();
            assert_eq!(told, expected, "{name}");
        }
    }
}
