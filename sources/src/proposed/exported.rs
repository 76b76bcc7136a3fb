//! A change as the export would show it afterwards.

use evidence::{ChangeKind, Fact, Place};

use super::{About, Candidate, Step, Unread};
use crate::{Clock, Input, NoProgress, Query, Wanted, recognise};

/// Reads an export of settings: each is to be as it is shown.
pub(super) fn read(input: &Input<'_>, clock: &Clock) -> Candidate {
    let query = Query { wanted: &Wanted::Everything, clock, progress: &NoProgress };
    let reading = recognise(input.bytes, &input.name).and_then(|kind| Ok((kind, kind.read(input, &query)?)));
    let (kind, reading) = match reading {
        Ok(read) => read,
        Err(error) => return Candidate::unread(error.to_string()),
    };
    let unread = reading.problems.into_iter().map(|problem| Unread {
        said: problem.cite.said.to_string(),
        line: number(problem.cite.place),
        expected: problem.expected,
        found: problem.found,
    });
    let mut candidate = Candidate { steps: Vec::new(), unread: unread.collect() };
    for one in reading.observations {
        let Fact::Setting(setting) = one.fact else { continue };
        candidate.steps.push(Step {
            said: one.cite.said.to_string(),
            line: number(one.cite.place),
            product: one.speaker.product,
            operation: kind.title().to_owned(),
            kind: ChangeKind::Created,
            about: About::Setting(setting),
            replaces: Vec::new(),
        });
    }
    candidate
}

fn number(place: Place) -> u64 {
    match place {
        Place::Line(number) | Place::Record(number) => number,
    }
}
